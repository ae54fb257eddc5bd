"""Networks that take a condition: who gets which y, and what happens without one."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import (
    GAN,
    VAE,
    BoundaryEquilibrium,
    FeatureMatching,
    HistoricalAveraging,
    ModeRegularised,
    PullAway,
    penalty,
    pull_away,
)
from gancourse.models import AutoencoderCritic, VirtualBatchNorm, WithReference, mlp
from gancourse.objectives import gradient_penalty, non_saturating, relativistic_pairing
from gancourse.rng import Noise, initialised_from

Y = torch.tensor([0, 1, 2, 2, 1, 0])


def batch(y=Y):
    return Batch(torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), y)


def noise():
    return Noise((0, "conditions"), 6)


def networks(of_g=3, of_d=3):
    with initialised_from(0):
        return mlp.Generator(4, 8, n_classes=of_g), mlp.Discriminator(8, n_classes=of_d)


def z():
    return noise().normal("z", 4)


def test_each_network_that_says_so_gets_the_batch_s_condition():
    G, D = networks()
    game = GAN(G, D, relativistic_pairing, [penalty(gradient_penalty, 10.0)])
    fake = G(z(), Y)
    of_d = game.discriminator_terms(batch(), noise())
    assert_close(of_d["adversarial"], relativistic_pairing.discriminator(D(batch().x, Y), D(fake, Y)))
    expected = gradient_penalty(lambda x: D(x, Y), batch().x, fake, noise().uniform("epsilon"))
    assert_close(of_d["gradient_penalty"], 10 * expected)
    of_g = game.generator_terms(batch(), noise())["adversarial"]
    assert_close(of_g, relativistic_pairing.generator(D(fake, Y), D(batch().x, Y)))
    other = game.generator_terms(batch(Y.flip(0) * 0), noise())["adversarial"]
    assert not torch.allclose(of_g, other)


@pytest.mark.parametrize(("of_g", "of_d"), [(3, 0), (0, 3), (0, 0)])
def test_a_network_that_doesn_t_say_so_gets_none_even_if_there_is_one(of_g, of_d):
    G, D = networks(of_g, of_d)
    fake = G(z(), Y) if of_g else G(z())
    scores = D(fake, Y) if of_d else D(fake)
    assert_close(GAN(G, D, non_saturating).generator_terms(batch(), noise())["adversarial"], -scores.sigmoid().log())


@pytest.mark.parametrize(("of_g", "of_d", "who"), [(3, 0, "Generator"), (0, 3, "Discriminator")])
def test_without_a_condition_a_conditional_network_says_what_to_do(of_g, of_d, who):
    game = GAN(*networks(of_g, of_d), non_saturating)
    for player in game.players:
        with pytest.raises(ValueError, match=f"{who} is conditional, but the batch has no y; pass data with labels"):
            player.terms(batch(None), noise())


def test_what_a_network_says_may_be_a_class_s_attribute():
    class Shifted(nn.Module):
        conditional = True
        latent_size = 2

        def forward(self, z, y):
            return z + y[:, None]

    samples = GAN(Shifted(), networks(0, 0)[1], non_saturating).sample(batch(), noise())
    assert_close(samples.x, noise().normal("z", 2) + Y[:, None])
    assert (samples.y is Y, samples.z.shape) == (True, (6, 2))


def test_samples_can_be_made_of_latents_that_are_handed_over_and_wrappers_hand_on():
    G, D = networks()
    game = HistoricalAveraging(PullAway(GAN(G, D, non_saturating), D.features), 1.0)
    mine = torch.ones(6, 4)
    assert_close(game.sample(batch(), noise(), mine).x, G(mine, Y))
    assert_close(game.sample(batch(), noise()).x, G(z(), Y))
    assert_close(game.critic(batch())(batch().x), D(batch().x, Y))


def test_features_are_called_as_the_discriminator_is():
    G, D = networks()
    game, fake = GAN(G, D, non_saturating), G(z(), Y)
    (of_g,) = [p for p in FeatureMatching(game, D.features).players if p.name == "generator"]
    gap = D.features(batch().x, Y).mean(0) - D.features(fake, Y).mean(0)
    assert_close(of_g.terms(batch(), noise())["feature_matching"], gap.square().sum().expand(6))
    alone = PullAway(game, lambda x, y: x, 1.0).generator_terms(batch(), noise())["pull_away"]
    assert_close(alone, pull_away(fake).expand(6))
    with pytest.raises(TypeError):  # the twin: features of x alone
        PullAway(game, lambda x: x).generator_terms(batch(), noise())


def test_reconstructions_are_made_under_the_condition_of_what_they_reconstruct():
    G, D = networks()
    with initialised_from(1):
        encoder = mlp.Encoder(4, 8)
    terms = ModeRegularised(GAN(G, D, non_saturating), encoder, 1.0, 1.0).encoder_terms(batch(), noise())
    made = G(encoder(batch().x), Y)
    assert_close(terms["reconstruction"], (made - batch().x).square().sum(1))
    assert_close(terms["mode"], non_saturating.generator(D(made, Y)))


def test_began_s_critic_may_be_conditional():
    class Labelled(AutoencoderCritic):
        conditional = True

        def forward(self, x, y):
            return super().forward(x) - y

    with initialised_from(0):
        critic = Labelled(mlp.Encoder(2, 8), mlp.Generator(2, 8), power=1)
        G = mlp.Generator(4, 8, n_classes=3)
    errors = BoundaryEquilibrium(G, critic).errors(batch(), noise(), "generator")
    assert_close(errors, (-critic(batch().x, Y), -critic(G(z(), Y), Y)))


def test_a_vae_s_encoder_and_decoder_may_be_conditional():
    class Coder(mlp.Encoder):
        conditional = True

        def forward(self, x, y):
            return super().forward(x) + y[:, None]

    with initialised_from(0):
        encoder, decoder = Coder(8, 8), mlp.Generator(4, 8, n_classes=3)
    game = VAE(encoder, decoder, 1.0)
    mean, log_variance = game.posterior(batch().x, Y)
    assert_close(torch.cat([mean, log_variance], 1), encoder(batch().x, Y))
    x = decoder(mean + (log_variance / 2).exp() * noise().normal("z", 4), Y)
    constant = math.log(2 * math.pi)  # of two numbers at standard deviation 1
    error = (x - batch().x).square().sum(1) / 2
    assert_close(game.terms(batch(), noise())["reconstruction"], error + constant)
    with pytest.raises(ValueError, match="Coder is conditional, but the batch has no y"):
        game.terms(batch(None), noise())


def test_a_network_with_a_reference_is_conditional_if_it_is_and_needs_the_reference_s_conditions():
    with initialised_from(0):
        G = mlp.Generator(4, 8, n_classes=3, norm=lambda n: VirtualBatchNorm(n, 5))
    reference, y = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
    wrapped = WithReference(G, reference, y)
    assert wrapped.conditional
    assert_close(wrapped(z(), Y), G(torch.cat([reference, z()]), torch.cat([y, Y]))[5:])
    assert_close(GAN(wrapped, networks()[1], non_saturating).sample(batch(), noise()).x, wrapped(z(), Y))
    with pytest.raises(ValueError, match="Generator is conditional; pass the reference's y"):
        WithReference(G, reference)
    with pytest.raises(ValueError, match="Discriminator is not conditional; leave the reference's y away"):
        WithReference(networks(0, 0)[1], torch.zeros(5, 2), y)
    assert not WithReference(networks(0, 0)[1], torch.zeros(5, 2)).conditional
