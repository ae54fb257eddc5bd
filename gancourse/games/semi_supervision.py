"""The semi-supervised game: a classifier that is also the discriminator, for data with few labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn.functional import softplus

from gancourse.batch import Batch
from gancourse.games.classifier import class_losses
from gancourse.games.game import Player, Samples, TwoNetworks, View
from gancourse.games.terms import Critic
from gancourse.games.wrapper import check_weight
from gancourse.rng import Noise


def real_logit(logits: Tensor) -> Tensor:
    """Logit of "real" that a classifier's logits of K classes imply, [batch]: log Σ exp l_k.

    It is a classifier of K + 1 classes, the last of which is "generated": adding a number to all of its logits changes
    nothing, so the last one is fixed to l_{K+1} = 0. Then D(x) = Z/(Z + 1) with Z = Σ exp l_k over the K classes.

    Args:
        logits: [batch, K].

    Source: Salimans et al. 2016, section 5.

    >>> import torch
    >>> real_logit(torch.zeros(1, 10)).sigmoid()  # ten of eleven equal classes are real ones
    tensor([0.9091])
    """
    return logits.logsumexp(1)


class SemiSupervised(TwoNetworks):
    """A classifier of K classes that also tells data from a generator's samples, where few data have a label.

    The classifier minimises the cross-entropy of the labels of x, and weight times ½ softplus(−s) at unlabelled data
    plus ½ softplus(s) at samples, where s is `real_logit`. The halves are those of the authors' code. The generator
    minimises softplus(−s) at its samples, where the authors' code has the saturating −softplus(s); or it matches
    features, as in their best results: `FeatureMatching(game, classifier.features)`, which then uses the unlabelled
    data.

    A batch holds labelled data as x and y, and unlabelled data as `other`; see `gancourse.data.few_labels`. Views, and
    games around this one, see the unlabelled data as the real ones.

    Args:
        generator: maps latents [batch, generator.latent_size] to data.
        classifier: maps data to logits [batch, K]; the discriminator.
        weight: of the unlabelled part of the classifier's loss; 0 gives the supervised classifier, which ignores the
            generator.
        views: changes of the input of the unlabelled part, applied in this order.
        constraint: projects the classifier onto the allowed weights, after each of its updates.

    Raises:
        ValueError: the weight is negative or not finite, or a view is for an unknown player; during training, if the
            batch has no labels or no unlabelled data.

    Source: Salimans et al. 2016, section 5; Odena 2016.

    >>> from gancourse import models
    >>> game = SemiSupervised(models.mlp.Generator(), models.mlp.Encoder(n_out=3))
    >>> [player.name for player in game.players]
    ['discriminator', 'generator']
    """

    def __init__(
        self,
        generator: nn.Module,
        classifier: nn.Module,
        weight: float = 1.0,
        views: Sequence[View] = (),
        constraint: Callable[[nn.Module], None] | None = None,
    ) -> None:
        check_weight(weight, "the unlabelled data")
        super().__init__(generator, classifier, views)
        self.weight = weight
        self.players = (
            Player("discriminator", classifier, self.discriminator_terms, constraint=constraint),
            Player("generator", generator, self.generator_terms),
        )

    def critic(self, batch: Batch | Samples, function: Critic | None = None) -> Critic:
        """The logit of "real" as a function of x; or a function that is called instead, such as the features."""
        return function or (lambda x: real_logit(self.discriminator(x)))

    def seen(self, real: Batch, fake: Batch | Samples, noise: Noise, turn: str) -> tuple[Batch, Batch]:
        """Unlabelled data and samples after the views, without labels."""
        if real.other is None:
            raise ValueError(
                "semi-supervised learning needs unlabelled data as the batch's other, but there is none; pass data "
                "with few labels, such as few-labels:digits,100"
            )
        return super().seen(Batch(real.other), Batch(fake.x), noise, turn)

    def discriminator_terms(
        self, batch: Batch, noise: Noise, *, samples: Samples | None = None, together: bool = False
    ) -> dict[str, Tensor]:
        """The labels' cross-entropy, and the losses at unlabelled data and at samples, [batch] each."""
        if batch.y is None:
            raise ValueError("the batch has no labels; a classifier needs some: pass data with few labels")
        terms = {"labelled": class_losses(self.discriminator(batch.x), batch.y)}
        if not self.weight:
            return terms
        samples = self.sample(batch, noise) if samples is None else samples
        of_real, of_fake = self.scores(*self.seen(batch, samples, noise, "discriminator"), together)
        return terms | {
            "unlabelled": self.weight * softplus(-of_real) / 2,
            "generated": self.weight * softplus(of_fake) / 2,
        }

    def generator_terms(self, batch: Batch, noise: Noise, *, samples: Samples | None = None) -> dict[str, Tensor]:
        """−log D at the samples, [batch]."""
        samples = self.sample(batch, noise) if samples is None else samples
        _, fake = self.seen(batch, samples, noise, "generator")
        return {"adversarial": softplus(-self.critic(fake)(fake.x))}
