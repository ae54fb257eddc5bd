"""Checks of what is done to the styles of all layers: mixing those of two latents, and truncation."""

from __future__ import annotations

import torch

from gancourse.checks.ch12_stylegan.layer_style_answers import (
    MIXING_MISTAKES,
    TRUNCATION_MISTAKES,
    mixed_styles,
    truncated_styles,
)
from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import (
    LARGE,
    OF_EVERY_KIND,
    SMALL,
    NoDraws,
    Scaled,
    drawn,
    sizes,
    spread_out,
)

BOTH = "Both latents are trained through: detach nothing, and take every layer's style from the tensor it belongs to"
NOT_A_CONSTANT = "The styles are trained through: detach nothing, use no .data and no torch.no_grad()"


def _mixing_cases() -> list[Case]:
    """All crossovers, with none and all layers among them; in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        w = torch.tensor([1.0, 2.0, 3.0], dtype=dtype).view(1, 3, 1).expand(2, 3, 1).clone()
        args = {"w": w, "second": 10 * w, "crossover": torch.tensor([1, 3])}
        cases.append(Case(args, "the task's example"))
        for k, (shape, crossover, about) in enumerate(
            (
                ((4, 3, 2), [1, 2, 0, 3], "every crossover"),
                ((1, 4, 3), [2], "a batch of one"),
                ((3, 2, 5), [1, 1, 1], "equal crossovers"),
                ((3, 3, 3), [3, 0, 1], "as many samples, layers and numbers"),
                ((5, 8, 4), [7, 1, 4, 8, 3], "eight layers, as at 32 pixels"),
                ((2, 1, 3), [0, 1], "one layer"),
                ((3, 4, 1), [4, 4, 4], "no mixing"),
                ((3, 4, 2), [0, 0, 0], "the second's styles alone"),
            )
        ):
            args = {"w": drawn(k, *shape), "second": 3 + drawn(50 + k, *shape)}
            cases.append(
                Case({n: v.to(dtype) for n, v in args.items()} | {"crossover": torch.tensor(crossover)}, about)
            )
    return cases


def _infinite() -> list[Case]:
    """Styles of infinite size: where they aren't used, a product with zero would make NaN of them."""
    w, second = drawn(90, 2, 4, 3), drawn(91, 2, 4, 3)
    w[0, 2:], second[0, :2], w[1, 3:], second[1, :3] = torch.inf, -torch.inf, -torch.inf, torch.inf
    crossover = torch.tensor([2, 3])
    used = w.clone()
    used[0, 1, 0], used[1, 0, 2] = torch.inf, -torch.inf
    return [
        Case({"w": w, "second": second, "crossover": crossover}, "an unused part that isn't finite"),
        Case({"w": used, "second": second, "crossover": crossover}, "a used number that isn't finite"),
    ]


def _every_crossover() -> list[Case]:
    """One layer to twenty, each with every crossover there is, in no order."""
    cases = []
    for n_layers in range(1, 21):
        n = n_layers + 1
        args = {"w": drawn(2_300 + n, n, n_layers, 2), "second": 3 + drawn(2_400 + n, n, n_layers, 2)}
        crossover = torch.randperm(n, generator=torch.Generator().manual_seed(n))
        cases.append(Case(args | {"crossover": crossover}, f"{n_layers} layers, with every crossover"))
    return cases


MIXED_STYLES = Exercise(
    "ex-12-mixed-styles",
    "mixed_styles(w, second, crossover)",
    points=2,
    steps=[
        NoDraws(_mixing_cases, "draw none, the crossovers are an argument"),
        Values(_mixing_cases, mixed_styles, MIXING_MISTAKES),
        NoSideEffects(_mixing_cases),
        Values(_every_crossover, mixed_styles, MIXING_MISTAKES, OF_EVERY_KIND),
        Values(
            _infinite,
            mixed_styles,
            hint="Select the styles, by torch.where or by cutting, and leave them as they are; products with 0 and 1 "
            "spread what isn't finite",
        ),
        Gradients(_mixing_cases, mixed_styles, hint=BOTH),
        Gradients(_every_crossover, mixed_styles, hint=BOTH),
        Scaled(
            _mixing_cases,
            mixed_styles,
            [{"w": factor, "second": factor, "result": factor} for factor in (LARGE, SMALL)],
        ),
    ],
    description="One layer to twenty, a crossover for each sample, from none to all, gradients, in both precisions.",
)


def _truncation_cases() -> list[Case]:
    """ψ from 0 to 1.5, none to all layers, in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        w = torch.tensor([3.0, 5.0, 7.0], dtype=dtype).view(1, 3, 1)
        cases.append(
            Case({"w": w, "mean_w": torch.ones(1, dtype=dtype), "psi": 0.5, "n_layers": 2}, "the task's example")
        )
        for k, (shape, psi, n_layers, about) in enumerate(
            (
                ((4, 3, 2), 0.7, 2, "two of three layers"),
                ((2, 4, 3), 0.5, 4, "all layers"),
                ((3, 4, 2), 0.3, 0, "no layer"),
                ((1, 5, 3), 0.25, 3, "a batch of one"),
                ((3, 3, 3), 0.6, 1, "as many samples, layers and numbers"),
                ((2, 8, 4), 0.0, 5, "ψ = 0"),
                ((2, 4, 3), 1.0, 3, "ψ = 1"),
                ((3, 4, 2), 1.5, 2, "ψ above 1"),
                ((2, 1, 3), 0.8, 1, "one layer"),
                ((3, 4, 1), 0.4, 2, "styles of one number"),
            )
        ):
            args = {"w": (1 + 2 * drawn(k, *shape)).to(dtype), "mean_w": (0.5 + drawn(70 + k, shape[2])).to(dtype)}
            cases.append(Case(args | {"psi": psi, "n_layers": n_layers}, about))
    return cases


def _swept_truncations() -> list[Case]:
    """Up to twenty layers, styles far from the mean and near it, ψ near 1 and of 0.01 to 10."""
    cases = []
    for k in range(24):
        n, n_layers, size = sizes(2_500 + k, 7, 20, 9)
        args = {
            "w": spread_out(2_600 + k, n, n_layers, size),
            "mean_w": spread_out(2_700 + k, size),
            "psi": float(10 ** ((0.7 if k % 2 else 0.05) * drawn(2_800 + k, 1))),
            "n_layers": (0, n_layers, *sizes(2_900 + k, n_layers, n_layers))[k % 4],
        }
        cases.append(Case(args, "another ψ, styles of different size"))
    return cases


TRUNCATED_STYLES = Exercise(
    "ex-12-truncated-styles",
    "truncated_styles(w, mean_w, psi, n_layers)",
    points=2,
    steps=[
        Values(_truncation_cases, truncated_styles, TRUNCATION_MISTAKES),
        NoSideEffects(_truncation_cases),
        Values(_swept_truncations, truncated_styles, TRUNCATION_MISTAKES, OF_EVERY_KIND),
        Gradients(_truncation_cases, truncated_styles, free=["mean_w"], hint=NOT_A_CONSTANT),
        Gradients(_swept_truncations, truncated_styles, free=["mean_w"], hint=NOT_A_CONSTANT),
        Scaled(
            _truncation_cases,
            truncated_styles,
            [{"w": factor, "mean_w": factor, "result": factor} for factor in (LARGE, SMALL)],
        ),
    ],
    description="ψ from 0 to 10, none to all of up to twenty layers, gradients, in both precisions.",
)
