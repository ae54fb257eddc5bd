"""Right and wrong answers of the check of self-attention."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from gancourse.checks.engine.comparison import Mistake, single_precision

Weights = Callable[[Tensor], Tensor]
"""Of products [batch, places of queries, places of keys]."""
Output = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of the share, o and x."""


def _mapped(weight: Tensor, x: Tensor) -> Tensor:
    """A 1 × 1 convolution, by place: [batch, places, channels]; not a number where the shapes don't fit."""
    places = x.flatten(2).transpose(1, 2)
    if weight.shape[1] != places.shape[2]:
        return x.new_full((*places.shape[:2], weight.shape[0]), torch.nan)
    return torch.einsum("npc,kc->npk", places, weight)


def _over_keys(products: Tensor) -> Tensor:
    return (products - products.logsumexp(2, keepdim=True)).exp()


def _skip(share: Tensor, o: Tensor, x: Tensor) -> Tensor:
    return torch.addcmul(x, share, o)


def _by(
    weights: Weights = _over_keys,
    output: Output = _skip,
    seen: Callable[[Tensor], Tensor] = lambda x: x,
    order: Callable[[Tensor, Tensor], Tensor] = lambda means, x: means.transpose(1, 2),
) -> Callable[..., Tensor]:
    """The answer by these weights and this last line.

    Args:
        weights: of products, [batch, queries, keys].
        output: of the share, o and x.
        seen: what of x keys and values see.
        order: brings means by place, [batch, places, channels], into the order of a map.
    """

    def answer(
        x: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor, w_out: Tensor, share: Tensor, *_: object
    ) -> Tensor:
        query, key, value = _mapped(w_query, x), _mapped(w_key, seen(x)), _mapped(w_value, seen(x))
        means = weights(torch.einsum("npk,nqk->npq", query, key)) @ value
        means = order(means, x).reshape(len(x), -1, *x.shape[2:])
        return output(share, _mapped(w_out, means).transpose(1, 2).reshape(x.shape), x)

    return answer


def self_attention(x: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor, w_out: Tensor, share: Tensor) -> Tensor:
    """The right answer: the softmax is over keys, and its products aren't divided."""
    return _by()(x, w_query, w_key, w_value, w_out, share)


def _with(**changes: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The right answer with other weights, computed from all of them by name."""

    def answer(*args: Tensor) -> Tensor:
        by_name = dict(zip(("x", "w_query", "w_key", "w_value", "w_out", "share"), args, strict=True))
        return self_attention(**(by_name | {key: change(by_name) for key, change in changes.items()}))

    return answer


def _fits(weight: Tensor, other: Tensor) -> Tensor:
    return weight if weight.shape == other.shape else torch.full_like(other, torch.nan)


def _within(axis: int) -> Callable[..., Tensor]:
    """Attention within rows (axis 2) or columns (axis 3): each of them is a sample of its own."""

    def answer(x: Tensor, *others: Tensor) -> Tensor:
        moved = x.movedim(axis, 1)
        apart = moved.flatten(0, 1).unsqueeze(axis)
        return self_attention(apart, *others).squeeze(axis).view(moved.shape).movedim(1, axis)

    return answer


def _across_samples(x: Tensor, *others: Tensor) -> Tensor:
    n, n_channels, height, width = x.shape
    joined = x.transpose(0, 1).reshape(1, n_channels, n * height, width)
    return self_attention(joined, *others).view(n_channels, n, height, width).transpose(0, 1)


def _by_element(x: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor, w_out: Tensor, share: Tensor) -> Tensor:
    """Queries times keys of the same place."""
    product = _mapped(w_query, x) * _mapped(w_key, x)
    weights, value = product.softmax(1), _mapped(w_value, x)
    if weights.shape[2] not in (1, value.shape[2]):
        return torch.full_like(x, torch.nan)
    return share * ((weights * value) @ w_out.T).transpose(1, 2).reshape(x.shape) + x


def _own_place(x: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor, w_out: Tensor, share: Tensor) -> Tensor:
    weights = (_mapped(w_query, x) * _mapped(w_key, x)).sum(2, keepdim=True).softmax(1)
    return share * ((weights * _mapped(w_value, x)) @ w_out.T).transpose(1, 2).reshape(x.shape) + x


def _without_out(x: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor, w_out: Tensor, share: Tensor) -> Tensor:
    if len(w_value) != x.shape[1]:
        return torch.full_like(x, torch.nan)
    return self_attention(x, w_query, w_key, w_value, torch.eye(x.shape[1]).to(x), share)


def _pooled(x: Tensor) -> Tensor:
    return max_pool2d(x, 2) if min(x.shape[2:]) > 1 else x


def _transposed_map(means: Tensor, x: Tensor) -> Tensor:
    """Places read in columns: the map has height and width exchanged, and is turned back."""
    return means.transpose(1, 2).unflatten(2, (x.shape[3], x.shape[2])).transpose(2, 3)


def _naive(products: Tensor) -> Tensor:
    return products.exp() / products.exp().sum(2, keepdim=True)


def _one_maximum(products: Tensor) -> Tensor:
    raised = (products - products.amax((1, 2), keepdim=True)).exp()
    return raised / raised.sum(2, keepdim=True)


def _without_own(products: Tensor) -> Tensor:
    return products.masked_fill(torch.eye(products.shape[1], dtype=torch.bool), -torch.inf).softmax(2)


def _causal(products: Tensor) -> Tensor:
    return products.masked_fill(torch.ones_like(products).triu(1).bool(), -torch.inf).softmax(2)


OVERFLOWS = (
    "The exponential of a large product overflows: use torch.softmax, which subtracts the largest product of each row "
    "first."
)
MISTAKES = [
    Mistake(
        _by(lambda p: p.softmax(1)),
        "The softmax is over queries: then a place's weights don't sum to 1. For each query, take it over the keys.",
    ),
    Mistake(
        _by(lambda p: p.softmax(2).transpose(1, 2)),
        "The weights are transposed before they meet the values: place j takes β_ij in the place of β_ji, and its "
        "weights don't sum to 1.",
    ),
    Mistake(
        _by(lambda p: p.transpose(1, 2).softmax(2)),
        "Queries and keys are exchanged: the product of place j's *query* with place i's *key* weighs i's value for j.",
    ),
    Mistake(
        _by_element,
        "Queries and keys are multiplied element by element: each place is compared with itself alone. Compare each "
        "with all, by a matrix product: H·W × H·W numbers for each sample.",
    ),
    Mistake(
        _own_place,
        "Each place's query meets the key of the same place alone: one weight for each place. There is one for each "
        "*pair* of places, H·W × H·W.",
    ),
    Mistake(
        _within(2),
        "Places attend to their own row only, [H, W, W]; flatten height and width to one axis first: H·W × H·W.",
    ),
    Mistake(_within(3), "Places attend to their own column only, [W, H, H]; flatten height and width to one axis."),
    Mistake(
        _across_samples, "Places attend to the places of all samples of the batch; each sample is an image of its own."
    ),
    Mistake(
        lambda x, q, k, v, o, s: _by(lambda p: (p / len(q) ** 0.5).softmax(2))(x, q, k, v, o, s),
        "The products are divided by √K, as in transformers; here they aren't.",
    ),
    Mistake(
        lambda x, q, k, v, o, s: _by(lambda p: (p / x.shape[1] ** 0.5).softmax(2))(x, q, k, v, o, s),
        "The products are divided by √C; here they aren't divided.",
    ),
    Mistake(
        lambda x, q, k, v, o, s: _by(lambda p: (p / len(q)).softmax(2))(x, q, k, v, o, s),
        "The products are divided by K; here they aren't divided.",
    ),
    Mistake(_by(lambda p: (p / p.shape[2] ** 0.5).softmax(2)), "The products are divided by √(H·W); they aren't here."),
    Mistake(_by(output=lambda s, o, x: o + x), "The share is missing: the result is share · o + x."),
    Mistake(_by(output=lambda s, o, x: s * o), "x is missing: the skip connection adds it, share · o + x."),
    Mistake(_by(output=lambda s, o, x: o), "That is o alone; the result is share · o + x."),
    Mistake(_by(output=lambda s, o, x: s * o + (1 - s) * x), "x is multiplied by 1 − share; it is added as it is."),
    Mistake(_by(output=lambda s, o, x: o + s * x), "The share multiplies x; it belongs to o."),
    Mistake(_by(output=lambda s, o, x: s * (o + x)), "The share multiplies x as well; it belongs to o alone."),
    Mistake(_by(output=lambda s, o, x: (1 + s) * o + x), "The share is 1 + share; it multiplies o as it is."),
    Mistake(_by(output=lambda s, o, x: s.tanh() * o + x), "The share passes a tanh; it is any number."),
    Mistake(_by(output=lambda s, o, x: s.sigmoid() * o + x), "The share passes a sigmoid; it is any number."),
    Mistake(_by(output=lambda s, o, x: s.abs() * o + x), "The share is made positive; it may have either sign."),
    Mistake(_by(output=lambda s, o, x: x - s * o), "o is subtracted; add it."),
    Mistake(
        _by(lambda p: p),
        "There is no softmax: the weights are the products themselves. They should be positive and sum to 1.",
    ),
    Mistake(
        _by(lambda p: p / p.shape[2]), "The products are divided by the number of places; take their softmax over keys."
    ),
    Mistake(_by(lambda p: p.sigmoid()), "Each product passes a sigmoid; take the softmax over keys."),
    Mistake(
        _by(lambda p: p.flatten(1).softmax(1).view(p.shape)),
        "The softmax is over all pairs of places at once; take it over keys, for each query.",
    ),
    Mistake(
        _by(lambda p: p.softmax(0)), "The softmax is over the samples of the batch; take it over the keys of a sample."
    ),
    Mistake(
        _by(lambda p: (p == p.amax(2, keepdim=True)).to(p)),
        "Each place takes the value of its best key alone; take the softmax over keys.",
    ),
    Mistake(_by(_without_own), "Each place leaves itself out; it has a weight too."),
    Mistake(_by(_causal), "Each place sees the places before it only, as in a language model; here all see all."),
    Mistake(
        _by(order=lambda means, x: means),
        "The means are [batch, places, channels] and were reshaped to maps without a transpose: channels and places "
        "are mixed up. Transpose first, then reshape.",
    ),
    Mistake(
        _by(order=_transposed_map),
        "Height and width are exchanged when the places become a map again: use the same order in which they were "
        "flattened.",
    ),
    Mistake(_without_out, "w_out is missing: it maps the means of the values to the channels of x."),
    Mistake(
        _with(
            w_value=lambda a: (
                torch.eye(len(a["w_value"])).to(a["x"])
                if len(a["w_value"]) == a["x"].shape[1]
                else torch.full_like(a["w_value"], torch.nan)
            )
        ),
        "w_value is missing: the values are w_value · x.",
    ),
    Mistake(
        _with(w_query=lambda a: a["w_key"]), "The queries are computed with w_key; they have weights of their own."
    ),
    Mistake(_with(w_key=lambda a: a["w_query"]), "The keys are computed with w_query; they have weights of their own."),
    Mistake(
        _with(w_value=lambda a: _fits(a["w_key"], a["w_value"])), "The values are computed with w_key; use w_value."
    ),
    Mistake(
        _with(w_value=lambda a: _fits(a["w_query"], a["w_value"])), "The values are computed with w_query; use w_value."
    ),
    Mistake(
        _with(w_out=lambda a: _fits(a["w_out"].T, a["w_out"])), "w_out is transposed; its rows are the channels of x."
    ),
    Mistake(
        _by(seen=_pooled),
        "Keys and values see maps that are pooled by 2 × 2, as in the authors' code; the exercise asks for the paper's "
        "form, without pooling.",
    ),
    Mistake(_by(_naive), OVERFLOWS),
    Mistake(
        _by(_one_maximum),
        "The largest product of all rows is subtracted: the exponentials of a row that lies far below it are all 0, "
        "and 0 is divided by 0. Subtract each row's own, as torch.softmax does.",
    ),
    Mistake(
        _by(lambda p: p.clamp(-50, 50).softmax(2)), "The products are clamped; torch.softmax takes them of any size."
    ),
    single_precision(self_attention),
]
