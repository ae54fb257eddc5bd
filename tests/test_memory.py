"""Memory that a process keeps: what it has freed once is there for the next tensors, without the system's help."""

import mmap
import platform
import subprocess
import sys

import pytest

from gancourse import memory

N_STEPS, N_TENSORS, SIZE = 10, 2, 48 * 2**20  # bytes; by default, glibc maps blocks above 32 MiB on their own
COUNT = f"""
import resource, sys, torch
from gancourse import memory
torch.set_num_threads(1)
if sys.argv[1] == "kept":
    assert memory.keep()
def step():
    tensors = [torch.ones({SIZE} // 4) for _ in range({N_TENSORS})]  # all alive at once
for _ in range(10):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({N_STEPS}):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / {N_STEPS})
"""


def faults(how: str) -> float:
    """Page faults a step of a process that frees and takes the same tensors at each."""
    command = [sys.executable, "-c", COUNT, how]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_a_process_that_keeps_memory_takes_no_new_pages_step_by_step():
    pages = N_TENSORS * SIZE / mmap.PAGESIZE
    assert faults("kept") < 0.01 * pages
    assert faults("by default") > 0.5 * pages  # the twin: otherwise there would be nothing to gain


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert memory.keep() is False
