"""Counting a model: parameters, and multiply–accumulates on a device that computes nothing."""

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

ELEMENTWISE = {nn.BatchNorm1d: 2, nn.BatchNorm2d: 2, nn.ReLU: 1, nn.PReLU: 1, nn.MaxPool2d: 1}


def parameters(*modules: nn.Module) -> int:
    """Count the trainable numbers in modules."""
    return sum(p.numel() for module in modules for p in module.parameters())


def macs(call: Callable[[], object]) -> int:
    """Count the multiply–accumulates of convolutions and matrix products in a call.

    The counter counts a multiplication and an addition as two, hence the half. The call's tensors
    belong on the ``meta`` device: shapes are followed, nothing is computed.
    """
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() // 2


def elementwise(module: nn.Module, call: Callable[[], object]) -> int:
    """Count what profilers add for normalisation, activation and pooling layers.

    Their convention: per element that enters, 2 for batch normalisation (scale and shift) and 1
    for an activation or a pooling. Activations written as functions rather than layers are not
    seen, by those profilers or here.
    """
    total = 0

    def add(layer, inputs, _):
        nonlocal total
        total += ELEMENTWISE[type(layer)] * inputs[0].numel()

    hooks = [m.register_forward_hook(add) for m in module.modules() if type(m) in ELEMENTWISE]
    call()
    for hook in hooks:
        hook.remove()
    return total


def on_meta(make: Callable[[], nn.Module]) -> nn.Module:
    """Make a module whose weights have shapes but no numbers."""
    with torch.device("meta"):
        return make()
