"""The extended Geneva minimalistic acoustic parameter set (eGeMAPSv02), by openSMILE.

Source: Eyben et al. 2016, doi 10.1109/TAFFC.2015.2457417.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from serlib.views.base import View

if TYPE_CHECKING:
    import opensmile

_LARGEST = np.float32(32767 / 32768)


@dataclass(frozen=True)
class Egemaps(View):
    """88 functionals over the utterance, shape (88,)."""

    level: ClassVar[str] = "Functionals"
    packages: ClassVar[tuple[str, ...]] = ("opensmile",)

    @property
    def name(self) -> str:
        """``egemaps``, or ``egemaps-lld`` for the descriptors."""
        return "egemaps"

    @property
    def shortest(self) -> int:
        """60 ms, the longest window (that of F0)."""
        return 960

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of each dimension, as openSMILE gives it."""
        return tuple(_smile(self.level).feature_names)

    def prepare(self) -> None:
        """Read openSMILE's configuration once."""
        _smile(self.level)

    def _compute(self, waveform: np.ndarray) -> np.ndarray:
        # opensmile casts to 16 bits without a bound, so a sample of +1.0 would become −1.0.
        bounded = np.clip(waveform, -1.0, _LARGEST)
        values = _smile(self.level)(bounded, self.sample_rate)[0]
        return values[:, 0] if self.level == "Functionals" else values.T


@dataclass(frozen=True)
class EgemapsLLD(Egemaps):
    """25 low-level descriptors every 10 ms, shape (frames, 25)."""

    level: ClassVar[str] = "LowLevelDescriptors"

    @property
    def name(self) -> str:
        """``egemaps-lld``."""
        return "egemaps-lld"


@lru_cache(maxsize=2)
def _smile(level: str) -> "opensmile.Smile":
    import opensmile

    class Reusing(opensmile.Smile):
        """Keeps openSMILE's engines, where opensmile makes and frees one for each clip.

        Reading the configuration takes 7 ms of the 43 that a clip of EMO-DB takes; the rest is
        openSMILE's own computation and the limit of what can be gained. After a reset the values
        are the same to the bit. An engine that fails is not handed back, so never used again.
        """

        def _smile(self, options: dict) -> object:
            if "sampleRate" not in options:  # the engine that is only asked for names
                return super()._smile(options)
            idle = self.__dict__.setdefault("_idle", [])
            try:
                engine = idle.pop()
            except IndexError:
                engine = super()._smile(options)
                engine.free = lambda: idle.append(engine)
            else:
                engine.reset()
            return engine

    return Reusing(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel[level])
