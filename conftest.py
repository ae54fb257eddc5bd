"""What every test needs; with it the plain `pytest --nbval` works, from the root, in any activated environment."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

# Two workers that each use every core are slower than two that use one; kernels of notebooks inherit this.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")  # jupyter_core warns where it is not set

import pytest

ROOT = Path(__file__).resolve().parent


def pytest_configure(config: pytest.Config) -> None:
    """Run notebooks with the interpreter that runs the tests, whatever kernels are registered."""
    if hasattr(config.option, "nbval_current_env"):
        config.option.nbval_current_env = True


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the students' notebooks out: their blanks raise, on purpose. tests/ proves what they do."""
    if collection_path.suffix == ".ipynb" and collection_path.parent == ROOT / "exercises":
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests for CUDA where there is none."""
    if not any(item.get_closest_marker("cuda") for item in items):
        return
    import torch

    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("cuda"):
                item.add_marker(pytest.mark.skip(reason="torch sees no CUDA device"))


def pytest_sessionstart() -> None:
    """Draw figures without a screen; give hypothesis the same examples on every machine, and no time limit."""
    import hypothesis
    import matplotlib as mpl

    mpl.use("agg")  # not by MPLBACKEND: kernels would inherit it and show no figures

    hypothesis.settings.register_profile("gancourse", derandomize=True, deadline=None, database=None)
    hypothesis.settings.load_profile("gancourse")


def _is_here(address: object) -> bool:
    """Whether a socket's address lies on this machine: a file, or loopback."""
    return not isinstance(address, tuple) or address[0] in ("localhost", "::1", "") or address[0].startswith("127.")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


def _guarded(connect: object) -> object:
    def guarded(self: socket.socket, address: object) -> object:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address):
            raise OSError(f"a test wanted to connect to {address}; tests run without the network")
        return connect(self, address)

    return guarded
