"""InfoGAN: a generator that gives its codes a meaning, because someone has to read them from its samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.games.auxiliary_classifier import check_heads
from gancourse.games.classifier import class_losses
from gancourse.games.game import GAN, Pair, Player, Samples, View, is_conditional
from gancourse.games.terms import Term
from gancourse.games.wrapper import check_weight
from gancourse.rng import Noise
from gancourse.signature import Codes


def draw_codes(codes: Codes, noise: Noise) -> Tensor:
    """Codes of one batch, [batch, 1 + n_continuous]: equally probable categories, numbers uniform in [−1, 1).

    >>> draw_codes(Codes(10, 2), Noise((0,), n=5)).shape
    torch.Size([5, 3])
    """
    numbers = 2 * noise.uniform("continuous codes", codes.n_continuous) - 1
    if not codes.n_categories:
        return torch.cat([torch.zeros_like(numbers[:, :1]), numbers], 1)
    return torch.cat([noise.integers("category", codes.n_categories)[:, None].to(numbers), numbers], 1)


def code_losses(outputs: Tensor, y: Tensor, codes: Codes) -> dict[str, Tensor]:
    """−(log Q(c | x) + H(c)) in nats, one value per sample: its mean is minus the bound L_I of the information.

    Q is a categorical distribution of the category, and a normal one of each number.

    Args:
        outputs: of the recogniser, [batch, n_categories + 2 · n_continuous]: logits, means, logarithms of variances.
        y: the codes that the samples were made from, [batch, 1 + n_continuous].
        codes: what y is.

    Returns:
        "information" of the category and "continuous_information" of the numbers together, [batch] each; only those
        that there are.

    Raises:
        ValueError: the outputs have another shape.

    Source: Chen et al. 2016, eq. 5 and section 6; H(c) is log n_categories, and log 2 for each number.

    >>> code_losses(torch.zeros(1, 10), torch.tensor([[3.0]]), Codes(10, 0))
    {'information': tensor([0.])}
    """
    width = codes.n_categories + 2 * codes.n_continuous
    if outputs.shape != (len(y), width):
        raise ValueError(
            f"the recogniser returns {tuple(outputs.shape)} for {len(y)} samples; expected [batch, {width}]: a logit "
            "for each category, then means and log variances, with a row for each sample (leave out packing)"
        )
    logits, means, log_variances = outputs.split([codes.n_categories, codes.n_continuous, codes.n_continuous], 1)
    losses = {}
    if codes.n_categories:
        losses["information"] = class_losses(logits, y[:, 0].long()) - math.log(codes.n_categories)
    if codes.n_continuous:
        squares = (y[:, 1:] - means).square() * (-log_variances).exp()
        negative = (squares + log_variances + math.log(2 * math.pi)) / 2
        losses["continuous_information"] = (negative - math.log(2)).sum(1)
    return losses


class InfoGAN(GAN):
    """The game of a GAN in which generator and recogniser also maximise a bound of the codes' information.

    min over G and Q, max over D, of V(D, G) − λ L_I(G, Q), where L_I = E log Q(c | G(z, c)) + H(c) ≤ I(c; G(z, c)).
    Q reads the discriminator's features, but is a player of its own, "recogniser": L_I doesn't change the weights of
    the discriminator, which in eq. 6 maximises V alone (the authors' code lets it).

    The batch's y is not used: samples have codes as their y, drawn anew in each turn.

    Args:
        generator: maps latents and codes, [batch, 1 + n_continuous], to data; `conditional`.
        discriminator: has `features`, which maps data to features [batch, n], and `head`, which maps these to scores
            [batch]; called as it is, it returns head(features(x)).
        recogniser: maps the features to [batch, n_categories + 2 · n_continuous]; see `code_losses`.
        codes: what the codes are.
        objective: the losses of the first two, as functions of scores.
        terms: further losses of either of these.
        n_critic: discriminator updates per generator update.
        views: changes of the discriminator's input, applied in this order; the recogniser reads the changed one.
        constraint: projects the discriminator onto the allowed weights.
        weight: λ of the category's information; 1 in the paper.
        continuous_weight: λ of the numbers' information, which has no upper bound; smaller in the paper.

    Raises:
        ValueError: a weight is negative or not finite, the generator takes no codes, the discriminator is conditional
            or has no `features` or `head`, or as for `GAN`.

    Source: Chen et al. 2016 (InfoGAN), eq. 5 and 6.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        recogniser: nn.Module,
        codes: Codes,
        objective: Pair,
        terms: Sequence[Term] = (),
        n_critic: int = 1,
        views: Sequence[View] = (),
        constraint: Callable[[nn.Module], None] | None = None,
        *,
        weight: float = 1.0,
        continuous_weight: float = 0.1,
    ) -> None:
        check_weight(weight, "the category's information")
        check_weight(continuous_weight, "the numbers' information")
        check_heads(discriminator, "InfoGAN")
        if not is_conditional(generator):
            raise ValueError(f"{type(generator).__name__} takes no codes; pass a conditional generator")
        super().__init__(generator, discriminator, objective, terms, n_critic, views, constraint)
        self.recogniser, self.codes = recogniser, codes
        self.weights = {"information": weight, "continuous_information": continuous_weight}
        self.players = (*self.players, Player("recogniser", recogniser, self.recogniser_terms))

    def sample(self, batch: Batch, noise: Noise, z: Tensor | None = None) -> Samples:
        """Samples of the generator with codes of their own as y, as many as the batch has."""
        z = self.latents(noise) if z is None else z
        y = draw_codes(self.codes, noise)
        return Samples(self.generator(z, y), y, z)

    def seen(self, real: Batch, fake: Batch | Samples, noise: Noise, turn: str) -> tuple[Batch, Batch]:
        """The discriminator's input after the views, without labels or codes."""
        return super().seen(real._replace(y=None), Batch(fake.x), noise, turn)

    def generator_terms(self, batch: Batch, noise: Noise, *, samples: Samples | None = None) -> dict[str, Tensor]:
        """The adversarial loss, −λ L_I, and the terms that are due, [batch] each."""
        samples = self.sample(batch, noise) if samples is None else samples
        real, fake = self.seen(batch, samples, noise, "generator")
        features = self.discriminator.features(fake.x)
        of_real = (self.critic(real)(real.x),) if self.objective.relative else ()
        adversarial = self.objective.generator(self.discriminator.head(features), *of_real)
        terms = {"adversarial": adversarial} | self._information(features, samples.y)
        return terms | self._due("generator", batch, noise, samples, real, fake)

    def recogniser_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """−λ L_I, [batch] for each kind of code."""
        samples = self.sample(batch, noise)
        _, fake = self.seen(batch, samples, noise, "generator")
        return self._information(self.discriminator.features(fake.x), samples.y)

    def _information(self, features: Tensor, y: Tensor) -> dict[str, Tensor]:
        losses = code_losses(self.recogniser(features), y, self.codes)
        return {name: self.weights[name] * loss for name, loss in losses.items()}
