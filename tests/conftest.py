"""Fixtures shared by all tests: the real corpora's root, and a cache of the tests' own."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_root() -> Path:
    """The folder with the real corpora, or a skip that says how to get it."""
    if not os.environ.get("SERLIB_DATA"):
        pytest.skip("SERLIB_DATA is unset: point it at the folder that holds corpora/ and models/")
    root = Path(os.environ["SERLIB_DATA"]).resolve()
    if not (root / "corpora").is_dir():
        pytest.skip(f"SERLIB_DATA={root} has no corpora/ folder")
    return root
