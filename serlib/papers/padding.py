"""Which places of a padded batch hold something."""

import torch
from torch import Tensor


def inside(sequence: Tensor, lengths: Tensor) -> Tensor:
    """Return which places of sequences (B, T, …) are not padding, (B, T)."""
    return torch.arange(sequence.shape[1], device=sequence.device) < lengths[:, None]
