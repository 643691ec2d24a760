"""Splits to hold a result against: at random, or with nothing in common but the classes.

Nothing is chosen on them, so they have no dev part and train on all that may be trained on.
"""

from collections.abc import Sequence

import pandas as pd

from serlib.errors import ProtocolError
from serlib.protocols.checks import Labels, all_present, checked
from serlib.protocols.folds import Fold
from serlib.protocols.leakage import normalise


def random_k_fold(table: pd.DataFrame, k: int, seed: int, labels: Labels = None) -> list[Fold]:
    """K folds of single utterances, balanced by class: whoever speaks in test speaks in train.

    To show how much this flatters; not to report.

    Args:
        table: the corpus table.
        k: number of parts, 2 or more; each is the test part once.
        seed: of the shuffle (scikit-learn's ``StratifiedKFold``).
        labels: the classes of the task.

    Raises:
        ProtocolError: k below 2, or a class with fewer than k utterances.
    """
    from sklearn.model_selection import StratifiedKFold

    checked(table, "emotion", labels)
    rarest = table["emotion"].value_counts()
    if k < 2 or rarest.min() < k:
        raise ProtocolError(
            f"k={k}: the rarest class ({rarest.idxmin()}) has {rarest.min()} utterances; "
            "take k from 2 to that"
        )
    cuts = StratifiedKFold(k, shuffle=True, random_state=seed)
    parts = cuts.split(table.index, table["emotion"].to_numpy(object))
    pairs = [[tuple(table.index[rows]) for rows in part] for part in parts]
    return [
        Fold(f"random-{i + 1}", train, (), test, "at random")
        for i, (train, test) in enumerate(pairs)
    ]


def leave_out(table: pd.DataFrame, columns: Sequence[str], labels: Labels = None) -> list[Fold]:
    """Folds whose train part shares no value of any of these columns with the test part.

    One fold for each combination of values that occurs. ``["speaker"]`` leaves one speaker out,
    ``["text"]`` one sentence (compared as `audit` does), ``["speaker", "text"]`` tests a speaker
    on a sentence after training on others' other sentences; what shares only one of the two is in
    no part.

    Raises:
        ProtocolError: a column missing, or a train part that lacks a class.
    """
    for column in columns:
        classes = checked(table, column, labels)
    keys = table[list(columns)].astype(object)
    if "text" in keys:
        keys["text"] = keys["text"].map(normalise)
    folds = []
    for values, test in keys.groupby(list(columns)):
        name = " / ".join(map(str, values))
        train = table.index[(keys != list(values)).all(axis=1)]
        all_present(table.loc[train, "emotion"], classes, f"the train part of fold {name}")
        folds.append(Fold(name, tuple(train), (), tuple(test.index), name))
    return folds
