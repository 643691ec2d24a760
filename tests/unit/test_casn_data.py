"""Dialogues as sequences: every turn is classified once, whatever the length; little is padded."""

from itertools import chain

import numpy as np
import pandas as pd
import pytest
import torch

from serlib.errors import ProtocolError
from serlib.papers.casn_data import Dialogues
from serlib.papers.casn_turns import ROLES, windows

LABELS = ("neutral", "anger", "joy")


def make(lengths, seed=0, dims=4):
    """Dialogues of these lengths; a turn's vector begins with its own number."""
    rng = np.random.default_rng(seed)
    rows = [(f"d{d:03d}", t, "AB"[t % 2]) for d, n in enumerate(lengths) for t in range(n)]
    table = pd.DataFrame(rows, columns=["dialogue", "turn", "speaker"])
    table.index = [f"{d}-{t:03d}" for d, t in zip(table["dialogue"], table["turn"], strict=True)]
    table["emotion"] = rng.choice(LABELS, len(table), p=[0.8, 0.15, 0.05])
    vectors = rng.normal(size=(len(table), dims)).astype("f4")
    vectors[:, 0] = np.arange(len(table))
    return dict(zip(table.index, vectors, strict=True)), table


def batches_of(data, size):
    return [
        data.collate(list(range(i, min(i + size, len(data))))) for i in range(0, len(data), size)
    ]


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 20, 200, 201])
@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_every_turn_is_classified_once_and_sees_its_neighbours(length, size):
    seen = []
    for turns, scored in windows(length, size):
        assert 0 <= turns.start <= scored.start < scored.stop <= turns.stop <= length
        assert turns.stop - turns.start == min(size, length)
        seen += range(scored.start, scored.stop)
        if size > 3:  # inside a dialogue, a quarter of the window stands on either side
            left, right = scored.start - turns.start, turns.stop - scored.stop
            assert turns.start == 0 or left >= size // 4
            assert turns.stop == length or right >= size // 4
    assert seen == list(range(length))


@pytest.mark.parametrize("lengths", [[200, 1, 5, 33], [1], [1, 1, 2], [64]])
def test_nothing_is_dropped_and_outputs_are_named_in_their_order(lengths):
    features, table = make(lengths)
    data = Dialogues(features, table, table.index, LABELS, window=16)
    assert sorted(data.scored) == sorted(table.index)
    rows = torch.cat([b["dialogue"].vectors[b["dialogue"].scored] for b in batches_of(data, 3)])
    assert [features[u][0] for u in data.scored] == rows[:, 0].tolist()
    emotion = torch.cat([b["emotion"] for b in batches_of(data, 3)])
    assert [LABELS[i] for i in emotion] == table.loc[data.scored, "emotion"].tolist()
    assert data.truth.tolist() == emotion.tolist()


@pytest.mark.parametrize("labelled", [True, False])
def test_turns_of_other_parts_are_context_only(labelled):
    features, table = make([6, 4, 3])
    part = [u for u in table.index[:10] if u[-1] in "02"]  # of the first two dialogues
    if not labelled:
        table["emotion"] = table["emotion"].where(table.index.isin(part))
    data = Dialogues(features, table, part, LABELS)
    (batch,) = batches_of(data, 8)
    assert sorted(data.scored) == sorted(part) and len(data) == 2
    assert len(batch["emotion"]) == len(data.truth) == len(part)
    assert batch["dialogue"].present.sum() == 10 and batch["dialogue"].scored.sum() == len(part)


def test_padding_is_zero_and_marked():
    features, table = make([5, 2])
    turns = Dialogues(features, table, table.index, LABELS).collate([0, 1])["dialogue"]
    assert turns.present.sum(1).tolist() == [2, 5]
    assert not turns.vectors[~turns.present].any() and not turns.scored[~turns.present].any()


def test_turn_numbers_give_the_order_not_the_rows():
    features, table = make([6])
    shuffled = table.sample(frac=1, random_state=1)
    data = Dialogues(features, shuffled, shuffled.index, LABELS)
    assert list(data.ids) == list(table.index)


def test_roles_are_numbered_by_appearance_within_a_dialogue():
    features, table = make([12])
    table["speaker"] = [f"p{max(0, 9 - i)}" for i in range(12)]
    data = Dialogues(features, table, table.index, LABELS)
    assert data.role.tolist() == [0, 1, 2, 3, 4, 5, 6, ROLES - 1, ROLES - 1, ROLES - 1, 7, 7]
    nobody = Dialogues(features, table.assign(speaker=pd.NA), table.index, LABELS)
    assert nobody.role.tolist() == [0] * 12


def test_batches_hold_every_window_once_and_little_padding():
    lengths = np.random.default_rng(2).geometric(0.12, 500).clip(max=40)
    features, table = make(lengths)
    data = Dialogues(features, table, table.index, LABELS)
    first, second = (data.batches(32, torch.Generator().manual_seed(s)) for s in (0, 1))
    assert sorted(chain(*first)) == list(range(len(data))) and first != second
    assert first == data.batches(32, torch.Generator().manual_seed(0))
    shuffled = [list(x) for x in torch.randperm(len(data)).split(32)]
    assert data.waste(first) < 0.2 < data.waste(shuffled)


def test_the_waste_is_the_share_of_padding():
    features, table = make([1, 2, 4])
    data = Dialogues(features, table, table.index, LABELS)
    assert data.waste([[0, 1, 2]]) == pytest.approx(5 / 12)
    padded = data.collate([0, 1, 2])["dialogue"].present
    assert data.waste([[0, 1, 2]]) == pytest.approx(1 - padded.float().mean().item())


def test_inverse_sampling_brings_the_rare():
    features, table = make([4] * 400)
    data = Dialogues(features, table, table.index, LABELS)

    def share(items):
        drawn = [i for batch in items.batches(32, torch.Generator().manual_seed(0)) for i in batch]
        emotion = torch.cat([items.collate([i])["emotion"] for i in drawn])
        assert len(drawn) == len(items)
        return (emotion == 2).float().mean()

    assert share(data.sampled("inverse")) > 1.5 * share(data)
    assert data.sampling == "natural"


def test_bad_input_gets_one_line():
    features, table = make([3, 3])
    with pytest.raises(ProtocolError, match=r"1 turns have no vector \(d001-002\)"):
        short = {u: v for u, v in features.items() if u != "d001-002"}
        Dialogues(short, table, table.index, LABELS)
    with pytest.raises(ProtocolError, match=r"no emotion among .*neutral.*\(d000-001\)"):
        wrong = table.assign(emotion=["neutral", "envy", *["neutral"] * 4])
        Dialogues(features, wrong, wrong.index, LABELS)
    with pytest.raises(ProtocolError, match="sampling 'often': unknown"):
        Dialogues(features, table, table.index, LABELS).sampled("often")
