"""Splits of a corpus table into folds.

All of them are deterministic: folds come in the sorted order of what they hold out (sorted as
text), utterances in the table's order. A class that is absent from a train part is an error;
one that is absent from dev or test is allowed, and the leakage audit lists it.

``labels`` are the classes of the task; without it they are the emotions of the table. With
``labels=()``, for dimensional targets, emotions are not looked at.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from serlib.errors import ProtocolError
from serlib.protocols.checks import Labels, all_present, at_least_three, checked, some
from serlib.protocols.folds import Fold


def leave_one_speaker_out(table: pd.DataFrame, labels: Labels = None) -> list[Fold]:
    """One fold per speaker.

    Dev is the other speaker of the held-out speaker's session where that session has exactly two
    (so that nobody in train has talked to the test speaker), else the next speaker, cyclically.

    Raises:
        ProtocolError: fewer than three speakers, a speaker missing, a class absent from train.
    """
    labels = checked(table, "speaker", labels)
    speakers = at_least_three(table, "speaker", "leave-one-speaker-out")
    following = dict(zip(speakers, speakers[1:] + speakers[:1], strict=True))
    dev = {speaker: _partner(table, speaker) or following[speaker] for speaker in speakers}
    return [
        _fold(f"speaker-{one}", table, table["speaker"], [dev[one]], [one], labels)
        for one in speakers
    ]


def leave_one_session_out(table: pd.DataFrame, labels: Labels = None) -> list[Fold]:
    """One fold per session; dev is the next session, cyclically.

    Speaker-independent if nobody talks in two sessions, and text-independent only if no script is
    repeated (IEMOCAP repeats its scripts): the leakage audit shows both.

    Raises:
        ProtocolError: fewer than three sessions, a session missing, a class absent from train.
    """
    labels = checked(table, "session", labels)
    sessions = at_least_three(table, "session", "leave-one-session-out")
    return [
        _fold(f"session-{one}", table, table["session"], [dev], [one], labels)
        for one, dev in zip(sessions, sessions[1:] + sessions[:1], strict=True)
    ]


def grouped_k_fold(
    table: pd.DataFrame, k: int, seed: int, group: str = "speaker", labels: Labels = None
) -> list[Fold]:
    """K folds that keep each group whole and the classes balanced; dev is the next part.

    Args:
        table: the corpus table.
        k: number of parts, 3 or more: one tests, one tunes, the rest train.
        seed: of the shuffle (scikit-learn's ``StratifiedGroupKFold``).
        group: the column whose values stay together, e.g. speaker, session, dialogue or text.
        labels: the classes of the task.

    Raises:
        ProtocolError: k below 3, fewer groups than parts, a group missing, a class absent from
            train.
    """
    labels = checked(table, group, labels)
    if k < 3:
        raise ProtocolError(f"k={k}: train, dev and test need three parts; ask for k >= 3")
    parts = _grouped_parts(table, k, seed, group, labels)
    return [
        _fold(f"part-{i + 1}", table, table[group], parts[(i + 1) % k], parts[i], labels)
        for i in range(k)
    ]


def official_split(table: pd.DataFrame, labels: Labels = None) -> list[Fold]:
    """The corpus' own train/dev/test, as the only fold; dev is empty where the corpus has none.

    Raises:
        ProtocolError: an utterance without a split, no train or no test, a class absent from
            train.
    """
    labels = checked(table, "split", labels)
    unknown = sorted(set(table["split"]) - {"train", "dev", "test"})
    if unknown:
        raise ProtocolError(f"split: {unknown} is not train, dev or test; rename it in the table")
    fold = _fold("official", table, table["split"], ["dev"], ["test"], labels)
    if not fold.test:
        raise ProtocolError("split: no utterance is marked test; use another split")
    return [fold]


def cross_corpus(
    source: pd.DataFrame, target: pd.DataFrame, seed: int, k: int = 5, labels: Labels = None
) -> list[Fold]:
    """Train and tune on one corpus, test on the whole of another.

    The source is cut into ``min(k, speakers)`` parts with whole speakers; each is dev once and
    the rest train. To test models of leave-one-speaker-out unchanged on another corpus (DSNet's
    protocol) take their folds and ``dataclasses.replace(fold, test=tuple(target.index))``.

    Raises:
        ProtocolError: the corpora differ in their emotions, share utterance ids, or the source
            has fewer than two speakers.
    """
    labels = checked(source, "speaker", labels)
    checked(target, "emotion", None if labels else ())
    if labels and (alone := sorted(set(source["emotion"]) ^ set(target["emotion"]))):
        raise ProtocolError(
            f"emotions {alone} occur in only one of the two corpora; "
            "choose the shared ones in both with corpus.select(emotions=[...])"
        )
    if len(shared := source.index.intersection(target.index)):
        raise ProtocolError(
            f"{len(shared)} utterance ids are in both corpora ({some(shared)}); "
            "give one corpus a prefix"
        )
    parts = _grouped_parts(source, min(k, source["speaker"].nunique()), seed, "speaker", labels)
    both = pd.concat([source, target])
    part_of = {speaker: i for i, part in enumerate(parts) for speaker in part}
    role = pd.concat([source["speaker"].map(part_of), pd.Series(-1, index=target.index)])
    return [
        _fold(f"cross-{i + 1}", both, role, [i], [-1], labels, held_out="target corpus")
        for i in range(len(parts))
    ]


def label_fraction(
    table: pd.DataFrame, utterances: Iterable[str], fraction: float, seed: int
) -> tuple[str, ...]:
    """A share of the utterances, of each class alike, at least one per class.

    With the same seed a smaller share is contained in a larger one, so a learning curve changes
    one thing at a time.

    Args:
        table: the corpus table; its emotions are the classes.
        utterances: the utterances to choose from (a fold's train part).
        fraction: the share to keep, above 0 and at most 1; rounded per class.
        seed: of the choice.

    Returns:
        The kept utterances, in the order they were given.

    Raises:
        ProtocolError: a fraction outside (0, 1], or a class of the table without an example.
    """
    if not 0 < fraction <= 1:
        raise ProtocolError(f"fraction={fraction}: must be above 0 and at most 1")
    labels = checked(table, "emotion", None)
    utterances = list(utterances)
    emotion = table.loc[utterances, "emotion"]
    all_present(emotion, labels, "the utterances to choose from")
    shuffled = emotion.sample(frac=1, random_state=seed)
    by_class = shuffled.groupby(shuffled)
    size = (by_class.transform("size") * fraction).round().clip(lower=1)
    kept = set(shuffled.index[by_class.cumcount() < size])
    return tuple(one for one in utterances if one in kept)


def _partner(table: pd.DataFrame, speaker: str) -> str | None:
    """The one other speaker of this speaker's sessions, if there is exactly one."""
    if "session" not in table or table["session"].isna().any():
        return None
    sessions = table.loc[table["speaker"] == speaker, "session"]
    others = set(table.loc[table["session"].isin(sessions), "speaker"]) - {speaker}
    return others.pop() if len(others) == 1 else None


def _grouped_parts(
    table: pd.DataFrame, k: int, seed: int, group: str, labels: tuple[str, ...]
) -> list[list]:
    """The groups in k disjoint parts, stratified by emotion."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = table[group].nunique()
    if k < 2 or count < k:
        raise ProtocolError(f"{group}: {count} of them cannot make {max(k, 2)} parts; ask for less")
    classes = table["emotion"].to_numpy(object) if labels else np.zeros(len(table))
    groups = table[group].to_numpy(object)
    splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    try:
        parts = [sorted(set(groups[i])) for _, i in splitter.split(classes, classes, groups)]
    except ValueError as error:
        raise ProtocolError(f"{group}: cannot make {k} parts; {error}") from None
    if not all(parts):
        raise ProtocolError(f"{group}: {count} of them leave one of {k} parts empty; ask for less")
    return parts


def _fold(
    name: str,
    table: pd.DataFrame,
    by: pd.Series,
    dev: list,
    test: list,
    labels: tuple[str, ...],
    held_out: str | None = None,
) -> Fold:
    """The fold whose dev and test are the rows with these values of ``by``; train is the rest."""
    in_dev, in_test = by.isin(dev).to_numpy(), by.isin(test).to_numpy()
    train = table[~in_dev & ~in_test]
    if train.empty:
        raise ProtocolError(f"fold {name}: nothing is left to train on; use fewer parts")
    if labels:
        all_present(train["emotion"], labels, f"the train part of fold {name}")
    held_out = held_out or ", ".join(map(str, test))
    ids = (tuple(part.index) for part in (train, table[in_dev], table[in_test]))
    return Fold(name, *ids, held_out)
