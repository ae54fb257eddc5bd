"""Seconds a step: the course's trainer against the textbook loop, with the same networks and batch.

    python -m benchmarks.speed --rounds 9 --keep      # all networks, about ten minutes on two cores
    python -m benchmarks.speed dcgan-28 --rounds 5

Variants run alternately, a few steps each, so that other load on the machine affects all of them equally. The ratio of
a round is its textbook time divided by its variant time; the table shows medians and quartiles over rounds. Each
variant adds one technique to the one before it. With --keep, rows are appended to benchmarks/results/speed.jsonl.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import machine, textbook, turns
from gancourse import data, device, memory, objectives
from gancourse.batch import Batch
from gancourse.games import GAN, OneBatch, OneForward
from gancourse.models import folded, resnet
from gancourse.models.spectral import spectral_normalised
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer, adam, has_bf16

RESULTS = Path(__file__).parent / "results" / "speed.jsonl"


class Workload(NamedTuple):
    """Networks, data and loss that both sides share."""

    about: str
    networks: Callable[[], tuple[nn.Module, nn.Module]]
    size: int
    channels: int
    batch_size: int
    hinge: bool = False
    reuse: bool = False
    """Whether the usual loop reuses the images of the discriminator's update in the generator's update."""
    alone: bool = False
    """Whether a sample's score is independent of its batch: no batch normalisation in the discriminator."""


def _resnet(normalised: Callable[[nn.Module], nn.Module], width: int = 64) -> tuple[nn.Module, nn.Module]:
    return resnet.Generator(128, width), normalised(resnet.Discriminator(width))


def torch_s_spectral_norm(network: nn.Module) -> nn.Module:
    """Spectral normalisation of every layer by torch's own parametrisation."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            torch.nn.utils.parametrizations.spectral_norm(layer)
    return network


WORKLOADS: dict[str, Workload] = {
    "dcgan-28": Workload(
        "the textbook DCGAN, 28 × 28, one channel",
        lambda: (textbook.Generator(), textbook.Discriminator()),
        28,
        1,
        128,
    ),
    "upsampling-32": Workload(
        "the usual upsampling DCGAN, 32 × 32, one channel",
        lambda: (textbook.UpsamplingGenerator(), textbook.StridedDiscriminator()),
        32,
        1,
        64,
        reuse=True,
    ),
    "sn-resnet-32": Workload(
        "residual networks of width 64 with spectral normalisation and hinge loss, 32 × 32, three channels",
        lambda: _resnet(torch_s_spectral_norm),
        32,
        3,
        64,
        hinge=True,
        alone=True,
    ),
}


REUSING = "textbook, one generator forward"


class Variant(NamedTuple):
    """The course's trainer with some techniques enabled."""

    name: str
    kept_memory: bool = False
    channels_last: bool = False
    folded: bool = False
    one_forward: bool = False
    one_batch: bool = False
    fused: bool = False
    precision: str = "32-true"


TECHNIQUES: dict[str, dict[str, Any]] = {
    "trainer": {},
    "+ kept memory": {"kept_memory": True},
    "+ one generator forward": {"one_forward": True},
    "+ one discriminator batch": {"one_batch": True},
    "+ channels last": {"channels_last": True},
    "+ folding": {"folded": True},
    "+ fused Adam": {"fused": True},
    "+ bf16": {"precision": "bf16-mixed"},
}


def variants(workload: Workload, with_bf16: bool = True) -> list[Variant]:
    """The variants that the workload allows; each has one technique more than the one before it."""
    left_out = {name for name, fits in (("one_batch", workload.alone), ("precision", with_bf16)) if not fits}
    result, enabled = [], {}
    for name, technique in TECHNIQUES.items():
        if not technique.keys() & left_out:
            enabled |= technique
            result.append(Variant(name, **enabled))
    return result


def images(workload: Workload) -> Tensor:
    """Digits of the package as bytes [10000, channels, size, size]."""
    bytes_ = data.digits().images
    pad = (workload.size - bytes_.shape[2]) // 2
    return functional.pad(bytes_, (pad,) * 4).expand(-1, workload.channels, -1, -1).contiguous()


def textbook_steps(workload: Workload, where: torch.device, reuse: bool | None = None) -> Iterator[Any]:
    """The textbook's loop; None reuses images in the generator's update if the workload does."""
    reuse = workload.reuse if reuse is None else reuse
    with initialised_from(0):
        networks = [network.to(where) for network in workload.networks()]
    pictures = textbook.Pictures(images(workload), workload.size)
    batches = textbook.epochs(textbook.loader(pictures, workload.batch_size), where)
    return textbook.steps(*networks, batches, hinge=workload.hinge, reuse=reuse)


class Bytes:
    """Images held as bytes and converted when they are drawn, at any size."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __call__(self, noise: Noise) -> Batch:
        """Images in [−1, 1]."""
        index = noise.integers("index", len(self.images)).to(self.images.device)
        return Batch(data.images.to_floats(self.images[index]))


def trainer(workload: Workload, variant: Variant, where: torch.device) -> Trainer:
    """The course's trainer on the same networks."""
    with initialised_from(0):
        generator, discriminator = workload.networks()
        if workload.hinge:
            generator, discriminator = _resnet(spectral_normalised)
    if variant.folded:
        for network in (generator, discriminator):
            folded(network, in_place=True)
    game = GAN(generator, discriminator, objectives.hinge if workload.hinge else objectives.non_saturating)
    game = OneForward(game) if variant.one_forward else game
    return Trainer(
        OneBatch(game) if variant.one_batch else game,
        Bytes(images(workload).to(where)),
        batch_size=workload.batch_size,
        optimiser=adam(fused=variant.fused),
        channels_last=variant.channels_last,
        precision=variant.precision,
        device=where,
    )


def variant_steps(workload: Workload, variant: Variant, where: torch.device) -> Iterator[Any]:
    """The course's loop."""
    return trainer(workload, variant, where).steps(10**9)


def flops_a_step(workload: Workload, variant: Variant) -> int:
    """Floating-point operations of the convolutions and matrix products of one step, as PyTorch counts them."""
    steps = variant_steps(workload, variant, torch.device("cpu"))
    with FlopCounterMode(display=False) as counter:
        next(steps)
    return counter.get_total_flops()


def peak(dtype: torch.dtype, where: torch.device) -> float:
    """Floating-point operations a second of a large convolution: the best of several runs."""
    x = torch.randn(64, 256, 16, 16, device=where, dtype=dtype).to(memory_format=torch.channels_last)
    layer = nn.Conv2d(256, 256, 3, padding=1).to(where, dtype).to(memory_format=torch.channels_last)
    times = []
    with torch.no_grad():
        for _ in range(12):
            began = time.perf_counter()
            layer(x)
            _wait(where)
            times.append(time.perf_counter() - began)
    return 2 * 64 * 256 * 256 * 256 * 9 / min(times)


def peaks_of(where: torch.device) -> dict[str, float]:
    """Peaks by precision, for the precisions that the device has."""
    dtypes = {"32-true": torch.float32} | ({"bf16-mixed": torch.bfloat16} if has_bf16(where) else {})
    return {precision: peak(dtype, where) for precision, dtype in dtypes.items()}


def _wait(where: torch.device) -> None:
    if where.type == "cuda":
        torch.cuda.synchronize(where)


def measure(
    workload: str, batch_size: int, variants: list[Variant], rounds: int, steps: int, where: str
) -> dict[str, list[float]]:
    """Seconds a step by variant and round.

    The textbook's are under "textbook". If its updates draw latents of their own, REUSING has those of a loop whose
    updates share latents.
    """
    makers: dict[str, turns.Maker] = {"textbook": (loop, (workload, batch_size, None, where))}
    if not WORKLOADS[workload].reuse:
        makers[REUSING] = (loop, (workload, batch_size, None, where, True))
    makers |= {v.name: (loop, (workload, batch_size, v, where)) for v in variants}
    return turns.alternate(makers, rounds, steps)


def loop(
    workload: str, batch_size: int, variant: Variant | None, device_name: str, reuse: bool | None = None
) -> Iterator[Any]:
    """One side of a comparison, in the process that calls it; None is the textbook's."""
    where, settings = device.device(device_name), WORKLOADS[workload]._replace(batch_size=batch_size)
    if variant is None:
        return textbook_steps(settings, where, reuse)
    if variant.kept_memory:
        memory.keep()
    return variant_steps(settings, variant, where)


def main() -> None:
    """Measure the workloads of the command line, print the table and append the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS), help=", ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--steps", type=int, default=3, help="steps a turn")
    parser.add_argument("--batch-size", type=int, default=0, help="0 for the workload's own")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--keep", action="store_true", help="append the rows to results/speed.jsonl")
    options = parser.parse_args()
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(WORKLOADS)}")
    where = device.device(options.device)
    for name in options.workloads:
        before = peaks_of(where)
        batch_size = options.batch_size or WORKLOADS[name].batch_size
        workload = WORKLOADS[name]._replace(batch_size=batch_size)
        compared = variants(workload, has_bf16(where))
        seconds = measure(name, batch_size, compared, options.rounds, options.steps, options.device)
        # The better of two measurements: other processes may have run during one of them.
        peaks = {precision: max(before[precision], value) for precision, value in peaks_of(where).items()}
        peak_text = ", ".join(f"{precision} {value / 1e9:.0f} GFLOP/s" for precision, value in peaks.items())
        print(f"{name}: {workload.about}, batch {workload.batch_size}; peaks {peak_text}")
        rows: dict[str, dict[str, Any]] = {}
        for side, values in seconds.items():
            low, middle, high = turns.ratios(seconds["textbook"], values)
            rows[side] = {"seconds": statistics.median(values), "ratio": middle, "quartiles": [low, high]}
        for variant in compared:
            flops = flops_a_step(workload, variant)
            share = flops / rows[variant.name]["seconds"] / peaks[variant.precision]
            rows[variant.name] |= {"flops": flops, "share_of_peak": share}
        for side, row in rows.items():
            times = f"{row['ratio']:.2f} × ({row['quartiles'][0]:.2f} to {row['quartiles'][1]:.2f})"
            of_peak = f", {row['share_of_peak']:.0%} of the peak" if "share_of_peak" in row else ""
            print(f"  {side:32} {1e3 * row['seconds']:7.1f} ms  {times}{of_peak}")
        if options.keep:
            entry = {"workload": name, "batch_size": workload.batch_size, "rounds": options.rounds}
            machine.append(RESULTS, entry | {"peaks": peaks, "variants": copy.deepcopy(rows)})


if __name__ == "__main__":
    main()
