"""Where to compute."""

from __future__ import annotations

import ctypes
import sys

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
        chosen = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device {name!r} is unknown; pass 'auto', 'cpu' or 'cuda'") from None
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {name!r} asked for, but torch sees no CUDA device; pass 'cpu' or 'auto'")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device {name!r} asked for, but this machine has {torch.cuda.device_count()}; count from 0")
    if chosen.type not in ("cpu", "cuda"):
        raise ValueError(f"device {name!r} is not supported; pass 'auto', 'cpu' or 'cuda'")
    return chosen


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


def keep_memory() -> bool:
    """Let this process keep the memory that tensors free, instead of handing it back and asking for it again.

    By default glibc gives blocks above 128 KiB to 32 MiB back to the system at once, and a training asks for the same
    ones again at every step, each page filled with zeros. The process then holds its largest use until it ends. Results
    don't change.

    Returns:
        Whether the system's allocator can be told so; elsewhere nothing happens.

    >>> keep_memory() in (True, False)
    True
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another allocator, e.g. musl's
        return False
    largest = 2**31 - 1  # the options are C ints
    return bool(mallopt(M_MMAP_THRESHOLD, 2**30) and mallopt(M_TRIM_THRESHOLD, largest))
