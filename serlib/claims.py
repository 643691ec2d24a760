"""The claims ledger: what a paper states, how it was tested, the verdict, and the evidence.

``book/claims/<paper>.yml`` holds the claims; their evidence are records below
``book/results/<paper>``. Our number is computed from those records, never typed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serlib import record_json, results
from serlib.environment import repository
from serlib.errors import RecordError
from serlib.evidence import Measured, measured

if TYPE_CHECKING:
    import pandas as pd

#: Verdicts that rest on something measured; the other two name what is missing.
MEASURED = ("reproduced", "not reproduced", "contradicted")
VERDICTS = (*MEASURED, "needs data", "needs weights")


@dataclass(frozen=True)
class Claim:
    """A row of the ledger.

    Attributes:
        value: what the paper states, in ``unit``; None for a relation.
        records: patterns of evidence files, relative to ``book/results/<paper>``.
        evidence: the files that match them.
        measure: how our number follows from the evidence (see ``serlib/schemas/claims.json``).
        command: what would test it, for ``needs data`` and ``needs weights``.
    """

    id: str
    text: str
    value: float | None
    unit: str
    protocol: str
    verdict: str
    records: tuple[str, ...]
    evidence: tuple[Path, ...]
    measure: dict | None = None
    command: str | None = None
    note: str = ""


def load_claims(paper: str, book: Path | None = None) -> list[Claim]:
    """Read a paper's ledger and check it, evidence included.

    Args:
        paper: the ledger's name, e.g. ``"dsnet"``.
        book: the book's folder; by default the repository's.

    Raises:
        RecordError: no such ledger, a malformed field, an id listed twice, a measured verdict
            without a valid record, or a missing one without a command.
    """
    book = repository() / "book" if book is None else book
    path = book / "claims" / f"{paper}.yml"
    data = _ledger(path)
    if data["paper"] != paper:
        raise RecordError(f"{path}: field paper: {data['paper']!r}; it must be {paper!r}")
    folder = book / "results" / paper
    claims = [_claim(entry, folder, path) for entry in data["claims"]]
    names = [claim.id for claim in claims]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RecordError(f"{path}: {', '.join(twice)}: listed twice; make the ids unique")
    return claims


def claims_table(paper: str, book: Path | None = None) -> "pd.DataFrame":
    """Return a paper's claims as a chapter shows them.

    Returns:
        Indexed by ``id``: ``claim``, ``paper`` (its value), ``ours`` (value and interval from the
        records), ``protocol``, ``verdict``, ``evidence`` (the records, or the command to run).
    """
    import pandas as pd

    claims = load_claims(paper, book)
    rows = [
        {
            "id": claim.id,
            "claim": claim.text,
            "paper": "" if claim.value is None else _number(claim.value, claim.unit),
            "ours": _ours(measured(claim), claim.unit),
            "protocol": claim.protocol,
            "verdict": claim.verdict,
            "evidence": ", ".join(claim.records) or claim.command,
        }
        for claim in claims
    ]
    return pd.DataFrame(rows).set_index("id")


def _ledger(path: Path) -> dict:
    import yaml

    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.yml"))) or "none"
        raise RecordError(f"{path}: no such ledger; there are: {there}")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise RecordError(f"{path}: not YAML ({reason}); mind quotes and indentation") from error
    record_json.validate(data, "claims", path, "correct the ledger")
    return data


def _claim(entry: dict, folder: Path, path: Path) -> Claim:
    where = f"{path}: {entry['id']}"
    evidence = []
    for pattern in entry["records"]:
        files = sorted(folder.glob(pattern))
        if not files:
            raise RecordError(f"{where}: no record matches {pattern}; run it or change the verdict")
        evidence += [file for file in files if file not in evidence]
    for file in evidence:
        results.read(file)
    if entry["verdict"] in MEASURED and not evidence:
        raise RecordError(
            f"{where}: the verdict {entry['verdict']!r} has no record; name its records, or say "
            "what it needs"
        )
    if entry["verdict"] not in MEASURED and "command" not in entry:
        raise RecordError(
            f"{where}: {entry['verdict']!r} has no command; give the one that tests it"
        )
    return Claim(**entry | {"records": tuple(entry["records"]), "evidence": tuple(evidence)})


def _number(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".strip()


def _ours(found: Measured | None, unit: str) -> str:
    if found is None:
        return ""
    if found.low == found.high:
        return _number(found.value, unit)
    interval = f"{found.value:.4g} [{found.low:.4g}, {found.high:.4g}] {unit}".strip()
    return interval if found.p is None else f"{interval}, p = {found.p:.2g}"
