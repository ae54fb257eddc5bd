"""AC-GAN: a discriminator that doesn't see the label, and names it instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.games.classifier import class_losses
from gancourse.games.game import GAN, Pair, Samples, ScoredTogether, View, as_one_batch, is_conditional
from gancourse.games.terms import Term, due
from gancourse.games.wrapper import check_weight, player_of, replaced
from gancourse.rng import Noise


class ACGAN(GAN):
    """The game of a GAN whose discriminator also classifies samples, real and generated ones.

    With the objective of the original GAN, L_S is what the discriminator maximises there, and L_C = E log P(c | x) over
    data plus E log P(c | G(z, c)) over samples. The discriminator maximises L_S + L_C, the generator L_C − L_S. So both
    *minimise* the cross-entropy of the classes; the generator is paid for samples that are easy to classify, whether or
    not the data's are (chapter 10).

    Args:
        generator: maps latents and labels to data; `conditional`.
        discriminator: has `features`, which maps data to features [batch, n], and `head`, which maps these to scores
            [batch]; called as it is, it returns head(features(x)). It doesn't see the label.
        classifier: maps the features to logits [batch, classes]; part of the discriminator's network.
        objective: the losses of both, as functions of scores.
        terms: further losses of either player.
        n_critic: discriminator updates per generator update.
        views: changes of the discriminator's input, applied in this order.
        constraint: projects the discriminator and its classifier onto the allowed weights.
        weight: of the cross-entropy in the discriminator's loss.
        generator_weight: of the cross-entropy in the generator's loss.

    Raises:
        ValueError: a weight is negative or not finite, the discriminator sees the label or has no `features` or `head`,
            or as for `GAN`; during training, if the data has no labels.

    Source: Odena, Olah, Shlens 2017, eq. 2 and 3.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        classifier: nn.Module,
        objective: Pair,
        terms: Sequence[Term] = (),
        n_critic: int = 1,
        views: Sequence[View] = (),
        constraint: Callable[[nn.Module], None] | None = None,
        *,
        weight: float = 1.0,
        generator_weight: float = 1.0,
    ) -> None:
        check_weight(weight, "the discriminator's classes")
        check_weight(generator_weight, "the generator's classes")
        check_heads(discriminator, "AC-GAN")
        super().__init__(generator, discriminator, objective, terms, n_critic, views, constraint)
        self.classifier, self.weight, self.generator_weight = classifier, weight, generator_weight
        both = nn.ModuleDict({"discriminator": discriminator, "classifier": classifier})
        self.players = replaced(self.players, player_of(self.players, "discriminator")._replace(network=both))

    def discriminator_terms(
        self, batch: Batch, noise: Noise, *, samples: Samples | None = None, together: bool = False
    ) -> dict[str, Tensor]:
        """The adversarial loss, the cross-entropy over data and samples, and the terms that are due, [batch] each."""
        samples = self.sample(batch, noise) if samples is None else samples
        real, fake = self.seen(batch, samples, noise, "discriminator")
        due_terms, critic = due(self.terms["discriminator"], noise.update), None
        if together:
            both = as_one_batch(real, fake, needs_gradient=bool(due_terms))
            all_scores, all_logits = self._read(both.x)
            critic = ScoredTogether(self.critic(fake), real.x, fake.x, both.x, all_scores)
            scores, logits = critic.scores, all_logits.split([len(real.x), len(fake.x)])
        else:
            scores, logits = zip(self._read(real.x), self._read(fake.x), strict=True)
        classes = sum(self._class_losses(*pair) for pair in zip(logits, (real, fake), strict=True))
        terms = {"adversarial": self.objective.discriminator(*scores), "classes": self.weight * classes}
        return terms | self._values(due_terms, batch, noise, samples, real, fake, critic)

    def generator_terms(self, batch: Batch, noise: Noise, *, samples: Samples | None = None) -> dict[str, Tensor]:
        """The adversarial loss, the cross-entropy of the samples, and the terms that are due, [batch] each."""
        samples = self.sample(batch, noise) if samples is None else samples
        real, fake = self.seen(batch, samples, noise, "generator")
        of_fake, logits = self._read(fake.x)
        of_real = (self.critic(real)(real.x),) if self.objective.relative else ()
        terms = {
            "adversarial": self.objective.generator(of_fake, *of_real),
            "classes": self.generator_weight * self._class_losses(logits, fake),
        }
        return terms | self._due("generator", batch, noise, samples, real, fake)

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [batch] and logits of the classes [batch, classes], from one pass of the shared layers."""
        features = self.discriminator.features(x)
        return self.discriminator.head(features), self.classifier(features)

    @staticmethod
    def _class_losses(logits: Tensor, batch: Batch) -> Tensor:
        if batch.y is None:
            raise ValueError("AC-GAN classifies samples, but the batch has no y; pass data with labels")
        return class_losses(logits, batch.y)


def check_heads(discriminator: nn.Module, who: str) -> None:
    """Check that a discriminator has features that two heads can share, and doesn't see the condition.

    Raises:
        ValueError: it lacks `features` or `head`, or is conditional.
    """
    if missing := [name for name in ("features", "head") if not callable(getattr(discriminator, name, None))]:
        raise ValueError(
            f"{who} reads the discriminator's features by a second head, but {type(discriminator).__name__} has no "
            f"{' and no '.join(missing)}; pass one whose output is head(features(x))"
        )
    if is_conditional(discriminator):
        raise ValueError(
            f"{who}'s discriminator recognises the condition, so it must not see it; pass a discriminator of x alone "
            f"instead of this {type(discriminator).__name__}"
        )
