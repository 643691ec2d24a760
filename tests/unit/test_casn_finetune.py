"""CASN on words: packing changes nothing, words see whom they should, and all of it learns."""

from itertools import chain

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig, BertModel

from serlib import training
from serlib.errors import ProtocolError, ViewError
from serlib.papers.casn_finetune import FineTunedCASN, WordEncoder
from serlib.papers.casn_words import Spans, Words, word_pieces

LABELS = ("neutral", "anger", "joy")
JOY, ANGER = 7, 8  # a word piece that says it all


def bert(attention="packed", seed=0, layers=3):
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        attention_probs_dropout_prob=0.0,
        attn_implementation=attention,
    )
    return BertModel(config)


def module(seed=0, rate=1e-3, **words):
    encoder = WordEncoder(bert(seed=seed), **({"half": False, "frozen": 1} | words))
    torch.manual_seed(seed)
    options = {"dim": 16, "layers": 1, "heads": 2, "balance": 0.0}
    return FineTunedCASN(LABELS, encoder, words_lr=rate, lr=rate, **options)


def dialogues(turns=(1, 4, 3, 7, 2), seed=0, answers=False):
    """Turns of random words; with ``answers``, the emotion is in the word of the turn before."""
    rng = np.random.default_rng(seed)
    rows = [(f"d{d:02d}", t, "AB"[t % 2]) for d, n in enumerate(turns) for t in range(n)]
    table = pd.DataFrame(rows, columns=["dialogue", "turn", "speaker"])
    table.index = [f"{d}-{t:02d}" for d, t in zip(table["dialogue"], table["turn"], strict=True)]
    pieces = {u: [1, *rng.integers(10, 40, rng.integers(1, 9)), 2] for u in table.index}
    table["emotion"] = rng.choice(LABELS, len(table), p=[0.8, 0.1, 0.1])
    if answers:
        table["emotion"] = "neutral"
        for before, after in zip(table.index[:-1], table.index[1:], strict=True):
            if table.loc[after, "turn"] == 1:
                word = int(rng.choice([JOY, ANGER]))
                pieces[before][1] = word
                table.loc[after, "emotion"] = "joy" if word == JOY else "anger"
    return pieces, table


def batch(pieces, table, size=99):
    data = Words(pieces, table, table.index, LABELS)
    return data.collate(list(range(min(size, len(data)))))["dialogue"], data


def vectors(encoder, pieces, table):
    turns, data = batch(pieces, table)
    with torch.inference_mode():
        return dict(zip(data.scored, encoder.eval()(turns)[turns.scored].numpy(), strict=True))


def test_packed_turns_have_the_vectors_that_each_has_by_itself():
    pieces, table = dialogues((1, 4, 3, 12, 2, 20))
    plain = bert("eager").eval()
    found = vectors(WordEncoder(bert(), across=0, half=False), pieces, table)
    for utterance, own in pieces.items():
        with torch.inference_mode():
            alone = plain(torch.tensor([own])).last_hidden_state[0].mean(0)
        assert found[utterance] == pytest.approx((alone / alone.norm()).numpy(), abs=1e-5)


@pytest.mark.parametrize("lengths", [[3], [1, 1, 1], [5, 1, 9, 2, 2, 7, 30, 4, 4]])
def test_spans_hold_every_piece_once_and_in_its_span(lengths):
    spans = Spans.of(np.array(lengths))
    rows = torch.cat(spans.rows)
    assert torch.equal(rows[spans.places], torch.arange(sum(lengths)))
    assert sum(int((~p).sum()) for p in spans.padded) == sum(lengths)
    owner = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    for own, padded in zip(spans.rows, spans.padded, strict=True):
        owners = owner[own].view(len(padded), -1)
        assert (owners == owners[:, :1]).all()


@pytest.mark.parametrize(("across", "far"), [(0, False), (2, True)])
def test_words_see_their_dialogue_in_the_last_layers_only(across, far):
    pieces, table = dialogues((4, 3))
    encoder = WordEncoder(bert(), across=across, half=False)
    before = vectors(encoder, pieces, table)
    after = vectors(encoder, pieces | {"d00-03": [1, 12, 13, 14, 2]}, table)
    changed = {u for u in before if not np.allclose(before[u], after[u], atol=1e-6)}
    assert changed == ({"d00-00", "d00-01", "d00-02", "d00-03"} if far else {"d00-03"})


def test_who_speaks_and_when_matters_where_words_see_their_dialogue():
    pieces, table = dialogues((2,))
    same = {utterance: [1, 20, 21, 2] for utterance in pieces}
    found = vectors(WordEncoder(bert(), across=2, half=False), same, table)
    assert not np.allclose(found["d00-00"], found["d00-01"], atol=1e-4)


def test_both_losses_reach_the_words_but_not_the_frozen_layers():
    pieces, table = dialogues((6, 6, 6), answers=True)
    for loss in ("cross_entropy", "triplet"):
        own = module(frozen=1)
        own.weights = {"cross_entropy": 0.0, "triplet": 0.0} | {loss: 1.0}
        table["emotion"] = ["neutral", "joy", "anger"] * 6
        data = Words(pieces, table, table.index, LABELS)
        own.losses(data.collate([0, 1, 2]))["loss"].backward()
        size = {n: p.grad for n, p in own.words.named_parameters() if "pooler" not in n}
        trained = {n for n, g in size.items() if g is not None and g.abs().sum() > 0}
        still = {n for n, g in size.items() if g is None}
        assert all("embeddings" in n or "layer.0" in n for n in still) and len(still) > 16
        assert {"turn.weight", "role.weight"} < trained
        assert {f"bert.encoder.layer.{i}.output.dense.weight" for i in (1, 2)} < trained


def test_half_precision_ends_before_the_loss():
    pieces, table = dialogues()
    turns, data = batch(pieces, table)
    half, full = (module(half=half, frozen=0).eval() for half in (True, False))
    loss = half.losses(data.collate([0, 1, 2]))["loss"]
    a, b = half.vectors(turns), full.vectors(turns)
    assert loss.dtype == a.dtype == torch.float32
    assert 0 < (a - b).abs().max() < 0.2


def test_an_epoch_has_every_emotional_window_and_a_share_of_the_plain_ones():
    pieces, table = dialogues((3,) * 40)
    data = Words(pieces, table, table.index, LABELS, plain=0.25)
    emotional = table["emotion"].ne("neutral").groupby(table["dialogue"]).any()
    wanted = set(emotional.index[emotional])
    epochs = []
    for seed in (0, 1):
        batches = data.batches(4, torch.Generator().manual_seed(seed))
        items = list(chain(*batches))
        names = [data.ids[data.windows[i][0]][:3] for i in items]
        assert len(names) == len(set(names)) and wanted <= set(names)
        assert len(names) == len(wanted) + round(0.25 * (40 - len(wanted)))
        epochs.append(set(names))
    assert epochs[0] != epochs[1]
    whole = Words(pieces, table, table.index, LABELS).batches(4, torch.Generator().manual_seed(0))
    assert sorted(chain(*whole)) == list(range(40))


def fit(folder, own, epochs, pieces, table):
    data = Words(pieces, table, table.index, LABELS, plain=0.5)
    options = {"seed": 3, "epochs": epochs, "batch_size": 4, "device": "cpu", "progress": False}
    return training.fit(own, data, data, directory=folder, **options), data


class Killed(Exception):
    """The machine went away."""


class Dying(FineTunedCASN):
    """Dies in its second epoch."""

    def losses(self, batch):
        """Stop in the middle of an epoch."""
        if self.current_epoch == 1 and self.global_step % 3 == 2:
            raise Killed
        return super().losses(batch)


def test_killed_and_resumed_it_ends_with_the_same_weights(tmp_path):
    pieces, table = dialogues((3,) * 24, answers=True)
    whole = module()
    fit(tmp_path / "whole", whole, 3, pieces, table)
    dying = module()
    dying.__class__ = Dying
    with pytest.raises(Killed):
        fit(tmp_path / "killed", dying, 3, pieces, table)
    resumed = module(seed=9)
    fit(tmp_path / "killed", resumed, 3, pieces, table)
    for (name, a), b in zip(whole.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b), name


def test_it_learns_what_only_the_turn_before_says(tmp_path):
    pieces, table = dialogues((3,) * 64, answers=True)
    found, _ = fit(tmp_path, module(rate=5e-3, frozen=0), 15, pieces, table)
    assert found.history["micro_f1"].max() > 0.9


def test_rates_fall_from_layer_to_layer(tmp_path):
    pieces, table = dialogues((3,) * 8)
    own = module(rate=1e-3, frozen=1)
    own.lr, own.decay = 1e-2, 0.5
    fit(tmp_path, own, 1, pieces, table)
    groups = torch.load(tmp_path / "last.ckpt", weights_only=True)["optimizer_states"][0]
    assert [g["max_lr"] for g in groups["param_groups"]] == pytest.approx([1e-2, 1e-3, 5e-4])


def test_what_cannot_be_is_said_in_one_line(tmp_path):
    with pytest.raises(ProtocolError, match="has 3 layers"):
        WordEncoder(bert(), across=4)
    with pytest.raises(ViewError):
        WordEncoder("no-such/../model")


def test_word_pieces_are_the_model_s_own_with_its_marks():
    found = word_pieces({"a": "Oh, great!", "b": "word " * 2000})
    assert found["a"] == [101, 2821, 1010, 2307, 999, 102]
    assert len(found["b"]) <= 512
