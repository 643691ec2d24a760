"""A fine-tuning step of CASN on 16 dialogues, with word pieces packed and padded, on one thread.

Padded, a batch's turns are as long as its longest: most of the places hold nothing. ``pieces`` of
the packed step per second say how long an epoch takes: DailyDialog's training part has 1.5 million.
Lengths are drawn like DailyDialog's: 3 to 60 pieces, half of them below 15, 2 to 20 turns.

On a shared core a packed step took 1.2 s in bfloat16, and a padded one 4.8 s; in float32 11.6
and 5.4 s: the gain is of both together, and attention written out is not faster by itself.
"""

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig, BertModel

from serlib.papers.casn_finetune import WordEncoder
from serlib.papers.casn_words import Words

SIZE = {"hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}


def words():
    rng = np.random.default_rng(0)
    rows = [(f"d{d:02d}", t) for d in range(16) for t in range(rng.integers(2, 21))]
    table = pd.DataFrame(rows, columns=["dialogue", "turn"]).assign(speaker="A", emotion="neutral")
    table.index = [f"{d}-{t:02d}" for d, t in rows]
    lengths = rng.lognormal(np.log(14), 0.6, len(table)).clip(3, 60).astype(int)
    pieces = {u: rng.integers(1000, 2000, n) for u, n in zip(table.index, lengths, strict=True)}
    data = Words(pieces, table, table.index, ("neutral",))
    return data.collate(list(range(16)))["dialogue"]


@pytest.mark.parametrize("half", [False, True], ids=["fp32", "bf16"])
@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
def test_finetuning_step(benchmark, packed, half):
    torch.manual_seed(0)
    attention = "packed" if packed else "sdpa"
    bert = BertModel(
        BertConfig(num_hidden_layers=3, attn_implementation=attention, **SIZE)
    )  # Half of MiniLM's layers.
    turns, encoder = words(), WordEncoder(bert, across=0, frozen=0, half=half).train()
    lengths = torch.bincount(turns.slot)
    lengths = lengths[lengths > 0]
    ids = torch.nn.utils.rnn.pad_sequence(turns.pieces.split(lengths.tolist()), batch_first=True)
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()

    def step():
        if packed:
            encoder(turns).sum().backward()
        else:
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                bert(ids, attention_mask=mask).last_hidden_state.float().sum().backward()

    benchmark.pedantic(step, rounds=3, warmup_rounds=1)
    pieces = len(turns.pieces)
    benchmark.extra_info["pieces_per_second"] = round(pieces / benchmark.stats["min"])
    benchmark.extra_info["padding"] = 0.0 if packed else round(1 - pieces / ids.numel(), 3)
