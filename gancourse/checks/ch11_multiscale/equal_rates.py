"""Check of equalised learning rates: a weight times √(2 / fan_in), at each use."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, single_precision
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects

EACH_USE = "The factor is a part of the layer: the gradient is multiplied by it, too. No detach, .data or no_grad"


def equalised_weight(weight: Tensor) -> Tensor:
    """The right answer, with fan_in as torch's own initialiser counts it."""
    fan_in, _ = torch.nn.init._calculate_fan_in_and_fan_out(weight)
    return weight * (2 / fan_in) ** 0.5


def _area(weight: Tensor) -> int:
    return weight[0, 0].numel()


def _fan_in(weight: Tensor, area: int) -> int:
    """Inputs of one output, if a kernel had that many pixels."""
    return weight.shape[1] * (area if weight.ndim > 2 else 1)


BOTH = "fan_in has its height times its width."


MISTAKES = [
    Mistake(
        lambda w: w,
        "That is the weight as it is. Scaling it once, when it is initialised, is He's initialisation; equalised rates "
        "multiply at each use, and the stored weight keeps its variance of 1.",
    ),
    Mistake(
        lambda w: w * (w[0].numel() / 2) ** 0.5,
        "That divides by the factor: the paper writes ŵ = w / c, but its c is √(fan_in / 2). Multiply by "
        "√(2 / fan_in), so that layers with many inputs have small weights.",
    ),
    Mistake(
        lambda w: w * (2 / w.shape[1]) ** 0.5,
        "The kernel's size is missing: each output of a convolution sums over input channels *and* the pixels of its "
        "kernel, so fan_in is their product.",
    ),
    Mistake(
        lambda w: w * (2 / (w.shape[0] * _area(w))) ** 0.5,
        "That is fan_out, the number of outputs; count the inputs of one output, weight[0].numel().",
    ),
    Mistake(
        lambda w: w * (2 / w.shape[0]) ** 0.5,
        "That counts the output channels, the first axis; fan_in is the size of everything else.",
    ),
    Mistake(lambda w: w * (2 / w.numel()) ** 0.5, "That counts all weights; fan_in is the inputs of one output."),
    Mistake(
        lambda w: w * (2 / w.shape[-1]) ** 0.5,
        "That counts the last axis, a kernel's width; fan_in is the product of all axes but the first.",
    ),
    Mistake(lambda w: w * (2 / _fan_in(w, w.shape[-1])) ** 0.5, f"The kernel counts with its width only; {BOTH}"),
    Mistake(lambda w: w * (2 / _fan_in(w, w.shape[-2])) ** 0.5, f"The kernel counts with its height only; {BOTH}"),
    Mistake(
        lambda w: w * (2 / _fan_in(w, w.shape[-1] ** 2)) ** 0.5, f"The kernel counts with its width squared; {BOTH}"
    ),
    Mistake(
        lambda w: w * (2 / _fan_in(w, w.shape[-2] ** 2)) ** 0.5, f"The kernel counts with its height squared; {BOTH}"
    ),
    Mistake(
        lambda w: w * (2 / _area(w)) ** 0.5,
        "That counts the pixels of the kernel alone; each output sums over the input channels, too.",
    ),
    Mistake(
        lambda w: w * (2 // w[0].numel()) ** 0.5,
        "// rounds 2 / fan_in down, to 0 for most layers; divide by /.",
    ),
    Mistake(
        lambda w: w * (2 / 1.04 / w[0].numel()) ** 0.5,
        "That has the gain of a LeakyReLU(0.2), 2 / (1 + 0.2²) below the root; ProGAN takes the 2 of a ReLU.",
    ),
    Mistake(
        lambda w: w * (2 / (w.shape[1] + w.shape[0]) / _area(w)) ** 0.5,
        "That averages over fan_in and fan_out, as Glorot's initialisation does; take fan_in alone.",
    ),
    Mistake(
        lambda w: w * w[0].numel() ** -0.5,
        "The 2 is missing: half of a ReLU's inputs are 0, for which He's factor √(2 / fan_in) makes up.",
    ),
    Mistake(lambda w: w * 2 / w[0].numel(), "The root is missing: it is √(2 / fan_in)."),
    Mistake(
        lambda w: w * 2**0.5 / w[0].numel(), "The root is over the 2 only; fan_in is below it as well: √(2 / fan_in)."
    ),
    Mistake(
        lambda w: w / w.flatten(1).norm(dim=1).view(-1, *[1] * (w.ndim - 1)),
        "That gives each output a weight of length 1, as weight normalisation does; the factor depends on the shape "
        "alone, not on the values.",
    ),
    Mistake(
        lambda w: w / w.std() * (2 / w[0].numel()) ** 0.5,
        "The weight is divided by its own standard deviation; the factor depends on the shape alone.",
    ),
]
MISTAKES.append(single_precision(equalised_weight))

SHAPES = [
    ((4, 6), "a linear layer"),
    ((6, 4), "a linear layer with more outputs than inputs"),
    ((1, 5), "a linear layer with one output"),
    ((3, 1), "a linear layer with one input"),
    ((5, 2, 3, 3), "a convolution"),
    ((2, 5, 3, 3), "a convolution with more inputs than outputs"),
    ((3, 4, 1, 1), "a convolution of one pixel, as in toRGB"),
    ((4, 3, 2, 5), "a kernel that isn't square"),
    ((1, 2, 4, 4), "a convolution with one output, the discriminator's last"),
    ((2, 3, 1, 3), "a kernel of one row"),
    ((2, 3, 4, 1), "a kernel of one column"),
    ((1, 1), "a single weight"),
    ((2, 300), "more than 256 inputs"),
    ((2, 70, 3, 3), "more than 512 inputs"),
]


def _cases() -> list[Case]:
    """Weights of linear layers and convolutions, in both precisions; the task's examples first."""
    cases = []
    for dtype in PRECISIONS:
        cases.append(Case({"weight": torch.ones(1, 8, dtype=dtype)}, "the task's first example"))
        cases.append(Case({"weight": torch.ones(4, 2, 3, 3, dtype=dtype)}, "the task's second example"))
        for k, (shape, about) in enumerate(SHAPES):
            generator = torch.Generator().manual_seed(k)
            weight = torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)
            cases.append(Case({"weight": weight}, about))
            # A second weight of this shape, far from a variance of 1: nothing of the first may be kept.
            cases.append(Case({"weight": 7 + 30 * weight.flip(0)}, f"{about}, in the middle of training"))
        cases.append(Case({"weight": torch.zeros(3, 4, dtype=dtype)}, "a weight that is zero"))
    large = 1e60 * torch.arange(1.0, 13, dtype=torch.float64).view(3, 4)
    cases.append(Case({"weight": large}, "numbers that single precision can't hold"))
    return cases


EQUALISED_WEIGHT = Exercise(
    "ex-11-equalised-weight",
    "equalised_weight(weight)",
    points=2,
    steps=[
        Values(_cases, equalised_weight, MISTAKES),
        Gradients(_cases, equalised_weight, hint=EACH_USE),
        NoSideEffects(_cases),
    ],
    description="Linear layers and convolutions of many shapes, gradients, both precisions; the weight itself stays.",
)
