"""The course's one noun: players, and the two-player game called GAN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from gancourse.batch import Batch
from gancourse.rng import Noise

Terms = Callable[[Batch, Noise], dict[str, Tensor]]


class Player(NamedTuple):
    """Someone who may change a network and minimises the sum of some losses.

    Args:
        name: "discriminator", "generator", …
        network: what it may change.
        terms: what it minimises: named losses, one value per sample each.
        updates: how many updates it makes in one step of the game.
        constraint: puts its network back among those it may choose, after each update, in place.
        memory: what its terms remember from update to update, as buffers: saved in checkpoints and moved to the
            device. Terms change it only while it is in training mode.
    """

    name: str
    network: nn.Module
    terms: Terms
    updates: int = 1
    constraint: Callable[[nn.Module], None] | None = None
    memory: nn.Module | None = None


class Game(Protocol):
    """Anything with players; they move in this order."""

    players: Sequence[Player]


class Pair(Protocol):
    """What a GAN needs of its objective: `gancourse.objectives.Objective`, or anything shaped like it."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    relative: bool


class View(NamedTuple):
    """What stands between the data and the discriminator: instance noise, packing, swapped labels, augmentation.

    Args:
        function: maps (real, fake, noise) to what the discriminator sees instead of real and fake; penalties are
            taken there too. It may make fewer samples of them, but as many real as fake ones.
        turns: in whose turns it stands there.
    """

    function: Callable[[Tensor, Tensor, Noise], tuple[Tensor, Tensor]]
    turns: tuple[str, ...] = ("discriminator", "generator")


class Penalty(NamedTuple):
    """A term added to the discriminator's loss.

    Args:
        function: maps (critic, real, fake, epsilon) to values [batch].
        weight: what it is multiplied by.
        every: it is computed at every so-many-th update, and then multiplied by this too, so that its mean over
            updates doesn't depend on it (lazy regularisation: Karras et al. 2020, appendix B, which rescales Adam's
            rate and decays as well; this doesn't).
    """

    function: Callable[..., Tensor]
    weight: float = 1.0
    every: int = 1


def _name(penalty: Penalty) -> str:
    """Its function's name; also that of a function with some of its arguments given."""
    function = getattr(penalty.function, "func", penalty.function)
    return getattr(function, "__name__", type(function).__name__)


class TwoNetworks:
    """What games of one generator and one discriminator share: latents, and what the discriminator sees.

    Args:
        generator: maps latents [batch, generator.latent_size] to data.
        discriminator: maps what it sees to scores [batch].
        views: what the discriminator sees instead of the data, each applied to what the one before it made.

    Raises:
        ValueError: a view stands in the turns of an unknown player.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module, views: Sequence[View] = ()) -> None:
        self.generator, self.discriminator, self.views = generator, discriminator, tuple(views)
        for view in self.views:
            if strange := set(view.turns) - {"discriminator", "generator"}:
                raise ValueError(
                    f"a view stands in the turns of {sorted(strange)}; the players are discriminator and generator"
                )

    def latents(self, noise: Noise) -> Tensor:
        """Latents of one batch, [batch, latent_size], standard normal."""
        return noise.normal("z", self.generator.latent_size)

    def seen(self, real: Tensor, fake: Tensor, noise: Noise, turn: str) -> tuple[Tensor, Tensor]:
        """What the discriminator sees of real and generated data in the turn of the player of that name."""
        for i, view in enumerate(self.views):
            if turn in view.turns:
                real, fake = view.function(real, fake, noise.within("view", i) if i else noise)
        return real, fake


def _depends_on_batch(layer: nn.Module) -> bool:
    """Whether it treats a sample by its neighbours, or by its place in the batch; layers of ours say so themselves."""
    return getattr(layer, "depends_on_batch", isinstance(layer, _BatchNorm))


class GAN(TwoNetworks):
    """A generator and a discriminator that play against each other.

    Args:
        generator: maps latents [batch, generator.latent_size] to data.
        discriminator: maps data to scores [batch] (logits, high = real).
        objective: what each minimises, as functions of scores.
        penalties: terms added to the discriminator's loss.
        n_critic: discriminator updates per generator update.
        views: what the discriminator sees instead of the data, each applied to what the one before it made.
        constraint: puts the discriminator back among those it may choose, after each of its updates.
        one_forward: the generator's update takes the samples of the discriminator's last one, instead of new ones, as
            plain training loops do: a forward pass less, and BatchNorm in the generator sees one batch a step. Only
            for training turn by turn: the discriminator's terms then know nothing of the generator's weights, and a
            checkpoint between the two players' updates, inside of a step, resumes with new samples.
        one_batch: the discriminator scores real and generated data of its own update as one batch of both: the same
            scores sooner, but one power iteration of its spectral normalisation instead of two. Not for
            discriminators that look across the batch: a layer of your own that does says so by
            `depends_on_batch = True`.

    Raises:
        ValueError: a count is below one, two penalties have the same function's name, a view names no player, or
            `one_batch` meets a discriminator with batch normalisation or another layer that depends on the batch.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: Pair,
        penalties: Sequence[Penalty] = (),
        n_critic: int = 1,
        views: Sequence[View] = (),
        constraint: Callable[[nn.Module], None] | None = None,
        one_forward: bool = False,
        one_batch: bool = False,
    ) -> None:
        if n_critic < 1 or any(p.every < 1 for p in penalties):
            raise ValueError("n_critic and a penalty's `every` count updates; pass at least 1")
        names = [_name(p) for p in penalties]  # of the terms, beside "adversarial"
        if len({"adversarial", *names}) <= len(names):
            raise ValueError(f"penalties {names} would overwrite each other; give each function a name of its own")
        strange = {type(layer).__name__ for layer in discriminator.modules() if _depends_on_batch(layer)}
        if one_batch and strange:
            raise ValueError(
                f"the discriminator has {sorted(strange)}, so what it says of a sample depends on the batch around it; "
                "pass one_batch=False, or a discriminator without"
            )
        super().__init__(generator, discriminator, views)
        self.objective, self.penalties = objective, tuple(penalties)
        self.one_forward, self.one_batch = one_forward, one_batch
        # Samples of the discriminator's last update with their graph, and what stood at the generator's weights then.
        self._kept: tuple[Tensor, list[int]] | None = None
        self.players = (
            Player("discriminator", discriminator, self.discriminator_terms, n_critic, constraint),
            Player("generator", generator, self.generator_terms),
        )

    def discriminator_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The adversarial loss and the penalties that are due, [batch] each."""
        # Not detached: whoever plays the game freezes the other player; theory differentiates through it.
        fake = self._made_once(noise).detach() if self.one_forward else self.generator(self.latents(noise))
        real, fake = self.seen(batch.x, fake, noise, "discriminator")
        terms = {"adversarial": self.objective.discriminator(*self._scores(real, fake))}
        for penalty in self.penalties:
            if noise.update % penalty.every == 0:
                value = penalty.function(self.discriminator, real, fake, noise.uniform("epsilon", rows=len(real)))
                terms[_name(penalty)] = penalty.weight * penalty.every * value
        return terms

    def _scores(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        if not self.one_batch:
            return self.discriminator(real), self.discriminator(fake)
        of_real, of_fake = self.discriminator(torch.cat([real, fake])).split([len(real), len(fake)])
        return of_real, of_fake

    def _made_once(self, noise: Noise) -> Tensor:
        """Samples for both players' updates. The trainer has frozen the generator, but its own update comes next."""
        weights = [w for w in self.generator.parameters() if not w.requires_grad]
        for w in weights:
            w.requires_grad_(True)
        fake = self.generator(self.latents(noise))
        for w in weights:
            w.requires_grad_(False)
        self._kept = fake, self._versions()
        return fake

    def _versions(self) -> list[int]:
        """How often each weight of the generator has been written to."""
        return [w._version for w in self.generator.parameters()]

    def _kept_samples(self) -> Tensor | None:
        """Samples of the discriminator's update, once; none if a checkpoint or the like has changed the weights."""
        kept, self._kept = self._kept, None
        return kept[0] if kept is not None and kept[1] == self._versions() else None

    def generator_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The adversarial loss, [batch]."""
        kept = self._kept_samples()
        fake = self.generator(self.latents(noise)) if kept is None else kept
        real, fake = self.seen(batch.x, fake, noise, "generator")
        scores = self.discriminator(fake)
        if self.objective.relative:
            return {"adversarial": self.objective.generator(scores, self.discriminator(real))}
        return {"adversarial": self.objective.generator(scores)}


class Classification:
    """A game of one player: a classifier that minimises the cross-entropy of the labels.

    Args:
        network: maps data to logits [batch, classes].

    Raises:
        ValueError: when playing, if the data has no labels or one is out of range.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.players = (Player("classifier", network, self.terms),)

    def terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The cross-entropy, [batch]."""
        if batch.y is None:
            raise ValueError("the data has no labels; a classifier needs them")
        logits = self.network(batch.x)
        if int(batch.y.min()) < 0 or int(batch.y.max()) >= logits.shape[1]:
            raise ValueError(
                f"labels run from {int(batch.y.min())} to {int(batch.y.max())} but the classifier knows "
                f"{logits.shape[1]} classes; pass n_classes={int(batch.y.max()) + 1} or drop them"
            )
        return {"cross_entropy": cross_entropy(logits, batch.y, reduction="none")}
