"""Images a second on a GPU: the course's trainer against the textbook loop, with the same networks.

    python -m benchmarks.accelerator --keep       # four minutes on one GPU; [WORKLOAD …] [--batch 64 512]

Both sides run in float32, TF32 and bfloat16, plain and compiled (torch.compile; its mode "reduce-overhead" records CUDA
graphs). The textbook's loop is timed twice: with its loader, and with its images on the device from the start. Each
loop in each mode runs in a process of its own; numbers are medians over rounds. With --keep, a row is appended to
results/accelerator.jsonl.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks import machine, speed, textbook
from gancourse import data, objectives
from gancourse.games import GAN, OneBatch, OneForward
from gancourse.models.spectral import spectral_normalised
from gancourse.rng import initialised_from
from gancourse.training import Trainer, adam

RESULTS = Path(__file__).parent / "results" / "accelerator.jsonl"
CUDA = torch.device("cuda")
MODES = {"plain": None, "compiled": "default", "CUDA graphs": "reduce-overhead"}


class Side(NamedTuple):
    """One side of the comparison.

    Args:
        loop: "textbook", "textbook, images on the device", "trainer" or "trainer, fast".
        arithmetic: "float32", "TF32" or "bfloat16".
        mode: a name in MODES.
    """

    loop: str
    arithmetic: str
    mode: str

    def __str__(self) -> str:
        return f"{self.loop}, {self.arithmetic}" + ("" if self.mode == "plain" else f", {self.mode}")


LOOPS = ("textbook", "textbook, images on the device", "trainer", "trainer, fast")
SIDES = [
    *(Side("textbook", a, "plain") for a in ("float32", "TF32", "bfloat16")),
    *(Side(loop, a, mode) for loop in LOOPS[1:] for a in ("float32", "TF32", "bfloat16") for mode in MODES),
]


def use(arithmetic: str) -> None:
    """Allow or forbid TF32 in convolutions and matrix products."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = arithmetic == "TF32"


def images_of(workload: speed.Workload) -> Tensor:
    """The workload's images as floats on the device."""
    return data.images.to_floats(speed.images(workload)).to(CUDA)


def endless(images: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Shuffled batches of images on the device, without end."""
    while True:
        for rows in torch.randperm(len(images), device=CUDA).split(batch_size):
            if len(rows) == batch_size:
                yield images[rows]


def compiled(network: nn.Module, mode: str | None) -> nn.Module:
    """The network under torch.compile, with the same parameters."""
    if mode is None:
        return network
    latent_size = getattr(network, "latent_size", None)
    network = torch.compile(network, mode=mode)
    if latent_size is not None:
        network.latent_size = latent_size
    return network


class Autocast(nn.Module):
    """A network under autocast to bfloat16, with outputs in float32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        if hasattr(network, "latent_size"):
            self.latent_size = network.latent_size

    def forward(self, x: Tensor) -> Tensor:
        """The network's output for x."""
        with torch.autocast("cuda", torch.bfloat16):
            y = self.network(x)
        return y.float()


def steps_of(side: Side, workload: speed.Workload) -> Iterator[Any]:
    """A new loop of one side."""
    with initialised_from(0):
        networks = [network.to(CUDA) for network in workload.networks()]
        if workload.hinge and side.loop.startswith("trainer"):
            networks = [network.to(CUDA) for network in speed._resnet(spectral_normalised)]
    mode = MODES[side.mode]
    if side.loop.startswith("textbook"):
        if side.arithmetic == "bfloat16":
            networks = [Autocast(network) for network in networks]
        networks = [compiled(network, mode) for network in networks]
        if side.loop == "textbook":
            pictures = textbook.Pictures(speed.images(workload), workload.size)
            batches = textbook.epochs(textbook.loader(pictures, workload.batch_size), CUDA)
        else:
            batches = endless(images_of(workload), workload.batch_size)
        return textbook.steps(*networks, batches, hinge=workload.hinge, reuse=workload.reuse)
    networks = [compiled(network, mode) for network in networks]
    fast = side.loop.endswith("fast")
    game = GAN(*networks, objectives.hinge if workload.hinge else objectives.non_saturating)
    if fast:
        game = OneForward(OneBatch(game) if workload.alone else game)
    trainer = Trainer(
        game,
        speed.Bytes(speed.images(workload).to(CUDA)),
        batch_size=workload.batch_size,
        optimiser=adam(fused=fast),
        channels_last=fast,
        precision="bf16-mixed" if side.arithmetic == "bfloat16" else "32-true",
        device=CUDA,
    )
    return trainer.steps(10**9)


def seconds_a_step(side: Side, workload: speed.Workload, seconds: float, rounds: int) -> float:
    """The median over rounds of `seconds` each, after a second of warm-up."""
    use(side.arithmetic)
    loop = steps_of(side, workload)
    _seconds_of(loop, 1.0)
    return statistics.median(_seconds_of(loop, seconds) for _ in range(rounds))


def _seconds_of(loop: Iterator[Any], seconds: float) -> float:
    """Seconds a step over a run of at least `seconds`."""
    next(loop)
    torch.cuda.synchronize()
    began, n = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(5):
            next(loop)
        n += 5
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / n


def measure_group(loop: str, mode: str, workloads: list[str], batches: list[int], seconds: float, rounds: int) -> None:
    """Print one JSON line for each measurement of one loop in one mode, and for each error."""
    for name in workloads:
        for batch_size in batches:
            workload = speed.WORKLOADS[name]._replace(batch_size=batch_size)
            for side in SIDES:
                if (side.loop, side.mode) != (loop, mode):
                    continue
                row: dict[str, Any] = {"workload": name, "batch_size": batch_size, "side": str(side)}
                row |= {"arithmetic": side.arithmetic}
                torch._dynamo.reset()
                try:
                    row["seconds"] = seconds_a_step(side, workload, seconds, rounds)
                except Exception as error:  # mostly a compiler's: continue with the other sides
                    first = (str(error).splitlines() or [""])[0].replace(f"{Path.cwd()}/", "")
                    row["error"] = f"{type(error).__name__}: {first[:160]}"
                print(json.dumps(row), flush=True)


def group(loop: str, mode: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The measurements of one loop in one mode, by a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.accelerator", *options.workloads]
    command += ["--batch", *map(str, options.batch), "--seconds", str(options.seconds), "--rounds", str(options.rounds)]
    process = subprocess.run([*command, "--group", loop, mode], stdout=subprocess.PIPE, text=True, check=False)
    return [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    """Measure the workloads and loops of the command line, print the results and append the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=["dcgan-28"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a round")
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 512])
    parser.add_argument("--loops", nargs="+", default=list(LOOPS), help="; ".join(LOOPS))
    parser.add_argument("--limit-s", type=float, default=1e9, help="start no measurement after this many seconds")
    parser.add_argument("--keep", action="store_true", help="append the rows to results/accelerator.jsonl")
    parser.add_argument("--group", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.group:
        measure_group(*options.group, options.workloads, options.batch, options.seconds, options.rounds)
        return
    started, peaks, rows = time.monotonic(), peaks_of(), []
    print(", ".join(f"peak {k} {v / 1e12:.0f} TFLOP/s" for k, v in peaks.items()), flush=True)
    use("float32")
    flops = {
        (name, n): speed.flops_a_step(speed.WORKLOADS[name]._replace(batch_size=n), speed.Variant("trainer"))
        for name in options.workloads
        for n in options.batch
    }
    for loop, mode in dict.fromkeys((side.loop, side.mode) for side in SIDES if side.loop in options.loops):
        if time.monotonic() - started > options.limit_s:
            print(f"{loop}, {mode}: left out, the time limit is reached", flush=True)
            continue
        for row in group(loop, mode, options):
            if "seconds" in row:
                rate = flops[row["workload"], row["batch_size"]] / row["seconds"]
                row |= {
                    "images_a_second": row["batch_size"] / row["seconds"],
                    "share_of_peak": rate / peaks[row["arithmetic"]],
                }
            rows.append(row)
            result = (
                f"{1e3 * row['seconds']:8.2f} ms {row['images_a_second']:10,.0f} images/s"
                if "seconds" in row
                else row["error"]
            )
            print(f"{row['workload']} {row['batch_size']:4} {row['side']:56} {result}", flush=True)
    if options.keep:
        machine.append(RESULTS, {"rounds": options.rounds, "peaks": peaks, "rows": rows})


def peaks_of() -> dict[str, float]:
    """Floating-point operations a second of a large matrix product, by arithmetic."""
    peaks = {}
    for name, dtype in (("float32", torch.float32), ("TF32", torch.float32), ("bfloat16", torch.bfloat16)):
        use(name)
        x = torch.randn(4096, 4096, device=CUDA, dtype=dtype)
        for _ in range(3):
            x @ x
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(10):
            x @ x
        torch.cuda.synchronize()
        peaks[name] = 10 * 2 * 4096**3 / (time.perf_counter() - began)
    return peaks


if __name__ == "__main__":
    main()
