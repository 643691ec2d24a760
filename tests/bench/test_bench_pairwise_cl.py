"""The loss of three views against the same sum made pair by pair with pytorch-metric-learning.

Its limit is the products of the projections: 3 · 2 · B² · D operations forward, twice as many
back, and six softmaxes of B² numbers. Each pair's product serves both directions here.

And what a pre-training holds in memory: features are read from the store, batch by batch.
"""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import torch
from pytorch_metric_learning.losses import NTXentLoss

from serlib.papers.pairwise_cl import pairwise_nt_xent
from serlib.papers.pairwise_cl_train import pretrain
from serlib.views import Egemaps, LogMel, Store
from serlib.views.features import Features, folder

VIEWS, DIMS, TAU = 3, 128, 0.5


def projections(batch):
    torch.manual_seed(0)
    return [torch.randn(batch, DIMS, requires_grad=True) for _ in range(VIEWS)]


def by_pairs(z):
    """Each view's projections are the references of every other one."""
    loss, rows = NTXentLoss(temperature=TAU), torch.arange(len(z[0]))
    # The same labels as one object would mean "the same batch", without its diagonal.
    others = rows.clone()
    pairs = [(a, b) for a in range(len(z)) for b in range(len(z)) if a != b]
    return sum(loss(z[a], rows, ref_emb=z[b], ref_labels=others) for a, b in pairs) / 2


def step(loss, z):
    for p in z:
        p.grad = None
    value = loss(z)
    value.backward()
    return value.detach()


def product(z):
    """The products alone, forward and back: what no implementation can do without."""
    return sum((z[a] @ z[b].T).sum() for a in range(len(z)) for b in range(a + 1, len(z)))


WAYS = {"ours": lambda z: pairwise_nt_xent(z, TAU), "by pairs": by_pairs, "product": product}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("batch", [128, 1024])
def test_loss_of_three_views(benchmark, batch, way):
    z = projections(batch)
    value = benchmark.pedantic(step, (WAYS[way], z), rounds=5, warmup_rounds=1)
    if way != "product":
        expected = step(by_pairs, projections(batch))
        assert value.item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("batch", [128, 1024])
def test_ours_is_at_least_as_fast(benchmark, batch):
    """Timed in turns, so that a busy machine slows both alike; the best of each counts."""
    z, best = projections(batch), dict.fromkeys(("ours", "by pairs"), float("inf"))
    for _ in range(5):
        for way in best:
            start = perf_counter()
            step(WAYS[way], z)
            best[way] = min(best[way], perf_counter() - start)
    benchmark.extra_info.update({k: round(1000 * v, 2) for k, v in best.items()})
    benchmark.pedantic(step, (WAYS["ours"], z), rounds=1)
    assert best["ours"] <= best["by pairs"]


def anonymous_mib() -> float:
    """Memory of this process that no file stands behind."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


class Watched(Mapping):
    """Stored features; counts what is read, and notes the most memory seen while reading."""

    def __init__(self, features):
        self.features, self.reads, self.most = features, 0, 0.0

    def __getitem__(self, utterance):
        self.reads, self.most = self.reads + 1, max(self.most, anonymous_mib())
        return self.features[utterance]

    def __iter__(self):
        return iter(self.features)

    def __len__(self):
        return len(self.features)


def stored(store, view, shape, dtype, count):
    rng, keys = np.random.default_rng(0), {f"u{i}": f"{i:040}" for i in range(count)}
    for key in keys.values():
        store.write(folder(view), key, rng.normal(size=shape).astype(dtype))
    return Watched(Features(view, store, keys, []))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_pre_training_on_hidden_states(benchmark, tmp_path):
    """Thirteen hidden states of five seconds in half precision, 5 MB an utterance."""
    store, count, epochs = Store(tmp_path / "store"), 64, 3
    features = {
        "ssl": stored(store, LogMel(), (250, 13, 768), np.float16, count),
        "functionals": stored(store, Egemaps(), (88,), np.float32, count),
    }
    ids, before = list(features["ssl"]), anonymous_mib()
    how = {"epochs": epochs, "batch_size": 8, "device": "cpu", "progress": False}
    run = dict(directory=tmp_path / "run", seed=0, **how)
    benchmark.pedantic(pretrain, (features, ids[:56], ids[56:]), run, rounds=1)
    watched = features["ssl"]
    grown, whole = watched.most - before, count * 250 * 13 * 768 * 4 / 2**20
    benchmark.extra_info.update(grown_mib=round(grown), all_in_single_precision_mib=round(whole))
    benchmark.extra_info["reads"] = watched.reads
    assert watched.reads >= epochs * count and grown < whole
