"""Check of skip connections from the latent: a chunk for the first layer, and for each block one and the embedding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, single_precision
from gancourse.checks.engine.parts import Changed, SeveralValues, joined, of_joined, show_parts
from gancourse.checks.engine.probe import Case, attempt, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, SMALL, Scaled, drawn, sizes, spread_out
from gancourse.checks.engine.verdict import NotWritten, Wrong

Answer = tuple[Tensor, list[Tensor]]
PAIR = "a pair, the first chunk and a list with a tensor for each block: `return first, conditions`"
THROUGH = "z and the embedding are trained through: detach neither, and let each block have both"


def split_latent(z: Tensor, n_blocks: int, embedding: Tensor) -> Answer:
    """The right answer, by places in z."""
    size = z.shape[1] // (n_blocks + 1)
    starts = range(size, z.shape[1], size)
    return z[:, :size], [torch.cat([embedding, z.narrow(1, start, size)], 1) for start in starts]


def _by(
    chunk: Callable[[Tensor, int, int], Tensor] = lambda z, k, n: z.unflatten(1, (n, -1))[:, k],
    embedded: Callable[[Tensor, Tensor], Tensor] = lambda e, chunk: torch.cat([e, chunk], 1),
    first: int = 0,
    others: Callable[[int], range] = lambda n: range(1, n),
) -> Callable[..., Answer]:
    """The answer with other chunks, another join or in another order.

    Args:
        chunk: of z, number k of n.
        embedded: what a block gets, from the embedding and its chunk.
        first: number of the first layer's chunk.
        others: numbers of the blocks' chunks, of n.
    """

    def answer(z: Tensor, n_blocks: int, embedding: Tensor, *_: object) -> Answer:
        n = n_blocks + 1
        return chunk(z, first, n), [embedded(embedding, chunk(z, k, n)) for k in others(n)]

    return answer


def _with_whole(e: Tensor, chunk: Tensor) -> Tensor:
    if e.shape != chunk.shape:
        return torch.full_like(chunk, torch.nan)
    return e + chunk


def _too_few(z: Tensor, n_blocks: int, embedding: Tensor) -> Answer:
    """As many chunks as blocks; the first of them is the first layer's, too."""
    chunks = z.tensor_split(n_blocks, 1)
    return chunks[0], [torch.cat([embedding, chunk], 1) for chunk in chunks]


def _one_less(z: Tensor, n_blocks: int, embedding: Tensor) -> Answer:
    first, others = _too_few(z, n_blocks, embedding)
    return first, others[1:]


def _view_first(z: Tensor, k: int, n: int) -> Tensor:
    return z.reshape(n, len(z), -1)[k]


def _all_blocks(z: Tensor, n_blocks: int, embedding: Tensor) -> Answer:
    first, others = split_latent(z, n_blocks, embedding)
    return first, torch.stack(others)


def _whole_z(z: Tensor, n_blocks: int, embedding: Tensor) -> Answer:
    return split_latent(z, n_blocks, embedding)[0], [torch.cat([embedding, z], 1)] * n_blocks


def _z_first(z: Tensor, n_blocks: int, embedding: Tensor) -> Answer:
    return z, split_latent(z, n_blocks, embedding)[1]


def _first_too(z: Tensor, n_blocks: int, embedding: Tensor) -> Answer:
    first, others = split_latent(z, n_blocks, embedding)
    return torch.cat([embedding, first], 1), others


MISTAKES = [
    Mistake(
        _by(embedded=lambda e, chunk: torch.cat([chunk, e], 1)),
        "The chunk comes before the embedding; the exercise wants the embedding first. The weights of a layer that is "
        "loaded would meet the wrong numbers.",
    ),
    Mistake(
        _by(others=lambda n: range(n - 1)),
        "The first chunk is the first block's, too, and the last one is nobody's; block k gets chunk k + 1.",
    ),
    Mistake(_by(others=lambda n: range(n)), "There is an item too many: the first chunk isn't a block's."),
    Mistake(_by(first=-1, others=lambda n: range(n - 1)), "The first layer gets the *last* chunk; it gets the first."),
    Mistake(_by(others=lambda n: range(n - 1, 0, -1)), "The blocks' chunks are in the opposite order."),
    Mistake(_by(others=lambda n: [1] * (n - 1)), "Every block gets the second chunk; each has its own."),
    Mistake(
        _by(others=lambda n: [0] * (n - 1)), "Every block gets the first chunk, the first layer's; each has its own."
    ),
    Mistake(_by(others=lambda n: [n - 1] * (n - 1)), "Every block gets the last chunk; each has its own."),
    Mistake(
        _by(lambda z, k, n: z[:, k::n]),
        "Chunk k holds every (n_blocks + 1)-th number; a chunk is a run of numbers that follow each other.",
    ),
    Mistake(
        _by(_view_first),
        "The latents are reshaped to [chunks, batch, …], which mixes samples; cut along dim 1.",
    ),
    Mistake(
        _by(embedded=lambda e, chunk: chunk),
        "The embedding is missing: each block gets it, with the chunk behind it.",
    ),
    Mistake(_by(embedded=lambda e, chunk: e), "The blocks get the embedding alone; their chunks are missing."),
    Mistake(_by(embedded=_with_whole), "The embedding is added to the chunk; join them, torch.cat([…], 1)."),
    Mistake(
        _by(embedded=lambda e, chunk: torch.cat([e[:1].expand(len(e), -1), chunk], 1)),
        "Every sample gets the first one's embedding; each has its own.",
    ),
    Mistake(
        _by(embedded=lambda e, chunk: torch.cat([e.mean(0, keepdim=True).expand(len(e), -1), chunk], 1)),
        "The embeddings of the batch are averaged; each sample has its own.",
    ),
    Mistake(
        _by(embedded=lambda e, chunk: torch.cat([e.flip(0), chunk], 1)),
        "The embeddings are in the opposite order of the samples.",
    ),
    Mistake(_too_few, "z is cut into n_blocks chunks; the first layer needs one as well: n_blocks + 1."),
    Mistake(_one_less, "z is cut into n_blocks chunks, of which the blocks get the rest: n_blocks + 1 are needed."),
    Mistake(_whole_z, "The blocks get the whole of z; each gets a chunk."),
    Mistake(_z_first, "The first layer gets the whole of z; it gets the first chunk."),
    Mistake(_first_too, "The first layer's chunk has the embedding with it; the blocks' alone have."),
    Mistake(_all_blocks, "The blocks' tensors are stacked to one; return a list of them."),
    Mistake(
        lambda z, n, e: tuple(reversed(split_latent(z, n, e))),
        "The list is first; return the first layer's chunk, then the list.",
    ),
    Mistake(
        lambda z, n, e: [split_latent(z, n, e)[0], *split_latent(z, n, e)[1]],
        "Chunk and list are one sequence; return a pair, `return first, conditions`.",
    ),
    single_precision(lambda z, n, e: split_latent(z, n, e)),
]


def _cases() -> list[Case]:
    """One block to eight, chunks of one number and more, a batch of one; both precisions; the task's example first."""
    cases = []
    for dtype in PRECISIONS:
        of_task = {
            "z": torch.arange(1.0, 7.0, dtype=dtype)[None],
            "n_blocks": 2,
            "embedding": torch.tensor([[10.0, 20.0]], dtype=dtype),
        }
        cases.append(Case(of_task, "the task's example"))
        for k, (n, n_blocks, chunk, size, about) in enumerate(
            (
                (3, 2, 4, 4, "an embedding as long as a chunk"),
                (4, 3, 5, 2, "three blocks"),
                (1, 4, 2, 3, "a batch of one"),
                (5, 1, 3, 2, "one block"),
                (2, 5, 1, 1, "chunks and an embedding of one number"),
                (3, 2, 3, 3, "as many samples, chunks and numbers in a chunk"),
                (2, 8, 3, 7, "eight blocks"),
            )
        ):
            z, embedding = drawn(k, n, (n_blocks + 1) * chunk), drawn(50 + k, n, size)
            cases.append(Case({"z": z.to(dtype), "n_blocks": n_blocks, "embedding": embedding.to(dtype)}, about))
    return cases


def _swept() -> list[Case]:
    cases = []
    for k in range(20):
        n, n_blocks, chunk, size = sizes(7_000 + k, 7, 9, 21, 12)
        z, embedding = spread_out(7_100 + k, n, (n_blocks + 1) * chunk), spread_out(7_200 + k, n, size)
        cases.append(Case({"z": z, "n_blocks": n_blocks, "embedding": embedding}, "another size"))
    return cases


REFUSED = [(6, 4), (7, 2), (8, 2), (6, 3), (4, 4), (2, 5), (1, 1), (10, 3), (128, 6), (3, 1), (12, 4)]
"""Lengths of z and numbers of blocks that don't fit; n_blocks divides some of the lengths."""


def _check_refusals(name: str, function: Callable) -> None:
    """A latent that can't be cut into equal chunks is an error that says so."""
    for size, n_blocks in REFUSED:
        case = Case({"z": drawn(0, 2, size), "n_blocks": n_blocks, "embedding": drawn(1, 2, 3)})
        text = f"{call_text(name, case)}, for latents of {size} numbers"
        wanted = f"expected a ValueError, since {size} numbers can't be cut into {n_blocks + 1} equal chunks"
        try:
            value = attempt(name, Changed(function, _or_mark), list(case.args.values()), text, nothing=True)
        except NotWritten:
            raise
        except Wrong as wrong:
            raise Wrong(f"{wrong}; {wanted}: `raise ValueError(…)` before anything is cut") from None
        if value is not VALUE_ERROR:
            raise Wrong(f"{text} gave {show_parts(value)}; {wanted}. Cut no unequal chunks, and leave no number over")


VALUE_ERROR = object()


def _or_mark(function: Callable, *args: object) -> object:
    """What the function returns, or a mark where it raises a ValueError."""
    try:
        return function(*args)
    except ValueError:
        return VALUE_ERROR


SKIP_LATENTS = Exercise(
    "ex-13-skip-latents",
    "split_latent(z, n_blocks, embedding)",
    points=2,
    steps=[
        SeveralValues(_cases, split_latent, PAIR, MISTAKES),
        NoSideEffects(_cases),
        SeveralValues(_swept, split_latent, PAIR, MISTAKES),
        of_joined(
            Scaled(
                _swept,
                joined(split_latent),
                [{"z": factor, "embedding": factor, "result": factor} for factor in (LARGE, SMALL)],
            )
        ),
        of_joined(Gradients(_swept, joined(split_latent), hint=THROUGH)),
        _check_refusals,
    ],
    description="One to nine blocks, chunks of 1 to 21 numbers, gradients, both precisions; latents that don't fit.",
)
