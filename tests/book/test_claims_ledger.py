"""Every ledger of the book holds all of its paper's claims, their values, and their evidence."""

from pathlib import Path

import pytest

from serlib.claims import claims_table, load_claims
from serlib.corpora import list_corpora
from serlib.evidence import allowed_verdicts

BOOK = Path(__file__).parents[2] / "book"
RESULTS = sorted((BOOK / "results").rglob("*.json"))
LEDGERS = sorted(path.stem for path in (BOOK / "claims").glob("*.yml"))

# What the papers state, typed a second time here so that a slip in a ledger cannot pass.
STATED = {
    "dsnet": {
        "DS-1": 58.82,
        "DS-2": 51.48,
        "DS-3": 41.78,
        "DS-4": 39.73,
        "DS-5": 56.13,
        "DS-6": 1.22,
        "DS-7": 1.63,
        "DS-8": 3.95,
        "DS-9": None,
    },
    "pairwise_cl": {
        "PC-1": 10,
        "PC-2": None,
        "PC-3": 3,
        "PC-4": 8,
        "PC-5": None,
        "PC-6": None,
    },
    "casn": {
        "CA-1": 57.71,
        "CA-2": 57.75,
        "CA-3": 0.49,
        "CA-4": None,
        "CA-5": None,
        "CA-6": None,
        "CA-7": None,
        "CA-8": None,
    },
    "pdds_cltnet": {
        "PD-1": 58.2,
        "PD-2": 44.9,
        "PD-3": 50.1,
        "PD-4": 55.1,
        "PD-5": 55.5,
        "PD-6": 58.0,
        "PD-7": 2.2,
        "PD-8": 0.8,
        "PD-9": None,
    },
    "salient_dimensions": {"SV-1": None, "SV-2": 32, "SV-3": None, "SV-4": None, "SV-5": None},
}


def test_there_are_ledgers_and_results_are_a_papers_a_corpus_or_a_chapters():
    assert LEDGERS
    results = {path.relative_to(BOOK / "results").parts[0] for path in RESULTS}
    assert results <= {*LEDGERS, *list_corpora(), "views", "evaluation"}


@pytest.mark.parametrize("paper", LEDGERS)
def test_the_ledger_holds_every_claim_with_the_papers_value(paper):
    assert paper in STATED, f"write the claims of {paper} into STATED"
    assert {claim.id: claim.value for claim in load_claims(paper)} == STATED[paper]


@pytest.mark.parametrize("paper", LEDGERS)
def test_every_verdict_is_one_that_its_records_allow(paper):
    for claim in load_claims(paper):
        allowed = allowed_verdicts(claim)
        if claim.evidence and allowed and not claim.verdict.startswith("needs"):
            assert claim.verdict in allowed, f"{claim.id}: the records say {allowed}"


@pytest.mark.parametrize("paper", LEDGERS)
def test_the_table_can_be_shown(paper):
    table = claims_table(paper)
    assert (table["evidence"].str.len() > 0).all()
