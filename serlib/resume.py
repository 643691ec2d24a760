"""What makes a resumed fit end as if it had never stopped: nothing depends on what ran before."""

from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import Dataset, Sampler


class EpochShuffle(Sampler[int]):
    """Shuffle by (seed, epoch) alone, so that a resumed run sees the order it would have seen."""

    def __init__(self, size: int, seed: int):
        self.size, self.seed, self.epoch = size, seed, 0

    def set_epoch(self, epoch: int):
        """Lightning calls this at every epoch's start."""
        self.epoch = epoch

    def __len__(self):
        return self.size

    def __iter__(self):
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        return iter(torch.randperm(self.size, generator=generator).tolist())


class EpochBatches(Sampler[list[int]]):
    """The batches that a data set makes itself, by (seed, epoch) alone."""

    def __init__(self, items: Dataset, batch_size: int, seed: int):
        self.items, self.batch_size, self.seed, self.epoch = items, batch_size, seed, 0
        self._count = 0  # asked often, and the same in every epoch
        self.sampler = self  # Lightning tells the epoch to a batch sampler's sampler only.

    def set_epoch(self, epoch: int):
        """Lightning calls this at every epoch's start."""
        self.epoch = epoch

    def _batches(self) -> list[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        return self.items.batches(self.batch_size, generator)

    def __len__(self):
        self._count = self._count or len(self._batches())
        return self._count

    def __iter__(self):
        # A generator: Lightning asks for the iterator before it tells a resumed run its epoch.
        yield from self._batches()


class SeedEachEpoch(L.Callback):
    """Dropout and random references, too, depend on (seed, epoch) alone."""

    def __init__(self, seed: int):
        self.seed = seed

    def on_train_epoch_start(self, trainer, _):
        """Seed torch's own generator."""
        torch.manual_seed(self.seed * 100_003 + trainer.current_epoch)


class History(L.Callback):
    """Keep every epoch's logged values in the checkpoint, so that a resumed run has them all."""

    def __init__(self):
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer, _):
        """Add the epoch's row."""
        values = {k: float(v) for k, v in trainer.callback_metrics.items()}
        self.rows.append({"epoch": trainer.current_epoch} | values)

    def state_dict(self):
        """Give the checkpoint the rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state):
        """Take them back."""
        self.rows = state["rows"]


class BestEpoch(ModelCheckpoint):
    """Know the best epoch so far also where the folder was copied or renamed since.

    Lightning's own forgets the best score then, and looks for the weights in the old place.
    """

    def load_state_dict(self, state):
        """Take the state back, with its files in today's folder."""

        def here(path: str) -> str:
            return str(Path(self.dirpath) / Path(path).name) if path else path

        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        state = state | {name: here(state[name]) for name in paths}
        state["best_k_models"] = {here(p): score for p, score in state["best_k_models"].items()}
        super().load_state_dict(state | {"dirpath": self.dirpath})
