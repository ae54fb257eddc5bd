"""A denoiser of data with noise, which makes samples step by step: diffusion and flow matching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gancourse import diffusion
from gancourse.data import Source
from gancourse.diffusion import Process, VariancePreserving
from gancourse.games import Diffusion
from gancourse.games.game import is_conditional
from gancourse.models import Family
from gancourse.models.family import Sampling
from gancourse.recipes.plays.play import Play, check_request, in_parts
from gancourse.rng import Noise
from gancourse.signature import Signature
from gancourse.values import Count, NonNegative, Share

LINEAR, UNGUIDED = VariancePreserving(), 1.0


class AskedDenoiser(nn.Module):
    """A denoiser together with how samples are made with it.

    Args:
        denoiser: maps noisy data, scaled times and labels to predictions.
        sampling: how samples are made.
    """

    def __init__(self, denoiser: nn.Module, sampling: DiffusionSampling) -> None:
        super().__init__()
        self.denoiser, self.sampling = denoiser, sampling

    @property
    def conditional(self) -> bool:
        """Whether it takes labels."""
        return is_conditional(self.denoiser)

    def forward(self, x: Tensor, time: Tensor, *labels: Tensor) -> Tensor:
        """The denoiser's predictions."""
        return self.denoiser(x, time, *labels)


@dataclass(frozen=True)
class DiffusionSampling(Sampling):
    """How samples are made of noise.

    Args:
        sampler: ddpm draws from the reverse process; ddim with as much noise as eta says, and with none it is Euler's
            method for the probability-flow equation; heun solves that to second order.
        sampling_steps: number of steps; heun calls the network twice in each but the last.
        eta: noise that ddim adds in each step, as a share of ddpm's.
        guidance: s of classifier-free guidance, s · (prediction for the class) + (1 − s) · (for no class); 1 for none.

    Raises:
        ValueError: eta is for another sampler than ddim, or as for every value.
    """

    no_truncation: ClassVar[str] = "has no latents that can be truncated, and no BatchNorm; pass --sampling-steps"
    sampler: Literal["ddpm", "ddim", "heun"] = "ddim"
    sampling_steps: Count = 50
    eta: Share = 0.0
    guidance: NonNegative = UNGUIDED

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.eta and self.sampler != "ddim":
            raise ValueError(f"eta is {self.eta}, but the sampler is {self.sampler}; pass ddim, or leave eta out")

    def of(self, network: nn.Module) -> nn.Module:
        """The denoiser that makes such samples.

        Raises:
            ValueError: guidance is asked for, and the network takes no classes.
        """
        if self.guidance != UNGUIDED and not is_conditional(network):
            raise ValueError(
                f"guidance is {self.guidance}, but {type(network).__name__} takes no classes; leave the guidance out, "
                "or train with --classes"
            )
        return AskedDenoiser(network, self)


@dataclass(frozen=True)
class Denoising(Play):
    """A diffusion or flow model.

    Args:
        family: the network: anything with a denoiser.
        process: how data and noise are mixed.
        predicts: what the network predicts of a noisy sample: its noise, its data, v = α ε − σ x₀, or the velocity
            ε − x₀.
        label_dropout: share of the labels that the network doesn't see in training, which guidance needs.
        sampling: how samples are made, unless they are asked for otherwise.

    Raises:
        ValueError: the target doesn't determine the data at the process's first time, or the process has fewer times
            than the sampling has steps.
    """

    averaged: ClassVar[tuple[str, ...]] = ("denoiser",)
    asks_for: ClassVar[tuple[str, ...]] = ("denoiser",)
    family: Family
    process: Process = LINEAR
    predicts: Literal["noise", "data", "v", "velocity"] = "noise"
    label_dropout: Share = 0.0
    sampling: DiffusionSampling = DiffusionSampling()

    def __post_init__(self) -> None:
        super().__post_init__()
        first = self.process.times(self.sampling.sampling_steps)[:1]
        diffusion.target(self.predicts).data_weight(self.process.level(first))
        self._check_guidance(self.sampling)

    def _check_guidance(self, sampling: DiffusionSampling) -> None:
        if sampling.guidance != UNGUIDED and not self.label_dropout:
            raise ValueError(
                f"guidance is {sampling.guidance}, but the network was never trained without a class; train it with "
                "--label-dropout, such as 0.1, or leave the guidance out"
            )

    def game(self, fits: Signature) -> Diffusion:
        """The game of one player.

        Raises:
            ValueError: the network doesn't fit the data, or labels are dropped of a network without.
        """
        return Diffusion(self.family.denoiser(fits), self.process, self.predicts, self.label_dropout)

    def kept(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        """The denoiser."""
        return networks["denoiser"]

    def sample(self, network: nn.Module, source: Source, n: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
        """What the denoiser makes of noise, step by step; of classes as in the data unless y says others.

        Estimates of an image are kept within [−1, 1] in each step, and so are samples.

        Args:
            network: the denoiser, or an `AskedDenoiser`, which says how samples are made.
            source: says what a sample is, and which classes the data has.
            n: how many.
            seed: which noise.
            y: labels, integers [n].

        Raises:
            ValueError: n or y is wrong, or the network can't be guided.
        """
        check_request(network, n, y)
        noise, fits = Noise((seed, "evaluation"), n), source.signature
        if is_conditional(network):
            y = source(noise).y if y is None else y
            if len(y) != n:
                raise ValueError(f"y has {len(y)} rows; expected n = {n}")
        asked = network if hasattr(network, "sampling") else self.sampling.of(network)
        self._check_guidance(asked.sampling)
        denoiser = self._denoiser(asked, y)
        return diffusion.sample(
            diffusion.clipped(denoiser) if fits.is_image else denoiser,
            noise.fold_in("diffusion"),  # the data draw under names that samplers use too
            fits.shape,
            asked.sampling.sampling_steps,
            asked.sampling.sampler,
            **({"eta": asked.sampling.eta} if asked.sampling.eta else {}),
        )

    def _denoiser(self, asked: AskedDenoiser, y: Tensor | None) -> diffusion.Denoiser:
        """The denoiser for these labels, guided if asked for; the network gets some hundred samples at a time."""
        guidance = asked.sampling.guidance
        if guidance == UNGUIDED:
            return self._at(asked.denoiser, y)
        without_class = torch.full_like(y, asked.denoiser.n_classes)
        return diffusion.guided(self._at(asked.denoiser, y), self._at(asked.denoiser, without_class), scale=guidance)

    def _at(self, network: nn.Module, y: Tensor | None) -> diffusion.Denoiser:
        """The denoiser that a network is at these labels."""

        def predict(x: Tensor, time: Tensor, labels: Tensor | None) -> Tensor:
            return network(x, time) if labels is None else network(x, time, labels)

        return diffusion.of_network(lambda x, time: in_parts(network, predict, x, time, y), self.process, self.predicts)
