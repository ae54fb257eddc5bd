"""Passes through the networks that a game can save: the generator's second one, and the discriminator's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gancourse.batch import Batch
from gancourse.games.game import Samples, TwoNetworks
from gancourse.games.wrapper import Wrapper, player_of, replaced
from gancourse.rng import Noise


class _OnePass(Wrapper):
    """What both have in common: they stand directly around the game whose passes they save, in either order."""

    setting: str

    def __init__(self, game: TwoNetworks | _OnePass) -> None:
        if not isinstance(game, TwoNetworks | _OnePass):
            raise ValueError(
                f"{type(self).__name__} saves passes of a game of two networks, not of {type(game).__name__}; put it "
                "around the innermost game, and other wrappers around it"
            )
        super().__init__(game)
        if self.setting in super().settings:
            raise ValueError(f"the game is a {type(self).__name__} already; one is enough")
        self.judge, self.maker = (player_of(game.players, name) for name in ("discriminator", "generator"))
        changed = self.judge._replace(terms=self.discriminator_terms)
        self.players = replaced(replaced(game.players, changed), self.maker._replace(terms=self.generator_terms))

    @property
    def settings(self) -> Mapping[str, bool | int | float | str]:
        """The inner game's, and that this pass is saved."""
        return super().settings | {self.setting: True}

    # What the other one asks of the inner game's terms, by name, is passed on.
    def discriminator_terms(self, batch: Batch, noise: Noise, **how: Any) -> dict[str, Tensor]:
        """The inner game's terms, [batch] each."""
        return self.judge.terms(batch, noise, **how)

    def generator_terms(self, batch: Batch, noise: Noise, **how: Any) -> dict[str, Tensor]:
        """The inner game's terms, [batch] each."""
        return self.maker.terms(batch, noise, **how)


class OneForward(_OnePass):
    """The generator's update takes the samples of the discriminator's last one, instead of new ones.

    As plain training loops do: a forward pass less, and BatchNorm in the generator sees one batch a step. Samples keep
    the condition that they were made with. Only for training turn by turn: the discriminator's terms then know nothing
    of the generator's weights, so that the game isn't `differentiable`. A checkpoint between the two players' updates,
    inside of a step, resumes with new samples.

    Args:
        game: a `GAN`, a `BoundaryEquilibrium`, or a `OneBatch` of one.

    Raises:
        ValueError: the game is another wrapper's; that one belongs outside.

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> OneForward(GAN(models.mlp.Generator(), models.mlp.Discriminator(), objectives.hinge)).settings
    {'one_forward': True}
    """

    setting = "one_forward"
    differentiable = False

    def __init__(self, game: TwoNetworks | _OnePass) -> None:
        super().__init__(game)
        # Samples of the discriminator's last update with their graph, and what stood at the generator's weights then.
        self._kept: tuple[Samples, list[int]] | None = None

    def discriminator_terms(self, batch: Batch, noise: Noise, **how: Any) -> dict[str, Tensor]:
        """The inner game's terms at new samples, which are kept for the generator's update."""
        samples = self._with_graph(batch, noise)
        self._kept = samples, self._versions()
        return super().discriminator_terms(batch, noise, samples=samples._replace(x=samples.x.detach()), **how)

    def generator_terms(self, batch: Batch, noise: Noise, **how: Any) -> dict[str, Tensor]:
        """The inner game's terms at the kept samples, once; at new ones if none are kept."""
        return super().generator_terms(batch, noise, samples=self._kept_samples(noise.n), **how)

    def _with_graph(self, batch: Batch, noise: Noise) -> Samples:
        """Samples for both players' updates. The trainer has frozen the generator, but its own update comes next."""
        weights = [w for w in self.generator.parameters() if not w.requires_grad]
        for w in weights:
            w.requires_grad_(True)
        samples = self.made(batch, noise)
        for w in weights:
            w.requires_grad_(False)
        return samples

    def _versions(self) -> list[int]:
        """How often each weight of the generator has been written to."""
        return [w._version for w in self.generator.parameters()]

    def _kept_samples(self, n: int) -> Samples | None:
        """The kept samples; none if there aren't n of them, or if a checkpoint or the like has changed the weights."""
        if self._kept is None:
            return None
        (samples, versions), self._kept = self._kept, None
        return samples if len(samples.x) == n and versions == self._versions() else None


class OneBatch(_OnePass):
    """The discriminator scores real and generated data of its own update as one batch of both.

    The same scores sooner, but one power iteration of its spectral normalisation instead of two.

    Args:
        game: a `GAN`, a `BoundaryEquilibrium`, or a `OneForward` of one.

    Raises:
        ValueError: the discriminator has batch normalisation or another layer that depends on the batch (a layer of
            your own that does says so by `depends_on_batch = True`), or the game is another wrapper's.

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> OneBatch(OneForward(GAN(models.mlp.Generator(), models.mlp.Discriminator(), objectives.hinge))).settings
    {'one_forward': True, 'one_batch': True}
    """

    setting = "one_batch"

    def __init__(self, game: TwoNetworks | _OnePass) -> None:
        super().__init__(game)
        layers = sorted({type(layer).__name__ for layer in self.discriminator.modules() if _depends_on_batch(layer)})
        if layers:
            raise ValueError(
                f"the discriminator has {layers}, so what it says of a sample depends on the batch around it; leave "
                "OneBatch away, or pass a discriminator without"
            )

    def discriminator_terms(self, batch: Batch, noise: Noise, **how: Any) -> dict[str, Tensor]:
        """The inner game's terms, with one pass for both halves."""
        return super().discriminator_terms(batch, noise, together=True, **how)


def _depends_on_batch(layer: nn.Module) -> bool:
    """Whether it treats a sample by its neighbours, or by its place in the batch; layers of ours say so themselves."""
    return getattr(layer, "depends_on_batch", isinstance(layer, _BatchNorm))
