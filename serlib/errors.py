"""Errors and problems: every one is a single line that says what, where, and what to do."""

from dataclasses import dataclass
from typing import Literal


class SerlibError(ValueError):
    """Base of all errors that a reader can act on; the command line prints just its line."""


class CorpusError(SerlibError):
    """A corpus or its table is missing, incomplete or inconsistent."""


class AudioError(SerlibError):
    """An audio file cannot be used."""


class ViewError(SerlibError):
    """A view cannot be computed, or its weights are not the expected ones."""


class StoreError(SerlibError):
    """The store cannot be read or written."""


class ProtocolError(SerlibError):
    """A split, metric or test is asked for that the data cannot give."""


class RecordError(SerlibError):
    """A run record or a claims ledger is malformed."""


class ParameterError(SerlibError):
    """A chapter, profile or parameter does not exist or has the wrong type."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with one item of the data.

    Attributes:
        where: the file, utterance or row.
        reason: what is wrong with it.
        action: what to do about it.
        severity: ``"error"`` if the item is left out, ``"note"`` if it is kept.
    """

    where: str
    reason: str
    action: str = ""
    severity: Literal["error", "note"] = "error"

    def __str__(self) -> str:
        tail = f"; {self.action}" if self.action else ""
        return f"{self.where}: {self.reason}{tail}"
