"""CASN at the size of DailyDialog: batches with little padding, and a training step.

The corpus' sizes without its words: 11 117 training dialogues of 2 to 35 turns, 7.85 on average,
as 384 random numbers a turn. The limit is arithmetic: a step takes three times the
multiply–accumulates of the context encoder, two operations each; ``of_peak`` is the share of this
machine's own matrix product rate. Two steps of training are 8 + 3 epochs: ``two_steps_minutes`` is
what that comes to.

What was tried: batches of windows in random order pad three fifths, of like length a sixteenth,
so that a step does less than half the work. The weights of inverse sampling as sums over windows
took two seconds an epoch; as differences of running sums, 0.3. One window of 32 turns does not
slow the 35-turn dialogues down.
"""

import resource
import time

import numpy as np
import pandas as pd
import pytest
import torch

from serlib.papers.casn import CASN
from serlib.papers.casn_data import Dialogues
from serlib.papers.cost import parameters

LABELS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
EPOCHS = 8 + 3


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    lengths = (2 + rng.gamma(2.1, 2.8, 11_117)).astype(int).clip(2, 35)
    table = pd.DataFrame(
        {
            "dialogue": np.repeat([f"{i:05d}" for i in range(len(lengths))], lengths),
            "turn": np.concatenate([np.arange(n) for n in lengths]),
            "speaker": pd.NA,
            "emotion": rng.choice(
                LABELS, lengths.sum(), p=[0.83, 0.01, 0.01, 0.01, 0.11, 0.01, 0.02]
            ),
        }
    )
    table.index = table["dialogue"] + "-" + table["turn"].astype(str)
    vectors = rng.normal(size=(len(table), 384)).astype("f4") / 384**0.5
    return Dialogues(dict(zip(table.index, vectors, strict=True)), table, table.index, LABELS)


def peak(size: int = 1024) -> float:
    """Operations per second of a large matrix product, the best of five."""
    a, b = torch.randn(2, size, size)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


@pytest.mark.parametrize("sampling", ["natural", "inverse"])
def test_batching(benchmark, data, sampling):
    drawn = data.sampled(sampling)
    batches = benchmark(lambda: drawn.batches(32, torch.Generator().manual_seed(0)))
    waste = data.waste(batches)
    shuffled = [x.tolist() for x in torch.randperm(len(data)).split(32)]
    benchmark.extra_info["padding_waste"] = round(waste, 3)
    benchmark.extra_info["padding_waste_unsorted"] = round(data.waste(shuffled), 3)
    assert waste < 0.2


@pytest.mark.parametrize("step", ["cross-entropy", "triplet"])
@pytest.mark.parametrize(("dim", "layers"), [(128, 1), (256, 2)])
def test_training(benchmark, data, dim, layers, step):
    torch.manual_seed(0)
    weights = {"cross_entropy": float(step != "triplet"), "triplet": float(step == "triplet")}
    model = CASN(LABELS, 384, dim=dim, layers=layers, **weights).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-4)
    batches = data.batches(32, torch.Generator().manual_seed(0))
    several = batches[:20]

    def steps():
        for items in several:
            optimiser.zero_grad()
            model.losses(data.collate(items))["loss"].backward()
            optimiser.step()

    benchmark.pedantic(steps, rounds=3, warmup_rounds=1)
    turns = sum(len(data.collate(items)["emotion"]) for items in several)
    each = benchmark.stats["min"] / len(several)
    macs = parameters(model.encoder.project, model.encoder.layers)  # a product per weight and turn
    benchmark.extra_info["of_peak"] = round(6 * macs * turns / benchmark.stats["min"] / peak(), 3)
    benchmark.extra_info["two_steps_minutes"] = round(each * len(batches) * EPOCHS / 60, 2)
    peak_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    benchmark.extra_info["peak_memory_gib"] = round(peak_memory, 2)
