"""Intervals and paired tests: against brute force, and on data whose truth is known."""

import warnings
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from serlib.errors import ProtocolError
from serlib.protocols import bootstrap, ccc, f1, mcc, paired, uar, wa

LABELS = ["anger", "neutral", "sadness"]
UAR = partial(uar, labels=LABELS)


def scored(seed=0, speakers=6, each=15, accuracy=0.6, seeds=None):
    """Predictions that are right with a chance that differs a lot between speakers."""
    rng = np.random.default_rng(seed)
    truth = np.tile(np.resize(LABELS, each), speakers)
    frame = pd.DataFrame({"truth": truth})
    frame["speaker"] = np.repeat([f"s{i}" for i in range(speakers)], each)
    frame["utterance"] = [f"u{i}" for i in range(len(frame))]
    if seeds:
        frame = pd.concat([frame.assign(seed=one) for one in range(seeds)], ignore_index=True)
    chance = np.clip(accuracy + rng.uniform(-0.35, 0.35, speakers), 0, 1)
    right = rng.random(len(frame)) < chance[frame["speaker"].str[1:].astype(int)]
    guess = rng.choice(LABELS, len(frame))
    return frame.assign(prediction=np.where(right, frame["truth"], guess))


def slow(metric):
    """The same metric in a form that cannot be computed on counts."""
    return lambda truth, prediction: metric(truth, prediction)


def test_the_interval_is_that_of_resampled_speakers():
    frame = scored()
    interval = bootstrap(frame, UAR, n=4000)
    assert interval.value == UAR(frame["truth"], frame["prediction"])
    truth, right = frame["truth"].to_numpy(), (frame["truth"] == frame["prediction"]).to_numpy()
    rows = np.arange(len(frame)).reshape(6, -1)  # each speaker's utterances
    rng, values = np.random.default_rng(99), []
    for _ in range(4000):
        drawn = rows[rng.integers(6, size=6)].ravel()
        values.append(np.mean([right[drawn][truth[drawn] == label].mean() for label in LABELS]))
    tail = norm.cdf(t.ppf(0.025, 5) * np.sqrt(6 / 5))
    expected = np.quantile(values, [tail, 1 - tail])
    assert [interval.low, interval.high] == pytest.approx(expected, abs=0.02)
    assert (interval.clusters, interval.redrawn) == (6, 0)


@pytest.mark.parametrize(
    "metric",
    [UAR, partial(wa, labels=LABELS), partial(mcc, labels=LABELS)]
    + [partial(f1, labels=LABELS, average=average) for average in ("macro", "micro", "weighted")]
    + [partial(f1, labels=LABELS, average="micro", without="neutral")],
)
def test_counts_and_rows_give_the_same(metric):
    a, b = scored(0, seeds=2), scored(1, seeds=2)
    fast, rows = (bootstrap(a, one, n=50) for one in (metric, slow(metric)))
    assert vars(fast) == pytest.approx(vars(rows))
    fast, rows = (paired(a, b, one, n=50) for one in (metric, slow(metric)))
    assert vars(fast) == pytest.approx(vars(rows))


def test_ccc_is_resampled_over_rows():
    rng = np.random.default_rng(0)
    frame = scored().assign(truth=rng.normal(size=90))
    frame["prediction"] = frame["truth"] + rng.normal(size=90)
    interval = bootstrap(frame, ccc, n=300)
    assert interval.low < interval.value == ccc(frame["truth"], frame["prediction"])
    assert interval.value < interval.high < 1
    against_nothing = paired(frame, frame.assign(prediction=0.0), ccc, n=100)
    assert against_nothing.difference == pytest.approx(interval.value)


def test_draws_depend_on_the_seed_and_not_on_row_order():
    frame = scored(speakers=10)
    interval = bootstrap(frame, UAR, n=500)
    assert bootstrap(frame.sample(frac=1, random_state=1), UAR, n=500) == interval
    assert bootstrap(frame, UAR, n=500, seed=1) != interval
    narrow = bootstrap(frame, UAR, n=500, level=0.5)
    assert interval.low < narrow.low < narrow.value < narrow.high < interval.high


def test_seeds_add_no_independent_tests():
    """Ten copies of the same predictions say no more than one."""
    frame = scored()
    copies = pd.concat([frame.assign(seed=seed) for seed in range(10)])
    once, often = bootstrap(frame, UAR), bootstrap(copies, UAR)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    other = scored(1)
    others = pd.concat([other.assign(seed=seed) for seed in range(10)])
    assert paired(copies, others, UAR).p == paired(frame, other, UAR).p


def test_a_format_shows_all_three():
    interval = bootstrap(scored(), UAR)
    assert f"{interval:.2f}" == f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


@pytest.mark.parametrize("metric", [UAR, slow(UAR)])
def test_resamples_that_lose_a_class_are_drawn_again(metric):
    frame = scored(each=12)
    rare = frame["truth"].eq("sadness") & frame["speaker"].ne("s0")
    frame.loc[rare, "truth"] = "anger"
    with pytest.warns(UserWarning, match=r"missed a class.* occurs in 1 of 6 speakers"):
        interval = bootstrap(frame, metric, n=1000)
    # (5/6)^6 = 0.335 of the draws miss the one speaker.
    assert interval.redrawn / (1000 + interval.redrawn) == pytest.approx(0.335, abs=0.05)


def test_a_class_absent_from_the_whole_is_still_an_error():
    frame = scored().replace({"truth": {"sadness": "anger"}})
    with pytest.raises(ProtocolError, match="sadness: never occurs"):
        bootstrap(frame, UAR)
    with pytest.warns(UserWarning, match="sadness: never occurs") as seen:
        value = bootstrap(frame, partial(UAR, absent="ignore")).value
    assert len(seen) == 1
    assert value == np.mean([(p == c).mean() for c, p in frame.groupby("truth")["prediction"]])


def test_classes_of_one_speaker_each_cannot_be_resampled():
    labels = [f"c{i}" for i in range(8)]
    frame = pd.DataFrame({"truth": labels, "prediction": labels, "speaker": labels})
    with pytest.raises(ProtocolError, match="fewer than 1 %"):
        bootstrap(frame, partial(uar, labels=labels), n=200)


def test_a_metric_that_is_not_a_number_is_refused():
    with pytest.raises(ProtocolError, match="NaN or infinite on 20 of 20"):
        bootstrap(scored(), lambda truth, prediction: float("nan"), n=20)


def test_p_is_the_share_of_all_swaps_by_brute_force():
    a, b = scored(2, speakers=5), scored(3, speakers=5, accuracy=0.4)
    truth, speaker = a["truth"], a["speaker"].str[1:].astype(int).to_numpy()
    observed = UAR(truth, a["prediction"]) - UAR(truth, b["prediction"])
    extreme = 0
    for pattern in product([False, True], repeat=5):
        swap = np.array(pattern)[speaker]
        one = np.where(swap, b["prediction"], a["prediction"])
        other = np.where(swap, a["prediction"], b["prediction"])
        extreme += abs(UAR(truth, one) - UAR(truth, other)) >= abs(observed) - 1e-12
    found = paired(a, b, UAR)
    assert (found.difference, found.p) == (pytest.approx(observed), extreme / 32)
    assert (found.clusters, found.smallest_p) == (5, 2 / 32)
    back = paired(b, a, UAR)
    assert (back.difference, back.p) == (-found.difference, found.p)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low), abs=0.02)


@pytest.mark.parametrize(("speakers", "smallest"), [(5, 2 / 32), (12, 2 / 4096), (20, 1 / 1001)])
def test_the_smallest_p_is_reached_and_not_passed(speakers, smallest):
    a = scored(speakers=speakers)
    found = paired(a.assign(prediction=a["truth"]), a.assign(prediction="anger"), UAR, n=1000)
    assert found.smallest_p == smallest
    assert found.p == smallest
    same = paired(a, a, UAR)
    assert (same.difference, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_random_swaps_agree_with_all_swaps(monkeypatch):
    a, b = scored(4, speakers=8), scored(7, speakers=8, accuracy=0.5)
    exact = paired(a, b, UAR).p
    monkeypatch.setattr("serlib.protocols.resampling.EXACT_UP_TO", 1)
    assert 0.02 < exact < 0.98
    assert paired(a, b, UAR, n=5000).p == pytest.approx(exact, abs=0.03)


def test_frames_are_matched_by_utterance_and_seed():
    a, b = scored(0, seeds=3), scored(1, seeds=3)
    assert paired(a, b.sample(frac=1, random_state=0), UAR) == paired(a, b, UAR)


def unlike(b, kind):
    changes = {
        "missing": lambda: b.drop(index=[4, 7]),
        "seed": lambda: b.assign(seed=b["seed"] + 1),
        "no seed": lambda: b[b["seed"] == 0].drop(columns="seed"),
        "twice": lambda: pd.concat([b, b.loc[[4]]]),
        "truth": lambda: b.assign(truth=b["truth"].where(b.index != 4, "sadness")),
        "speaker": lambda: b.assign(speaker=b["speaker"].where(b.index != 4, "s9")),
        "gap": lambda: b.assign(speaker=b["speaker"].where(b.index != 4)),
        "no utterance": lambda: b.drop(columns="utterance"),
    }
    return changes[kind]()


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("missing", r"2 rows by utterance, seed are in only one of the frames.*u4"),
        ("seed", "180 rows by utterance, seed are in only one"),
        ("no seed", "give both the column utterance, and fold and seed alike"),
        ("twice", r"utterances occur twice by utterance, seed \(u4\)"),
        ("truth", r"truth differs between the frames \(\('u4', 0\)\)"),
        ("speaker", r"speaker differs between the frames \(\('u4', 0\)\)"),
        ("gap", "speaker: 1 of 180 utterances have none"),
        ("no utterance", "give both the column utterance"),
    ],
)
def test_unlike_frames_are_refused(kind, match):
    a, b = scored(0, seeds=2), scored(1, seeds=2)
    for pair in ((a, unlike(b, kind)), (unlike(b, kind), a)):
        with pytest.raises(ProtocolError, match=match) as caught:
            paired(*pair, UAR)
        assert "\n" not in str(caught.value)


def test_bad_frames_are_refused():
    frame = scored()
    with pytest.raises(ProtocolError, match="speaker: 1 of them; an interval needs two"):
        bootstrap(frame[frame["speaker"] == "s0"], UAR)
    with pytest.raises(ProtocolError, match="dialogue: the table has no such column"):
        bootstrap(frame, UAR, cluster="dialogue")
    with pytest.raises(ProtocolError, match=r"twice by utterance \(u0, u1, u2, \.\.\.\)"):
        bootstrap(pd.concat([frame, frame]), UAR)
    with pytest.raises(ProtocolError, match="prediction: 90 of 90"):
        bootstrap(frame.assign(prediction=None), UAR)


def strong(rng, speakers=12, each=30):
    """Two classes; each speaker's recalls are drawn from Beta(2, 2), so the true UAR is 0.5."""
    truth = np.tile(["anger", "neutral"], speakers * each // 2)
    recall = rng.beta(2, 2, (speakers, 2)).repeat(each // 2, 0).ravel()
    wrong = np.where(truth == "anger", "neutral", "anger")
    frame = pd.DataFrame({"truth": truth, "utterance": np.arange(len(truth))})
    frame["speaker"] = np.repeat(np.arange(speakers), each)
    return frame.assign(prediction=np.where(rng.random(len(truth)) < recall, truth, wrong))


TWO = partial(uar, labels=["anger", "neutral"])


def coverage(cluster, runs, n):
    """How often the 95 % interval of ten speakers contains the true value."""
    rng = np.random.default_rng(5)
    found = (bootstrap(strong(rng, 10), TWO, cluster, n, seed) for seed in range(runs))
    return np.mean([interval.low <= 0.5 <= interval.high for interval in found])


def test_clustered_intervals_cover_and_plain_ones_do_not():
    assert coverage("speaker", 300, 1000) == pytest.approx(0.95, abs=0.03)
    assert coverage("utterance", 60, 200) < 0.8


def test_p_is_uniform_for_like_systems_and_small_for_unlike_ones():
    rng = np.random.default_rng(1)
    p = np.array([paired(strong(rng, 9), strong(rng, 9), TWO, n=20).p for _ in range(300)])
    for level in (0.05, 0.1, 0.25, 0.5, 0.75):
        assert np.mean(p <= level) == pytest.approx(
            level, abs=3.5 * np.sqrt(level * (1 - level) / 300)
        )
    # Utterances as clusters see differences everywhere.
    pairs = ((strong(rng, 9), strong(rng, 9)) for _ in range(30))
    assert np.mean([paired(*pair, TWO, "utterance", n=200).p < 0.05 for pair in pairs]) > 0.2
    a = strong(rng, 10)
    better = a["prediction"].where(rng.random(len(a)) < 0.7, a["truth"])
    assert paired(a.assign(prediction=better), a, TWO).p < 0.01


def test_no_warning_on_ordinary_input():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bootstrap(scored(), UAR, n=50)
        paired(scored(), scored(1), UAR, n=50)
