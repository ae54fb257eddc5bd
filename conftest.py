"""What every test needs; with it the plain `pytest --nbval` works, from the root, in any activated environment."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

# Two workers that each use every core are slower than two that use one; kernels of notebooks inherit this.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")  # jupyter_core warns where it is not set

import pytest

from tests import checkout

ROOT = Path(__file__).resolve().parent
TREE = pytest.StashKey[dict[str, tuple[int, int]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Run notebooks with the interpreter that runs the tests, whatever kernels are registered."""
    if hasattr(config.option, "nbval_current_env"):
        config.option.nbval_current_env = True


def pytest_report_header() -> list[str]:
    """Say which notebooks are not tested as they lie in the folder."""
    return [f"edited, so git's version is tested: {name}" for name in sorted(checkout.readers_notebooks())]


# What is collected


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the students' notebooks out, and what only a reader has of notebooks and in the book's folder.

    The blanks of the students' notebooks raise, on purpose: tests/ proves what they do.
    """
    if not collection_path.is_relative_to(ROOT) or not collection_path.is_file():
        return None
    name = collection_path.relative_to(ROOT).as_posix()
    is_notebook = name.endswith(".ipynb")
    if is_notebook and collection_path.parent == ROOT / "exercises":
        return True
    is_asked_for = collection_path in [Path(config.invocation_params.dir, argument) for argument in config.args]
    if (is_notebook or name.startswith("book/")) and name not in checkout.course_files() and not is_asked_for:
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path) -> Iterator[None]:
    """Run git's version of a chapter that a reader edited."""
    collectors = yield
    name = os.path.relpath(file_path, ROOT).replace(os.sep, "/")
    if name in checkout.readers_notebooks():
        for collector in collectors:
            collector.collect = _cells_in_git(collector.collect, checkout.text(name))
    return collectors


def _cells_in_git(collect: object, text: str) -> object:
    import nbformat

    def collect_there() -> list[pytest.Item]:
        # nbval knows no other way to a notebook than to read its file.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(nbformat, "read", lambda path, as_version: nbformat.reads(text, as_version))
            return list(collect())

    return collect_there


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests for CUDA where there is none."""
    if not any(item.get_closest_marker("cuda") for item in items):
        return
    import torch

    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("cuda"):
                item.add_marker(pytest.mark.skip(reason="torch sees no CUDA device"))


# What tests leave


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Note what lies in the checkout; draw figures without a screen; let hypothesis draw the same examples always."""
    if not hasattr(session.config, "workerinput"):  # of several processes, the one that starts and ends the others
        session.config.stash[TREE] = checkout.state(ROOT)
    import hypothesis
    import matplotlib as mpl

    mpl.use("agg")  # not by MPLBACKEND: kernels would inherit it and show no figures

    hypothesis.settings.register_profile("gancourse", derandomize=True, deadline=None, database=None)
    hypothesis.settings.load_profile("gancourse")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if the checkout holds other files than before, caches apart."""
    before = session.config.stash.get(TREE, None)
    if before is None or not (lines := checkout.changes(before, checkout.state(ROOT))):
        return
    cause = (
        "files changed while the tests ran; unless you or another program changed them, a test did, outside tmp_path:"
    )
    message = "\n".join((cause, *lines))
    report = pytest.TestReport(
        nodeid="conftest.py::the_tests_leave_the_checkout_as_it_was",
        location=("conftest.py", None, "the_tests_leave_the_checkout_as_it_was"),
        keywords={},
        outcome="failed",
        longrepr=message,
        when="teardown",
    )
    session.config.hook.pytest_runtest_logreport(report=report)
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the course's files as its authors left them; tests only read it."""
    return checkout.copy(tmp_path_factory.mktemp("course"))


@pytest.fixture(autouse=True)
def no_open_figures() -> Iterator[None]:
    """Close the figures that a test leaves: pyplot warns of more than twenty, in whichever test comes next."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


# The network


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
