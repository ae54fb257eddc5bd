"""Inception score: how certain and how varied a classifier's labels of samples are."""

from __future__ import annotations

import itertools

import torch

from gancourse.metrics.estimates import Estimate
from gancourse.metrics.features import Numbers, matrix


def inception_score(logits: Numbers, n_splits: int = 10, seed: int | None = None) -> Estimate:
    """The exponential of the mean KL divergence between a sample's class probabilities and their average.

    It is between 1 (every sample gets the same probabilities) and the number of classes (each sample is certain, all
    classes equally often). It doesn't use real data. A part of k samples can't score more than k, and parts of few
    samples score too little: give each part some hundred samples, and name the number of parts with the score.

    Args:
        logits: of a classifier at generated samples, [n, n_classes].
        n_splits: number of parts of the samples; each gives one score.
        seed: of the shuffling before the split; None keeps their order, which matters if they are sorted.

    Raises:
        ValueError: a part would have a single sample, whose score is always 1, or the shape is another one.
        NotFiniteError: a logit isn't finite.

    Source: Salimans et al. 2016, section 4; splits as in their code.

    >>> round(inception_score(100 * torch.eye(4).repeat(5, 1), n_splits=5).mean, 6)
    4.0
    """
    x = matrix(logits, "logits", n_min=1)
    most = max(len(x) // 2, 1)
    if not 1 <= n_splits <= most:
        raise ValueError(
            f"n_splits is {n_splits} for {len(x)} samples; expected 1 to {most}: a part of one sample always scores 1"
        )
    if seed is not None:
        x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed)).to(x.device)]
    log_p = x.log_softmax(1)
    bounds = [i * len(x) // n_splits for i in range(n_splits + 1)]
    scores = []
    for start, end in itertools.pairwise(bounds):
        part = log_p[start:end]
        average = part.logsumexp(0) - torch.log(torch.tensor(end - start, dtype=x.dtype))
        scores.append((part.exp() * (part - average)).sum(1).mean().exp())
    return Estimate.of(torch.stack(scores))
