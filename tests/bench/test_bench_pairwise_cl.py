"""The loss of three views against the same sum made pair by pair with pytorch-metric-learning.

Its limit is the products of the projections: 3 · 2 · B² · D operations forward, twice as many
back, and six softmaxes of B² numbers. Each pair's product serves both directions here.

And the memory of a pre-training: features are read from the store batch by batch.
"""

import pytest
import torch
from pytorch_metric_learning.losses import NTXentLoss

from serlib.papers.pairwise_cl import pairwise_nt_xent

VIEWS, DIMS, TAU = 3, 128, 0.5


def projections(batch):
    torch.manual_seed(0)
    return [torch.randn(batch, DIMS, requires_grad=True) for _ in range(VIEWS)]


def by_pairs(z):
    """Each view's projections are the references of every other one."""
    loss, rows = NTXentLoss(temperature=TAU), torch.arange(len(z[0]))
    pairs = [(a, b) for a in range(len(z)) for b in range(len(z)) if a != b]
    return sum(loss(z[a], rows, ref_emb=z[b], ref_labels=rows) for a, b in pairs) / 2


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
    from time import perf_counter

    z, best = projections(batch), dict.fromkeys(("ours", "by pairs"), float("inf"))
    for _ in range(5):
        for way in best:
            start = perf_counter()
            step(WAYS[way], z)
            best[way] = min(best[way], perf_counter() - start)
    benchmark.extra_info.update({k: round(1000 * v, 2) for k, v in best.items()})
    benchmark.pedantic(step, (WAYS["ours"], z), rounds=1)
    assert best["ours"] <= best["by pairs"]
