"""Training CASN step by step.

A *variant* is a list of steps. A step that two variants share, with the same seed, is trained once:
its folder is named by all that shaped it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from serlib import training
from serlib.papers.casn import CASN
from serlib.papers.casn_data import Dialogues
from serlib.papers.casn_triplets import Triplets


@dataclass(frozen=True)
class Step:
    """One step of training.

    Attributes:
        epochs: how many; the best by the validation's calibrated micro F1 is kept.
        lr: the highest learning rate.
        cross_entropy: weight of the balanced cross-entropy.
        triplet: weight of the triplet loss.
        balance: κ of the class weights: 1 is the paper's, 0 none.
        sampling: ``"natural"`` or ``"inverse"``, see `Dialogues`.
        triplets: how triplets are made and compared.
    """

    epochs: int = 8
    lr: float = 5e-4
    cross_entropy: float = 1.0
    triplet: float = 0.0
    balance: float = 1.0
    sampling: str = "inverse"
    triplets: Triplets = field(default_factory=Triplets)


_CE = Step()
_TRIPLET = Step(epochs=3, lr=2e-4, cross_entropy=0.0, triplet=1.0)
#: What the paper's text describes is ``two-step``; each of the others changes one thing.
VARIANTS = {
    "ce": (_CE,),
    "two-step": (_CE, _TRIPLET),
    "joint": (Step(triplet=1.0),),
    "no-sampler": (Step(sampling="natural"),),
    "no-weights": (Step(balance=0.0),),
    "no-balance": (Step(sampling="natural", balance=0.0),),
    "mild-weights": (Step(sampling="natural", balance=0.45),),
}


def dialogues(
    features: Mapping[str, np.ndarray],
    table: pd.DataFrame,
    parts: Mapping[str, Sequence[str]],
    labels: Sequence[str],
    window: int = 32,
) -> dict[str, Dialogues]:
    """Make the `Dialogues` of each part of a fold; ``window=1`` takes utterances by themselves."""
    return {
        name: Dialogues(features, table, own, labels, window) for name, own in parts.items() if own
    }


def train(
    steps: Sequence[Step],
    data: Mapping[str, Dialogues],
    *,
    directory: Path | str,
    seed: int,
    batch_size: int = 32,
    device: str = "auto",
    precision: str = "32-true",
    progress: bool = True,
    **encoder,
) -> tuple[CASN, list[training.Fit]]:
    """Train the steps of a variant one after the other, each from the last one's best weights.

    Args:
        steps: what is trained.
        data: ``train`` and ``dev``.
        directory: where checkpoints go; steps that are there are not trained again.
        seed: of the initial weights, batches, dropout and triplets.
        batch_size: dialogues of a batch.
        device: see `training.fit`.
        precision: see `training.fit`.
        progress: show a progress bar.
        encoder: options of `ContextEncoder`.

    Returns:
        The module with the last step's best weights, and each step's `Fit`.
    """
    module, fits = None, []
    inputs, window = data["train"].matrix.shape[1], data["train"].window
    for number, step in enumerate(steps, 1):
        training.seed_everything(seed)
        options = {k: v for k, v in asdict(step).items() if k not in ("epochs", "sampling")}
        options["triplets"] = step.triplets
        after = CASN(data["train"].labels, inputs, window=window, **options, **encoder)
        if module is not None:
            after.load_state_dict(module.state_dict())
        how = (steps[:number], seed, batch_size, precision, inputs, window, sorted(encoder.items()))
        fits.append(
            training.fit(
                after,
                data["train"].sampled(step.sampling),
                data["dev"],
                directory=Path(directory) / hashlib.sha256(repr(how).encode()).hexdigest()[:12],
                seed=seed,
                epochs=step.epochs,
                patience=step.epochs,
                batch_size=batch_size,
                precision=precision,
                device=device,
                progress=progress,
            )
        )
        module = after
    return module, fits
