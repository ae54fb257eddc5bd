"""Terms of the generator that depend on the features of a whole batch: feature matching and the pull-away term."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import normalize

from gancourse import processes
from gancourse.batch import Batch
from gancourse.games.game import TwoNetworks
from gancourse.games.wrapper import Wrapper, check_weight, merged, player_of, replaced
from gancourse.rng import Noise

Features = Callable[..., Tensor]
"""Features [batch, ...]; called with the discriminator's arguments: x, or (x, y) if it is conditional."""


class FeatureMatching(Wrapper):
    """The generator minimises the distance between mean features of samples and of data: ‖E f(x) − E f(G(z))‖².

    Args:
        game: the inner game.
        features: maps the discriminator's input, [batch, ...], to features [batch, ...]; usually a hidden layer of the
            discriminator, e.g. `discriminator.features`. If the discriminator is conditional, it is called with
            (x, y) too; pass `lambda x, y: …` for features of x alone.
        weight: of the squared distance.
        replace: whether it replaces the generator's own terms, as in the paper, or is added to them.

    Raises:
        ValueError: the weight is negative or not finite, or the game has no generator.

    Source: Salimans et al. 2016, section 3.1.

    >>> from gancourse import models, objectives
    >>> from gancourse.games import GAN
    >>> critic = models.mlp.Discriminator()
    >>> game = FeatureMatching(GAN(models.mlp.Generator(), critic, objectives.non_saturating), critic.features)
    >>> [player.name for player in game.players]
    ['discriminator', 'generator']
    """

    def __init__(
        self, game: TwoNetworks | Wrapper, features: Features, weight: float = 1.0, replace: bool = True
    ) -> None:
        super().__init__(game)
        check_weight(weight, "feature matching")
        self.features, self.weight, self.replace = features, weight, replace
        self.player = player_of(game.players, "generator")
        self.players = replaced(game.players, self.player._replace(terms=self.generator_terms))
        if not weight and not replace:
            self.players = tuple(game.players)

    def generator_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The squared distance between mean features, the same value for each sample, [batch]; and the inner terms."""
        real, fake = self.seen(batch, self.sample(batch, noise), noise, "generator")
        of_real, of_fake = (self.critic(b, self.features)(b.x).flatten(1).mean(0) for b in (real, fake))
        gap = processes.mean(of_real - of_fake)
        matching = {"feature_matching": (self.weight * gap.square().sum()).expand(len(fake.x))}
        return matching if self.replace else merged(self.player.terms(batch, noise), matching)


def pull_away(features: Tensor) -> Tensor:
    """Mean squared cosine between the features of different samples, a scalar in [0, 1]; 1 if all are parallel.

    Args:
        features: [batch, ...], at least two samples.

    Raises:
        ValueError: there is only one sample.

    Source: Zhao, Mathieu, LeCun 2017 (EBGAN), eq. 14.

    >>> import torch
    >>> pull_away(torch.eye(3)), pull_away(torch.ones(3, 2)).round(decimals=3)
    (tensor(0.), tensor(1.))
    """
    n = len(features)
    if n < 2:
        raise ValueError(f"the pull-away term compares samples, but the batch has {n}; pass at least 2")
    directions = normalize(features.flatten(1))
    # Each sample's cosine with itself is 1 (0 if its features vanish) for all weights.
    cosines = directions @ directions.T
    return (cosines.square().sum() - cosines.diagonal().square().sum()) / (n * (n - 1))


class PullAway(Wrapper):
    """The generator also minimises the mean squared cosine between the features of its samples.

    Args:
        game: the inner game.
        features: maps the discriminator's input, [batch, ...], to features [batch, ...]; in the paper, the code of the
            discriminator's autoencoder, `critic.features`. Called with (x, y) if the discriminator is conditional.
        weight: of the term; 0 gives the inner game. The paper uses 0.1.

    Raises:
        ValueError: the weight is negative or not finite, or the game has no generator.

    Source: Zhao, Mathieu, LeCun 2017 (EBGAN), section 2.4 and eq. 14.
    """

    def __init__(self, game: TwoNetworks | Wrapper, features: Features, weight: float = 0.1) -> None:
        super().__init__(game)
        check_weight(weight, "the pull-away term")
        self.features, self.weight = features, weight
        self.player = player_of(game.players, "generator")
        player = self.player._replace(terms=self.generator_terms)
        self.players = replaced(game.players, player) if weight else tuple(game.players)

    def generator_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The inner terms and the pull-away term, the same value for each sample."""
        terms = self.player.terms(batch, noise)
        _, fake = self.seen(batch, self.sample(batch, noise), noise, "generator")
        features = processes.gather(self.critic(fake, self.features)(fake.x))
        return merged(terms, {"pull_away": (self.weight * pull_away(features)).expand(len(fake.x))})
