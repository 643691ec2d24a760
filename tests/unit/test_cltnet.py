"""CLTNet and the other hosts: shapes, padding, what they learn."""

import numpy as np
import pandas as pd
import pytest
import torch

from serlib import training
from serlib.errors import ParameterError
from serlib.papers.cltnet import CLTNet
from serlib.papers.cltnet_hosts import MAT, SpeechText
from serlib.papers.pdds_data import Samples

LABELS = ("anger", "sadness", "neutral")
DIMS = {"audio": 6, "text": 5}
HOSTS = [CLTNet, SpeechText, MAT]


def batch(lengths, pad=0.0, extra=0):
    rng = torch.Generator().manual_seed(0)
    features = {}
    for name, dim in DIMS.items():
        x = torch.full((len(lengths), max(lengths) + extra, dim), pad)
        for row, length in enumerate(lengths):
            x[row, :length] = torch.randn(length, dim, generator=rng)
        features[name] = (x, torch.tensor(lengths))
    return features


@pytest.mark.parametrize("host", HOSTS)
def test_padding_changes_no_prediction(host):
    torch.manual_seed(0)
    model = host(LABELS, DIMS).eval()
    with torch.no_grad():
        together = model(batch([4, 9, 1]))
        padded = model(batch([4, 9, 1], pad=7.0, extra=5))
        alone = torch.cat(
            [
                model({k: (x[i : i + 1, : n[i]], n[i : i + 1]) for k, (x, n) in whole.items()})
                for whole in [batch([4, 9, 1])]
                for i in range(3)
            ]
        )
    assert together.shape == (3, 3)
    torch.testing.assert_close(together, padded, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("modalities", [("audio",), ("text",), ("audio", "text")])
def test_cltnet_reads_the_modalities_it_is_given(modalities):
    model = CLTNet(LABELS, {name: DIMS[name] for name in modalities}).eval()
    features = batch([3, 4])
    before = model(features)
    for name, (x, lengths) in features.items():
        changed = model(features | {name: (x + 1, lengths)})
        assert torch.equal(changed, before) == (name not in modalities)


def test_other_modalities_are_refused():
    with pytest.raises(ParameterError, match="use audio, text or both"):
        CLTNet(LABELS, {"video": 3})


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_learns_the_votes(host, tmp_path):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 6)) * 2
    names = [f"u{i}" for i in range(48)]
    votes = [{LABELS[i % 3]: 3} if i % 4 else {LABELS[i % 3]: 2, LABELS[0]: 1} for i in range(48)]
    table = pd.DataFrame({"votes": votes, "emotion": [LABELS[i % 3] for i in range(48)]}, names)

    def sequence(i, dim):
        return rng.normal(size=(rng.integers(2, 6), dim)) * 0.3 + centres[i % 3, :dim]

    features = {k: {n: sequence(i, d) for i, n in enumerate(names)} for k, d in DIMS.items()}
    part = [Samples(features, table, p, LABELS) for p in (names[:36], names[36:])]
    training.seed_everything(0)
    model = host(LABELS, DIMS)
    untrained = training.predict(model, part[1], device="cpu")
    fit = training.fit(
        model, *part, directory=tmp_path, seed=0, epochs=8, batch_size=12, device="cpu",
        progress=False,
    )  # fmt: skip
    assert fit.history["loss"].iloc[-1] < fit.history["loss"].iloc[0]
    assert fit.best_score == fit.history["minus_divergence"].max() < 0
    truth = np.array([i % 3 for i in range(36, 48)])
    assert (training.predict(model, part[1], device="cpu").argmax(1) == truth).mean() > 0.9
    assert (untrained.argmax(1) == truth).mean() < 0.9


def test_speechtext_averages_over_time():
    model = SpeechText(LABELS, DIMS).eval()
    model.classify = torch.nn.Identity()
    features = batch([4, 4])
    by_hand = [model.lstms[name](x)[0].mean(1) for name, (x, _) in features.items()]
    torch.testing.assert_close(model(features), torch.cat(by_hand, 1))
