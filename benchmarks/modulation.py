"""Seconds a step of a StyleGAN2: modulation by scaling channels, against the textbook's grouped convolutions.

    python -m benchmarks.modulation --keep        # about ten minutes on two idle cores; [--rounds 7] [--batch-size 32]

Both sides have the same networks, data, trainer and the paper's losses: non-saturating, R1 every 16 steps, and path
length every 8, for which the generator is differentiated twice. The textbook makes other weights for each sample and
convolves all of them as one batch of one image with as many groups as samples. With
--keep, a row for each precision is appended to results/modulation.jsonl.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import machine, turns
from gancourse.models.stylegan2 import EPSILON, GAIN, ModulatedConvolution, StyledLayer, ToImage
from gancourse.models.styles import LEAK
from gancourse.recipes import Arithmetic, Recipe, build, recipe
from gancourse.recipes.terms import R1, PathLength
from gancourse.training import Trainer, has_bf16

RESULTS = Path(__file__).parent / "results" / "modulation.jsonl"
RECIPE = "stylegan2-faces"
STEPS = 16
"""Of a turn: a multiple of the intervals of all lazy terms."""
SIDES: dict[str, tuple[bool, bool]] = {
    "grouped": (True, False),
    "grouped, fast": (True, True),
    "scaled": (False, False),
    "scaled, fast": (False, True),
}
"""Whether convolutions are grouped, and whether the trainer's techniques are used."""


def own_weights(convolution: ModulatedConvolution, w: Tensor) -> Tensor:
    """Each sample's modulated and demodulated weights, [batch, out, in, k, k]."""
    styles = convolution.affine(w)
    weights = styles[:, None, :, None, None] * (convolution.factor * convolution.weight)
    if convolution.demodulate:
        weights = weights * (weights.square().sum((2, 3, 4), keepdim=True) + EPSILON).rsqrt()
    return weights


def grouped(convolution: ModulatedConvolution, x: Tensor, w: Tensor) -> Tensor:
    """The textbook's modulated convolution, without the gain: one image, and a group for each sample."""
    weights = own_weights(convolution, w)
    n, n_out, n_in, k, _ = weights.shape
    # Contiguous: with channels last, some layers' gradients by the weights were wrong without it (torch 2.14, CPU).
    weights, image = weights.contiguous(), x.reshape(1, n * n_in, *x.shape[2:]).contiguous()
    if convolution.smoothing is None:
        y = functional.conv2d(image, weights.reshape(n * n_out, n_in, k, k), padding=k // 2, groups=n)
        return y.view(n, n_out, *y.shape[2:])
    flipped = weights.flip(3, 4).transpose(1, 2).reshape(n * n_in, n_out, k, k)
    y = functional.conv_transpose2d(image, flipped, stride=2, groups=n)
    return convolution.smoothing(y.view(n, n_out, *y.shape[2:]))


class GroupedLayer(StyledLayer):
    """The same layer by the textbook: convolution, noise, bias, activation and gain, one after the other."""

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Images of features."""
        y = grouped(self.convolution, x, w)
        if noise is not None:
            y = y + self.noise_scale * noise
        return functional.leaky_relu(y + self.bias[:, None, None], LEAK) * GAIN


class GroupedToImage(ToImage):
    """The same layer to colours by the textbook."""

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Images."""
        return grouped(self.convolution, x, w) + self.bias[:, None, None]


def as_grouped(generator: nn.Module) -> nn.Module:
    """The generator, whose layers from now on compute the textbook's form of the same function."""
    for module in generator.modules():
        kind = {StyledLayer: GroupedLayer, ToImage: GroupedToImage}.get(type(module))
        if kind is not None:
            module.__class__ = kind
    return generator


def compared() -> Recipe:
    """The recipe with the paper's losses."""
    return recipe(RECIPE).changed(objective="non-saturating", terms=(R1(10.0, every=16), PathLength(every=8)))


def trainer(side: str, precision: str, batch_size: int) -> Trainer:
    """The recipe's trainer, on one side of the comparison."""
    is_grouped, is_fast = SIDES[side]
    made = build(
        compared().changed(batch_size=batch_size), arithmetic=Arithmetic(fast=is_fast, precision=precision)
    ).trainer
    if is_grouped:
        as_grouped(made.players["generator"].network)
    return made


def loop(side: str, precision: str, batch_size: int) -> Iterator[Any]:
    """Steps of one side."""
    return trainer(side, precision, batch_size).steps(10**9)


def measure(precision: str, batch_size: int, rounds: int, steps: int) -> dict[str, Any]:
    """Seconds a step of each side, and its speed relative to the textbook's."""
    makers = {side: (loop, (side, precision, batch_size)) for side in SIDES}
    seconds, sides = turns.alternate(makers, rounds, steps), {}
    for side, values in seconds.items():
        low, middle, high = turns.ratios(seconds["grouped"], values)
        sides[side] = {"seconds": statistics.median(values), "ratio": middle, "quartiles": [low, high]}
    return {"precision": precision, "batch_size": batch_size, "rounds": rounds, "steps": steps, "sides": sides}


def main() -> None:
    """Measure both precisions, print the tables and append the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch-size", type=int, default=recipe(RECIPE).training.batch_size)
    parser.add_argument("--keep", action="store_true", help="append the rows to results/modulation.jsonl")
    options = parser.parse_args()
    for precision in ("32-true", *(("bf16-mixed",) if has_bf16(torch.device("cpu")) else ())):
        row = measure(precision, options.batch_size, options.rounds, STEPS)
        print(f"{RECIPE}, {precision}, batch {options.batch_size}")
        for side, numbers in row["sides"].items():
            low, high = numbers["quartiles"]
            times = f"{numbers['ratio']:.2f} × ({low:.2f} to {high:.2f})"
            print(f"  {side:16} {1e3 * numbers['seconds']:8.1f} ms  {times}", flush=True)
        if options.keep:
            machine.append(RESULTS, row)


if __name__ == "__main__":
    main()
