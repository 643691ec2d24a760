"""What every view shares: its configuration, its fingerprint, and the checks round ``extract``."""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import ClassVar, Literal

import numpy as np

from serlib.errors import ViewError


@dataclass(frozen=True, kw_only=True)
class View(ABC):
    """A frozen configuration that turns one utterance into one array, whatever its neighbours.

    A clip is resampled (soxr, high quality) to ``sample_rate``. A clip shorter than ``shortest``
    samples is refused rather than padded: padding would invent speech that nobody spoke.

    Attributes:
        dtype: the type stored, ``"float32"`` or ``"float16"`` (half the room, 3 digits).
        source: ``"audio"`` (``extract(waveform, sample_rate)``) or ``"text"`` (``extract(text)``).
        sample_rate: rate in Hz that the view works at; None for text.
        packages: distributions whose versions enter the fingerprint.
        code_revision: raised by hand when our own code changes what a view computes.
    """

    dtype: Literal["float32", "float16"] = "float32"
    source: ClassVar[str] = "audio"
    sample_rate: ClassVar[int | None] = 16000
    packages: ClassVar[tuple[str, ...]] = ()
    code_revision: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if self.dtype not in ("float32", "float16"):
            raise ViewError(
                f"{type(self).__name__}: dtype is {self.dtype!r}; use float32 or float16"
            )

    @property
    @abstractmethod
    def name(self) -> str:
        """A short slug, such as ``fbank-80``."""

    @property
    def shortest(self) -> int:
        """The fewest samples (at ``sample_rate``) that give a frame."""
        return 1

    @property
    def fingerprint(self) -> str:
        """16 hex digits that name exactly what is computed, the same in every process."""
        said = {
            "view": type(self).__name__,
            "config": self.config(),
            "code": self.code_revision,
            "versions": {name: version(name) for name in (*self.packages, "soxr")},
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def config(self) -> dict:
        """The fields that change the result, ready for JSON."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.metadata.get("fingerprint", True)
        }

    def prepare(self) -> None:  # noqa: B027 (views without weights have nothing to prepare)
        """Load the weights, so that a missing file is one error before the first utterance."""

    def extract(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        """See one utterance.

        Args:
            waveform: mono samples in [−1, 1], shape (samples,).
            sample_rate: its rate in Hz; anything is resampled to the view's.

        Returns:
            Shape (frames, dims) or (dims,), of type ``dtype``.

        Raises:
            ViewError: the clip is not mono, is too short, or gives values that are not finite.
        """
        waveform = np.asarray(waveform, dtype=np.float32)
        if waveform.ndim != 1:
            raise ViewError(f"waveform has shape {waveform.shape}; {self.name} takes (samples,)")
        waveform = resample(waveform, sample_rate, self.sample_rate)
        if len(waveform) < self.shortest:
            lasts, needed = (1000 * n / self.sample_rate for n in (len(waveform), self.shortest))
            raise ViewError(
                f"clip lasts {lasts:.1f} ms; {self.name} needs at least {needed:.1f} ms: leave it "
                "out, or join it to its neighbour"
            )
        return self._finish(self._compute(waveform))

    @abstractmethod
    def _compute(self, given: np.ndarray | str) -> np.ndarray:
        """The view itself, on a checked waveform at ``sample_rate`` or on a text."""

    def _finish(self, array: np.ndarray) -> np.ndarray:
        if not np.isfinite(array).all():
            raise ViewError(f"{self.name} gives values that are not finite; listen to the clip")
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(array, dtype=self.dtype)
        if not np.isfinite(array).all():
            raise ViewError(f"{self.name} gives values beyond float16; use dtype='float32'")
        return array


class TextView(View):
    """A view of an utterance's words."""

    source: ClassVar[str] = "text"
    sample_rate: ClassVar[int | None] = None

    def extract(self, text: str) -> np.ndarray:
        """See the words of one utterance; shape (pieces, dims) or (dims,).

        Raises:
            ViewError: there are no words.
        """
        if not isinstance(text, str) or not text.strip():
            raise ViewError(f"has no text; {self.name} needs words: choose an audio view instead")
        return self._finish(self._compute(text))


def resample(waveform: np.ndarray, rate: int, target: int) -> np.ndarray:
    """Bring samples to another rate with soxr; unchanged where the rates agree."""
    if rate == target:
        return waveform
    import soxr

    return soxr.resample(waveform, rate, target)
