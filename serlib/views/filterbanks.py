"""Filterbank views: Kaldi's (DSNet's input) and the log-mel spectrogram."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np

from serlib.errors import ViewError
from serlib.views.base import View


@dataclass(frozen=True)
class Fbank(View):
    """Kaldi's log filterbank energies: 16-bit scale, Hamming window, no dither, 16 kHz.

    The defaults are DSNet's input (arXiv 2312.15593 and its code). Δ, ΔΔ, tiling and cropping are
    the paper's, in ``serlib.papers.dsnet``. Shape (frames, bands), natural logarithm.

    Attributes:
        bands: number of mel bands.
        frame: window length in ms.
        shift: hop in ms.
        low: lower edge in Hz.
        high: upper edge in Hz.
    """

    bands: int = 80
    frame: float = 40.0
    shift: float = 10.0
    low: float = 0.0
    high: float = 8000.0
    packages: ClassVar[tuple[str, ...]] = ("torch", "torchaudio")

    @property
    def name(self) -> str:
        """``fbank-<bands>``."""
        return f"fbank-{self.bands}"

    @property
    def shortest(self) -> int:
        """One window: Kaldi keeps whole windows only."""
        return round(self.frame * self.sample_rate / 1000)

    def _compute(self, waveform: np.ndarray) -> np.ndarray:
        import torch
        from torchaudio.compliance.kaldi import fbank

        with torch.inference_mode():
            return fbank(
                torch.from_numpy(waveform * np.float32(2**15)).unsqueeze(0),
                sample_frequency=self.sample_rate,
                window_type="hamming",
                frame_length=self.frame,
                frame_shift=self.shift,
                num_mel_bins=self.bands,
                low_freq=self.low,
                high_freq=self.high,
                dither=0.0,
            ).numpy()


@dataclass(frozen=True)
class LogMel(View):
    """Log-mel power spectrogram, centred frames, edges reflected, 16 kHz. Shape (frames, bands).

    Equal to ``librosa.feature.melspectrogram(pad_mode="reflect")`` followed by
    ``power_to_db(ref=1, amin=floor, top_db=None)``, up to the unit: this is the natural logarithm
    of (power + floor).

    Attributes:
        bands: number of mel bands.
        fft: length of the FFT in samples.
        window: length of the Hann window in samples (25 ms by default).
        hop: step in samples (10 ms by default).
        low: lower edge in Hz.
        high: upper edge in Hz.
        scale: mel scale, ``"slaney"`` with unit-area filters (librosa's default) or ``"htk"``
            with unit-height ones (torchaudio's and Kaldi's habit).
        floor: added to the power before the logarithm.
    """

    bands: int = 64
    fft: int = 512
    window: int = 400
    hop: int = 160
    low: float = 0.0
    high: float = 8000.0
    scale: Literal["slaney", "htk"] = "slaney"
    floor: float = 1e-10
    packages: ClassVar[tuple[str, ...]] = ("torch", "torchaudio")
    code_revision: ClassVar[int] = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale not in ("slaney", "htk"):
            raise ViewError(f"LogMel: scale is {self.scale!r}; use slaney or htk")

    @property
    def name(self) -> str:
        """``logmel-<bands>``."""
        return f"logmel-{self.bands}"

    @property
    def shortest(self) -> int:
        """One window, and enough to reflect at the edges."""
        return max(self.window, self.fft // 2 + 1)

    def prepare(self) -> None:
        """Make the window and the filters once."""
        _tables(self)

    def _compute(self, waveform: np.ndarray) -> np.ndarray:
        import torch

        window, filters = _tables(self)
        with torch.inference_mode():
            spectrum = torch.stft(
                torch.from_numpy(waveform),
                self.fft,
                self.hop,
                self.window,
                window,
                pad_mode="reflect",
                return_complex=True,
            )
            # Transposed, the parts of a number lie side by side: squaring is one sweep of memory.
            parts = torch.view_as_real(spectrum.T).square_()
            return ((parts[..., 0] + parts[..., 1]) @ filters).add_(self.floor).log_().numpy()


@lru_cache(maxsize=8)
def _tables(view: LogMel) -> tuple:
    """The Hann window and the mel filters (bins, bands), the same for every clip."""
    import torch
    from torchaudio.functional import melscale_fbanks

    filters = melscale_fbanks(
        view.fft // 2 + 1,
        view.low,
        view.high,
        view.bands,
        view.sample_rate,
        norm="slaney" if view.scale == "slaney" else None,
        mel_scale=view.scale,
    )
    return torch.hann_window(view.window), filters
