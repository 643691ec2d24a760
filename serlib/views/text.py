"""Text views: one embedding a sentence, or one a word piece, from frozen models."""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import ClassVar

import numpy as np

from serlib.views import weights
from serlib.views.base import TextView

# Fast tokenizers refuse to be used by two threads at once ("Already borrowed").
_TOKENIZING = Lock()


@dataclass(frozen=True)
class Sentence(TextView):
    """A sentence-transformers embedding of the utterance's words, shape (dims,).

    Attributes:
        model: ``all-MiniLM-L6-v2`` (384-d, comes in a package), a local folder or a hub name.
        revision: hub revision.
    """

    model: str = "all-MiniLM-L6-v2"
    revision: str | None = None
    packages: ClassVar[tuple[str, ...]] = ("torch", "transformers", "sentence-transformers")

    @property
    def name(self) -> str:
        """``sentence-<model>``."""
        return f"sentence-{weights.slug(self.model)}"

    def config(self) -> dict:
        """The content of the weights, whatever they are called."""
        return {"dtype": self.dtype, "weights": weights.located(self.model, self.revision)[1]}

    def prepare(self) -> None:
        """Load the model."""
        _sentence(*weights.located(self.model, self.revision))

    def _compute(self, text: str) -> np.ndarray:
        import torch

        model = _sentence(*weights.located(self.model, self.revision))
        with _TOKENIZING:
            pieces = model.preprocess([text])
            _note_cut(model.tokenizer, text, pieces["input_ids"].shape[1], self.name)
        with torch.inference_mode():
            return model(pieces)["sentence_embedding"][0].numpy()


@dataclass(frozen=True)
class WordPieces(Sentence):
    """Last hidden state of each word piece, shape (pieces, dims).

    The model's marks ([CLS], [SEP] or their like) are pieces too, first and last.
    """

    packages: ClassVar[tuple[str, ...]] = ("torch", "transformers")

    @property
    def name(self) -> str:
        """``wordpieces-<model>``."""
        return f"wordpieces-{weights.slug(self.model)}"

    def prepare(self) -> None:
        """Load the model."""
        _pieces(*weights.located(self.model, self.revision))

    def _compute(self, text: str) -> np.ndarray:
        import torch

        tokenizer, model = _pieces(*weights.located(self.model, self.revision))
        with _TOKENIZING:
            pieces = tokenizer(text, truncation=True, return_tensors="pt")
            _note_cut(tokenizer, text, pieces["input_ids"].shape[1], self.name)
        with torch.inference_mode():
            return model(**pieces).last_hidden_state[0].numpy()


def _note_cut(tokenizer: object, text: str, kept: int, name: str) -> None:
    """Warn where a text is longer than the model takes; its end is not seen."""
    # A piece has at least one character, so a short text cannot have been cut.
    if len(text) + 2 > kept and kept >= 128:
        whole = len(tokenizer(text, truncation=False, verbose=False)["input_ids"])
        if whole > kept:
            warnings.warn(f"{name}: {whole} pieces cut to {kept}: {text[:40]!r}…", stacklevel=2)


@lru_cache(maxsize=2)
def _sentence(folder: Path, _identity: str) -> object:
    from sentence_transformers import SentenceTransformer

    options = {"use_safetensors": True}
    with weights.loading(folder):
        model = SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, model_kwargs=options
        )
    return model.eval().requires_grad_(False)


@lru_cache(maxsize=2)
def _pieces(folder: Path, _identity: str) -> tuple:
    from transformers import AutoModel, AutoTokenizer

    with weights.loading(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    return tokenizer, model.eval().requires_grad_(False)
