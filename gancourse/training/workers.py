"""Starting the processes of one training on this machine, and watching them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Any

LOST = 75  # how a process ends that has lost another: it is not to blame
WATCHED = "GANCOURSE_WATCHED"  # in the environment of what `launch` has started: its stdin ends with its parent
GRACE_S = 10.0  # between a process's end and that of those which don't end by themselves


def is_worker() -> bool:
    """Whether this process is one of several, started by `launch`, torchrun or Lightning."""
    return "LOCAL_RANK" in os.environ


def launch(command: Sequence[str], n_devices: int, n_nodes: int = 1) -> tuple[int, str]:
    """Run a command in several processes at once and watch over them until the last has ended.

    Each finds its place in the environment: see `join`. The first one writes where this process does; of what the
    others write, the last line of an error is kept. Ctrl-C and SIGTERM are handed on to all of them. If one is lost,
    the others are ended.

    Args:
        command: program and arguments.
        n_devices: processes to start here.
        n_nodes: machines on which the same is being done; with several, NODE_RANK, MASTER_ADDR and MASTER_PORT must
            be set on each.

    Returns:
        The exit code of them all, and what happened where a process was lost ("" otherwise).

    Raises:
        ValueError: a count is below one, or the environment doesn't say where the other machines are.
    """
    if n_devices < 1 or n_nodes < 1:
        raise ValueError(f"{n_devices} devices on {n_nodes} nodes; pass at least 1 each")
    node = _place_of_node(n_nodes)
    with ExitStack() as stack:
        errors = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(n_devices)]
        workers = [
            _start(command, node | {"LOCAL_RANK": str(i)}, None if is_first(node, i) else errors[i])
            for i in range(n_devices)
        ]
        stack.callback(_end, workers)
        _hand_on_signals(workers, stack)
        first = _wait_for_one_that_fails(workers)
        if first is None:
            return 0, ""
        _end(workers, GRACE_S)
        return _verdict(workers, errors, first, int(node["NODE_RANK"]) * n_devices, n_devices * n_nodes)


def is_first(node: dict[str, str], local_rank: int) -> bool:
    """Whether a process is the one that writes."""
    return node["NODE_RANK"] == "0" and local_rank == 0


def _place_of_node(n_nodes: int) -> dict[str, str]:
    if n_nodes == 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return {"NODE_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    names = ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
    if missing := [name for name in names if name not in os.environ]:
        raise ValueError(f"{n_nodes} nodes, but {', '.join(missing)} isn't set; say on each node where the first is")
    if os.environ["NODE_RANK"] not in map(str, range(n_nodes)):
        raise ValueError(f"NODE_RANK is {os.environ['NODE_RANK']!r} of {n_nodes} nodes; they count from 0")
    return {name: os.environ[name] for name in names}


def _start(command: Sequence[str], place: dict[str, str], errors: IO[str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=os.environ | place | {WATCHED: "1"},
        stdin=subprocess.PIPE,  # its end tells the worker that this process is gone: see `end_with_parent`
        stdout=None if errors is None else subprocess.DEVNULL,
        stderr=errors,
        # A group of its own: Ctrl-C reaches this process alone, which hands it on once.
        start_new_session=True,
    )


def end_with_parent() -> None:
    """Have this worker receive SIGTERM once the process that launched it is gone; nothing if torchrun started it."""
    if WATCHED not in os.environ:
        return

    def wait() -> None:
        # Not sys.stdin: a thread that waits there keeps the interpreter from ending.
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end with parent", daemon=True).start()


def _hand_on_signals(workers: list[subprocess.Popen[bytes]], stack: ExitStack) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may receive signals

    def hand_on(number: int, frame: Any) -> None:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        stack.callback(signal.signal, number, signal.signal(number, hand_on))


def _wait_for_one_that_fails(workers: list[subprocess.Popen[bytes]]) -> int | None:
    """Index of the first process that ended badly; None once all have ended well."""
    while True:
        codes = [worker.poll() for worker in workers]
        # The one that lost another may be seen first.
        failed = [i for i, code in enumerate(codes) if code]
        if failed:
            return next((i for i in failed if codes[i] != LOST), failed[0])
        if all(code == 0 for code in codes):
            return None
        time.sleep(0.05)


def _end(workers: list[subprocess.Popen[bytes]], grace_s: float = 0.0) -> None:
    """Wait for processes to end by themselves, and kill those that don't."""
    deadline = time.monotonic() + grace_s
    for worker in workers:
        try:
            worker.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        if worker.stdin:
            worker.stdin.close()


def _verdict(
    workers: list[subprocess.Popen[bytes]], errors: list[IO[str]], first: int, offset: int, total: int
) -> tuple[int, str]:
    """Exit code, and who was lost and how."""
    codes = [worker.returncode for worker in workers]
    if offset == 0 and codes[0] not in (0, LOST) and codes[0] > 0:
        return codes[0], ""  # the first process has said itself what happened
    if codes[first] == LOST:
        first = next((i for i, code in enumerate(codes) if code not in (0, LOST)), first)
    if codes[first] == LOST:
        return 1, "a process was lost or didn't answer in time"
    who = f"process {offset + first} of {total}"
    if codes[first] < 0:
        return 1, f"{who} was killed by {signal.Signals(-codes[first]).name}"
    errors[first].seek(0)
    lines = errors[first].read().strip().splitlines()
    return 1, f"{who} ended with code {codes[first]}" + (f": {lines[-1]}" if lines else "")
