"""Self-attention for images: each place takes a weighted mean of what all places have to say."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from gancourse.models.blocks import check_shape

AttentionForm = Literal["released", "paper", "over-queries", "own-place", "none"]
FORMS = ("released", "paper", "over-queries", "own-place")


class SelfAttention(nn.Module):
    """Self-attention with a skip connection whose share starts at zero: γ · o + x.

    A place j compares its query with the key of every place i, and takes the mean of their values with the weights
    β_ji = softmax over i of (query_j · key_i); a last 1 × 1 convolution maps these means to o. The product isn't
    divided by the root of its length, unlike in transformers. Because γ starts at 0, the layer starts as the identity.

    Args:
        n_channels: of input and output. Queries and keys have an eighth as many (one, if that is less).
        form: "paper" has as many values as keys: an eighth, at every place. "released" is what the authors ran: keys
            and values are pooled by the maximum of 2 × 2 places, so that β has a quarter of the columns, and values are
            a half of the channels. "over-queries" is "released" with the softmax over j, a mistake that public code
            has: columns of β sum to one, rows don't. "own-place" is a control with the weights of "released" but no
            look at other places: each place takes its own value, times the sigmoid of query · key of that place.

    Raises:
        ValueError: there is no such form; when called, if height or width is odd and the form pools.

    Source: Zhang, Goodfellow, Metaxas, Odena 2019, equations 1 to 3; google/self-attention-gan for "released".

    >>> x = torch.randn(2, 16, 4, 4)
    >>> bool((SelfAttention(16)(x) == x).all()), SelfAttention(16).weights(x).shape
    (True, torch.Size([2, 16, 4]))
    """

    def __init__(self, n_channels: int, form: AttentionForm = "released") -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"form is {form!r}; pass {', '.join(map(repr, FORMS))}, or leave the layer out")
        self.n_channels, self.form, self.pools = n_channels, form, form in ("released", "over-queries")
        n_keys = max(n_channels // 8, 1)
        n_values = n_keys if form == "paper" else max(n_channels // 2, 1)
        self.query = nn.Conv2d(n_channels, n_keys, 1, bias=False)
        self.key = nn.Conv2d(n_channels, n_keys, 1, bias=False)
        self.value = nn.Conv2d(n_channels, n_values, 1, bias=False)
        self.out = nn.Conv2d(n_values, n_channels, 1, bias=False)
        self.share = nn.Parameter(torch.zeros(()))  # γ

    def _places(self, x: Tensor) -> Tensor:
        """Keys or values by place, [batch, places, channels]."""
        return (max_pool2d(x, 2) if self.pools else x).flatten(2).transpose(1, 2)

    def weights(self, x: Tensor) -> Tensor:
        """The weights β, [batch, queries, keys]; each row sums to one, but for "over-queries".

        For "own-place" it is the diagonal matrix of the sigmoids.
        """
        check_shape(x, (self.n_channels, *x.shape[2:]), "x")
        if self.form == "own-place":
            return self._gates(x).flatten(2).squeeze(1).diag_embed()
        if self.pools and (x.shape[2] % 2 or x.shape[3] % 2):
            raise ValueError(f"x has shape {tuple(x.shape)}; 2 × 2 places are pooled, so pass even height and width")
        queries = self.query(x).flatten(2).transpose(1, 2)
        products = queries @ self._places(self.key(x)).transpose(1, 2)
        # In float32 under autocast: rows of weights in bfloat16 would sum to 1 ± 0.2 %.
        exact = products.to(torch.promote_types(products.dtype, torch.float32))
        return exact.softmax(1 if self.form == "over-queries" else 2)

    def _gates(self, x: Tensor) -> Tensor:
        """Sigmoids of query · key of each place, [batch, 1, height, width]."""
        return (self.query(x) * self.key(x)).sum(1, keepdim=True).sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """γ · o + x, of the shape of x."""
        if self.form == "own-place":
            check_shape(x, (self.n_channels, *x.shape[2:]), "x")
            return self.share * self.out(self._gates(x) * self.value(x)) + x
        weights, values = self.weights(x), self._places(self.value(x))
        means = weights.to(values.dtype) @ values
        o = self.out(means.transpose(1, 2).reshape(len(x), -1, *x.shape[2:]))
        return self.share * o + x
