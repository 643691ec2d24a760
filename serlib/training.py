"""One way to fit a model on a fold: early stopping, best checkpoint, plateau schedule, resume."""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, TQDMProgressBar
from torch.utils.data import DataLoader, Dataset

from serlib.protocols.metrics import uar
from serlib.resume import BestEpoch, EpochBatches, EpochShuffle, History, SeedEachEpoch


class EmotionClassifier(L.LightningModule):
    """A classifier of emotions that watches the validation UAR; papers say model and losses.

    A subclass gives ``forward(inputs)`` → logits and ``losses(batch)`` → losses with key ``loss``.
    Batches are mappings with the key ``emotion`` and the key named by ``inputs``. A task that is
    judged by another number names it in ``monitor`` and computes it in ``dev_score``.

    Args:
        labels: the emotions, in the order of the outputs.
        lr: Adam's learning rate.
        plateau: epochs without a better validation score before the rate falls to a tenth.
    """

    inputs = "fbank"
    monitor = "uar"

    def __init__(self, labels: tuple[str, ...], lr: float = 1e-3, plateau: int = 15):
        super().__init__()
        self.labels, self.lr, self.plateau = tuple(labels), lr, plateau
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def training_step(self, batch, _):
        """Sum the losses, and log each under its own name."""
        losses = self.losses(batch)
        self.log_dict(losses, on_step=False, on_epoch=True, batch_size=len(batch["emotion"]))
        return losses["loss"]

    def validation_step(self, batch, _):
        """Keep the outputs: a score is of the whole part, never of a batch."""
        self._seen.append((batch["emotion"].cpu(), self(batch[self.inputs]).float().cpu()))

    def on_validation_epoch_end(self):
        """Log the score of the validation part."""
        truth, logits = (np.concatenate(x) for x in zip(*self._seen, strict=True))
        self._seen.clear()
        self.log(self.monitor, self.dev_score(truth, logits), prog_bar=True)

    def dev_score(self, truth: np.ndarray, logits: np.ndarray) -> float:
        """Return the UAR of truth (n,) and logits (n, classes), over the classes that occur."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # It would say every epoch which class is missing.
            return uar(truth, logits.argmax(1), range(len(self.labels)), absent="ignore")

    def predict_step(self, batch, _):
        """Return class probabilities, (B, classes)."""
        return self(batch[self.inputs]).float().softmax(1)

    def configure_optimizers(self):
        """Adam, whose rate falls to a tenth when the validation score stops rising."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode="max", factor=0.1, patience=self.plateau
        )
        watched = {"scheduler": scheduler, "monitor": self.monitor}
        return {"optimizer": optimizer, "lr_scheduler": watched}


@dataclass(frozen=True)
class Fit:
    """What a fit leaves: the module holds the best epoch's weights.

    Attributes:
        history: one row an epoch: the losses and the validation score (``uar``, ``ccc``, …).
        best_epoch: the epoch whose weights are kept.
        best_score: its validation score.
    """

    history: pd.DataFrame
    best_epoch: int
    best_score: float

    @property
    def best_uar(self) -> float:
        """The best score of a classifier, which watches the UAR."""
        return self.best_score


def fit(
    module: L.LightningModule,
    train: Dataset,
    dev: Dataset,
    *,
    directory: Path,
    seed: int,
    epochs: int,
    patience: int = 20,
    batch_size: int = 32,
    precision: str = "32-true",
    device: str = "auto",
    progress: bool = True,
) -> Fit:
    """Fit a module; stop early on its validation score; leave the best epoch's weights in it.

    Killed at any instant, the same call goes on from the last whole epoch, and ends as if it had
    never been stopped. On the CPU the same seed gives the same weights.

    Args:
        module: an `EmotionClassifier`, or another module that logs the score it names as its
            ``monitor`` (more is better); made after `seed_everything`.
        train: training items; ``train.collate`` makes a batch of a list of them. Where it has
            ``batches(batch_size, generator)``, that says which items go together in an epoch.
        dev: validation items.
        directory: where checkpoints go; one folder for one run.
        seed: of the shuffling, dropout and random references.
        epochs: at most so many.
        patience: epochs without a better validation score before it stops.
        batch_size: a last batch of one is dropped (batch normalisation needs two).
        precision: Lightning's name, e.g. ``"32-true"``, ``"bf16-mixed"``, ``"16-mixed"``.
        device: Lightning's accelerator: ``"auto"``, ``"cpu"``, ``"gpu"``.
        progress: show a progress bar.

    Returns:
        The history and the best epoch.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    best = BestEpoch(
        directory,
        filename="best",
        monitor=module.monitor,
        mode="max",
        save_last=True,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    history = History()
    stop = EarlyStopping(module.monitor, mode="max", patience=patience)
    trainer = _trainer(
        device,
        precision,
        progress,
        max_epochs=epochs,
        default_root_dir=directory,
        callbacks=[history, SeedEachEpoch(seed), stop, best],
        deterministic="warn",  # An error would rule out GPUs for a few operations.
    )
    last = directory / "last.ckpt"
    trainer.fit(
        module,
        _training_loader(train, batch_size, seed),
        DataLoader(dev, batch_size, collate_fn=dev.collate),
        ckpt_path=last if last.exists() else None,
        weights_only=True,
    )
    state = torch.load(best.best_model_path, weights_only=True, map_location="cpu")
    module.load_state_dict(state["state_dict"])
    return Fit(pd.DataFrame(history.rows), int(state["epoch"]), float(best.best_model_score))


def _training_loader(train: Dataset, batch_size: int, seed: int) -> DataLoader:
    # Without a generator of its own the loader draws from dropout's stream.
    common = {"collate_fn": train.collate, "generator": torch.Generator()}
    if hasattr(train, "batches"):
        return DataLoader(train, batch_sampler=EpochBatches(train, batch_size, seed), **common)
    shuffle, last = EpochShuffle(len(train), seed), len(train) % batch_size == 1
    return DataLoader(train, batch_size, sampler=shuffle, drop_last=last, **common)


def predict(
    module: L.LightningModule, items: Dataset, *, batch_size: int = 32, device: str = "auto"
) -> np.ndarray:
    """Return class probabilities, (items, classes), in the order of the items."""
    loader = DataLoader(items, batch_size, collate_fn=items.collate)
    return torch.cat(_trainer(device, "32-true", False).predict(module, loader)).cpu().numpy()


@torch.inference_mode()
def embed(
    module: L.LightningModule, items: Dataset, *, batch_size: int = 32, device: str = "auto"
) -> dict[str, np.ndarray]:
    """Return the module's inner vectors by name, each (items, dims), in the order of the items."""
    place = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    module = module.eval().to(place)
    batches = DataLoader(items, batch_size, collate_fn=items.collate)
    parts = [module.embed(batch[module.inputs].to(place)) for batch in batches]
    return {name: torch.cat([p[name] for p in parts]).cpu().numpy() for name in parts[0]}


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch, before a module is made."""
    L.seed_everything(seed, verbose=False)


def _trainer(device: str, precision: str, progress: bool, **options) -> L.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*LeafSpec.*")  # Lightning's own use of torch.
    warnings.filterwarnings("ignore", ".*exists and is not empty.*")  # So it is when resuming.
    callbacks = options.pop("callbacks", []) + ([TQDMProgressBar(leave=False)] if progress else [])
    return L.Trainer(
        accelerator=device,
        devices=1,
        precision=precision,
        logger=False,
        callbacks=callbacks,
        enable_progress_bar=progress,
        enable_model_summary=False,
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
        **options,
    )
