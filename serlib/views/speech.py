"""Frozen self-supervised speech models from transformers: wav2vec 2.0, HuBERT, WavLM, data2vec."""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from serlib.errors import ViewError
from serlib.views import weights
from serlib.views.base import View


@dataclass(frozen=True)
class SpeechModel(View):
    """Hidden states of a pre-trained speech model in evaluation mode.

    One utterance at a time: a padded batch would let its longest clip change the others. The
    model's own feature extractor normalises the waveform where the model was trained so.

    Shape: (frames, dims) for one layer; (frames, layers, dims) for several, so that the first axis
    is time in both and a learned average over layers is a step of the paper's model.

    Attributes:
        model: hub name or local folder; naming a hub model is asking for its download.
        layers: 0 is the input of the transformer, 1 … L its layers, −1 the last; or ``("conv",)``
            for the output of the convolutional encoder (512-d in the base models).
        revision: hub revision.
        device: where to compute, by default a CUDA device if there is one. Not in the
            fingerprint: values agree to rounding.
    """

    model: str
    layers: tuple[int | str, ...] = (-1,)
    revision: str | None = None
    device: str | None = field(default=None, metadata={"fingerprint": False})
    packages: ClassVar[tuple[str, ...]] = ("torch", "transformers")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers or ("conv" in self.layers and len(self.layers) > 1):
            raise ViewError(f"layers is {self.layers!r}; give numbers, or ('conv',) alone")

    @property
    def name(self) -> str:
        """``<model>-l<layers>``."""
        return f"{weights.slug(self.model)}-l{'-'.join(str(layer) for layer in self.layers)}"

    @property
    def shortest(self) -> int:
        """The receptive field of the convolutional encoder: 400 samples in the known models."""
        return _receptive_field(weights.find(self.model, self.revision))

    def config(self) -> dict:
        """The layers and the content of the weights, whatever they are called."""
        identity = weights.located(self.model, self.revision)[1]
        return {"layers": self.layers, "dtype": self.dtype, "weights": identity}

    def prepare(self) -> None:
        """Load the model and check that it takes this rate and has these layers."""
        extractor, model = self._loaded()
        if extractor.sampling_rate != self.sample_rate:
            raise ViewError(f"{self.model} works at {extractor.sampling_rate} Hz, not 16000 Hz")
        if not hasattr(model, "feature_extractor"):
            kind = type(model).__name__
            raise ViewError(f"{self.model} is a {kind}; SpeechModel needs a wav2vec 2.0 relative")
        depth = model.config.num_hidden_layers
        for layer in self.layers:
            if layer != "conv" and not -depth - 1 <= layer <= depth:
                raise ViewError(f"{self.model} has layers 0 to {depth}; {layer} is not one of them")

    def _compute(self, waveform: np.ndarray) -> np.ndarray:
        import torch

        extractor, model = self._loaded()
        given = extractor(waveform, sampling_rate=self.sample_rate, return_tensors="pt")
        # TF32 would make a GPU's features differ from a CPU's in the third digit.
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            samples = given["input_values"].to(model.device)
            if self.layers == ("conv",):
                return model.feature_extractor(samples)[0].T.cpu().numpy()
            states = model(samples, output_hidden_states=True).hidden_states
            chosen = [states[layer][0].cpu().numpy() for layer in self.layers]
        return chosen[0] if len(chosen) == 1 else np.stack(chosen, axis=1)

    def _loaded(self) -> tuple:
        import torch

        device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        return _load(*weights.located(self.model, self.revision), device)


@lru_cache(maxsize=2)
def _load(folder: Path, _identity: str, device: str) -> tuple:
    from transformers import AutoFeatureExtractor, AutoModel

    with weights.loading(folder):
        extractor = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    return extractor, model.eval().requires_grad_(False).to(device)


@lru_cache(maxsize=8)
def _receptive_field(folder: Path) -> int:
    config = json.loads((folder / "config.json").read_text())
    samples = 1
    kernels, strides = config.get("conv_kernel", []), config.get("conv_stride", [])
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples
