"""Wrappers that save a forward pass per step: a second one of the generator, or of the discriminator."""

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
    """Base of both wrappers: they wrap the innermost game directly, in either order."""

    setting: str

    def __init__(self, game: TwoNetworks | Wrapper) -> None:
        if not isinstance(game, TwoNetworks | _OnePass):
            raise ValueError(
                f"{type(self).__name__} saves passes of a game of two networks, not of {type(game).__name__}; put it "
                "directly around the innermost game, and other wrappers around it"
            )
        super().__init__(game)
        if self.setting in super().settings:
            raise ValueError(f"the game is a {type(self).__name__} already; use one")
        self.inner_discriminator = player_of(game.players, "discriminator")
        self.inner_generator = player_of(game.players, "generator")
        players = replaced(game.players, self.inner_discriminator._replace(terms=self.discriminator_terms))
        self.players = replaced(players, self.inner_generator._replace(terms=self.generator_terms))

    @property
    def settings(self) -> Mapping[str, bool | int | float | str]:
        """The inner game's settings, and the name of this wrapper."""
        return super().settings | {self.setting: True}

    # Keyword arguments for the inner game's terms are passed through, as the other wrapper may need them.
    def discriminator_terms(self, batch: Batch, noise: Noise, **options: Any) -> dict[str, Tensor]:
        """The inner game's terms, [batch] each."""
        return self.inner_discriminator.terms(batch, noise, **options)

    def generator_terms(self, batch: Batch, noise: Noise, **options: Any) -> dict[str, Tensor]:
        """The inner game's terms, [batch] each."""
        return self.inner_generator.terms(batch, noise, **options)


class OneForward(_OnePass):
    """The generator's update uses the samples of the discriminator's last update, instead of new ones.

    Plain training loops do this: it saves a forward pass, and BatchNorm in the generator gets one batch per step.
    Samples have the condition that they were drawn with. It is for alternating updates only: the discriminator's terms
    are not a function of the generator's weights, so the game isn't `differentiable`. A checkpoint within a step,
    between the two players' updates, is resumed with new samples.

    Args:
        game: a `GAN`, a `BoundaryEquilibrium`, or a `OneBatch` of one.

    Raises:
        ValueError: the game is another wrapper, which must be outside this one.

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> OneForward(GAN(models.mlp.Generator(), models.mlp.Discriminator(), objectives.hinge)).settings
    {'one_forward': True}
    """

    setting = "one_forward"
    differentiable = False

    def __init__(self, game: TwoNetworks | Wrapper) -> None:
        super().__init__(game)
        # Samples of the discriminator's last update with their graph, and the versions of the generator's weights then.
        self._cached: tuple[Samples, list[int]] | None = None

    def discriminator_terms(self, batch: Batch, noise: Noise, **options: Any) -> dict[str, Tensor]:
        """The inner game's terms at new samples, which are cached for the generator's update."""
        samples = self._with_graph(batch, noise)
        self._cached = samples, self._versions()
        return super().discriminator_terms(batch, noise, samples=samples._replace(x=samples.x.detach()), **options)

    def generator_terms(self, batch: Batch, noise: Noise, **options: Any) -> dict[str, Tensor]:
        """The inner game's terms at the cached samples, used once; at new ones if none are cached."""
        return super().generator_terms(batch, noise, samples=self._cached_samples(noise.n), **options)

    def _with_graph(self, batch: Batch, noise: Noise) -> Samples:
        """Samples for both updates, with a graph although the trainer has frozen the generator in this turn."""
        weights = [w for w in self.generator.parameters() if not w.requires_grad]
        for w in weights:
            w.requires_grad_(True)
        samples = self.sample(batch, noise)
        for w in weights:
            w.requires_grad_(False)
        return samples

    def _versions(self) -> list[int]:
        """Version counter of each of the generator's weights; in-place changes increase it."""
        return [w._version for w in self.generator.parameters()]

    def _cached_samples(self, n: int) -> Samples | None:
        """The cached samples; None if there aren't n, or if the weights have changed, for example by loading."""
        if self._cached is None:
            return None
        (samples, versions), self._cached = self._cached, None
        return samples if len(samples.x) == n and versions == self._versions() else None


class OneBatch(_OnePass):
    """In its own update, the discriminator scores real and generated data as one batch.

    The scores are the same and take less time, but spectral normalisation makes one power iteration instead of two.

    Args:
        game: a `GAN`, a `BoundaryEquilibrium`, or a `OneForward` of one.

    Raises:
        ValueError: the discriminator has batch normalisation or another layer that depends on the batch (mark a layer
            of your own by `depends_on_batch = True`), or the game is another wrapper.

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> OneBatch(OneForward(GAN(models.mlp.Generator(), models.mlp.Discriminator(), objectives.hinge))).settings
    {'one_forward': True, 'one_batch': True}
    """

    setting = "one_batch"

    def __init__(self, game: TwoNetworks | Wrapper) -> None:
        super().__init__(game)
        layers = sorted({type(layer).__name__ for layer in self.discriminator.modules() if _depends_on_batch(layer)})
        if layers:
            raise ValueError(
                f"the discriminator has {layers}, so its score of a sample depends on the rest of the batch; leave "
                "out OneBatch, or pass a discriminator without these layers"
            )

    def discriminator_terms(self, batch: Batch, noise: Noise, **options: Any) -> dict[str, Tensor]:
        """The inner game's terms, with one pass for both halves."""
        return super().discriminator_terms(batch, noise, together=True, **options)


def _depends_on_batch(layer: nn.Module) -> bool:
    """Whether the output for a sample depends on the rest of the batch or on its position; from a layer's own flag."""
    return getattr(layer, "depends_on_batch", isinstance(layer, _BatchNorm))
