"""Mutation run: small mistakes are put into the package, one at a time, and its tests should notice.

    python -m benchmarks.mutants --minutes 40 --jobs 2 --seed 0
    python -m benchmarks.mutants --only gancourse/theory/transport.py --n 20

The mistakes are cosmic-ray's, of a place drawn with a seed. Each mutant runs the tests that speak of its module, the
module's own first, until one fails. A survivor is either a missing test or a change that makes no difference; the run
prints all of them. Code on disk is not changed, as `cosmic-ray exec` would do, and libraries are imported once: a
mutant exists in the process that tests it only, so tests that start processes of their own see the original there.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.mutations import MutantFinder, Mutation, change, makes_a_difference, mutated, mutations_of

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("theory", "objectives", "metrics", "games", "models", "zoo", "training", "checks/engine", "plans")
SINGLE = ("laplacian", "functional", "evaluation_mode")  # modules of the lowest layer that compute
MOST_FILES = 6  # of tests for one module
SLOW = {"benchmarks", "book", "cli", "experiments", "recipes", "slides", "widgets"}  # folders of tests of other things
TESTED_TOGETHER = {"checks", "training", "zoo"}  # parts whose tests speak of them by other names
IMPOSSIBLE = 9  # status of a process whose mutant can't be imported: any test would notice it, so it doesn't count
LEAST_SECONDS, TIMES_BASELINE = 20, 4  # of processor time, after which a mutant counts as noticed


class Mutant(NamedTuple):
    """A module with one mistake.

    Args:
        path: of the module, relative to the root.
        mutation: the mistake.
        code: of the module with it.
    """

    path: str
    mutation: Mutation
    code: str

    def __str__(self) -> str:
        changed = change((ROOT / self.path).read_text("utf-8"), self.code)
        return f"{self.path}:{self.mutation.line}: {changed}"


def modules() -> list[str]:
    """Paths of the modules that mutants are made of."""
    paths = [path for part in PARTS for path in (ROOT / "gancourse" / part).rglob("*.py")]
    paths += [ROOT / "gancourse" / f"{name}.py" for name in SINGLE]
    return sorted(path.relative_to(ROOT).as_posix() for path in paths if path.name != "__init__.py")


def tests_of(path: str) -> list[str]:
    """Test files for a module: its own, then those that mention most of its public names.

    >>> tests_of("gancourse/metrics/collapse.py")[0]
    'tests/metrics/test_collapse.py'
    """
    module, source = Path(path), (ROOT / path).read_text("utf-8")
    public = set(re.findall(r"^(?:def|class) ([A-Za-z]\w{3,})", source, re.MULTILINE))
    part, ranked = module.parts[1], []
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        words = set(re.findall(r"\w+", file.read_text("utf-8")))
        if file.parent.name in SLOW or "subprocess" in words or file.stem == "test_checks_grading":
            continue  # a process of its own sees the original
        is_own = file.stem == f"test_{module.stem}" and file.parent.name in {module.parent.name, part, "tests"}
        same_part = file.parent.name in module.parts
        score = 100 * is_own + 10 * (same_part and module.stem in words) + len(public & words)
        score += same_part and part in TESTED_TOGETHER
        if score:
            ranked.append((-score, file.relative_to(ROOT).as_posix()))
    files = [file for _, file in sorted(ranked)[:MOST_FILES]]
    return files or [f"tests/{part}"]


def sampled(paths: Sequence[str], seed: int) -> Iterator[Mutant]:
    """Mutants without repetition: a module at random, then a place in it, then one of the mistakes that it can have.

    A place is drawn once; changes that make no difference, such as one of an annotation, are left out.
    """
    draws, places = random.Random(seed), {}
    left = list(paths)
    while left:
        path = draws.choice(left)
        source = (ROOT / path).read_text("utf-8")
        if path not in places:
            places[path] = list(mutations_of(source).values())
            draws.shuffle(places[path])
        if not places[path]:
            left.remove(path)
            continue
        mutation = draws.choice(places[path].pop())
        code = mutated(source, mutation)
        if makes_a_difference(source, code):
            yield Mutant(path, mutation, code)


def _run_tests(files: Sequence[str], mutant: Mutant | None, limit_s: float, log: Path) -> None:
    """Body of a child process: exits with pytest's status."""
    import pytest

    output = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s), int(limit_s) + 5))
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = f"{log}.hypothesis"
    status = 3
    try:
        if mutant is not None and not _can_be_imported(mutant):
            os._exit(IMPOSSIBLE)
        # A fixed seed: a survivor of one run is one of the next.
        options = ["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-seed=0", "-m", "not slow and not cuda"]
        status = int(pytest.main([*options, *files]))
    finally:
        os._exit(status)


def _can_be_imported(mutant: Mutant) -> bool:
    """Put the mistake into the process; whether the module can be imported with it."""
    name = ".".join(Path(mutant.path).with_suffix("").parts)
    sys.meta_path.insert(0, MutantFinder(ROOT / mutant.path, name, mutant.code))
    try:
        importlib.import_module(name)
    except Exception:
        return False
    return True


class Runner:
    """Runs tests in children of a process that has imported the heavy libraries, so that each begins at once.

    Args:
        jobs: children at a time.
    """

    def __init__(self, jobs: int) -> None:
        import pytest  # noqa: F401
        import scipy.optimize
        import scipy.stats  # noqa: F401
        import torch

        torch.set_num_threads(1)
        self.jobs, self.logs = jobs, Path(tempfile.mkdtemp(prefix="mutants-"))
        self.running: dict[int, tuple[tuple[str, ...], Mutant | None, float]] = {}

    def start(self, files: tuple[str, ...], mutant: Mutant | None, limit_s: float) -> None:
        """Begin a run; there must be room for it."""
        pid = os.fork()
        if not pid:
            _run_tests(files, mutant, limit_s, self.logs / str(os.getpid()))
        self.running[pid] = files, mutant, time.monotonic() + 20 * limit_s

    def next(self) -> tuple[tuple[str, ...], Mutant | None, str, float]:
        """Wait for a run to end: its files, its mutant, what came out, and its seconds of processor time."""
        while True:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid in self.running:
                files, mutant, _ = self.running.pop(pid)
                outcome, log = _outcome(status), self.logs / str(pid)
                if mutant is None and outcome != "survived":
                    print("".join(log.read_text("utf-8").splitlines(keepends=True)[-30:]))
                log.unlink()
                return files, mutant, outcome, usage.ru_utime + usage.ru_stime
            for pid, (_, _, end) in self.running.items():
                if time.monotonic() > end:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)


def _outcome(status: int) -> str:
    if os.WIFSIGNALED(status):
        return "stopped"
    # 1: a test failed. 2: tests can't be collected, as another module can't be imported.
    return {0: "survived", 1: "killed", 2: "killed", IMPOSSIBLE: "impossible"}.get(os.WEXITSTATUS(status), "error")


def run(mutants: Iterator[Mutant], runner: Runner, n: int | None, minutes: float) -> list[tuple[Mutant, str]]:
    """Outcomes of mutants until the number or the time is reached; prints each."""
    end = time.monotonic() + 60 * minutes
    seconds: dict[tuple[str, ...], float] = {}  # of each set of tests without a mistake
    waiting: dict[tuple[str, ...], list[Mutant]] = {}
    ready: list[tuple[tuple[str, ...], Mutant]] = []
    outcomes: list[tuple[Mutant, str]] = []
    n_begun = 0
    while True:
        while len(runner.running) < runner.jobs and time.monotonic() < end:
            if ready:
                files, mutant = ready.pop()
                runner.start(files, mutant, max(LEAST_SECONDS, TIMES_BASELINE * seconds[files]))
                continue
            mutant = next(mutants, None) if n is None or n_begun < n else None
            if mutant is None:
                break
            n_begun += 1
            files = tuple(tests_of(mutant.path))
            if files in seconds:
                ready.append((files, mutant))
            elif files in waiting:
                waiting[files].append(mutant)
            else:
                waiting[files] = [mutant]
                runner.start(files, None, 600)
        if not runner.running:
            return outcomes
        files, mutant, outcome, spent = runner.next()
        if mutant is not None:
            outcomes.append((mutant, outcome))
            print(f"{outcome:10} {mutant}  ({spent:.0f} s)", flush=True)
        elif outcome == "survived":
            seconds[files] = spent
            ready += [(files, each) for each in waiting.pop(files)]
        else:
            waiting.pop(files)
            print(f"{outcome:10} without any mistake: {' '.join(files)}", flush=True)


def summary(outcomes: Sequence[tuple[Mutant, str]]) -> str:
    """Share of noticed mutants, of all and by part, and the survivors."""
    parts = {part: [o for m, o in outcomes if m.path.startswith(f"gancourse/{part}")] for part in (*PARTS, *SINGLE)}
    lines = []
    for name, found in {"all": [o for _, o in outcomes], **parts}.items():
        counts = Counter(found)
        noticed = counts["killed"] + counts["stopped"]
        judged = noticed + counts["survived"]
        if judged:
            lines.append(f"{name:16} {noticed:4} of {judged:4} noticed, {noticed / judged:.0%}")
    survivors = sorted(str(mutant) for mutant, outcome in outcomes if outcome == "survived")
    return "\n".join([*lines, "", f"{len(survivors)} survivors:", *survivors])


def main() -> None:
    """Read the command line, run, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=40, help="no mutant begins after this time")
    parser.add_argument("--n", type=int, help="number of mutants; as many as the time allows if left out")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--only", nargs="+", metavar="PATH", help="modules, instead of all")
    asked = parser.parse_args()
    paths = asked.only or modules()
    if unknown := [path for path in paths if not (ROOT / path).is_file()]:
        parser.error(f"there is no module {unknown[0]}; pass paths like gancourse/theory/transport.py")
    os.chdir(ROOT)
    sys.dont_write_bytecode = True
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print(summary(run(sampled(paths, asked.seed), Runner(asked.jobs), asked.n, asked.minutes)))


if __name__ == "__main__":
    main()
