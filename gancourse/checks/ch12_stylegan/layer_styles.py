"""Checks of what is done to the styles of all layers: mixing those of two latents, and truncation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects

BOTH = "Both latents are trained through: detach nothing, and take every layer's style from the tensor it belongs to"
NOT_A_CONSTANT = "The styles are trained through: detach nothing, use no .data and no torch.no_grad()"


def mixed_styles(w: Tensor, second: Tensor, crossover: Tensor) -> Tensor:
    """The right answer, sample by sample."""
    parts = [torch.cat([a[:c], b[c:]]) for a, b, c in zip(w, second, crossover.tolist(), strict=True)]
    return torch.stack(parts)


def truncated_styles(w: Tensor, mean_w: Tensor, psi: float, n_layers: int) -> Tensor:
    """The right answer, layer by layer."""
    layers = [psi * v + (1 - psi) * mean_w if i < n_layers else v for i, v in enumerate(w.unbind(1))]
    return torch.stack(layers, 1)


def _crossed(change: Callable[[Tensor, int], Tensor]) -> Callable[..., Tensor]:
    """The answer with other crossovers."""
    return lambda w, second, crossover: mixed_styles(w, second, change(crossover, w.shape[1]).expand_as(crossover))


def _single_layer(w: Tensor, second: Tensor, crossover: Tensor) -> Tensor:
    at = torch.arange(w.shape[1]) == crossover[:, None]
    return torch.where(at[..., None], second, w)


MIXING_MISTAKES = [
    Mistake(
        lambda w, second, crossover: mixed_styles(second, w, crossover),
        "The two are exchanged: the layers *before* the crossover have w, those from it on the second.",
    ),
    Mistake(
        _crossed(lambda c, n: (c + 1).clamp(max=n)),
        "The second's styles begin one layer late; the layer with the crossover's number is the first to have them.",
    ),
    Mistake(
        _crossed(lambda c, n: (c - 1).clamp(min=0)),
        "The second's styles begin one layer early; the layer with the crossover's number is the first to have them.",
    ),
    Mistake(_crossed(lambda c, n: c[:1]), "All samples are cut at the first one's crossover; each sample has its own."),
    Mistake(
        _crossed(lambda c, n: c.min()[None]), "All samples are cut at the smallest crossover; each sample has its own."
    ),
    Mistake(
        _crossed(lambda c, n: c.max()[None]), "All samples are cut at the largest crossover; each sample has its own."
    ),
    Mistake(_crossed(lambda c, n: c.roll(1)), "The samples have each other's crossovers, moved by one."),
    Mistake(_crossed(lambda c, n: n - c), "The crossover is counted from the last layer; count from the first."),
    Mistake(
        lambda w, second, crossover: w,
        "Nothing is mixed: a published implementation computed the second styles and passed the first ones on.",
    ),
    Mistake(
        lambda w, second, crossover: second, "Every layer has the second's style; only those from the crossover on do."
    ),
    Mistake(_single_layer, "One layer alone has the second's style; all layers from the crossover on have it."),
    Mistake(
        lambda w, second, crossover: (w + second) / 2, "That is the mean of the two; each layer has one or the other."
    ),
    Mistake(
        lambda w, second, crossover: mixed_styles(w, second.roll(1, 0), crossover),
        "The second styles are those of other samples, moved by one.",
    ),
    Mistake(
        lambda w, second, crossover: mixed_styles(w, second[:1].expand_as(second), crossover),
        "All samples get the first one's second styles; each has its own.",
    ),
]


def _drawn(k: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(k), dtype=torch.float64)


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
            args = {"w": _drawn(k, *shape), "second": 3 + _drawn(50 + k, *shape)}
            cases.append(
                Case({n: v.to(dtype) for n, v in args.items()} | {"crossover": torch.tensor(crossover)}, about)
            )
    return cases


def _huge() -> list[Case]:
    """Styles of infinite size in the part that isn't used: a product with zero would make NaN of them."""
    w, second = _drawn(90, 2, 4, 3), _drawn(91, 2, 4, 3)
    w[0, 2:], second[0, :2], w[1, 3:], second[1, :3] = torch.inf, -torch.inf, -torch.inf, torch.inf
    return [Case({"w": w, "second": second, "crossover": torch.tensor([2, 3])}, "an unused part that isn't finite")]


MIXED_STYLES = Exercise(
    "ex-12-mixed-styles",
    "mixed_styles(w, second, crossover)",
    points=2,
    steps=[
        Values(_mixing_cases, mixed_styles, MIXING_MISTAKES),
        Values(
            _huge,
            mixed_styles,
            hint="Select the styles, by torch.where or by cutting; products with 0 and 1 spread what isn't finite",
        ),
        Gradients(_mixing_cases, mixed_styles, hint=BOTH),
        NoSideEffects(_mixing_cases),
    ],
    description="One layer to eight, a crossover for each sample, from none to all, gradients, in both precisions.",
)


def _truncated(change: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The first layers changed by any function of their styles, the mean and ψ."""

    def answer(w: Tensor, mean_w: Tensor, psi: float, n_layers: int) -> Tensor:
        return torch.cat([change(w, mean_w, psi)[:, :n_layers], w[:, n_layers:]], 1)

    return answer


TRUNCATION_MISTAKES = [
    Mistake(
        lambda w, mean_w, psi, n_layers: w,
        "ψ has no effect: a published implementation took it and never used it. Move the first layers' styles.",
    ),
    Mistake(
        _truncated(lambda w, m, psi: m + (1 - psi) * (w - m)),
        "ψ is the wrong way round: 1 changes nothing, and 0 gives the mean.",
    ),
    Mistake(
        lambda w, mean_w, psi, n_layers: mean_w + psi * (w - mean_w),
        "All layers are truncated; only the first n_layers are.",
    ),
    Mistake(
        lambda w, mean_w, psi, n_layers: truncated_styles(w.flip(1), mean_w, psi, n_layers).flip(1),
        "The last n_layers are truncated; the first ones are.",
    ),
    Mistake(
        lambda w, mean_w, psi, n_layers: truncated_styles(w.flip(1), mean_w, psi, w.shape[1] - n_layers).flip(1),
        "The layers *after* the first n_layers are truncated; it is those before that are.",
    ),
    Mistake(
        lambda w, mean_w, psi, n_layers: truncated_styles(w, mean_w, psi, min(n_layers + 1, w.shape[1])),
        "One layer too many is truncated: the first n_layers are those with the numbers 0 … n_layers − 1.",
    ),
    Mistake(
        lambda w, mean_w, psi, n_layers: truncated_styles(w, mean_w, psi, max(n_layers - 1, 0)),
        "One layer too few is truncated: the first n_layers are those with the numbers 0 … n_layers − 1.",
    ),
    Mistake(_truncated(lambda w, m, psi: psi * w), "The styles are moved towards 0; they move towards mean_w."),
    Mistake(
        _truncated(lambda w, m, psi: m + psi * w), "The mean is added, but not subtracted: ψ multiplies w − mean_w."
    ),
    Mistake(_truncated(lambda w, m, psi: psi * (w - m)), "The mean is subtracted, but not added again."),
    Mistake(
        _truncated(lambda w, m, psi: w.mean(0, keepdim=True) + psi * (w - w.mean(0, keepdim=True))),
        "The mean is that of this batch: then a sample depends on the others. Take mean_w.",
    ),
    Mistake(
        _truncated(lambda w, m, psi: w.mean(1, keepdim=True) + psi * (w - w.mean(1, keepdim=True))),
        "The mean is that of the sample's own layers; take mean_w.",
    ),
    Mistake(
        _truncated(lambda w, m, psi: w.mean(2, keepdim=True) + psi * (w - w.mean(2, keepdim=True))),
        "The mean is that of the style's own numbers; take mean_w.",
    ),
    Mistake(
        _truncated(lambda w, m, psi: torch.minimum(torch.maximum(w, m - psi), m + psi)),
        "The styles are clamped to within ψ of the mean; they are moved, each by the same share.",
    ),
    Mistake(
        _truncated(lambda w, m, psi: w.clamp(-psi, psi)), "The styles are clamped to ±ψ; they move towards mean_w."
    ),
    Mistake(
        _truncated(lambda w, m, psi: m + min(psi, 1.0) * (w - m)),
        "ψ is cut at 1; a larger one moves styles away from the mean, and is allowed.",
    ),
]


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
            args = {"w": (1 + 2 * _drawn(k, *shape)).to(dtype), "mean_w": (0.5 + _drawn(70 + k, shape[2])).to(dtype)}
            cases.append(Case(args | {"psi": psi, "n_layers": n_layers}, about))
    return cases


TRUNCATED_STYLES = Exercise(
    "ex-12-truncated-styles",
    "truncated_styles(w, mean_w, psi, n_layers)",
    points=2,
    steps=[
        Values(_truncation_cases, truncated_styles, TRUNCATION_MISTAKES),
        Gradients(_truncation_cases, truncated_styles, free=["mean_w"], hint=NOT_A_CONSTANT),
        NoSideEffects(_truncation_cases),
    ],
    description="ψ from 0 to 1.5, none to all layers, one number to four, gradients, in both precisions.",
)
