"""A training step of DSNet at the paper's size: width 32, 32 utterances of 3 × 600 × 80.

The limit is arithmetic: forward and backward take three times the multiply–accumulates of the
encoder, two operations each. ``of_peak`` says which share of this machine's own matrix product
rate (float32 or bfloat16, measured beside it) a step reaches; the rest goes to layers that only
move memory: normalisation, ReLU, dropout, pooling.

What was tried, and what it gave on two cores: the plain step takes 10.9 s; convolutions with
channels last 7.9 s; a reference that utterances share encoded once (8 speakers, 8 references,
instead of 32) 3.9 s; all of it in bfloat16 2.2 s. Both branches always run in one pass.
"""

import time

import pytest
import torch

from serlib.papers import dsnet

BATCH, FRAMES, WIDTH = 32, 600, 32
LAYOUTS = {"channels-first": torch.contiguous_format, "channels-last": torch.channels_last}


def peak(dtype: torch.dtype, size: int = 2048) -> float:
    """Operations per second of a large matrix product, the best of five."""
    a, b = torch.randn(2, size, size, dtype=dtype)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("references", [32, 8], ids=["each-its-own", "shared"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_training_step(benchmark, layout, references, precision):
    torch.manual_seed(0)
    model = dsnet.DSNet(tuple("ahns"), WIDTH).train()
    model.encoder.to(memory_format=LAYOUTS[layout])
    optimiser = model.configure_optimizers()["optimizer"]
    batch = {
        "fbank": torch.randn(BATCH, FRAMES, 80),
        "emotion": torch.randint(4, (BATCH,)),
        "references": torch.randn(references, FRAMES, 80),
        "reference": torch.arange(BATCH) % references,
    }

    def step():
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision is torch.bfloat16):
            loss = model.losses(batch)["loss"]
        loss.backward()
        optimiser.step()

    benchmark.pedantic(step, rounds=3, warmup_rounds=1)
    operations = 2 * 3 * (BATCH + references) * dsnet.cost(WIDTH, 4, FRAMES)["macs_one_branch"]
    rate = operations / benchmark.stats["min"]
    benchmark.extra_info["gflops"] = round(rate / 1e9, 1)
    benchmark.extra_info["of_peak"] = round(rate / peak(precision), 3)
    benchmark.extra_info["utterances_per_second"] = round(BATCH / benchmark.stats["min"], 1)
