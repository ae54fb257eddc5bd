"""Reusing the memory that a training step frees, instead of returning it to the operating system."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # of glibc's malloc.h
PAD = 64 * 2**20


def keep() -> bool:
    """Make this process reuse the memory of freed CPU tensors; returns whether the C library supports that.

    A training step frees hundreds of megabytes, and the next step allocates as much again. By default, the C library
    returns large blocks to the operating system, which must then allocate and zero every page again. How much of a
    step's time this takes differs a lot between machines. After this call, and until the process ends, freed memory
    stays with the process for reuse. No number changes. A training, whose tensors have the same sizes at every step,
    needs no more memory than before. A program whose large tensors keep growing, with small ones allocated between
    them, may hold several times as much.

    Only glibc, the C library of most Linux systems, has this setting at run time; elsewhere nothing changes.

    >>> keep() in (True, False)
    True
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # No block gets a mapping of its own, which would be unmapped when freed; the heap grows by PAD and never shrinks.
    return all([mallopt(M_MMAP_MAX, 0), mallopt(M_TRIM_THRESHOLD, -1), mallopt(M_TOP_PAD, PAD)])
