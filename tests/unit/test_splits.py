"""Splits: who is where, in which order, and what is refused."""

import subprocess
import sys
from dataclasses import FrozenInstanceError
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from serlib.errors import ProtocolError
from serlib.protocols import (
    cross_corpus,
    grouped_k_fold,
    label_fraction,
    leave_one_session_out,
    leave_one_speaker_out,
    official_split,
)

EMOTIONS = ["anger", "happiness", "neutral", "sadness"]


def corpus(seed=0, speakers=10, per_speaker=24, dyadic=True, prefix="u"):
    """Speakers a, b, ... in sessions of two, every emotion at every speaker, in mixed order."""
    rng = np.random.default_rng(seed)
    names = [chr(ord("a") + i) for i in range(speakers)]
    speaker = np.repeat(names, per_speaker)
    table = pd.DataFrame({"speaker": speaker, "split": pd.NA})
    table["session"] = [f"s{names.index(one) // 2}" if dyadic else pd.NA for one in speaker]
    table["emotion"] = np.tile(EMOTIONS, len(table) // 4)
    table = table.sample(frac=1, random_state=int(rng.integers(1000)))
    table.index = pd.Index([f"{prefix}{i}" for i in range(len(table))], name="utterance")
    return table


def values(table, part, column):
    return set(table.loc[list(part), column])


def assert_partition(fold, table, column):
    """Every utterance in one part, in the table's order; no value of the column in two parts."""
    used = [one for part in fold.parts.values() for one in part]
    assert sorted(used) == sorted(table.index)
    for part in fold.parts.values():
        assert list(part) == [one for one in table.index if one in set(part)]
    for one, other in combinations(fold.parts.values(), 2):
        assert not values(table, one, column) & values(table, other, column)


def test_speakers_of_a_dyad_go_to_test_and_dev():
    table = corpus()
    folds = leave_one_speaker_out(table)
    assert [fold.held_out for fold in folds] == list("abcdefghij")
    for fold in folds:
        assert_partition(fold, table, "speaker")
        assert values(table, fold.test, "speaker") == {fold.held_out}
        session = values(table, fold.test, "session")
        assert values(table, fold.dev, "session") == session
        assert not values(table, fold.train, "session") & session
        assert len(values(table, fold.train, "speaker")) == 8


def test_without_dyads_dev_is_the_next_speaker_cyclically():
    expected = dict(zip("abcde", "bcdea", strict=True))
    alone = corpus(speakers=5, dyadic=False)
    crowd = alone.assign(session="s0")
    for table in (alone, crowd, alone.drop(columns="session")):
        for fold in leave_one_speaker_out(table):
            assert_partition(fold, table, "speaker")
            assert values(table, fold.dev, "speaker") == {expected[fold.held_out]}


def test_sessions_take_turns():
    table = corpus()
    folds = leave_one_session_out(table)
    assert [fold.name for fold in folds] == [f"session-s{i}" for i in range(5)]
    for i, fold in enumerate(folds):
        assert_partition(fold, table, "session")
        assert values(table, fold.test, "session") == {f"s{i}"}
        assert values(table, fold.dev, "session") == {f"s{(i + 1) % 5}"}


@pytest.mark.parametrize("group", ["speaker", "session"])
def test_grouped_k_fold_tests_everyone_once(group):
    for seed in range(5):
        table = corpus(seed)
        folds = grouped_k_fold(table, 5, seed, group)
        for fold, following in zip(folds, folds[1:] + folds[:1], strict=True):
            assert_partition(fold, table, group)
            assert fold.dev == following.test
        assert sorted(one for fold in folds for one in fold.test) == sorted(table.index)


def test_grouped_k_fold_stratifies():
    # Speakers a-e are angry, f-j sad: every part should have one of each.
    table = corpus()
    table["emotion"] = np.where(table["speaker"] < "f", "anger", "sadness")
    for seed in range(10):
        for fold in grouped_k_fold(table, 5, seed):
            assert table.loc[list(fold.test), "emotion"].value_counts().to_list() == [24, 24]


def test_splits_are_deterministic_and_the_seed_matters():
    table = corpus()
    assert grouped_k_fold(table, 5, 1) == grouped_k_fold(table, 5, 1)
    assert len({grouped_k_fold(table, 5, seed)[0].held_out for seed in range(5)}) > 1
    shuffled = table.sample(frac=1, random_state=0)
    for split in (leave_one_speaker_out, lambda t: grouped_k_fold(t, 5, 3)):
        for one, other in zip(split(table), split(shuffled), strict=True):
            assert one.held_out == other.held_out and set(one.dev) == set(other.dev)


def test_a_fold_is_frozen():
    fold = leave_one_speaker_out(corpus())[0]
    with pytest.raises(FrozenInstanceError):
        fold.train = ()
    assert all(isinstance(part, tuple) for part in fold.parts.values())


def test_official_split():
    table = corpus()
    table["split"] = ["train"] * 200 + ["dev"] * 20 + ["test"] * 20
    (fold,) = official_split(table)
    assert (len(fold.train), len(fold.dev), len(fold.test)) == (200, 20, 20)
    assert fold.test == tuple(table.index[220:])
    (fold,) = official_split(table.replace({"split": {"dev": "train"}}))
    assert fold.dev == ()


@pytest.mark.parametrize(
    ("split", "match"),
    [
        ([pd.NA] * 240, "240 of 240 utterances have none"),
        (["train"] * 239 + [pd.NA], "split: 1 of 240"),
        (["train"] * 240, "no utterance is marked test"),
        (["test"] * 240, "nothing is left to train on"),
        (["train"] * 200 + ["valid"] * 40, "'valid'"),
    ],
)
def test_official_split_refuses(split, match):
    table = corpus()
    table["split"] = pd.Series(split, index=table.index, dtype=object)
    with pytest.raises(ProtocolError, match=match):
        official_split(table)


def test_cross_corpus_tests_the_whole_target():
    source, target = corpus(0), corpus(1, speakers=4, prefix="v")
    folds = cross_corpus(source, target, seed=0)
    assert len(folds) == 5
    for fold in folds:
        assert fold.test == tuple(target.index)
        assert sorted(fold.train + fold.dev) == sorted(source.index)
        assert not values(source, fold.train, "speaker") & values(source, fold.dev, "speaker")
    assert sorted(one for fold in folds for one in fold.dev) == sorted(source.index)
    assert cross_corpus(source, target, 0) == folds != cross_corpus(source, target, 1)


def test_cross_corpus_refuses_what_does_not_match():
    source, target = corpus(0), corpus(1, prefix="v")
    with pytest.raises(ProtocolError, match=r"\['calm', 'sadness'\] occur in only one"):
        cross_corpus(source, target.replace("sadness", "calm"), 0)
    with pytest.raises(ProtocolError, match="240 utterance ids are in both"):
        cross_corpus(source, corpus(1), 0)
    with pytest.raises(ProtocolError, match="1 of them cannot make 2 parts"):
        cross_corpus(source[source["speaker"] == "a"], target, 0)


def test_label_fraction_is_stratified_nested_and_keeps_every_class():
    table = corpus()
    fold = leave_one_speaker_out(table)[0]
    previous = set()
    for fraction in (0.001, 0.05, 0.1, 0.5, 1):
        kept = label_fraction(table, fold.train, fraction, seed=3)
        count = table.loc[list(kept), "emotion"].value_counts()
        expected = max(1, round(48 * fraction))
        assert (count == expected).all() and len(count) == 4
        assert previous <= set(kept) <= set(fold.train)
        assert list(kept) == [one for one in fold.train if one in set(kept)]
        previous = set(kept)
    assert kept == fold.train
    assert label_fraction(table, fold.train, 0.1, 3) == label_fraction(table, fold.train, 0.1, 3)
    assert label_fraction(table, fold.train, 0.1, 3) != label_fraction(table, fold.train, 0.1, 4)


def test_label_fraction_refuses():
    table = corpus()
    without = table.index[table["emotion"] != "sadness"]
    with pytest.raises(ProtocolError, match="sadness: no example in the utterances"):
        label_fraction(table, without, 0.5, 0)
    for fraction in (0, -1, 1.1):
        with pytest.raises(ProtocolError, match="above 0 and at most 1"):
            label_fraction(table, table.index, fraction, 0)


def test_a_class_absent_from_train_is_named():
    table = corpus(dyadic=False)
    table.loc[table["emotion"].eq("sadness") & table["speaker"].ne("d"), "emotion"] = "anger"
    with pytest.raises(ProtocolError, match=r"sadness: no example in the train part .*speaker-c"):
        leave_one_speaker_out(table)
    with pytest.raises(ProtocolError, match="fear: no example"):
        leave_one_speaker_out(corpus(), labels=[*EMOTIONS, "fear"])


def test_a_class_absent_from_dev_or_test_is_allowed():
    table = corpus(dyadic=False)
    table.loc[table["emotion"].eq("sadness") & table["speaker"].eq("d"), "emotion"] = "anger"
    fold = leave_one_speaker_out(table)[3]
    assert "sadness" not in values(table, fold.test, "emotion")


SPLITS = [
    leave_one_speaker_out,
    leave_one_session_out,
    lambda t, **k: grouped_k_fold(t, 3, 0, **k),
    lambda t, **k: cross_corpus(t, corpus(9, prefix="v"), 0, **k),
]


@pytest.mark.parametrize("split", SPLITS)
def test_every_split_refuses_an_unselected_table(split):
    table = corpus()
    table.loc["u7", "emotion"] = pd.NA
    with pytest.raises(ProtocolError, match=r"1 of 240 .*\(u7\).*corpus.select\(emotions="):
        split(table)
    with pytest.raises(ProtocolError, match=r"'sadness'\] are in the table but not in labels"):
        split(corpus(), labels=EMOTIONS[:3])
    with pytest.raises(ProtocolError, match="no utterances"):
        split(corpus().iloc[:0])
    with pytest.raises(ProtocolError, match=r"twice \(u0\)"):
        split(pd.concat([corpus(), corpus().loc[["u0"]]]))


@pytest.mark.parametrize("split", [s for s in SPLITS if s is not leave_one_session_out])
def test_an_unknown_speaker_is_refused(split):
    table = corpus()
    table.loc[["u3", "u5"], "speaker"] = pd.NA
    with pytest.raises(ProtocolError, match=r"speaker: 2 of 240 utterances have none \(u3, u5\)"):
        split(table)


def test_too_few_to_leave_one_out():
    one = corpus(speakers=1)
    with pytest.raises(ProtocolError, match=r"three speakers or more.*the table has 1 \(a\)"):
        leave_one_speaker_out(one)
    with pytest.raises(ProtocolError, match="the table has 2"):
        leave_one_session_out(corpus(speakers=4))
    with pytest.raises(ProtocolError, match="session: 240 of 240 utterances have none"):
        leave_one_session_out(corpus(dyadic=False))
    with pytest.raises(ProtocolError, match="10 of them cannot make 11 parts"):
        grouped_k_fold(corpus(), 11, 0)
    with pytest.raises(ProtocolError, match="k=2"):
        grouped_k_fold(corpus(), 2, 0)
    with pytest.raises(ProtocolError, match="cannot make 5 parts"):
        grouped_k_fold(corpus(per_speaker=4, speakers=5).iloc[::5], 5, 0)


def test_dimensional_targets_need_no_emotion():
    table = corpus().assign(emotion=pd.NA)
    for split in (leave_one_speaker_out, lambda t, **k: grouped_k_fold(t, 3, 0, **k)):
        for fold in split(table, labels=()):
            assert_partition(fold, table, "speaker")


def test_the_package_loads_its_names_on_use():
    code = "import sys, serlib.protocols as p; assert 'pandas' not in sys.modules; "
    code += "assert all(hasattr(p, name) for name in p.__all__); assert not hasattr(p, 'nothing')"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.real
@pytest.mark.parametrize(("name", "speakers"), [("emodb", 10), ("ravdess", 24)])
def test_real_corpora_split_by_speaker(real_root, name, speakers):
    from serlib.corpora import load_corpus

    table = load_corpus(name, real_root / "corpora" / name).table
    folds = leave_one_speaker_out(table)
    assert len(folds) == speakers
    for fold in folds:
        assert_partition(fold, table, "speaker")
