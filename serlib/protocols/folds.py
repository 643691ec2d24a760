"""A fold: which utterances train, tune and test one model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fold:
    """The utterance ids of one split, each part in the table's order.

    Attributes:
        name: short and unique within its protocol, e.g. ``"speaker-03"``.
        train: utterances the parameters and every statistic (scalers, PCA, ...) come from.
        dev: utterances that choose the epoch and the settings.
        test: utterances that are only scored.
        held_out: the speaker, session or groups that ``test`` consists of.
    """

    name: str
    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]
    held_out: str

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """The three parts by name."""
        return {"train": self.train, "dev": self.dev, "test": self.test}
