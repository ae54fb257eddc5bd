"""Floating-point operations of a network, counted by torch, and of a growing one at each of its resolutions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gancourse.models.progan import START, at_level


def flops(function: Callable[[], Any]) -> int:
    """Operations of everything that a function computes: two for each multiplication with addition.

    Matrix products and convolutions are counted, in both directions and in gradients of gradients; what is done to
    single numbers isn't.

    >>> flops(lambda: nn.Linear(10, 20)(torch.zeros(3, 10)))
    1200
    """
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = _NoModules()
    with counter:
        function()
    return counter.get_total_flops()


class _NoModules(nullcontext):
    """Attributes all operations to no module: torch's own tracker has hooks that gradients of gradients run into."""

    parents = frozenset({"Global"})


def step_flops(generator: nn.Module, discriminator: nn.Module, n: int = 1) -> int:
    """Operations of one update of each player on n samples, without penalties; nothing changes.

    Args:
        generator: maps latents [n, generator.latent_size] to samples.
        discriminator: maps samples to scores.
        n: batch size; a discriminator may ask for a multiple of some number.
    """
    generator, discriminator = copy.deepcopy(generator), copy.deepcopy(discriminator)
    z = torch.zeros(n, generator.latent_size, device=next(generator.parameters()).device)

    def step() -> None:
        generator.requires_grad_(False)
        fake = generator(z)
        (discriminator(fake).sum() + discriminator(fake).sum()).backward()  # generated and real samples cost the same
        discriminator.requires_grad_(False)
        generator.requires_grad_(True)
        discriminator(generator(z)).sum().backward()

    return flops(step)


def step_flops_by_resolution(generator: nn.Module, discriminator: nn.Module, n: int = 4) -> dict[int, int]:
    """Operations a sample of one update of each player, without penalties, at each resolution of growing networks.

    Args:
        generator: of `ProGAN`.
        discriminator: of the same images.
        n: batch size that is tried; a multiple of the discriminator's groups.

    Returns:
        Operations a sample, by resolution: 4, 8, 16, …

    Raises:
        ValueError: the networks have different levels, or n doesn't suit the discriminator.

    >>> from gancourse.models.progan import ProGAN
    >>> from gancourse.signature import Signature
    >>> counts = step_flops_by_resolution(*ProGAN(width=8).pair(*[Signature((3, 32, 32))] * 2))
    >>> list(counts), round(counts[32] / counts[4])
    ([4, 8, 16, 32], 105)
    """
    if generator.n_levels != discriminator.n_levels:
        raise ValueError(
            f"the generator has {generator.n_levels} levels and the discriminator {discriminator.n_levels}; pass "
            "two of one data set"
        )
    counts = {}
    for level in range(generator.n_levels):
        with at_level(generator, level), at_level(discriminator, level):
            counts[START * 2**level] = step_flops(generator, discriminator, n) // n
    return counts
