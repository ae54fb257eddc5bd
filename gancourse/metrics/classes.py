"""Metrics of samples that were generated for a class: whether they show it, and how well each class is covered."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.metrics.features import Numbers, pair, tensor
from gancourse.metrics.neighbours import PrecisionRecall, precision_recall
from gancourse.plans import cheapest_assignment


class Agreement(NamedTuple):
    """How often a classifier finds the class that a sample was generated for.

    Args:
        share: of all samples.
        by_class: of the samples of each class, [n_classes]; NaN for a class without samples.
    """

    share: float
    by_class: Tensor


def label_agreement(predicted: Numbers, labels: Numbers, n_classes: int) -> Agreement:
    """Share of samples that a classifier assigns to the class that they were generated for.

    Print the data's own agreement beside it, that of real samples of a test set with the same classifier. A higher one
    is a defect too: such samples are easier to classify than the data (chapter 10).

    Args:
        predicted: classes by the classifier, integers [n].
        labels: classes that the samples were generated for, integers [n].
        n_classes: number of classes.

    Raises:
        ValueError: there is no sample, the two differ in length, or a class isn't one of 0 … n_classes − 1.

    >>> label_agreement(torch.tensor([0, 1, 1, 0]), torch.tensor([0, 1, 0, 0]), n_classes=3)
    Agreement(share=0.75, by_class=tensor([0.6667, 1.0000,    nan]))
    """
    predicted, labels = tensor(predicted, "predicted"), tensor(labels, "labels")
    _check_classes(predicted, labels, ("predicted", n_classes), ("labels", n_classes))
    right = (predicted == labels).double()
    sums = torch.zeros(n_classes, dtype=torch.float64).index_add_(0, labels.long().cpu(), right.cpu())
    by_class = sums / torch.bincount(labels.long().cpu(), minlength=n_classes)
    return Agreement(right.mean().item(), by_class.to(torch.get_default_dtype()))


class Purity(NamedTuple):
    """How well codes that nobody named coincide with classes.

    Args:
        share: of the samples whose class is the one that their code was assigned to.
        classes: class assigned to each code, [n_codes]; −1 for a code without one, where there are more codes.
    """

    share: float
    classes: Tensor


def code_purity(codes: Numbers, labels: Numbers, n_codes: int, n_classes: int) -> Purity:
    """Share of samples whose class is that of their code, under the best one-to-one assignment of codes to classes.

    It is at least 1/n for n balanced codes and classes, and stricter than the purity of clusters, which may assign one
    class to several codes: two codes for one class can't both be right here.

    Args:
        codes: that the samples were generated from, integers [n].
        labels: their classes, integers [n]; of generated samples, those that a classifier finds.
        n_codes: number of codes.
        n_classes: number of classes.

    Raises:
        ValueError: there is no sample, the two differ in length, or a number is out of range.

    >>> code_purity(torch.tensor([0, 0, 1, 1]), torch.tensor([1, 1, 0, 1]), n_codes=2, n_classes=2)
    Purity(share=0.75, classes=tensor([1, 0]))
    """
    codes, labels = tensor(codes, "codes"), tensor(labels, "labels")
    _check_classes(codes, labels, ("codes", n_codes), ("labels", n_classes))
    counts = torch.bincount(codes.long().cpu() * n_classes + labels.long().cpu(), minlength=n_codes * n_classes)
    table = counts.view(n_codes, n_classes)
    rows, columns = (torch.as_tensor(part) for part in cheapest_assignment(-table.double().numpy()))
    classes = torch.full((n_codes,), -1).index_put_((rows,), columns)
    return Purity(table[rows, columns].sum().item() / len(codes), classes)


def intra_class_precision_recall(
    real: Numbers, real_labels: Numbers, generated: Numbers, generated_labels: Numbers, k: int = 3
) -> dict[int, PrecisionRecall]:
    """Precision, recall, density and coverage within each class; recall tells whether a class keeps its variety.

    Args:
        real: features of real data, [n, features].
        real_labels: their classes, integers [n].
        generated: features of generated data, [m, features].
        generated_labels: the classes that they were generated for, integers [m].
        k: index of the neighbour that gives the radius.

    Returns:
        The four values of each class of the real data.

    Raises:
        ValueError: shapes disagree, or a class has k or fewer samples on a side.

    >>> x, y = torch.randn(40, 2, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 2
    >>> [round(values.recall, 2) for values in intra_class_precision_recall(x, y, x, y).values()]
    [1.0, 1.0]
    """
    x, y = pair(real, generated)
    real_labels, generated_labels = tensor(real_labels, "real_labels"), tensor(generated_labels, "generated_labels")
    for name, features, labels in (("real", x, real_labels), ("generated", y, generated_labels)):
        if labels.shape != (len(features),) or labels.is_floating_point():
            raise ValueError(
                f"{len(features)} {name} features but labels {labels.dtype} {tuple(labels.shape)}; pass one integer a "
                "sample"
            )
    values = {}
    for c in real_labels.unique().tolist():
        sides = x[real_labels == c], y[generated_labels == c]
        if min(map(len, sides)) <= k:
            raise ValueError(
                f"class {c} has {len(sides[0])} real and {len(sides[1])} generated samples; each needs more than k = "
                f"{k}"
            )
        values[int(c)] = precision_recall(*sides, k=k)
    return values


def _check_classes(a: Tensor, b: Tensor, *named: tuple[str, int]) -> None:
    """Check that two columns of classes are integers of one length, each in its range."""
    for column, (name, n) in zip((a, b), named, strict=True):
        if column.ndim != 1 or not len(column) or column.is_floating_point() or column.is_complex():
            raise ValueError(f"{name} are {column.dtype} {tuple(column.shape)}; expected integers [n], at least one")
        if not 0 <= int(column.min()) <= int(column.max()) < n:
            raise ValueError(f"{name} run from {int(column.min())} to {int(column.max())}; expected 0 to {n - 1}")
    if len(a) != len(b):
        raise ValueError(f"{named[0][0]} has {len(a)} rows, {named[1][0]} {len(b)}; pass one of each a sample")
