"""Comparing a copy's totals with those that its makers published."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd


@cache
def _published() -> dict[str, list[dict]]:
    import yaml

    path = Path(__file__).with_name("published.yml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def totals(table: pd.DataFrame, labels: Sequence[str]) -> dict[str, int]:
    """Count a table of utterances: what there is of each thing that a corpus may publish.

    Returns:
        ``utterances``, ``speakers``, ``sessions``, ``dialogues``, ``split train`` … and
        ``emotion anger`` … (each of ``labels``) → count. What a corpus does not name counts 0.
    """
    emotions = table["emotion"].value_counts()
    return {
        "utterances": len(table),
        **{f"{name}s": int(table[name].nunique()) for name in ("speaker", "session", "dialogue")},
        **{f"split {name}": int(n) for name, n in table["split"].value_counts().items()},
        **{f"emotion {label}": int(emotions.get(label, 0)) for label in labels},
    }


def compare(
    name: str,
    labels: Sequence[str],
    here: Mapping[str, int],
    editions: Sequence[Mapping] | None = None,
) -> dict | None:
    """Compare a copy's totals with the published ones.

    Where several editions were published (releases, choices of labels), those for other labels are
    left aside, and of the rest the one with the fewest differences counts; of two, the one whose
    number of utterances is nearer.

    Args:
        name: the corpus.
        labels: the emotions it tells apart.
        here: the copy's, as ``totals`` counts them.
        editions: what was published, as in ``published.yml``; None means that file's entry.

    Returns:
        ``source`` and ``differences``: a list of ``total``, ``here`` and ``published``, which is
        empty if all are equal. None if nothing is known of this corpus with these labels.
    """
    editions = _published().get(name, []) if editions is None else editions
    found = [
        {"source": edition["source"], "differences": _differences(edition, here)}
        for edition in editions
        if set(edition.get("labels", labels)) == set(labels)
    ]
    return min(found, key=_distance, default=None)


def _differences(edition: Mapping, here: Mapping[str, int]) -> list[dict]:
    published = {key: value for key, value in edition.items() if isinstance(value, int)}
    for group, item in {"splits": "split", "emotions": "emotion"}.items():
        published |= {f"{item} {key}": n for key, n in edition.get(group, {}).items()}
    return [
        {"total": total, "here": here.get(total, 0), "published": n}
        for total, n in published.items()
        if here.get(total, 0) != n
    ]


def _distance(found: Mapping) -> tuple[int, int]:
    gaps = {d["total"]: abs(d["here"] - d["published"]) for d in found["differences"]}
    return len(gaps), gaps.get("utterances", 0)


def lines(found: Mapping | None) -> list[str]:
    """Return one line for each total that differs, or one that says that none does."""
    if found is None:
        return []
    if not found["differences"]:
        return [f"totals: as published ({found['source']})"]
    return [
        f"{d['total']}: {d['here']} here, {d['published']} published ({found['source']})"
        for d in found["differences"]
    ]
