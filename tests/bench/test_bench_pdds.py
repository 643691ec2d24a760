"""PDDS: how long planning takes, and that mixtures cost memory only when asked for.

Limit for planning: reading 10 039 dictionaries of votes in Python, some 10 ms on two cores.
"""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from serlib.papers.pdds import plan
from serlib.papers.pdds_data import Samples, pdds
from serlib.papers.pdds_votes import ambiguity, sample_counts

LABELS = [f"emotion {i}" for i in range(9)]


@pytest.fixture(scope="module")
def votes():
    rng = np.random.default_rng(0)
    given = {}
    for n in range(10_039):
        chosen = [rng.integers(9)] * 3 if rng.random() < 0.4 else rng.choice(9, 3)
        names, counts = np.unique(chosen, return_counts=True)
        given[f"u{n}"] = {LABELS[i]: int(c) for i, c in zip(names, counts, strict=True)}
    return given


def test_planning_ten_thousand_utterances_takes_under_50_ms(benchmark, votes):
    bins = benchmark(lambda: plan(*sample_counts(ambiguity(votes, LABELS), LABELS)))
    assert len(bins) == 9 + 9 * 8
    assert benchmark.stats.stats.median < 0.05


@pytest.mark.parametrize("uniform", [400, 4000])
def test_memory_does_not_grow_with_the_mixtures(benchmark, votes, uniform):
    some = list(votes)[:2000]
    table = pd.DataFrame({"votes": [votes[u] for u in some], "emotion": None}, some)
    features = {"audio": {u: np.ones((100, 64), np.float32) for u in some}}

    def make() -> tuple[Samples, int]:
        tracemalloc.start()
        made = pdds(features, table, some, LABELS, "uniform", uniform=uniform)
        for i in range(len(some), len(made), 50):
            made[i]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return made, peak

    made, peak = benchmark.pedantic(make, rounds=1)
    held = len(made.mixtures) * 100 * 64 * 4
    benchmark.extra_info.update(mixtures=len(made.mixtures), peak_mib=peak / 2**20)
    # Kept in memory, the mixtures alone would take `held`; a pair of names takes some 100 bytes.
    assert peak < held / 20
