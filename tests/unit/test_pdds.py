"""PDDS: from votes to counts, targets, mixtures and a training set."""

import numpy as np
import pandas as pd
import pytest

from serlib.errors import ParameterError, ProtocolError
from serlib.papers import pdds_data
from serlib.papers.pdds import fill_rare, plan, smoothed_counts
from serlib.papers.pdds_mixup import draw
from serlib.papers.pdds_votes import ambiguity, sample_counts, vote_shares

IEMOCAP = ["ang", "hap", "sad", "neu", "exc", "fru"]
CLEAR = pd.Series([337, 42, 279, 306, 152, 357], IEMOCAP)
# Pair; the two ambiguous bins; their targets, normalised and as printed, with happiness at 215.
PAIRS = """
ang hap 1 0 93 59 205 131
ang sad 10 20 102 88 227 195
ang neu 27 49 118 113 261 251
ang exc 10 0 97 44 214 98
ang fru 445 437 413 417 914 923
hap sad 8 33 72 94 158 207
hap neu 110 78 130 149 288 330
hap exc 241 306 252 246 557 544
hap fru 9 2 64 101 141 224
sad neu 169 95 179 173 396 383
sad exc 11 0 81 45 180 99
sad fru 191 119 195 204 432 451
neu exc 197 96 199 139 441 308
neu fru 460 288 371 354 820 784
exc fru 27 21 60 115 132 254
"""
ROWS = [line.split() for line in PAIRS.split("\n") if line]


def matrix(column):
    table = pd.DataFrame(0, IEMOCAP, IEMOCAP)
    for i, j, *numbers in ROWS:
        table.loc[i, j], table.loc[j, i] = map(int, numbers[column : column + 2])
    return table


AMBIGUOUS = matrix(0)


@pytest.mark.parametrize(("normalize", "column"), [(True, 2), (False, 4)])
def test_the_table_of_iemocap_to_the_unit(normalize, column):
    filled = fill_rare(CLEAR, 215)
    assert filled.to_dict() == {**CLEAR.to_dict(), "hap": 215}
    targets = smoothed_counts(filled, AMBIGUOUS, normalize=normalize)
    pd.testing.assert_frame_equal(targets, matrix(column))


@pytest.mark.parametrize(
    ("distribution", "total", "happy"),
    [("original", 3460, 42), ("rarest", 3460, 215), ("pdds", 4968, 215), ("uniform", 12142, 215)],
)
def test_the_totals_of_iemocap(distribution, total, happy):
    bins = plan(CLEAR, AMBIGUOUS, distribution, rare_target=215)
    after = bins["original"] + bins["made"]
    clear = bins["major"] == bins["minor"]
    assert after[~clear].sum() == total
    assert dict(zip(bins["major"], after[clear], strict=False))["hap"] == happy
    assert (bins["made"] >= 0).all()
    assert len(bins) == 6 + 30


def test_only_what_is_much_rarer_is_filled_and_up_to_the_smallest_other():
    assert fill_rare(CLEAR)["hap"] == 152
    even = pd.Series([10, 11, 12], list("abc"))
    assert fill_rare(even).equals(even)


VOTES = {
    "clear": {"ang": 3},
    "ambiguous": {"ang": 1, "fru": 2},
    "tie": {"ang": 2, "fru": 2},
    "three": {"ang": 1, "fru": 1, "sad": 1},
    "majority of three": {"ang": 3, "fru": 1, "sad": 1},
    "one rater": {"ang": 1},
    "outside": {"ang": 2, "disgust": 1},
    "zero is no vote": {"ang": 2, "disgust": 0},
    "none": {},
    "missing": np.nan,
}


def test_every_utterance_is_told_what_its_votes_make_of_it():
    kinds = ambiguity(VOTES, IEMOCAP)
    assert kinds["kind"].to_dict() == {
        "clear": "clear",
        "ambiguous": "ambiguous",
        "tie": "tie",
        "three": "three or more",
        "majority of three": "three or more",
        "one rater": "one rater",
        "outside": "outside",
        "zero is no vote": "clear",
        "none": "no votes",
        "missing": "no votes",
    }
    assert tuple(kinds.loc["ambiguous", ["major", "minor"]]) == ("fru", "ang")
    clear, ambiguous = sample_counts(kinds, IEMOCAP)
    assert clear.to_dict() == {"ang": 2, "hap": 0, "sad": 0, "neu": 0, "exc": 0, "fru": 0}
    assert ambiguous.loc["fru", "ang"] == ambiguous.to_numpy().sum() == 1


def test_targets_are_vote_shares():
    assert vote_shares({"ang": 1, "fru": 3}, ["ang", "fru"]).tolist() == [0.25, 0.75]
    assert vote_shares({"ang": 1, "disgust": 3}, ["ang", "fru"]).tolist() == [1, 0]
    assert vote_shares(np.nan, ["ang", "fru"], "fru").tolist() == [0, 1]
    assert vote_shares({"disgust": 1}, ["ang", "fru"], pd.NA) is None


@pytest.mark.parametrize("sigma", [0, -1, float("nan")])
def test_sigma_must_be_above_zero(sigma):
    with pytest.raises(ParameterError, match=r"sigma .*above 0"):
        smoothed_counts(CLEAR, AMBIGUOUS, sigma)


def test_counts_must_be_of_the_same_emotions():
    with pytest.raises(ProtocolError, match="must both be the emotions"):
        smoothed_counts(CLEAR, AMBIGUOUS.iloc[::-1])
    with pytest.raises(ProtocolError, match="negative"):
        smoothed_counts(-CLEAR, AMBIGUOUS)


def test_a_class_without_clear_samples_is_named():
    with pytest.raises(ProtocolError, match="'hap': no clear sample"):
        plan(CLEAR.where(CLEAR.index != "hap", 0), AMBIGUOUS)
    assert plan(CLEAR * 0, AMBIGUOUS, "original")["made"].sum() == 0
    with pytest.raises(ParameterError, match="distribution 'even'"):
        plan(CLEAR, AMBIGUOUS, "even")


def test_a_pair_with_all_bins_empty_stays_empty():
    two = pd.Series([0, 0, 5], ["a", "b", "c"])
    bins = plan(two[["a", "b"]], pd.DataFrame(0, ["a", "b"], ["a", "b"]))
    assert bins["target"].tolist() == [0, 0, 0, 0]


LABELS = ["ang", "sad"]


def small(clear_sad=3):
    votes = {f"a{i}": {"ang": 3} for i in range(6)}
    votes |= {f"s{i}": {"sad": 3} for i in range(clear_sad)}
    votes |= {"m0": {"ang": 2, "sad": 1}, "t0": {"ang": 1, "sad": 1}}
    emotion = ["ang"] * 6 + ["sad"] * clear_sad + ["ang", pd.NA]
    return pd.DataFrame({"votes": votes.values(), "emotion": emotion}, index=list(votes))


def features(table):
    rng = np.random.default_rng(0)
    audio = {u: rng.normal(size=(3 + i, 2)) for i, u in enumerate(table.index)}
    return {"audio": audio, "text": {u: rng.normal(size=5) for u in table.index}}


def test_the_training_set_keeps_every_original_and_mixes_all_modalities_alike():
    table = small()
    made = pdds_data.pdds(features(table), table, table.index, LABELS, p=0.7, rare_target=3)
    assert made.utterances == list(table.index)
    assert len(made) > len(table)
    for i, (first, second, p) in enumerate(made.mixtures, len(table)):
        item = made[i]
        for name, part in made.features.items():
            np.testing.assert_allclose(item[name], pdds_data.mix(part[first], part[second], p))
        major, minor = (LABELS.index(*table["votes"][u]) for u in (first, second))
        expected = np.zeros(2)
        expected[major] += p
        expected[minor] += 1 - p
        np.testing.assert_allclose(item["target"], expected)


def test_a_bin_gets_as_many_mixtures_as_planned_and_none_twice():
    table = small()
    kinds = ambiguity(table["votes"].to_dict(), LABELS)
    bins = plan(*sample_counts(kinds, LABELS), "uniform", uniform=10)
    mixtures = draw(bins, kinds, seed=1)
    counted = mixtures.groupby(["major", "minor"]).size()
    assert counted.to_dict() == {("ang", "sad"): 9, ("sad", "ang"): 10}
    assert not mixtures.duplicated(["first", "second"]).any()
    assert set(kinds.loc[[*mixtures["first"], *mixtures["second"]], "kind"]) == {"clear"}
    assert draw(bins, kinds, seed=1).equals(mixtures)
    assert not draw(bins, kinds, seed=2).equals(mixtures)


def test_a_rare_clear_class_is_mixed_with_itself_half_and_half():
    table = small(clear_sad=2)
    kinds = ambiguity(table["votes"].to_dict(), LABELS)
    clear, ambiguous = sample_counts(kinds, LABELS)
    bins = plan(clear, ambiguous, "rarest", rare_target=4)
    assert bins["made"].sum() == 0  # 2 is half the median of 6 and 2, not below it.
    bins.loc[1, "made"] = 3
    mixtures = draw(bins, kinds)
    assert mixtures["p"].eq(0.5).all()
    assert (mixtures["first"] != mixtures["second"]).all()


def test_one_clear_sample_cannot_be_mixed_with_itself():
    table = small(clear_sad=1)
    with pytest.raises(ProtocolError, match="only clear sample of its emotion"):
        pdds_data.pdds(features(table), table, table.index, LABELS, "rarest", rare_target=3)


@pytest.mark.parametrize("p", [0.49, 1.01, float("nan")])
def test_p_must_lie_between_a_half_and_one(p):
    table = small()
    with pytest.raises(ParameterError, match=r"must lie in \[0.5, 1\]"):
        pdds_data.pdds(features(table), table, table.index, LABELS, p=p)


def test_a_missing_modality_is_named():
    table = small()
    given = features(table)
    del given["text"]["s1"]
    with pytest.raises(ProtocolError, match=r"text: 1 of 11 utterances are missing, e\.g\. s1"):
        pdds_data.pdds(given, table, table.index, LABELS)


def test_dimensions_that_differ_cannot_be_mixed():
    with pytest.raises(ProtocolError, match=r"shapes \(2, 3\) and \(2, 4\)"):
        pdds_data.mix(np.zeros((2, 3)), np.zeros((2, 4)), 0.5)


def test_an_utterance_without_a_target_is_left_out_and_named():
    table = small()
    table.loc["x0"] = {"votes": {"disgust": 3}, "emotion": "disgust"}
    samples = pdds_data.Samples(features(table), table, table.index, LABELS)
    assert samples.left_out == ["x0"]
    assert len(samples) == len(table) - 1


def test_a_batch_is_padded_and_knows_its_lengths():
    table = small()
    samples = pdds_data.Samples(features(table), table, ["a0", "a4"], LABELS)
    batch = samples.collate([samples[0], samples[1]])
    audio, lengths = batch["features"]["audio"]
    assert audio.shape == (2, 7, 2) and lengths.tolist() == [3, 7]
    assert audio[0, 3:].abs().sum() == 0
    assert batch["features"]["text"][0].shape == (2, 1, 5)
    assert batch["emotion"].tolist() == [0, 0]


def test_features_are_scaled_by_the_training_part_alone():
    rng = np.random.default_rng(0)
    frames = {u: rng.normal(3, 5, (4, 2)) for u in "abc"}
    for u in frames:
        frames[u][:, 1] = 7  # a dimension that never moves
    scaled = pdds_data.Standardised(frames, ["a", "b"])
    train = np.concatenate([scaled["a"], scaled["b"]])
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(0), [1, 0], atol=1e-6)
    both = np.concatenate([frames["a"], frames["b"]])[:, 0]
    np.testing.assert_allclose(
        scaled["c"][:, 0], (frames["c"][:, 0] - both.mean()) / both.std(), 1e-5
    )
    assert list(scaled) == list(frames) and "d" not in scaled
