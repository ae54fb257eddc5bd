"""Distillation of a diffusion or flow model into one step: a generator, its teacher's term, and consistency."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.diffusion import DATA, Denoiser, Level, Process, ddim_step, mixed, of_network, target
from gancourse.games.game import Player
from gancourse.games.terms import Term, Turn
from gancourse.games.wrapper import check_weight
from gancourse.rng import Noise


def frozen(network: nn.Module) -> nn.Module:
    """A copy of a network in evaluation mode, whose weights get no gradients: a teacher."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def trainable_copy(network: nn.Module) -> nn.Module:
    """A copy of a network in training mode, whose weights get gradients: a student. Averages of weights get none."""
    return copy.deepcopy(network).train().requires_grad_(True)


class OneStep(nn.Module):
    """A denoiser as a generator: the latents are the noise, and its estimate x̂₀ of pure noise is the sample.

    Args:
        denoiser: maps noisy data and scaled times to predictions; not `conditional`. Training starts from its weights:
            pass a `trainable_copy` of the teacher.
        process: that it was trained for.
        predicts: name of its target.
        shape: of a sample.

    Raises:
        ValueError: there is no such target, it doesn't determine the data at the process's noisiest time, or the
            denoiser is conditional; when called, if the latents have another shape.

    >>> from gancourse import models
    >>> from gancourse.diffusion import RectifiedFlow
    >>> OneStep(models.denoising_mlp.Denoiser(), RectifiedFlow(), "velocity", (2,))(torch.ones(1, 2)).detach()
    tensor([[1., 1.]])
    """

    def __init__(self, denoiser: nn.Module, process: Process, predicts: str, shape: tuple[int, ...]) -> None:
        super().__init__()
        if getattr(denoiser, "conditional", False):
            raise ValueError(f"{type(denoiser).__name__} is conditional; pass a denoiser without labels")
        # Trailing times begin at the noisiest one.
        self.time = process.times(1, "trailing")
        target(predicts).data_weight(process.level(self.time))
        self.denoiser, self.process, self.predicts, self.shape = denoiser, process, predicts, shape
        self.latent_size = torch.Size(shape).numel()

    def forward(self, z: Tensor) -> Tensor:
        """Samples [batch, ...] of latents [batch, latent_size]."""
        if z.ndim != 2 or z.shape[1] != self.latent_size:
            raise ValueError(f"z has shape {tuple(z.shape)}; expected [batch, {self.latent_size}]")
        return denoiser_of(self.denoiser, self.process, self.predicts)(z.view(-1, *self.shape), self.time[0]).x0


def denoiser_of(network: nn.Module, process: Process, predicts: str) -> Denoiser:
    """The denoiser that a network is, with times in the precision of its input."""
    return of_network(lambda x, time: network(x, time.to(x.dtype)), process, predicts)


def distillation(
    teacher: nn.Module, process: Process, predicts: str, weight: float = 1.0, end: float = 0.0, updates: int = 1000
) -> Term:
    """A term of the generator: its samples, with new noise, should be what a teacher makes of them.

    The squared distance of a sample from the teacher's x̂₀ of the sample with noise at a random time, as a mean over its
    numbers; the teacher's x̂₀ is a constant in the gradient. The weight falls linearly.

    Args:
        teacher: a trained denoiser; it is copied, and not trained.
        process: that it was trained for.
        predicts: name of its target.
        weight: at the first update.
        end: weight from the last update on.
        updates: number of updates from the first weight to the last.

    Raises:
        ValueError: a weight is negative or not finite, or updates is below one; during training, if the target doesn't
            determine the data at a time.

    Source: Sauer et al. 2023 (adversarial diffusion distillation), section 3, with its uniform weight.
    """
    check_weight(weight, "the distillation")
    check_weight(end, "the distillation")
    if updates < 1:
        raise ValueError(f"the weight falls over {updates} updates; pass at least 1")
    target(predicts)
    own_teacher = frozen(teacher)

    def of_turn(turn: Turn) -> Tensor:
        due = _falling(turn, weight, end, updates)
        if not due:  # the teacher costs a forward pass
            return turn.fake.new_zeros(len(turn.fake))
        noise, x = turn.noise.fold_in("distillation"), turn.fake
        t, epsilon = process.random_times(noise), noise.normal("epsilon", *x.shape[1:])
        with torch.no_grad():
            wanted = denoiser_of(own_teacher, process, predicts)(process.noised(x, epsilon, t), t).x0
        return due * (x - wanted).square().flatten(1).mean(1)

    return Term("distillation", "generator", of_turn, memory=own_teacher, differentiable=False)


def _falling(turn: Turn, weight: float, end: float, updates: int) -> float:
    """The weight of an update: linear from the first one's to the end, and constant from there."""
    return weight + min(turn.noise.update / updates, 1.0) * (end - weight)


class Pairs(nn.Module):
    """Noise and what a teacher made of it: the memory of `distillation_of_pairs`.

    Args:
        z: noise, [n, ...].
        x: the teacher's samples, [n, ...].

    Raises:
        ValueError: there are none, or not as many samples as noise.
    """

    def __init__(self, z: Tensor, x: Tensor) -> None:
        super().__init__()
        if not len(z) or len(z) != len(x):
            raise ValueError(f"{len(z)} pieces of noise and {len(x)} samples; pass as many, and at least one of each")
        self.register_buffer("z", z.detach().clone())
        self.register_buffer("x", x.detach().clone())

    def distances(self, generator: nn.Module, noise: Noise, most: int) -> Tensor:
        """Squared distances of a generator's samples from the teacher's, of at most so many random pairs, [m]."""
        index = noise.integers("index", len(self.z))[:most].to(self.z.device)
        return (generator(self.z[index]) - self.x[index]).square().flatten(1).mean(1)


class PairDistillation:
    """One player, "student", a generator that only learns to make a teacher's sample of the teacher's noise.

    Args:
        student: maps noise to samples: usually a `OneStep` of a `trainable_copy` of the teacher.
        z: noise that the teacher began with, [n, latent_size].
        x: the samples that it made, [n, ...]. Both are copied.

    Raises:
        ValueError: z and x differ in number, or there are none.

    Source: Luhman and Luhman 2021 (knowledge distillation in iterative generative models).

    >>> from gancourse import models
    >>> [p.name for p in PairDistillation(models.mlp.Generator(2, 8), torch.ones(5, 2), torch.ones(5, 2)).players]
    ['student']
    """

    def __init__(self, student: nn.Module, z: Tensor, x: Tensor) -> None:
        self.student, self.pairs = student, Pairs(z, x)
        self.players = (Player("student", student, self.terms, memory=self.pairs),)

    def terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """Squared distances, the mean over a sample's numbers; as many pairs as the batch has data."""
        return {"pairs": self.pairs.distances(self.student, noise, len(batch.x))}


def distillation_of_pairs(
    z: Tensor, x: Tensor, weight: float = 10.0, end: float = 1.0, updates: int = 300, batch_size: int = 32
) -> Term:
    """A term of the generator: of a teacher's noise, it should make the teacher's sample.

    The squared distance as a mean over a sample's numbers, over pairs drawn anew at each update. Unlike `distillation`
    it asks for variety: another z has another sample. It is exact where the teacher's sampler is a function of its
    noise, as DDIM's and Euler's are. The weight falls linearly.

    Args:
        z: noise that the teacher began with, as the generator takes it, [n, latent_size].
        x: the samples that it made, [n, ...]. Both are copied.
        weight: at the first update.
        end: weight from the last update on.
        updates: number of updates from the first weight to the last.
        batch_size: pairs in an update; at most as many as the update has samples.

    Raises:
        ValueError: a weight is negative or not finite, updates or batch_size is below one, or z and x differ in number.

    Source: Luhman and Luhman 2021 (knowledge distillation in iterative generative models) for the loss; Kang et al.
        2024 (Diffusion2GAN) for pairs beside a discriminator, with a perceptual distance instead of this one.
    """
    check_weight(weight, "the pairs")
    check_weight(end, "the pairs")
    if updates < 1 or batch_size < 1:
        raise ValueError(f"updates is {updates} and batch_size {batch_size}; pass at least 1 each")
    pairs = Pairs(z, x)

    def of_turn(turn: Turn) -> Tensor:
        distances = pairs.distances(turn.generator, turn.noise.fold_in("pairs"), batch_size)
        return _falling(turn, weight, end, updates) * distances.mean()

    return Term("pairs", "generator", of_turn, memory=pairs, differentiable=True)


class ConsistencyDistillation:
    """One player, "student", whose estimates x̂₀ agree all along each path of its teacher's probability-flow ODE.

    Of data with noise at one of n times, one step of the teacher's ODE leads to the time before. The student's estimate
    at the later time should be its own at the earlier one, which is a constant in the gradient; at the data, the
    estimate is x itself. This holds for every target but "data", for which no estimate is fixed there.

    Args:
        student: maps noisy data and scaled times to predictions. Training starts from its weights: usually a
            `trainable_copy` of the teacher.
        teacher: a trained denoiser; it is copied, and not trained.
        process: that the teacher was trained for.
        predicts: name of both networks' target.
        n_times: number of times, from noise to data.

    Raises:
        ValueError: the target is "data" or unknown, it doesn't determine the data at a time, or there are too many
            times.

    Source: Song, Dhariwal, Chen, Sutskever 2023 (consistency models), algorithm 2, with DDIM's steps; the target
        network is the student itself, as in Song and Dhariwal 2024.

    >>> from gancourse import models
    >>> from gancourse.diffusion import RectifiedFlow
    >>> teacher = models.denoising_mlp.Denoiser()
    >>> [p.name for p in ConsistencyDistillation(copy.deepcopy(teacher), teacher, RectifiedFlow(), "velocity").players]
    ['student']
    """

    differentiable = False

    def __init__(
        self, student: nn.Module, teacher: nn.Module, process: Process, predicts: str = "noise", n_times: int = 20
    ) -> None:
        if predicts == "data":
            raise ValueError(
                "an estimate of the data itself isn't fixed where there is no noise; predict v or the noise"
            )
        self.student, self.teacher, self.process, self.predicts = student, frozen(teacher), process, predicts
        self.times = process.times(n_times, "trailing")
        levels = process.level(self.times)
        target(predicts).data_weight(levels)
        self.levels = Level(*(torch.cat([part, end[None]]) for part, end in zip(levels, DATA, strict=True)))
        self.players = (Player("student", student, self.terms, memory=self.teacher),)

    def terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """Squared distance of the student's estimates at neighbouring times, the mean over a sample's numbers."""
        x0, index = batch.x, noise.integers("time", len(self.times))
        now, earlier = self._level(index), self._level(index + 1)
        x = mixed(x0, noise.normal("epsilon", *x0.shape[1:]), now)
        t = self.times.to(x.device)[index]
        with torch.no_grad():
            teachers_estimate = denoiser_of(self.teacher, self.process, self.predicts)(x, t)
            before = ddim_step(teachers_estimate, now, earlier).mean
            # At the data there is no earlier time; the estimate there is x, whatever the network would say.
            is_last = (index + 1 == len(self.times)).view(-1, *[1] * (x.ndim - 1))
            t_before = self.times.to(x.device)[(index + 1).clamp(max=len(self.times) - 1)]
            wanted = torch.where(is_last, before, self._estimate(before, t_before))
        return {"consistency": (self._estimate(x, t) - wanted).square().flatten(1).mean(1)}

    def _estimate(self, x: Tensor, t: Tensor) -> Tensor:
        return denoiser_of(self.student, self.process, self.predicts)(x, t).x0

    def _level(self, index: Tensor) -> Level:
        return Level(*(part.to(index.device)[index] for part in self.levels))
