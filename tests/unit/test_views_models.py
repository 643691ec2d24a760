"""Views with weights: tiny random transformers, BYOL-S, and the packaged MiniLM."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from serlib.errors import ViewError
from serlib.views import ByolS, LogMel, Sentence, SpeechModel, WordPieces, weights


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def save_model(kind: str, folder: Path) -> Path:
    """Save a tiny random model of a kind, as the hub would hold it."""
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=20,
        conv_dim=(8, 8),
        conv_stride=(5, 4),
        conv_kernel=(10, 3),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory) -> Path:
    return save_model("Wav2Vec2", tmp_path_factory.mktemp("wav2vec2"))


@pytest.fixture
def copied(model_folder, tmp_path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


def hidden_states(folder: Path, clip: np.ndarray) -> list[np.ndarray]:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder).eval()
    scaled = (clip - clip.mean()) / np.sqrt(clip.var() + 1e-7)
    with torch.no_grad():
        output = model(torch.from_numpy(scaled)[None], output_hidden_states=True)
    return [state[0].numpy() for state in output.hidden_states]


@pytest.mark.parametrize("kind", ["Wav2Vec2", "Hubert", "WavLM", "Data2VecAudio"])
def test_a_speech_models_layers(kind, tmp_path, tone):
    model_folder, clip = save_model(kind, tmp_path), tone(0.2)
    states = hidden_states(model_folder, clip)
    frames = ((len(clip) - 10) // 5 + 1 - 3) // 4 + 1
    last = SpeechModel(str(model_folder)).extract(clip, 16000)
    assert last.shape == (frames, 16)
    np.testing.assert_allclose(last, states[2], atol=1e-5)
    every = SpeechModel(str(model_folder), layers=(0, 1, -1)).extract(clip, 16000)
    assert every.shape == (frames, 3, 16)
    np.testing.assert_allclose(every, np.stack(states, axis=1), atol=1e-5)
    assert SpeechModel(str(model_folder), layers=("conv",)).extract(clip, 16000).shape == (
        frames,
        8,
    )


def test_a_model_is_frozen_and_repeats_itself(model_folder, tone):
    view = SpeechModel(str(model_folder))
    np.testing.assert_array_equal(view.extract(tone(0.2), 16000), view.extract(tone(0.2), 16000))
    _, model = view._loaded()
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_input_is_normalised_only_where_the_model_says_so(copied, tone):
    view = SpeechModel(str(copied))
    loud, soft = view.extract(tone(0.2), 16000), view.extract(0.1 * tone(0.2), 16000)
    np.testing.assert_allclose(loud, soft, atol=1e-3)
    import transformers

    transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(copied)
    assert not np.allclose(view.extract(tone(0.2), 16000), loud, atol=1e-3)


def test_the_shortest_clip_is_the_receptive_field(model_folder, tone):
    view = SpeechModel(str(model_folder))
    assert view.shortest == 10 + 2 * 5
    assert view.extract(tone(1)[:20], 16000).shape == (1, 16)
    with pytest.raises(ViewError, match="at least"):
        view.extract(tone(1)[:19], 16000)


def test_trained_further_is_another_view_and_moved_is_the_same(copied, tmp_path, tone):
    from safetensors.torch import load_file, save_file

    view = SpeechModel(str(copied))
    before, array = view.fingerprint, view.extract(tone(0.1), 16000)
    moved = SpeechModel(str(shutil.copytree(copied, tmp_path / "moved")))
    assert moved.fingerprint == before
    tensors = load_file(copied / "model.safetensors")
    name = next(key for key in tensors if key.endswith("final_layer_norm.bias"))
    tensors[name] = tensors[name] + 1
    save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
    assert view.fingerprint != before
    assert not np.allclose(view.extract(tone(0.1), 16000), array)
    assert SpeechModel(str(copied), layers=(0,)).fingerprint != view.fingerprint
    assert SpeechModel(str(copied), device="cpu").fingerprint == view.fingerprint
    assert SpeechModel(str(copied), dtype="float16").extract(tone(0.1), 16000).dtype == np.float16


@pytest.mark.parametrize(
    ("layers", "words"), [((), "give numbers"), ((0, "conv"), "alone"), ((3,), "layers 0 to 2")]
)
def test_impossible_layers_are_refused(model_folder, layers, words):
    with pytest.raises(ViewError, match=words):
        SpeechModel(str(model_folder), layers=layers).prepare()


def test_a_name_that_cannot_be_had_is_one_clear_line():
    with pytest.raises(
        ViewError, match="nobody/nothing: not a folder, not in the Hugging Face"
    ) as e:
        SpeechModel("nobody/nothing").prepare()
    assert "\n" not in str(e.value)
    with pytest.raises(ViewError, match="no such folder"):
        _ = SpeechModel("./not/there").fingerprint


def test_pickled_weights_are_not_read(copied):
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(ViewError, match=r"no \.safetensors"):
        SpeechModel(str(copied)).prepare()


def test_a_folder_that_is_no_speech_model_is_one_clear_line(copied):
    (copied / "preprocessor_config.json").unlink()
    with pytest.raises(ViewError, match="cannot load this model") as caught:
        SpeechModel(str(copied)).prepare()
    assert "\n" not in str(caught.value)
    with pytest.raises(ViewError):
        SpeechModel("all-MiniLM-L6-v2").prepare()


def test_wrong_byol_weights_are_refused_by_checksum(tmp_path, monkeypatch):
    (tmp_path / "models" / "byol_s").mkdir(parents=True)
    monkeypatch.setenv("SERLIB_DATA", str(tmp_path))
    with pytest.raises(ViewError, match=r"no \.pth file"):
        ByolS().prepare()
    wrong = tmp_path / "models" / "byol_s" / "w.pth"
    wrong.write_bytes(b"something else")
    for view in (ByolS(), ByolS(weights=wrong)):
        with pytest.raises(ViewError, match=r"w\.pth: sha256 is"):
            view.prepare()
    with pytest.raises(ViewError, match="no BYOL-S weights"):
        ByolS(weights=tmp_path / "none.pth").prepare()
    monkeypatch.delenv("SERLIB_DATA")
    with pytest.raises(ViewError, match="SERLIB_DATA"):
        ByolS().prepare()


@pytest.mark.parametrize("stats", [{"mean": 1.0}, {"std": 1.0}, {"mean": 0.0, "std": 0.0}])
def test_byols_statistics_come_together(stats):
    with pytest.raises(ViewError, match="both mean and a positive std"):
        ByolS(**stats)


def test_byols_statistics_are_those_of_the_given_utterances_only(tiny):
    front = LogMel(bands=64, fft=1024, window=1024, low=60, high=7800, scale="htk", floor=2.0**-23)
    train = ["u0", "u2", "u3"]
    values = np.concatenate([front.extract(*tiny.audio(item)).ravel() for item in train])
    view = ByolS(frames=True).standardised(tiny, train)
    assert view.frames
    assert view.mean == pytest.approx(values.mean(), abs=1e-4)
    assert view.std == pytest.approx(values.std(ddof=1), abs=1e-4)
    with pytest.raises(ViewError, match="training set"):
        ByolS().standardised(tiny, [])


def byol_by_hand(seen: torch.Tensor, state: dict) -> torch.Tensor:
    """The network from its state dict, in plain functions: (frames // 8, 512)."""
    maps = seen[None, None]
    for conv, norm in ((0, 1), (4, 5), (8, 9)):
        maps = functional.conv2d(
            maps, state[f"features.{conv}.weight"], state[f"features.{conv}.bias"], padding=1
        )
        mean, var = (state[f"features.{norm}.running_{which}"] for which in ("mean", "var"))
        weight, bias = (state[f"features.{norm}.{which}"] for which in ("weight", "bias"))
        scale = (weight / torch.sqrt(var + 1e-5))[:, None, None]
        maps = (maps - mean[:, None, None]) * scale + bias[:, None, None]
        maps = functional.max_pool2d(maps.clamp(min=0), 2)
    frames = torch.stack([maps[0, :, :, time].T.reshape(-1) for time in range(maps.shape[-1])])
    for layer in (0, 3):
        frames = (frames @ state[f"fc.{layer}.weight"].T + state[f"fc.{layer}.bias"]).clamp(min=0)
    return frames


@pytest.mark.real
def test_byols_is_the_published_network(real_root, monkeypatch, tone):
    monkeypatch.setenv("SERLIB_DATA", str(real_root))
    clip = tone(1.0)
    front = LogMel(bands=64, fft=1024, window=1024, low=60, high=7800, scale="htk", floor=2.0**-23)
    seen = torch.from_numpy(front.extract(clip, 16000)).T
    path = next((real_root / "models" / "byol_s").glob("*.pth"))
    frames = byol_by_hand((seen + 1.4) / 3.9, torch.load(path, weights_only=True))
    view = ByolS(frames=True, mean=-1.4, std=3.9)
    np.testing.assert_allclose(view.extract(clip, 16000), frames, atol=1e-4)
    vector = frames.amax(0) + frames.mean(0)
    np.testing.assert_allclose(
        ByolS(mean=-1.4, std=3.9).extract(clip, 16000), vector, rtol=1e-4, atol=1e-4
    )
    own = byol_by_hand((seen - seen.mean()) / seen.std(), torch.load(path, weights_only=True))
    np.testing.assert_allclose(ByolS(frames=True).extract(clip, 16000), own, atol=1e-4)
    assert frames.shape == (101 // 8, 512)
    assert ByolS(frames=True).extract(tone(0.07), 16000).shape == (1, 512)


def test_sentences_are_sentence_transformers(tiny):
    from sentence_transformers import SentenceTransformer

    texts = [*tiny.table["text"], "I am so happy that you came, truly!"]
    model = SentenceTransformer(str(weights.find("all-MiniLM-L6-v2")), device="cpu")
    expected = model.encode(texts, show_progress_bar=False)
    with ThreadPoolExecutor(4) as pool:
        arrays = list(pool.map(Sentence().extract, texts))
    np.testing.assert_allclose(np.stack(arrays), expected, atol=1e-5)


def test_word_pieces_pool_to_the_sentence():
    text = "unbelievably sad news"
    pieces = WordPieces().extract(text)
    assert pieces.ndim == 2
    assert pieces.shape[1] == 384
    assert len(pieces) > 2 + 3  # two marks, and a long word gives several pieces
    pooled = pieces.mean(axis=0)
    np.testing.assert_allclose(pooled / np.linalg.norm(pooled), Sentence().extract(text), atol=1e-5)


def test_a_text_longer_than_the_model_takes_is_cut_with_a_warning():
    for view in (Sentence(), WordPieces()):
        with pytest.warns(UserWarning, match="pieces cut to"):
            view.extract("word " * 700)


def test_text_views_have_their_own_fingerprints():
    prints = {Sentence().fingerprint, WordPieces().fingerprint}
    assert len(prints | {Sentence(dtype="float16").fingerprint}) == 3
    with pytest.raises(ViewError, match="no text"):
        Sentence().extract("")
