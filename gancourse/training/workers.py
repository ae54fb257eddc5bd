"""Starting the processes of one training on this machine, and monitoring them."""

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

LOST = 75  # exit code of a process that ends because it has lost another one
WATCHED = "GANCOURSE_WATCHED"  # set in the environment of processes from `launch`: their stdin closes with the parent
GRACE_S = 10.0  # after one process has ended, time for the others to end before they are killed


def is_worker() -> bool:
    """Whether this process is one of several, started by `launch`, torchrun or Lightning."""
    return "LOCAL_RANK" in os.environ


def launch(command: Sequence[str], n_devices: int, n_nodes: int = 1) -> tuple[int, str]:
    """Run a command in several processes at once, and monitor them until the last one has ended.

    Each process has its rank in its environment: see `join`. The first one writes to the output of this process; of
    the others, only the last line of an error is reported. Ctrl-C and SIGTERM are forwarded to all of them. If one
    fails, the others are ended.

    Args:
        command: program and arguments.
        n_devices: processes to start here.
        n_nodes: number of machines that run this command; with several, NODE_RANK, MASTER_ADDR and MASTER_PORT must
            be set on each.

    Returns:
        The exit code of all processes together, and what happened if one was lost ("" otherwise).

    Raises:
        ValueError: a count is below one, or the environment lacks the address or rank of the machines.
    """
    if n_devices < 1 or n_nodes < 1:
        raise ValueError(f"{n_devices} devices on {n_nodes} nodes; pass at least 1 each")
    node = _node_environment(n_nodes)
    with ExitStack() as stack:
        errors = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(n_devices)]
        workers = [
            _start(command, node | {"LOCAL_RANK": str(i)}, None if is_first(node, i) else errors[i])
            for i in range(n_devices)
        ]
        stack.callback(_end, workers)
        _forward_signals(workers, stack)
        first = _wait_for_failure(workers)
        if first is None:
            return 0, ""
        _end(workers, GRACE_S)
        return _verdict(workers, errors, first, int(node["NODE_RANK"]) * n_devices, n_devices * n_nodes)


def is_first(node: dict[str, str], local_rank: int) -> bool:
    """Whether a process is the one that writes output."""
    return node["NODE_RANK"] == "0" and local_rank == 0


def _node_environment(n_nodes: int) -> dict[str, str]:
    if n_nodes == 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return {"NODE_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    names = ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
    if missing := [name for name in names if name not in os.environ]:
        raise ValueError(
            f"{n_nodes} nodes, but {', '.join(missing)} isn't set; set each node's rank and the first node's address"
        )
    if os.environ["NODE_RANK"] not in map(str, range(n_nodes)):
        raise ValueError(f"NODE_RANK is {os.environ['NODE_RANK']!r} of {n_nodes} nodes; pass 0 to {n_nodes - 1}")
    return {name: os.environ[name] for name in names}


def _start(command: Sequence[str], environment: dict[str, str], errors: IO[str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=os.environ | environment | {WATCHED: "1"},
        stdin=subprocess.PIPE,  # closes when this process ends: see `end_with_parent`
        stdout=None if errors is None else subprocess.DEVNULL,
        stderr=errors,
        # In a session of its own: Ctrl-C reaches this process only, which forwards it once.
        start_new_session=True,
    )


def end_with_parent() -> None:
    """Send SIGTERM to this worker when the process that launched it ends; no effect if torchrun started it."""
    if WATCHED not in os.environ:
        return

    def wait() -> None:
        # Not sys.stdin: a thread that waits for it would prevent the interpreter from exiting.
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end with parent", daemon=True).start()


def _forward_signals(workers: list[subprocess.Popen[bytes]], stack: ExitStack) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may receive signals

    def forward(number: int, frame: Any) -> None:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        stack.callback(signal.signal, number, signal.signal(number, forward))


def _wait_for_failure(workers: list[subprocess.Popen[bytes]]) -> int | None:
    """Index of the first process that failed; None if all have succeeded."""
    while True:
        codes = [worker.poll() for worker in workers]
        # A process that has lost another may end before that one is polled.
        failed = [i for i, code in enumerate(codes) if code]
        if failed:
            return next((i for i in failed if codes[i] != LOST), failed[0])
        if all(code == 0 for code in codes):
            return None
        time.sleep(0.05)


def _end(workers: list[subprocess.Popen[bytes]], grace_s: float = 0.0) -> None:
    """Wait for processes to end, and kill those that have not ended in time."""
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
    """Exit code, and which process was lost and how."""
    codes = [worker.returncode for worker in workers]
    if offset == 0 and codes[0] not in (0, LOST) and codes[0] > 0:
        return codes[0], ""  # the first process has reported its error itself
    if codes[first] == LOST:
        first = next((i for i, code in enumerate(codes) if code not in (0, LOST)), first)
    if codes[first] == LOST:
        return 1, "a process was lost or did not answer in time"
    process = f"process {offset + first} of {total}"
    if codes[first] < 0:
        return 1, f"{process} was killed by {signal.Signals(-codes[first]).name}"
    errors[first].seek(0)
    lines = errors[first].read().strip().splitlines()
    return 1, f"{process} ended with code {codes[first]}" + (f": {lines[-1]}" if lines else "")
