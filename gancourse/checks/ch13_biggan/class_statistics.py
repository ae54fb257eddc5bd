"""Check of conditional batch normalisation: statistics of the batch, gains and shifts of each sample's embedding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, single_precision
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, OF_EVERY_KIND, SMALL, Scaled, drawn, in_double, sizes, spread_out

EPSILON = 1e-5
BATCH = (0, 2, 3)
THROUGH = (
    "Mean and variance are functions of x: don't detach them, nor the embedding or the weights. (Only the running "
    "statistics of a layer are constants.)"
)


def _maps(values: Tensor) -> Tensor:
    return values[:, :, None, None]


def _standard(
    x: Tensor, eps: float = EPSILON, over: tuple[int, ...] = BATCH, correction: int = 0, is_centred: bool = True
) -> Tensor:
    n = torch.tensor([x.shape[d] for d in over]).prod().item()
    centred = x - x.mean(over, keepdim=True)
    variance = centred.square().sum(over, keepdim=True) / (n - correction)
    return (centred if is_centred else x) * (variance + eps).rsqrt()


def conditional_batch_norm(
    x: Tensor, embedding: Tensor, w_gain: Tensor, w_bias: Tensor, eps: float = EPSILON
) -> Tensor:
    """The right answer."""
    gain, shift = (torch.einsum("ne,ce->nc", embedding, w) for w in (w_gain, w_bias))
    normalised = _standard(x, eps)
    return normalised + _maps(gain) * normalised + _maps(shift)


Combined = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of normalised maps, and of embedding · w_gain and embedding · w_bias as maps."""


def _right(normalised: Tensor, g: Tensor, b: Tensor) -> Tensor:
    return (1 + g) * normalised + b


def _by(
    combined: Combined = _right,
    standard: Callable[..., Tensor] = _standard,
    seen: Callable[[Tensor], Tensor] = lambda embedding: embedding,
    weights: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = lambda g, b: (g, b),
) -> Callable[..., Tensor]:
    """The answer with another last line, another normalisation or another embedding."""

    def answer(
        x: Tensor, embedding: Tensor, w_gain: Tensor, w_bias: Tensor, eps: float = EPSILON, *_: object
    ) -> Tensor:
        gain, bias = (_maps(seen(embedding) @ w.T) for w in weights(w_gain, w_bias))
        return combined(standard(x, eps), gain, bias)

    return answer


def _over(*axes: int) -> Callable[..., Tensor]:
    return lambda x, eps: _standard(x, eps, over=axes)


def _outside(x: Tensor, eps: float) -> Tensor:
    return (x - x.mean(BATCH, keepdim=True)) / (x.std(BATCH, correction=0, keepdim=True) + eps)


def _bounded(x: Tensor, eps: float) -> Tensor:
    return (x - x.mean(BATCH, keepdim=True)) / x.var(BATCH, correction=0, keepdim=True).clamp(min=eps).sqrt()


def _by_variance(x: Tensor, eps: float) -> Tensor:
    return (x - x.mean(BATCH, keepdim=True)) / (x.var(BATCH, correction=0, keepdim=True) + eps)


def _transposed(w_gain: Tensor, w_bias: Tensor) -> tuple[Tensor, Tensor]:
    if w_gain.shape[0] != w_gain.shape[1]:
        return torch.full_like(w_gain, torch.nan), w_bias
    return w_gain.T, w_bias.T


MISTAKES = [
    Mistake(
        _by(lambda v, g, b: g * v + b),
        "The 1 is missing: the gain is 1 + embedding · w_gain. With small weights, as at the start, no signal is left.",
    ),
    Mistake(
        _by(lambda v, g, b: v + g + b),
        "The gain is *added* to the normalised map; it multiplies it.",
    ),
    Mistake(_by(lambda v, g, b: v + 1 + g + b), "1 + the gain is *added* to the normalised map; it multiplies it."),
    Mistake(
        _by(standard=lambda x, eps: _standard(x, eps, correction=1)),
        "That is the unbiased variance, torch.var's default: divide by the number of values (correction=0).",
    ),
    Mistake(
        _by(standard=_over(2, 3)),
        "Mean and variance are those of each sample, as in instance normalisation; take those of the batch.",
    ),
    Mistake(
        _by(standard=_over(0)),
        "Mean and variance are over the batch alone, for each place; take batch, height and width.",
    ),
    Mistake(
        _by(standard=_over(1, 2, 3)),
        "Mean and variance are over channels too, as in layer normalisation; each channel has its own.",
    ),
    Mistake(_by(standard=_over(0, 1, 2, 3)), "There is one mean for all channels; each channel has its own."),
    Mistake(_by(standard=_over(0, 2)), "Mean and variance are over batch and height; the width belongs to them too."),
    Mistake(_by(standard=_over(0, 3)), "Mean and variance are over batch and width; the height belongs to them too."),
    Mistake(_by(standard=_over(1)), "Mean and variance are over the channels of a place; each channel has its own."),
    Mistake(
        _by(standard=lambda x, eps: _standard(x, eps, is_centred=False)),
        "The mean isn't subtracted: then the shift isn't the mean of the result.",
    ),
    Mistake(_by(standard=_outside), "eps is added to the deviation; it belongs to the variance, below the root."),
    Mistake(
        _by(standard=_bounded), "Below the root there is the larger one of variance and eps; add eps to the variance."
    ),
    Mistake(_by(standard=_by_variance), "That divides by the variance; divide by its root."),
    Mistake(_by(standard=lambda x, eps: x), "x isn't normalised: subtract its mean, divide by its deviation."),
    Mistake(
        _by(standard=lambda x, eps: x - x.mean(BATCH, keepdim=True)), "x is centred, but not divided by its deviation."
    ),
    Mistake(_by(lambda v, g, b: v), "That is batch normalisation alone; gain and shift are missing."),
    Mistake(_by(lambda v, g, b: (1 + g) * v), "The shift, embedding · w_bias, is missing."),
    Mistake(_by(lambda v, g, b: v + b), "The gain, 1 + embedding · w_gain, is missing."),
    Mistake(_by(lambda v, g, b: (1 + b) * v + g), "w_gain and w_bias are exchanged."),
    Mistake(_by(lambda v, g, b: (1 + g) * (v + b)), "The shift is multiplied by the gain; add it at the end."),
    Mistake(_by(lambda v, g, b: (1 + g) * v + 1 + b), "1 is added to the shift as well; it belongs to the gain alone."),
    Mistake(_by(lambda v, g, b: 1 + g * v + b), "1 is added to the result: set brackets, (1 + gain) * normalised."),
    Mistake(_by(lambda v, g, b: (1 - g) * v + b), "The gain is 1 − embedding · w_gain; add."),
    Mistake(_by(lambda v, g, b: (1 + g) * v - b), "The shift is subtracted; add it."),
    Mistake(_by(lambda v, g, b: g.exp() * v + b), "The gain is an exponential; here it is 1 + embedding · w_gain."),
    Mistake(_by(lambda v, g, b: 2 * g.sigmoid() * v + b), "The gain passes a sigmoid; it is 1 + embedding · w_gain."),
    Mistake(_by(lambda v, g, b: (1 + g).abs() * v + b), "The gain is made positive; it may have either sign."),
    Mistake(_by(lambda v, g, b: (1 + g).relu() * v + b), "A negative gain is made 0; it may have either sign."),
    Mistake(_by(seen=lambda e: e[:1]), "Every sample gets the first one's embedding; each has its own."),
    Mistake(
        _by(seen=lambda e: e.mean(0, keepdim=True)),
        "The embeddings of the batch are averaged; each sample has its own.",
    ),
    Mistake(_by(seen=lambda e: e.flip(0)), "The embeddings are in the opposite order of the samples."),
    Mistake(
        _by(seen=lambda e: e / (e.norm(dim=1, keepdim=True) + 1e-12)),
        "The embedding is divided by its length; take it as it is.",
    ),
    Mistake(_by(weights=_transposed), "The weights are transposed: a row of w_gain belongs to a channel, w_gain.T."),
    Mistake(_by(weights=lambda g, b: (g, g)), "The shift is computed with w_gain; it has weights of its own."),
    Mistake(_by(weights=lambda g, b: (b, b)), "The gain is computed with w_bias; it has weights of its own."),
    Mistake(_by(standard=lambda x, eps: _standard(x)), "Below the root there is 1e-5 always; add the argument `eps`."),
    Mistake(
        _by(standard=lambda x, eps: _standard(x, 0.0)),
        "eps is missing below the root: a channel that is constant is divided by 0.",
    ),
    Mistake(
        _by(standard=lambda x, eps: _standard(x, eps**2)), "Below the root there is eps²; add eps to the variance."
    ),
    single_precision(conditional_batch_norm),
    *(
        Mistake(
            lambda x, e, g, b, eps=default: conditional_batch_norm(x, e, g, b, eps),
            f"Called without eps it uses {default:g}; the exercise's default is 1e-5.",
        )
        for default in (1e-3, 1e-4, 1e-6, 1e-8, 1e-12)
    ),
]


def _example(dtype: torch.dtype) -> Case:
    args = {
        "x": torch.tensor([1.0, 3.0]).view(2, 1, 1, 1),
        "embedding": torch.tensor([[1.0], [2.0]]),
        "w_gain": torch.tensor([[0.5]]),
        "w_bias": torch.tensor([[10.0]]),
    }
    return Case({key: v.to(dtype) for key, v in args.items()} | {"eps": 3.0}, "the task's example")


def _arguments(k: int, shape: tuple[int, ...], size: int) -> dict[str, Tensor]:
    n, n_channels = shape[:2]
    # Samples, channels and rows of different strength: statistics of too many or too few then show.
    x = (drawn(k, *shape) + 0.5 + drawn(600 + k, n, n_channels, 1, 1)) * (1 + drawn(700 + k, 1, n_channels, 1, 1).abs())
    return {
        "x": x,
        "embedding": drawn(100 + k, n, size),
        "w_gain": drawn(200 + k, n_channels, size),
        "w_bias": drawn(300 + k, n_channels, size),
    }


SHAPES = [
    ((3, 2, 4, 5), 3, "maps that aren't square"),
    ((4, 3, 2, 2), 3, "as many numbers in an embedding as channels"),
    ((1, 4, 3, 3), 2, "a batch of one"),
    ((4, 1, 3, 2), 5, "one channel"),
    ((5, 3, 1, 1), 2, "maps of one pixel"),
    ((4, 4, 4, 4), 4, "as many samples, channels, rows and columns"),
    ((2, 3, 8, 8), 1, "embeddings of one number"),
]


def _cases() -> list[Case]:
    """Shapes of all kinds, an eps of its own, tiny and constant maps; both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        cases.append(_example(dtype))
        for k, (shape, size, about) in enumerate(SHAPES):
            args = {key: v.to(dtype) for key, v in _arguments(k, shape, size).items()}
            cases.append(Case(args, f"{about}; eps is left out, and so 1e-5"))
            cases.append(Case(args | {"eps": 0.1}, f"{about}, and eps = 0.1"))
            tiny = args | {"x": 1e-3 * args["x"]}
            cases.append(Case(tiny, f"{about}, with values of about 1e-3, where eps counts"))
        args = {key: v.to(dtype) for key, v in _arguments(30, (3, 2, 2, 3), 2).items()}
        cases.append(Case(args | {"x": torch.full_like(args["x"], 0.5)}, "constant maps: the result is the shift"))
        cases.append(Case(args | {"x": (50 * args["x"].sign())}, "values of ±50"))
    return cases


def _swept() -> list[Case]:
    """Sizes at random, embeddings and weights over several orders of magnitude, some of them zero."""
    cases = []
    for k in range(20):
        n, n_channels, size, height, width = sizes(4_000 + k, 8, 9, 6, 7, 7)
        args = _arguments(4_100 + k, (n, n_channels, height, 1 + width), size)
        args["embedding"] = spread_out(4_200 + k, n, size)
        args["w_gain"] = spread_out(4_300 + k, n_channels, size)
        args["w_bias"] = spread_out(4_400 + k, n_channels, size)
        cases.append(Case(args | ({"eps": 10.0 ** -(k % 7)} if k % 2 else {}), "numbers of different size"))
    cases.append(Case(_arguments(4_500, (20, 30, 9, 13), 24), "twenty samples, thirty channels, maps of 9 × 13"))
    return cases


FACTORS = [
    {"embedding": LARGE, "w_gain": SMALL, "w_bias": SMALL, "result": 1.0},
    {"embedding": SMALL, "w_gain": LARGE, "w_bias": LARGE, "result": 1.0},
    {"x": LARGE, "result": 1.0},
]
CONDITIONAL_BATCH_NORM = Exercise(
    "ex-13-conditional-batch-norm",
    "conditional_batch_norm(x, embedding, w_gain, w_bias, eps=1e-5)",
    points=3,
    steps=[
        Values(_cases, conditional_batch_norm, MISTAKES),
        NoSideEffects(_cases),
        Values(_swept, conditional_batch_norm, MISTAKES, OF_EVERY_KIND),
        Scaled(_swept, conditional_batch_norm, FACTORS),
        Gradients(in_double(_cases), conditional_batch_norm, hint=THROUGH),
        Gradients(_swept, conditional_batch_norm, hint=THROUGH),
    ],
    description="Batches of one to twenty, constant and tiny maps, any eps, gradients, in both precisions.",
)
