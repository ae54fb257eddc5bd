"""Computing networks in bfloat16, and everything else in float32."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

Precision = Literal["32-true", "bf16-mixed"]
"""Precision of a trainer: float32 throughout, or networks under autocast to bfloat16."""


def has_bf16(device: torch.device) -> bool:
    """Whether a device has bfloat16 arithmetic; otherwise torch emulates it, several times slower than float32.

    >>> has_bf16(torch.device("cpu")) in (True, False)
    True
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if platform.machine().lower() in ("arm64", "aarch64"):
        return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def check_precision(precision: str, device: torch.device) -> None:
    """Check that a precision exists and that the device has arithmetic for it.

    Raises:
        ValueError: the precision is unknown, or the device would emulate it.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"precision is {precision!r}; pass one of {', '.join(get_args(Precision))}")
    if precision == "bf16-mixed" and not has_bf16(device):
        raise ValueError(
            f"precision is 'bf16-mixed', but this {device.type} has no bfloat16 arithmetic; pass '32-true'"
        )


class MixedPrecision:
    """Runs some networks under autocast to bfloat16, and converts their outputs to float32.

    Only calls of the networks are under autocast, and only inside `active`. Weights, gradients, losses, penalties and
    the optimiser's state are float32: a softplus of scores or a sum of squared gradients would lose too many digits in
    a type of 8 significant bits. The gradients of a penalty are computed through the networks in bfloat16, in both
    differentiations.

    Args:
        networks: run under autocast, also if their layers are called one by one.
        device: of the networks.

    Source: Micikevicius et al. 2018 for mixed precision; bfloat16 has float32's range and needs no loss scaling.
    """

    def __init__(self, networks: Iterable[nn.Module], device: torch.device) -> None:
        self._device_type = device.type
        self._is_active = False
        self._open: list[nn.Module] = []  # modules being called, the outermost first
        self._autocast: torch.autocast | None = None
        for module in {id(m): m for network in networks for m in network.modules()}.values():
            module.register_forward_pre_hook(self._enter)
            module.register_forward_hook(self._leave)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Inside, the networks compute in bfloat16."""
        self._is_active = True
        try:
            yield
        finally:
            self._is_active = False
            if self._autocast is not None:  # an error has ended a network's forward pass
                self._autocast.__exit__(None, None, None)
            self._autocast = None
            self._open.clear()

    # Networks may be called layer by layer, so each layer may be the outermost call.
    def _enter(self, module: nn.Module, inputs: Any) -> None:
        if self._is_active:
            if not self._open:
                self._autocast = torch.autocast(self._device_type, torch.bfloat16)
                self._autocast.__enter__()
            self._open.append(module)

    def _leave(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        if not self._is_active:
            return output
        self._open.pop()
        if self._open or self._autocast is None:
            return output
        self._autocast.__exit__(None, None, None)
        self._autocast = None
        return output.float() if isinstance(output, Tensor) and output.dtype == torch.bfloat16 else output

    # These hooks work for any module: layers that `models.folded` computes as one call them once.
    _enter.of_any_module = _leave.of_any_module = True
