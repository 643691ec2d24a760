"""TC-GRU: padding, what each loss teaches, its size, and what its data refuse."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from serlib import training
from serlib.errors import ProtocolError
from serlib.papers import tcgru
from serlib.papers.tcgru_data import Utterances, grades, variances
from serlib.protocols import ccc


@pytest.fixture
def data():
    """Utterances whose first two of six dimensions carry the grades, of 3 to 20 frames."""
    rng = np.random.default_rng(0)
    truth = np.tanh(rng.normal(size=(160, 2)))
    names = [f"u{i}" for i in range(160)]
    features = {
        name: np.c_[
            np.tile(t, (n, 1)) + 0.3 * rng.normal(size=(n, 2)), rng.normal(size=(n, 4))
        ].astype("f4")
        for name, t, n in zip(names, truth, rng.integers(3, 21, 160), strict=True)
    }
    table = pd.DataFrame(
        {
            "activation": truth[:, 0] * 2 + 3,
            "valence": truth[:, 1] * 2 + 3,
            "activation_var": 1 - truth[:, 0] ** 2,
            "valence_var": 0.25 * (1 + truth[:, 1]),
            "raters": 3,
        },
        index=names,
    )
    return features, table


def items(data, start, end, **change):
    features, table = data
    table = table.assign(**change)
    names, two = list(table.index), ["activation", "valence"]
    part = names[start:end]
    targets = grades(table, part, (1, 5), two), variances(table, part, names[:100], two)
    return Utterances(features, part, lambda frames: frames, *targets)


def model(**options):
    training.seed_everything(0)
    return tcgru.TCGRU(6, targets=2, filters=16, hidden=16, lr=0.01, **options)


def test_padding_a_batch_changes_no_prediction(data):
    module, part = model().eval(), items(data, 0, 12)
    batch = part.collate(list(range(12)))
    assert len(set(batch["lengths"].tolist())) > 5
    with torch.inference_mode():
        together = module(batch["frames"], batch["lengths"])
        alone = [module(b["frames"], b["lengths"]) for b in (part.collate([i]) for i in range(12))]
        filled = batch["frames"].clone()
        for row, length in enumerate(batch["lengths"]):
            filled[row, length:] = 1e3  # whatever stands behind the end
        torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(together, module(filled, batch["lengths"]))


def test_it_learns_grades_and_variances(data, tmp_path):
    module = model(variance_weight=1.0)
    fit = training.fit(
        module,
        items(data, 0, 100),
        items(data, 100, 130),
        directory=tmp_path,
        seed=0,
        epochs=25,
        device="cpu",
        progress=False,
    )
    test = items(data, 130, 160)
    predicted = training.predict(module, test, device="cpu")
    assert predicted.shape == (30, 4)
    scores = [ccc(t, p) for t, p in zip(test.grades.T, predicted.T[:2], strict=True)]
    assert min(scores) > 0.8
    spread = [ccc(t, p) for t, p in zip(test.variances.T, predicted.T[2:], strict=True)]
    assert min(spread) > 0.4
    history = fit.history.set_index("epoch")["ccc"]
    assert fit.best_score == pytest.approx(history.max()) and history.idxmax() == fit.best_epoch
    dev = items(data, 100, 130)
    again = training.predict(module, dev, device="cpu")[:, :2]
    whole = np.mean([ccc(t, p) for t, p in zip(dev.grades.T, again.T, strict=True)])
    assert fit.best_score == pytest.approx(whole, abs=1e-5), "of the whole part, not of batches"


def test_the_weight_decides_whether_variances_teach(data):
    batch = items(data, 0, 64).collate(list(range(64)))
    gradients = {}
    for weight in (0.0, 1.0):
        module = model(variance_weight=weight)
        module.losses(batch)["loss"].backward()
        gradients[weight] = module.out.weight.grad
    assert (gradients[0.0][2:] == 0).all() and (gradients[1.0][2:] != 0).any()
    torch.testing.assert_close(gradients[0.0][:2], gradients[1.0][:2])


def test_one_rater_is_left_out_of_the_variance_loss_alone(data):
    raters = np.where(np.arange(160) % 4 == 0, 1, 3)
    part = items(data, 0, 64, raters=raters)
    assert np.isnan(part.variances).any(1).sum() == 16
    batch, module = part.collate(list(range(64))), model()
    losses = module.losses(batch)
    losses["loss"].backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())
    others = [i for i in range(64) if i % 4]
    without = module.losses(part.collate(others))
    torch.testing.assert_close(losses["variances"], without["variances"])
    assert losses["grades"].item() != pytest.approx(without["grades"].item(), rel=1e-4)


def test_a_constant_target_gives_0_and_no_nan():
    prediction = torch.randn(8, 2, requires_grad=True)
    truth = torch.stack([torch.full((8,), 0.3), torch.full((8,), torch.nan)], 1)
    value = tcgru.concordance(prediction, truth)
    value.sum().backward()
    assert value.tolist() == [0, 0] and torch.isfinite(prediction.grad).all()
    same = tcgru.concordance(torch.zeros(8, 1, requires_grad=True), torch.zeros(8, 1))
    assert same.item() == 0
    with pytest.warns(UserWarning, match="constant"):
        assert ccc(truth[:, 0].numpy(), np.arange(8.0)) == 0


def test_a_constant_target_in_dev_does_not_stop_the_run(data, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", module="lightning")
        fit = training.fit(
            model(),
            items(data, 0, 100),
            items(data, 100, 130, valence=3.0),
            directory=tmp_path,
            seed=0,
            epochs=1,
            device="cpu",
            progress=False,
        )
    assert np.isfinite(fit.best_score)


def test_614_of_1024_inputs_make_the_model_32_percent_smaller():
    whole, part = tcgru.cost(1024), tcgru.cost(614)
    assert 0.319 <= 1 - part["parameters"] / whole["parameters"] <= 0.320
    assert 0.319 <= 1 - part["macs"] / whole["macs"] <= 0.3205
    assert whole["parameters"] == sum(p.numel() for p in tcgru.TCGRU(1024).parameters())


def test_grades_are_brought_to_one_scale(data):
    _, table = data
    got = grades(pd.DataFrame({"activation": [1.0, 4, 7]}), [0, 1, 2], (1, 7), ["activation"])
    np.testing.assert_array_equal(got[:, 0], [-1, 0, 1])
    with pytest.raises(ProtocolError, match=r"valence: 1 grades lie outside 1 to 5 \(u7: 6\)"):
        table.loc["u7", "valence"] = 6
        grades(table, table.index, (1, 5), ["activation", "valence"])
    with pytest.raises(ProtocolError, match=r"activation: 2 utterances have no grade \(u3\)"):
        table.loc[["u3", "u5"], "activation"] = np.nan
        grades(table, table.index, (1, 5), ["activation"])


def test_variances_need_raters_who_disagree(data):
    _, table = data
    names = list(table.index)
    for broken in (table.assign(raters=1), table.assign(valence_var=0.0)):
        with pytest.raises(ProtocolError, match="no disagreement to learn from; set the weight"):
            variances(broken, names, names[:50], ["activation", "valence"])
    unknown = variances(table.assign(raters=pd.NA), names, names, ["activation"])
    assert not np.isnan(unknown).any() and unknown.max() == 1
