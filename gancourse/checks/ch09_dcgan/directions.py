"""Check of the direction of an attribute in latent space, measured within groups."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes

Difference = Callable[[Tensor, Tensor], Tensor]
"""Maps the latents of a group, [n, d], and who has the attribute, bool [n], to a difference [d]."""


def attribute_direction(latents: Tensor, has_it: Tensor, group: Tensor) -> Tensor:
    """The right answer of ex-09-attribute-direction, as one weighted sum of all latents.

    Args:
        latents: [n, d].
        has_it: who has the attribute, bool [n].
        group: number of the group of each, integers [n].

    Returns:
        The direction, [d].
    """
    same_group = group[:, None] == group
    same_side = same_group & (has_it[:, None] == has_it)
    n_side, n_group = same_side.sum(1), same_group.sum(1)
    is_mixed = n_side < n_group
    sign = torch.where(has_it, 1.0, -1.0).to(latents.dtype)
    # Each side of a mixed group has weights that add up to ±1, and each mixed group counts once.
    n_mixed = (is_mixed / n_group).sum().round()
    weights = torch.where(is_mixed, sign / n_side, torch.zeros_like(sign)) / n_mixed
    return weights.to(latents.dtype) @ latents


def _labels(text: str) -> Tensor:
    """Who has the attribute: + or − for each."""
    return torch.tensor([letter == "+" for letter in text])


def _cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        example = torch.tensor([[3.0], [1.0], [9.0], [8.0], [8.0]], dtype=dtype)
        args = {"latents": example, "has_it": _labels("+-+--"), "group": torch.tensor([0, 0, 1, 1, 1])}
        cases.append(Case(args, "the task's example"))
        torch.manual_seed(9)
        z, wide = 1 + torch.randn(8, 2, dtype=dtype), torch.randn(60, 7, dtype=dtype) - 0.5
        half, of_wide = torch.arange(60) % 3 == 0, torch.arange(60) // 7
        rows = [
            (z, "+++-----", "00000000", "one group, in which fewer have the attribute than not"),
            (z, "++-++---", "00011111", "two groups of different sizes"),
            (z, "+++-+---", "00001111", "most of one group have the attribute, and few of the other"),
            (z, "+--+-+-+", "20552052", "groups whose numbers aren't 0, 1, 2, and not in order"),
            (z, "+-++---+", "00111330", "two groups that all, or none, of the attribute: they don't count"),
        ]
        for latents, signs, groups, about in rows:
            group = torch.tensor([int(number) for number in groups])
            cases.append(Case({"latents": latents, "has_it": _labels(signs), "group": group}, about))
        cases.append(Case({"latents": wide, "has_it": half, "group": of_wide}, "60 latents in nine groups"))
    return cases


def _swept() -> list[Case]:
    """Up to 120 latents in up to 25 groups of any numbers, of which the first is mixed."""
    cases = []
    for k in range(24):
        n, d, n_groups = (a + b for a, b in zip(sizes(k, 118, 9, 25), (2, 0, 0), strict=True))
        numbers = 10 * (torch.arange(n_groups) - n_groups // 2)
        draws = torch.Generator().manual_seed(k)
        has_it = torch.rand(n, generator=draws) < 0.4
        group = numbers[torch.randint(n_groups, (n,), generator=draws)]
        has_it[:2], group[:2] = torch.tensor([True, False]), group[0].clone()
        latents = drawn(k, n, d).to(PRECISIONS[k % 2])
        about = f"{n} latents in {len(group.unique())} groups of other sizes and numbers"
        cases.append(Case({"latents": latents, "has_it": has_it, "group": group}, about))
    return cases


def _of_means(z: Tensor, has_it: Tensor) -> Tensor:
    return z[has_it].mean(0) - z[~has_it].mean(0)


def _of_sums(z: Tensor, has_it: Tensor) -> Tensor:
    return z[has_it].sum(0) - z[~has_it].sum(0)


def _over_all(z: Tensor, has_it: Tensor) -> Tensor:
    return _of_sums(z, has_it) / len(z)


def _from_mean(z: Tensor, has_it: Tensor) -> Tensor:
    return z[has_it].mean(0) - z.mean(0)


def _of_medians(z: Tensor, has_it: Tensor) -> Tensor:
    return z[has_it].median(0).values - z[~has_it].median(0).values


def _by_groups(z: Tensor, has_it: Tensor, group: Tensor, difference: Difference = _of_means) -> Tensor:
    """The differences within the groups that have both kinds, [groups, d]."""
    members = (group == number for number in group.unique())
    return torch.stack([difference(z[at], has_it[at]) for at in members if 0 < has_it[at].sum() < at.sum()])


def _within(difference: Difference) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    return lambda z, has_it, group: _by_groups(z, has_it, group, difference).mean(0)


def _by_size(z: Tensor, has_it: Tensor, group: Tensor) -> Tensor:
    sizes = torch.stack([(group == number).sum() for number in group.unique() if _is_mixed(has_it, group == number)])
    weights = (sizes / sizes.sum()).to(z.dtype)
    return weights @ _by_groups(z, has_it, group)


def _is_mixed(has_it: Tensor, at: Tensor) -> bool:
    return bool(has_it[at].any() and not has_it[at].all())


def _all_counted(z: Tensor, has_it: Tensor, group: Tensor) -> Tensor:
    return _by_groups(z, has_it, group).sum(0) / len(group.unique())


def _unit(direction: Tensor) -> Tensor:
    return direction / direction.norm()


def _each_unit(z: Tensor, has_it: Tensor, group: Tensor) -> Tensor:
    differences = _by_groups(z, has_it, group)
    return (differences / differences.norm(dim=1, keepdim=True)).mean(0)


def _with_nan(z: Tensor, has_it: Tensor, group: Tensor) -> Tensor:
    return torch.stack([_of_means(z[group == number], has_it[group == number]) for number in group.unique()]).mean(0)


def _without_centring(z: Tensor, has_it: Tensor, group: Tensor) -> Tensor:
    """The means of the groups' sides, with the sides of groups that have one kind only."""

    def mean_of(side: Tensor) -> Tensor:
        return torch.stack([z[side & (group == number)].mean(0) for number in group[side].unique()]).mean(0)

    return mean_of(has_it) - mean_of(~has_it)


MISTAKES = [
    Mistake(
        lambda z, h, g: _of_means(z, h),
        "That leaves the groups out: where the attribute is more frequent in one group, the direction also leads from "
        "the other groups to that one. Subtract within each group.",
    ),
    Mistake(
        lambda z, h, g: -attribute_direction(z, h, g),
        "That leads from those who have it to those who don't; turn the difference round.",
    ),
    Mistake(
        _within(_of_sums),
        "That subtracts sums: of unequal numbers, these differ although the means agree. Take means.",
    ),
    Mistake(
        _within(_over_all),
        "That divides both sums by the size of the group; divide each by the number of its own latents, as "
        "`latents[has_it].mean(0)` does.",
    ),
    Mistake(
        _within(_from_mean),
        "That subtracts the mean of the whole group, in which those who have it count too; subtract the mean of those "
        "who don't.",
    ),
    Mistake(_within(_of_medians), "That subtracts medians; the direction is the difference of means."),
    Mistake(_by_size, "That weights each group by its size; here each group counts once, however large it is."),
    Mistake(
        lambda z, h, g: _by_groups(z, h, g)[-1],
        "That is the difference of one group, the last: collect those of all groups, and take their mean.",
    ),
    Mistake(
        lambda z, h, g: _by_groups(z, h, g)[0],
        "That is the difference of one group, the first: collect those of all groups, and take their mean.",
    ),
    Mistake(
        lambda z, h, g: _by_groups(z, h, g).sum(0),
        "That adds the groups' differences up; return their mean over groups.",
    ),
    Mistake(
        _all_counted,
        "That divides by the number of all groups, those without a difference included; divide by the number of "
        "groups that have one.",
    ),
    Mistake(
        lambda z, h, g: _unit(attribute_direction(z, h, g)),
        "That is scaled to length 1; its length says how far apart the means lie, so keep it.",
    ),
    Mistake(_each_unit, "That scales each group's difference to length 1 before the mean; keep their lengths."),
    Mistake(
        _with_nan,
        "That takes the mean of no latents, which is nan, in a group where all or none have the attribute: leave such "
        "groups out.",
    ),
    Mistake(
        _without_centring,
        "That takes the groups' means of either side by themselves, so that a group with one kind only counts on one "
        "side; subtract within each group first, and leave such groups out.",
    ),
]


ATTRIBUTE_DIRECTION = Exercise(
    "ex-09-attribute-direction",
    "attribute_direction(latents, has_it, group)",
    points=2,
    steps=[
        Values(_cases, attribute_direction, MISTAKES),
        Values(_swept, attribute_direction, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False, rolled=["latents"]),
    ],
    description="Groups of unequal sizes and any numbers, correlated with the attribute, some of one kind only.",
)
