"""The device to compute on."""

from __future__ import annotations

import torch


def device(name: str = "auto") -> torch.device:
    """Torch device of that name; "auto" is the first CUDA device if there is one, else the CPU.

    Raises:
        ValueError: the name is unknown, or names a device that this machine lacks.

    >>> device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        named = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device {name!r} is unknown; pass 'auto', 'cpu' or 'cuda'") from None
    if named.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {name!r}, but torch sees no CUDA device; pass 'cpu' or 'auto'")
    if named.type == "cuda" and (named.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device is {name!r}, but this machine has {torch.cuda.device_count()}; count from 0")
    if named.type not in ("cpu", "cuda"):
        raise ValueError(f"device {name!r} is not supported; pass 'auto', 'cpu' or 'cuda'")
    return named


def make_repeatable(target: torch.device) -> None:
    """Make a CUDA device deterministic and compute float32 in full precision; on a CPU, change nothing.

    By default, cuDNN may choose kernels that add in any order, and computes convolutions in TF32 (10 bits).

    >>> make_repeatable(torch.device("cpu"))
    """
    if target.type == "cuda":
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
