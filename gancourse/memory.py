"""Keeping the memory that a training has freed, for its next step."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # of glibc's malloc.h
PAD = 64 * 2**20


def keep() -> bool:
    """Let this process keep the memory of freed tensors on the CPU; returns whether the C library could be told so.

    A training step frees hundreds of megabytes and asks for the same again at the next. By default, the C library hands
    large blocks back to the operating system, which must then give them out anew, page by page and zeroed: a part of a
    step's time that differs much between machines. From this call on, until the process ends, what is freed is kept for
    reuse. No number changes. A training, whose tensors have the same sizes at every step, needs no more memory than
    before; a program whose large tensors grow again and again, with small ones that stay between them, may hold several
    times as much.

    Only glibc, the C library of most Linux systems, can be told at run time; elsewhere nothing happens.

    >>> keep() in (True, False)
    True
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # No block is mapped on its own, which would end with it; the heap grows in large strides and never shrinks.
    return all([mallopt(M_MMAP_MAX, 0), mallopt(M_TRIM_THRESHOLD, -1), mallopt(M_TOP_PAD, PAD)])
