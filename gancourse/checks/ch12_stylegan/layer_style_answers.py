"""Right answers of mixing and truncation, and the answers of known mistakes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import Mistake, single_precision


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


def _from_its_start(w: Tensor, second: Tensor, crossover: Tensor) -> Tensor:
    parts = [torch.cat([a[:c], b[: len(a) - c]]) for a, b, c in zip(w, second, crossover.tolist(), strict=True)]
    return torch.stack(parts)


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
        _crossed(lambda c, n: c % n),
        "Where the crossover is the number of layers, nothing is mixed: all layers have w.",
    ),
    Mistake(
        _crossed(lambda c, n: c.clamp(max=n - 1)),
        "The last layer always has the second's style; with the crossover at the number of layers it has w.",
    ),
    Mistake(
        _crossed(lambda c, n: torch.where(c == 0, n, c)),
        "A crossover of 0 is taken for none: then every layer has the second's style.",
    ),
    Mistake(
        _crossed(lambda c, n: c.clamp(min=1)),
        "The first layer always has w; with a crossover of 0 it has the second's style.",
    ),
    Mistake(
        _from_its_start,
        "The second's styles begin with that of its own layer 0; each layer has the style of the same number.",
    ),
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
    single_precision(mixed_styles),
]


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
        lambda w, mean_w, psi, n_layers: truncated_styles(w, mean_w, psi or 1.0, n_layers),
        "A ψ of 0 is taken for none: then the first layers have the mean.",
    ),
    Mistake(
        lambda w, mean_w, psi, n_layers: truncated_styles(w, mean_w, psi, n_layers or w.shape[1]),
        "n_layers = 0 is taken for none: then no layer is truncated.",
    ),
    Mistake(
        lambda w, mean_w, psi, n_layers: torch.cat([mean_w + psi * (w[:n_layers] - mean_w), w[n_layers:]]),
        "The first n_layers *samples* are truncated; layers are dim 1.",
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
        _truncated(lambda w, m, psi: w.mean((0, 1), keepdim=True) + psi * (w - w.mean((0, 1), keepdim=True))),
        "The mean is that of all styles of this batch: then a sample depends on the others. mean_w is an argument.",
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
    single_precision(truncated_styles),
]
