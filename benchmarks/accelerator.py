"""Images a second on a GPU: the course's trainer against the textbook loop, with the same networks.

    python -m benchmarks.accelerator --keep       # four minutes on one GPU; [WORKLOAD …] [--rounds 3] [--batch 64 512]

Both sides in float32, TF32 and bfloat16, plain and compiled (torch.compile, whose mode "reduce-overhead" records CUDA
graphs). The textbook's loop is timed twice: with its loader, and with its images on the device already. Variants take
turns in one process; a round's number is the median of its steps. With --keep, rows land in results/accelerator.jsonl.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
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
        mode: of MODES.
    """

    loop: str
    arithmetic: str
    mode: str

    def __str__(self) -> str:
        return f"{self.loop}, {self.arithmetic}" + ("" if self.mode == "plain" else f", {self.mode}")


SIDES = [
    *(Side("textbook", a, "plain") for a in ("float32", "TF32", "bfloat16")),
    *(
        Side(loop, a, mode)
        for loop in ("textbook, images on the device", "trainer", "trainer, fast")
        for a in ("float32", "TF32", "bfloat16")
        for mode in MODES
    ),
]


def use(arithmetic: str) -> None:
    """Let convolutions and matrix products use TF32, or not."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = arithmetic == "TF32"


def images_of(workload: speed.Workload) -> Tensor:
    """The workload's images as floats on the device."""
    return data.images.to_floats(speed.images(workload)).to(CUDA)


def endless(images: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Shuffled batches of images that lie on the device."""
    while True:
        for rows in torch.randperm(len(images), device=CUDA).split(batch_size):
            if len(rows) == batch_size:
                yield images[rows]


def compiled(network: nn.Module, mode: str | None) -> nn.Module:
    """The network as torch.compile runs it; its parameters stay where they are."""
    if mode is None:
        return network
    latent_size = getattr(network, "latent_size", None)
    network = torch.compile(network, mode=mode)
    if latent_size is not None:
        network.latent_size = latent_size
    return network


class Autocast(nn.Module):
    """A network under autocast to bfloat16, its results in float32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        if hasattr(network, "latent_size"):
            self.latent_size = network.latent_size

    def forward(self, x: Tensor) -> Tensor:
        """What the network makes of x."""
        with torch.autocast("cuda", torch.bfloat16):
            y = self.network(x)
        return y.float()


def steps_of(side: Side, workload: speed.Workload) -> Iterator[Any]:
    """The loop of one side, at its start."""
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


def timed(side: Side, workload: speed.Workload, seconds: float) -> Callable[[], float]:
    """A function that plays for about so many seconds and returns the seconds of a step."""
    use(side.arithmetic)
    loop = steps_of(side, workload)
    for _ in range(5):
        next(loop)
    torch.cuda.synchronize()

    def play() -> float:
        use(side.arithmetic)
        next(loop)
        torch.cuda.synchronize()
        began, n = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            for _ in range(5):
                next(loop)
            n += 5
            torch.cuda.synchronize()
        return (time.perf_counter() - began) / n

    return play


def main() -> None:
    """Measure what was asked for, print it and keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=["dcgan-28", "sn-resnet-32"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.4, help="of a turn")
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 512])
    parser.add_argument("--limit-s", type=float, default=1e9, help="begin no workload after so many seconds")
    parser.add_argument("--keep", action="store_true", help="append the rows to results/accelerator.jsonl")
    chosen = parser.parse_args()
    started = time.monotonic()
    for name in chosen.workloads:
        for batch_size in chosen.batch:
            if time.monotonic() - started > chosen.limit_s:
                print(f"{name}, batch {batch_size}: left out, the time is up", flush=True)
                continue
            workload = speed.WORKLOADS[name]._replace(batch_size=batch_size)
            peaks = peaks_of()
            said = ", ".join(f"{k} {v / 1e12:.0f} TFLOP/s" for k, v in peaks.items())
            print(f"{name}, batch {batch_size}; peaks {said}", flush=True)
            use("float32")
            flops = speed.flops_a_step(workload, speed.Variant("trainer"))
            players: dict[str, Callable[[], float]] = {}
            for side in SIDES:
                try:
                    players[str(side)] = timed(side, workload, chosen.seconds)
                except Exception as error:
                    print(f"  {side}: {type(error).__name__}: {str(error).splitlines()[0][:150]}", flush=True)
            values: dict[str, list[float]] = {side: [] for side in players}
            for turn in range(chosen.rounds):
                order = list(players)
                for side in order[turn % len(order) :] + order[: turn % len(order)]:
                    values[side].append(players[side]())
            rows = {}
            for side, seconds in values.items():
                median = statistics.median(seconds)
                peak = peaks[next(a for a in peaks if f", {a}" in side)]
                rows[side] = {
                    "seconds": median,
                    "images_a_second": batch_size / median,
                    "share_of_peak": flops / median / peak,
                }
                print(f"  {side:58} {1e3 * median:8.2f} ms {batch_size / median:10,.0f} images/s", flush=True)
            if chosen.keep:
                row = {
                    "workload": name,
                    "batch_size": batch_size,
                    "rounds": chosen.rounds,
                    "flops": flops,
                    "peaks": peaks,
                }
                machine.append(RESULTS, row | {"sides": rows})


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
