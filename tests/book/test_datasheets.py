"""Every corpus has its sheet, and every sheet says what a reader must know."""

import re
from pathlib import Path

import pytest
import yaml

from serlib.corpora import list_corpora
from serlib.corpora.fetch import sources

HOUSE = Path(__file__).parents[2]
SHEETS = sorted((HOUSE / "book" / "datasheets").glob("*.md"))


def listed():
    toc = yaml.safe_load((HOUSE / "_toc.yml").read_text(encoding="utf-8"))
    return {chapter["file"] for part in toc["parts"] for chapter in part["chapters"]}


@pytest.mark.parametrize("name", [name for name in list_corpora() if name != "table"])
def test_every_adapter_has_a_sheet_in_the_book(name):
    assert (HOUSE / f"book/datasheets/{name}.md").is_file()
    assert f"book/datasheets/{name}" in listed()


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.stem)
def test_a_sheet_says_what_a_reader_must_know(sheet):
    text = sheet.read_text(encoding="utf-8")
    assert f"book/datasheets/{sheet.stem}" in listed()
    for row in ("Licence", "Source"):
        assert re.search(rf"^\| {row} \| \S", text, re.MULTILINE), f"no row {row}"
    headings = "\n".join(re.findall(r"^## (.*)", text, re.MULTILINE)).lower()
    for words in ("label", "defects", "what not to use"):
        assert words in headings, f"no section on {words}"


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.stem)
def test_a_sheet_says_whether_it_can_be_fetched(sheet):
    known, text = sources().get(sheet.stem), sheet.read_text(encoding="utf-8")
    if known:
        command = f"serlib corpora fetch {sheet.stem}" if "files" in known else "corpora fetch"
        assert command in text
