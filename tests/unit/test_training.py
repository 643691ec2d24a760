"""Fitting: it learns, it stops, it keeps the best, and killed and resumed it ends the same."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from serlib import training

LABELS = ("anger", "neutral", "sadness")


class Blobs(Dataset):
    """Points around three centres: ``noise`` says how far the classes overlap."""

    def __init__(self, size, noise, seed):
        rng = np.random.default_rng(seed)
        self.emotion = rng.integers(3, size=size)
        centres = np.array([[0, 0, 3], [0, 3, 0], [3, 0, 0]])
        self.x = (centres[self.emotion] + noise * rng.normal(size=(size, 3))).astype("f4")

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return i

    def collate(self, items):
        x = self.x[items] + 0.1 * torch.rand(len(items), 3).numpy()  # like a reference drawn anew
        return {"x": torch.tensor(x), "emotion": torch.tensor(self.emotion[items])}


class Small(training.EmotionClassifier):
    inputs = "x"

    def __init__(self, **options):
        super().__init__(LABELS, lr=0.01, **options)
        self.net = nn.Sequential(
            nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)
        )

    def forward(self, x):
        return self.net(x)

    def losses(self, batch):
        return {"loss": F.cross_entropy(self(batch["x"]), batch["emotion"])}


def run(directory, epochs=6, seed=0, module=None, noise=1.0, size=200, **options):
    training.seed_everything(seed)
    module = module or Small()
    fit = training.fit(
        module,
        Blobs(size, noise, 1),
        Blobs(90, noise, 2),
        directory=directory,
        seed=seed,
        epochs=epochs,
        device="cpu",
        progress=False,
        **options,
    )
    return module, fit


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.state_dict().values()])


def test_it_learns(tmp_path):
    module, fit = run(tmp_path, epochs=15)
    test = Blobs(300, 1.0, 3)
    scores = training.predict(module, test, device="cpu")
    assert scores.shape == (300, 3) and np.allclose(scores.sum(1), 1, atol=1e-5)
    assert (scores.argmax(1) == test.emotion).mean() > 0.8
    assert fit.history["loss"].iloc[-1] < fit.history["loss"].iloc[0]


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path):
    a, b, c = (run(tmp_path / n, seed=s)[0] for n, s in [("a", 0), ("b", 0), ("c", 1)])
    assert torch.equal(weights(a), weights(b)) and not torch.equal(weights(a), weights(c))


class Killed(Exception):
    pass


class Dying(Small):
    def on_train_epoch_start(self):
        if self.current_epoch == 3:
            raise Killed


def test_a_killed_run_resumes_to_the_same_end(tmp_path):
    whole, whole_fit = run(tmp_path / "whole")
    training.seed_everything(0)
    with pytest.raises(Killed):
        run(tmp_path / "killed", module=Dying())
    assert (tmp_path / "killed" / "last.ckpt").exists()
    resumed, resumed_fit = run(tmp_path / "killed")
    assert torch.equal(weights(whole), weights(resumed))
    assert resumed_fit.history.equals(whole_fit.history) and len(resumed_fit.history) == 6


def test_a_run_whose_folder_moved_ends_the_same(tmp_path):
    whole, whole_fit = run(tmp_path / "whole", epochs=12, noise=3.0)
    assert whole_fit.best_epoch < 6, "the best epoch must lie before the move for this test"
    run(tmp_path / "first", epochs=6, noise=3.0)
    (tmp_path / "first").rename(tmp_path / "moved")
    moved, moved_fit = run(tmp_path / "moved", epochs=12, noise=3.0)
    assert torch.equal(weights(whole), weights(moved))
    assert moved_fit.best_epoch == whole_fit.best_epoch and moved_fit.best_uar == whole_fit.best_uar
    (tmp_path / "moved").rename(tmp_path / "again")
    assert run(tmp_path / "again", epochs=12, noise=3.0)[1].best_uar == whole_fit.best_uar


def test_a_finished_run_is_not_fitted_again(tmp_path):
    first, fit = run(tmp_path)
    again, fit_again = run(tmp_path)
    assert torch.equal(weights(first), weights(again)) and fit_again.best_uar == fit.best_uar


def test_the_best_epoch_is_kept_and_patience_ends_the_run(tmp_path):
    module, fit = run(tmp_path, epochs=60, noise=3.0, patience=4)
    history = fit.history.set_index("epoch")["uar"]
    assert len(history) < 60, "pure overlap cannot improve for sixty epochs"
    assert fit.best_uar == pytest.approx(history.max()) and history.idxmax() == fit.best_epoch
    assert history.index[-1] == fit.best_epoch + 4
    dev = Blobs(90, 3.0, 2)
    predicted = training.predict(module, dev, device="cpu").argmax(1)
    recalls = [(predicted[dev.emotion == k] == k).mean() for k in range(3)]
    assert np.mean(recalls) == pytest.approx(fit.best_uar)


def test_the_rate_falls_when_the_uar_stops_rising(tmp_path):
    module = Small(plateau=1)
    run(tmp_path, epochs=25, module=module, noise=3.0, patience=30)
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert state["optimizer_states"][0]["param_groups"][0]["lr"] < 0.01


def test_a_last_batch_of_one_does_not_break_batch_normalisation(tmp_path):
    _, fit = run(tmp_path, epochs=1, size=65, batch_size=32)
    assert len(fit.history) == 1


def test_bf16(tmp_path):
    module, _ = run(tmp_path, epochs=2, precision="bf16-mixed")
    assert torch.isfinite(weights(module)).all()


def test_a_class_missing_from_dev_does_not_stop_the_run(tmp_path):
    class Missing(Blobs):
        def __init__(self):
            super().__init__(60, 1.0, 2)
            keep = self.emotion != 2
            self.x, self.emotion = self.x[keep], self.emotion[keep]

    training.seed_everything(0)
    fit = training.fit(
        Small(),
        Blobs(100, 1.0, 1),
        Missing(),
        directory=tmp_path,
        seed=0,
        epochs=3,
        device="cpu",
        progress=False,
    )
    assert 0 <= fit.best_uar <= 1


def test_a_module_may_watch_another_score(tmp_path):
    """The epoch that is kept is the best by the module's own score, on the module's outputs."""

    class Watching(Small):
        monitor = "recall_of_neutral"

        def dev_score(self, truth, logits):
            return float((logits.argmax(1)[truth == 1] == 1).mean())

    module, fit = run(tmp_path, epochs=5, noise=3.0, module=Watching())
    scores = fit.history.set_index("epoch")["recall_of_neutral"]
    assert "uar" not in fit.history and scores.nunique() > 1
    assert (fit.best_score, fit.best_epoch) == (pytest.approx(scores.max()), scores.idxmax())
    dev = Blobs(90, 3.0, 2)
    predicted = training.predict(module, dev, device="cpu").argmax(1)
    assert (predicted[dev.emotion == 1] == 1).mean() == pytest.approx(fit.best_score)


class Paired(Blobs):
    """Makes its own batches: neighbours in a shuffled order, three at a time, never another."""

    seen: ClassVar[list] = []

    def batches(self, batch_size, generator):
        order = torch.randperm(len(self), generator=generator).tolist()
        return [order[i : i + batch_size] for i in range(0, len(self), batch_size)]

    def collate(self, items):
        self.seen.append(tuple(items))
        return super().collate(items)


def test_a_data_set_may_make_its_own_batches(tmp_path):
    runs = []
    for name in "ab":
        training.seed_everything(0)
        Paired.seen.clear()
        train, dev = Paired(96, 1.0, 1), Blobs(90, 1.0, 2)
        options = dict(seed=5, epochs=2, batch_size=24, device="cpu", progress=False)
        training.fit(Small(), train, dev, directory=tmp_path / name, **options)
        runs.append(list(Paired.seen))
    assert runs[0] == runs[1] and len(runs[0]) == 8, "the same seed gives the same batches"
    for epoch in (runs[0][:4], runs[0][4:]):
        assert sorted(sum(epoch, ())) == list(range(96))
    assert runs[0][:4] != runs[0][4:], "another epoch has other batches"
