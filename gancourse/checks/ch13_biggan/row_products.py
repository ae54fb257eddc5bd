"""Check of BigGAN's relaxed orthogonality: the squared products of different rows of a weight."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, single_precision
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, OF_EVERY_KIND, SMALL, Scaled, drawn, in_double, sizes, spread_out

FACTOR_4 = (
    "The gradient is 4 (W Wᵀ ⊙ (1 − I)) W: the weight is in the product twice, and the product is squared. Detach "
    "neither factor, and take no root on the way, which has no gradient at 0"
)


def off_diagonal_penalty(weight: Tensor) -> Tensor:
    """The right answer, without a matrix of rows by rows that holds the diagonal: row by row."""
    rows = weight.flatten(1)
    terms = [(rows[:k] @ rows[k]).square().sum() for k in range(1, len(rows))]
    return 2 * torch.stack(terms).sum() if terms else 0 * weight.sum()


def _gram(weight: Tensor) -> Tensor:
    rows = weight.flatten(1)
    return rows @ rows.T


def _rest(gram: Tensor) -> Tensor:
    return gram - gram.diagonal().diag_embed()


def _of(combined: Callable[[Tensor], Tensor], gram: Callable[[Tensor], Tensor] = _gram) -> Callable[..., Tensor]:
    return lambda weight, *_: combined(gram(weight))


def _sum_of_squares(gram: Tensor) -> Tensor:
    return _rest(gram).square().sum()


def _columns(weight: Tensor) -> Tensor:
    rows = weight.flatten(1)
    return rows.T @ rows


def _by_input(weight: Tensor) -> Tensor:
    return _gram(weight.transpose(0, 1))


def _last_axis(weight: Tensor) -> Tensor:
    rows = weight.reshape(-1, weight.shape[-1])
    return rows @ rows.T


def _first_rest(weight: Tensor) -> Tensor:
    rows = weight.reshape(weight.shape[1], -1)
    return rows @ rows.T


def _each_pixel(weight: Tensor) -> Tensor:
    """Penalties of each pixel of a kernel, added."""
    by_pixel = weight.flatten(2) if weight.ndim > 2 else weight[:, :, None]
    return torch.stack([_sum_of_squares(_gram(by_pixel[..., k])) for k in range(by_pixel.shape[2])]).sum()


def _summed_pixels(weight: Tensor) -> Tensor:
    return _gram(weight.flatten(2).sum(2) if weight.ndim > 2 else weight)


def _cosines(weight: Tensor) -> Tensor:
    rows = weight.flatten(1)
    lengths = rows.norm(dim=1, keepdim=True)
    return _gram(rows / torch.where(lengths > 0, lengths, torch.ones_like(lengths)))


def _dot(weight: Tensor) -> Tensor:
    """The product of the flattened weight with itself, a single number, times a mask."""
    return weight.square().sum() * (1 - torch.eye(len(weight)).to(weight))


def _element_wise(weight: Tensor) -> Tensor:
    rows = weight.flatten(1)
    return rows.square() * (1 - torch.eye(*rows.shape).to(rows))


def _mean(gram: Tensor) -> Tensor:
    n = len(gram)
    return _sum_of_squares(gram) / max(n * (n - 1), 1)


MISTAKES = [
    Mistake(
        _of(_sum_of_squares, _columns),
        "That is Wᵀ W, products of *columns*: the rows of W are the filters, so take W Wᵀ.",
    ),
    Mistake(
        lambda w: (_gram(w) - torch.eye(len(w)).to(w)).square().sum(),
        "That is the full form, ‖W Wᵀ − I‖²: it asks for rows of length 1 as well. Leave the diagonal out.",
    ),
    Mistake(_of(lambda g: g.square().sum()), "The diagonal is still in it, the rows' squared lengths. Leave it out."),
    Mistake(
        lambda w: (_gram(w) - torch.eye(len(w)).to(w)).norm(),
        "That is ‖W Wᵀ − I‖, the full form without the square. Leave the diagonal out, and square the norm.",
    ),
    Mistake(_of(lambda g: _rest(g).norm()), "That is the norm itself, a root; the penalty is its square."),
    Mistake(_of(lambda g: _rest(g).sum()), "The products are added without being squared: +1 and −1 then cancel."),
    Mistake(_of(lambda g: _rest(g).abs().sum()), "That is the sum of absolute values; take squares."),
    Mistake(_of(lambda g: _rest(g).sum().square()), "The sum is squared; square each product, then add."),
    Mistake(
        _of(lambda g: _sum_of_squares(g) / 2),
        "That counts each pair of rows once: the matrix holds it twice, above the diagonal and below.",
    ),
    Mistake(
        _of(lambda g: g.triu().square().sum()),
        "That is one half of the matrix, with the diagonal. Take both halves, without it.",
    ),
    Mistake(
        _of(lambda g: 2 * _sum_of_squares(g)), "That is twice the penalty: the sum is over all pairs i ≠ j already."
    ),
    Mistake(_of(_mean), "That is the mean over the pairs of rows; take the sum."),
    Mistake(_of(lambda g: _rest(g).square().mean()), "That is the mean over the matrix; take the sum."),
    Mistake(_of(lambda g: _sum_of_squares(g) / len(g)), "That is divided by the number of rows; take the sum."),
    Mistake(
        _of(lambda g: _rest(g).square().sum(1)), "That is a value for each row; the penalty of a layer is one number."
    ),
    Mistake(_of(_rest), "That is the matrix of products; the penalty is the sum of its squares."),
    Mistake(
        lambda w: _dot(w).square().sum(),
        "That is the product of the flattened weight with itself, one number, times a mask. "
        "W Wᵀ is a *matrix* product.",
    ),
    Mistake(
        lambda w: _dot(w).sum(),
        "That is the product of the flattened weight with itself, one number, times a mask, and without a square. "
        "W Wᵀ is a *matrix* product.",
    ),
    Mistake(
        lambda w: _dot(w).norm(),
        "That is the norm of a mask times the product of the flattened weight with itself, one number. W Wᵀ is a "
        "*matrix* product, and the norm is squared.",
    ),
    Mistake(
        _of(lambda g: g.square().sum(), _element_wise),
        "The weight is squared element by element; W Wᵀ is a *matrix* product, of each row with each.",
    ),
    Mistake(
        lambda w: (w.flatten(1) * (1 - torch.eye(*w.flatten(1).shape).to(w))).square().sum(),
        "The mask is laid over the weight itself; it belongs to W Wᵀ, rows by rows.",
    ),
    Mistake(
        _of(lambda g: g.diagonal().square().sum()), "That is the diagonal alone; the penalty is all the rest of W Wᵀ."
    ),
    Mistake(
        _of(lambda g: (g.diagonal() - 1).square().sum()),
        "That asks for rows of length 1; the penalty leaves the lengths free and takes the rest of W Wᵀ.",
    ),
    Mistake(
        _of(_sum_of_squares, _by_input),
        "The rows belong to *input* channels; an output's filter is weight[k], so flatten(1).",
    ),
    Mistake(
        _of(_sum_of_squares, _last_axis),
        "The rows are rows of pixels of a kernel; a filter is the whole of weight[k], so flatten(1).",
    ),
    Mistake(
        _of(_sum_of_squares, _first_rest),
        "The weight is cut into as many rows as it has inputs; it has one for each output, so flatten(1).",
    ),
    Mistake(_each_pixel, "Each pixel of the kernel has a penalty of its own; a filter is one row with all its pixels."),
    Mistake(_of(_sum_of_squares, _summed_pixels), "The kernel's pixels are added first; a row holds them all."),
    Mistake(
        _of(_sum_of_squares, _cosines),
        "The rows are divided by their lengths, so that these are cosines; take the rows as they are.",
    ),
    Mistake(lambda w: 1e-4 * off_diagonal_penalty(w), "The factor β = 1e-4 is in it; whoever trains multiplies by it."),
    Mistake(lambda w: off_diagonal_penalty(w).reshape(1), "That has an axis; return a single number, of shape []."),
    Mistake(lambda w: off_diagonal_penalty(w)[None, None], "That has two axes; return a single number, of shape []."),
    single_precision(off_diagonal_penalty),
]
SHAPES = [
    ((3, 2), "more rows than columns"),
    ((2, 5), "more columns than rows"),
    ((4, 4), "a square weight"),
    ((3, 2, 3, 3), "the weight of a convolution"),
    ((4, 4, 2, 3), "kernels that aren't square"),
    ((5, 1, 1, 1), "a convolution of one input and one pixel"),
    ((2, 3, 4), "the weight of a convolution in one dimension"),
    ((1, 4), "one row, which has no other: 0"),
    ((6, 1), "one column"),
    ((2, 2, 2, 2, 2), "the weight of a convolution in three dimensions"),
]


def _cases() -> list[Case]:
    """Weights of two to five axes, one row, orthogonal rows; in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        example = torch.tensor([[1.0, 2.0], [3.0, 4.0], [0.0, -1.0]], dtype=dtype)
        cases.append(Case({"weight": example}, "the task's example"))
        cases += [
            Case({"weight": (0.2 + drawn(k, *shape)).to(dtype)}, about) for k, (shape, about) in enumerate(SHAPES)
        ]
        orthogonal = torch.tensor([[3.0, 4.0], [-4.0, 3.0]], dtype=dtype)
        cases.append(Case({"weight": orthogonal}, "orthogonal rows of length 5, whose penalty is 0"))
        cases.append(Case({"weight": torch.zeros(3, 2, dtype=dtype)}, "a weight of zeros"))
        cases.append(Case({"weight": torch.ones(3, 2, dtype=dtype)}, "equal rows, whose products are all the same"))
        cases.append(Case({"weight": (50 * drawn(30, 4, 3)).round().to(dtype)}, "weights of about ±50"))
    return cases


def _swept() -> list[Case]:
    """Sizes at random, weights of different size, some of them zero."""
    cases = []
    for k in range(20):
        n_out, n_in, height, width = sizes(6_000 + k, 12, 9, 4, 4)
        shape = (n_out, n_in) if k % 3 == 0 else (n_out, n_in, height, width)
        cases.append(
            Case({"weight": spread_out(6_100 + k, *shape, decades=0.5)}, "weights of different size, and zero")
        )
    cases.append(Case({"weight": drawn(6_200, 70, 40)}, "seventy rows"))
    return cases


OFF_DIAGONAL = Exercise(
    "ex-13-off-diagonal",
    "off_diagonal_penalty(weight)",
    points=2,
    steps=[
        Values(_cases, off_diagonal_penalty, MISTAKES),
        NoSideEffects(_cases),
        Values(_swept, off_diagonal_penalty, MISTAKES, OF_EVERY_KIND),
        Scaled(
            _swept,
            off_diagonal_penalty,
            [{"weight": factor, "result": factor**4} for factor in (LARGE, SMALL)],
        ),
        Gradients(in_double(_cases), off_diagonal_penalty, hint=FACTOR_4),
        Gradients(_swept, off_diagonal_penalty, hint=FACTOR_4),
    ],
    description="Weights of two to five axes, one to seventy rows, of any size, gradients, in both precisions.",
)
