"""Check of the projection discriminator's head: ReLU, sum over space, and the class's row times the features."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, reductions
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise

TRAINED = "h, the class's row and ψ are all trained: detach none of them, in neither of the two products"


def projection_score(h: Tensor, y: Tensor, embedding: Tensor, weight: Tensor) -> Tensor:
    """The right answer, with one weight for each class: v_y + ψ."""
    return torch.einsum("bchw,bc->b", h.clamp(min=0), embedding[y] + weight)


def _with(features: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """The right head on other features."""

    def answer(h: Tensor, y: Tensor, embedding: Tensor, weight: Tensor) -> Tensor:
        phi = features(h)
        return phi @ weight + (embedding[y] * phi).sum(1)

    return answer


def _features(h: Tensor) -> Tensor:
    return h.relu().sum((2, 3))


MISTAKES = [
    *reductions(projection_score),
    Mistake(
        _with(lambda h: h.relu().mean((2, 3))),
        "That is the mean over height and width; the reference takes the sum, which is larger by their product.",
    ),
    Mistake(_with(lambda h: h.sum((2, 3))), "The ReLU before the sum is missing."),
    Mistake(
        _with(lambda h: h.sum((2, 3)).relu()),
        "The ReLU comes after the sum; it belongs before it, to each pixel.",
    ),
    Mistake(_with(lambda h: h.relu().amax((2, 3))), "That is the largest value of each channel; sum over the pixels."),
    Mistake(
        lambda h, y, embedding, weight: _features(h) @ weight,
        "The class doesn't count: that is ψᵀφ alone. Add the product of the class's row and φ.",
    ),
    Mistake(
        lambda h, y, embedding, weight: (embedding[y] * _features(h)).sum(1),
        "That is the projection alone: ψᵀφ, which says whether x is real at all, is missing.",
    ),
    Mistake(
        lambda h, y, embedding, weight: _features(h) @ weight + embedding[y].sum(1),
        "The class is added to the score: a constant for each class, which can't say whether x belongs to it. Multiply "
        "its row with the features.",
    ),
    Mistake(
        lambda h, y, embedding, weight: _features(h) @ weight + (_features(h) @ embedding.T).sum(1),
        "The rows of all classes count; only that of the sample's own class should.",
    ),
    Mistake(
        lambda h, y, embedding, weight: _features(h) @ weight + _features(h) @ embedding[y[0]],
        "Every sample is judged for the first sample's class; each has a label of its own.",
    ),
    Mistake(
        lambda h, y, embedding, weight: _features(h) @ weight + (embedding[y] @ _features(h).T).sum(1),
        "Each sample's row is multiplied with the features of all samples; only its own count.",
    ),
    Mistake(
        lambda h, y, embedding, weight: (embedding[y] * weight * _features(h)).sum(1),
        "The class's row and ψ are multiplied with each other; the score is a sum of two products, each with φ.",
    ),
    Mistake(
        lambda h, y, embedding, weight: (
            _features(h) @ weight + (embedding[y] * _features(h)).sum(1) / embedding.shape[1] ** 0.5
        ),
        "The product is divided by the root of the number of channels; the exercise asks for it as it is.",
    ),
    Mistake(
        lambda h, y, embedding, weight: (_features(h) @ weight)[:, None] + (_features(h) @ embedding.T),
        "That holds a score for each class; pick that of the sample's label.",
    ),
]


def _cases() -> list[Case]:
    """Maps of several sizes, a batch of one, one class, in both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        h = torch.tensor([[[[1.0, -3.0]], [[2.0, 2.0]]], [[[1.0, -3.0]], [[2.0, 2.0]]]], dtype=dtype)
        embedding = torch.tensor([[1.0, 0.0], [0.0, -1.0]], dtype=dtype)
        weight = torch.tensor([0.5, 0.5], dtype=dtype)
        example = {"h": h, "y": torch.tensor([0, 1]), "embedding": embedding, "weight": weight}
        cases.append(Case(example, "the task's example"))
        for k, (shape, n_classes, about) in enumerate(
            (
                ((4, 3, 2, 5), 2, "maps that aren't square"),
                ((1, 2, 7, 7), 10, "a batch of one"),
                ((5, 4, 1, 1), 4, "maps of one pixel"),
                ((3, 6, 4, 2), 1, "one class"),
                ((3, 1, 2, 3), 4, "one channel"),
                ((1, 1, 2, 2), 3, "one sample with one channel"),
            )
        ):
            generator = torch.Generator().manual_seed(k)
            h, embedding, weight = (
                torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype)
                for size in (shape, (n_classes, shape[1]), (shape[1],))
            )
            y = torch.randint(n_classes, shape[:1], generator=generator)
            cases.append(Case({"h": h, "y": y, "embedding": embedding, "weight": weight}, about))
    return cases


PROJECTION = Exercise(
    "ex-10-projection",
    "projection_score(h, y, embedding, weight)",
    points=2,
    steps=[Values(_cases, projection_score, MISTAKES), Gradients(_cases, projection_score, hint=TRAINED)],
    description="Maps of 1 × 1 to 7 × 7, 1 to 10 classes, a batch of one, gradients, in single and double precision.",
)
