"""Dialogues that occur in two parts of a corpus, word for word."""

import pandas as pd

from serlib.errors import ProtocolError
from serlib.protocols.checks import complete
from serlib.protocols.leakage import normalise


def copied_turns(table: pd.DataFrame, of: str = "test", among: str = "train") -> pd.Series:
    """The turns of dialogues that another part of the corpus has as well, and their originals.

    Two dialogues are the same if all their turns are, in order, without regard to case,
    punctuation and spacing. A model that remembers its training dialogues knows these already;
    score it without them too.

    Args:
        table: the corpus table, with the columns split, dialogue, turn and text.
        of: the split whose dialogues are looked up, e.g. ``"test"``.
        among: the split that they are looked up in; ``of`` itself looks among earlier dialogues.

    Returns:
        Utterance of ``of`` → the same turn in ``among``, of its first dialogue with these words;
        only the copied ones, in the table's order.

    Raises:
        ProtocolError: a column is missing or has gaps, or there is no such split.
    """
    for column in ("split", "dialogue", "turn", "text"):
        complete(table, column, "copies are found in dialogues of text with splits")
    for split in (of, among):
        if split not in set(table["split"]):
            raise ProtocolError(f"split {split!r}: the table has none; choose train, dev or test")
    # Turns may be numbered from 0 or 1, with gaps; what counts is their order.
    turns = table.reset_index(names="utterance").sort_values(["dialogue", "turn"], kind="stable")
    turns["words"] = turns["text"].map(normalise)
    turns["place"] = turns.groupby("dialogue").cumcount()
    whole = turns.groupby("dialogue")["words"].agg(tuple)
    first = whole[turns.loc[turns["split"] == among, "dialogue"].unique()].drop_duplicates()
    original = pd.Series(first.index, index=pd.Index(first, tupleize_cols=False))
    mine = turns[turns["split"] == of]
    mine = mine.assign(original=whole[mine["dialogue"]].map(original).to_numpy())
    mine = mine[mine["original"].notna() & (mine["original"] != mine["dialogue"])]
    place = turns.set_index(["dialogue", "place"])["utterance"]
    found = place[pd.MultiIndex.from_frame(mine[["original", "place"]])].to_numpy()
    pairs = pd.Series(found, index=pd.Index(mine["utterance"], name="utterance"), name="original")
    return pairs[table.index[table.index.isin(pairs.index)]]
