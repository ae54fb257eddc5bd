"""One generator forward for both updates, one discriminator pass for both halves: the same game, or a refusal."""

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.data import ring
from gancourse.games import (
    GAN,
    BoundaryEquilibrium,
    Consensus,
    OneBatch,
    OneForward,
    PullAway,
    Several,
    Term,
    Unrolled,
    penalty,
)
from gancourse.models import AutoencoderCritic, mlp, spectral
from gancourse.models.dropout import Dropout
from gancourse.models.minibatch import MinibatchDiscrimination
from gancourse.objectives import drift, gradient_penalty, non_saturating, objectives, r1, r2, relativistic_pairing
from gancourse.rng import Noise, initialised_from
from gancourse.theory import fields
from gancourse.training import Trainer, adam


def networks(**options):
    with initialised_from(0):
        return mlp.Generator(4, 8, **options), mlp.Discriminator(8, **options)


def batch(n=6, y=None):
    return Batch(torch.randn(n, 2, generator=torch.Generator().manual_seed(0)), y)


def noise(n=6, update=0):
    return Noise((0, "test"), n, update)


def backward(terms):
    sum(term.mean() for term in terms.values()).backward()


class Uneven(nn.Module):
    """A generator whose passes are counted."""

    latent_size = 4

    def __init__(self):
        super().__init__()
        self.layers, self.passes = nn.Linear(4, 2), 0

    def forward(self, z):
        self.passes += 1
        return self.layers(z)


def test_with_one_forward_training_gives_the_plain_loop_s_weights_to_the_bit():
    def start():
        with initialised_from(1):
            return Uneven(), mlp.Discriminator(hidden=8)

    G, D = start()
    trainer = Trainer(OneForward(GAN(G, D, non_saturating)), ring(), batch_size=16, seed=3)
    for _ in trainer.steps(5):
        pass
    assert G.passes == 5

    G2, D2 = start()
    optimiser_d, optimiser_g = adam()(D2.parameters()), adam()(G2.parameters())
    for step in range(5):
        mine = Noise((3, "discriminator"), 16, step)
        fake = G2(mine.normal("z", 4))
        optimiser_d.zero_grad()
        (softplus(-D2(ring()(mine).x)) + softplus(D2(fake.detach()))).mean().backward()
        optimiser_d.step()
        optimiser_g.zero_grad()
        softplus(-D2(fake)).mean().backward()
        optimiser_g.step()
    for a, b in zip([*G.parameters(), *D.parameters()], [*G2.parameters(), *D2.parameters()], strict=True):
        assert torch.equal(a, b)


def test_with_one_forward_the_generator_sees_the_last_discriminator_update_s_samples_and_makes_new_ones_without():
    G, D = networks()
    game = OneForward(GAN(G, D, non_saturating, n_critic=2))
    for update in range(2):
        game.discriminator_terms(batch(), noise(update=update))
    of_g = game.generator_terms(batch(), noise(update=7))["adversarial"]
    assert_close(of_g, softplus(-D(G(noise(update=1).normal("z", 4)))))
    again = game.generator_terms(batch(), noise(update=7))["adversarial"]
    assert_close(again, softplus(-D(G(noise(update=7).normal("z", 4)))))
    assert not torch.allclose(of_g, again)


def test_with_one_forward_the_discriminator_s_terms_don_t_reach_the_generator():
    G, D = networks()
    backward(OneForward(GAN(G, D, non_saturating)).discriminator_terms(batch(), noise()))
    assert all(w.grad is None for w in G.parameters())
    backward(GAN(G, D, non_saturating).discriminator_terms(batch(), noise()))
    assert all(w.grad is not None for w in G.parameters())


@pytest.mark.parametrize("name", ["non-saturating", "relativistic-average", "hinge"])
def test_one_batch_of_real_and_generated_data_gives_the_same_terms_and_slopes(name):
    found = []
    for wrapped in (lambda game: game, OneBatch):
        G, D = (network.double() for network in networks())
        inner = GAN(G, D, objectives[name], [penalty(r1)])
        latents = noise().normal("z", 4).double()
        inner.latents = lambda noise, z=latents: z
        game = wrapped(inner)
        x = Batch(batch().x.double())
        backward(game.discriminator_terms(x, noise()))
        found.append([game.discriminator_terms(x, noise())["adversarial"], *(w.grad for w in D.parameters())])
    assert_close(found[1], found[0], rtol=1e-12, atol=1e-14)


PENALTIES = {
    "both": [penalty(r1, 0.3), penalty(r2, 0.7)],
    "real alone": [penalty(r1)],
    "generated alone": [penalty(r2)],
    "between": [penalty(gradient_penalty), penalty(r2)],
    "scores": [penalty(drift), penalty(r1)],
    "lazy": [penalty(r1, every=2), penalty(r2, every=3)],
}


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("update", range(4))
def test_penalties_of_one_batch_are_those_of_two_in_values_and_gradients(name: str, update: int):
    results = []
    for wrapped in (lambda game: game, OneBatch):
        G, D = (network.double() for network in networks())
        inner = GAN(G, D, relativistic_pairing, PENALTIES[name])
        latents = noise().normal("z", 4).double()
        inner.latents = lambda noise, z=latents: z
        now = noise(update=update)
        terms = wrapped(inner).discriminator_terms(Batch(batch().x.double()), now)
        backward(terms)
        # Through the generator too: fields and Jacobians need the gradient of a penalty at generated samples.
        gradients = [w.grad for network in (D, G) for w in network.parameters()]
        results.append([*terms.values(), *(g for g in gradients if g is not None)])
    assert len(results[0]) == len(results[1])
    assert_close(results[1], results[0], rtol=1e-11, atol=1e-13)


class WithGradient(mlp.Discriminator):
    """A discriminator with a method that has a well-known name and another meaning."""

    def gradient(self, x):
        return x - x.roll(1, -1)


@pytest.mark.parametrize("wrapped", [lambda game: game, OneBatch], ids=["apart", "together"])
def test_a_discriminator_s_own_method_named_gradient_changes_no_penalty(wrapped):
    values = []
    for kind in (mlp.Discriminator, WithGradient):
        with initialised_from(0):
            game = wrapped(GAN(mlp.Generator(4, 8), kind(8), non_saturating, PENALTIES["both"]))
        values.append(game.discriminator_terms(batch(), noise()))
    for name, value in values[0].items():
        assert_close(values[1][name], value, rtol=0, atol=0)


def test_r1_and_r2_of_one_batch_share_one_pass_with_the_scores():
    G, D = networks()
    passes = []
    D.register_forward_pre_hook(lambda D, args: passes.append(len(args[0])))
    game = GAN(G, D, non_saturating, PENALTIES["both"])
    for played, wanted in ((game, [6, 6, 6, 6]), (OneBatch(game), [12])):
        played.discriminator_terms(batch(), noise())
        assert passes == wanted
        passes.clear()


def test_one_batch_costs_one_pass_and_one_power_iteration():
    G, D = networks()
    D = spectral.spectral_normalised(D)
    passes = []
    D.register_forward_pre_hook(lambda D, args: passes.append(len(args[0])))
    norm = D.layers[0].parametrizations.weight[0]
    iterations, iterate = [], norm.iterate
    norm.iterate = lambda matrix: iterations.append(iterate(matrix))
    game = GAN(G, D, non_saturating)
    for played, wanted in ((game, [6, 6]), (OneBatch(game), [12])):
        played.discriminator_terms(batch(), noise())
        assert passes == wanted
        assert len(iterations) == len(wanted)
        passes.clear()
        iterations.clear()


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(2), MinibatchDiscrimination(2), Dropout(0.5, "a")], ids=lambda layer: type(layer).__name__
)
def test_one_batch_refuses_discriminators_that_look_at_the_batch(layer):
    G, D = networks()
    with pytest.raises(ValueError, match=rf"{type(layer).__name__}.*leave out OneBatch"):
        OneBatch(GAN(G, nn.Sequential(layer, D), non_saturating))
    OneBatch(GAN(G, nn.Sequential(nn.LayerNorm(2), D), non_saturating))


def weights(game):
    return [w.detach().clone() for player in game.players for w in player.network.parameters()]


def test_the_two_stack_in_either_order_and_give_the_same_bits():
    states = []
    for wrapped in (lambda g: OneForward(OneBatch(g)), lambda g: OneBatch(OneForward(g))):
        game = wrapped(GAN(*networks(), relativistic_pairing, [penalty(r1, 0.1)]))
        for _ in Trainer(game, ring(), batch_size=8, optimiser=adam(1e-3)).steps(3):
            pass
        assert game.settings == {"one_forward": True, "one_batch": True}
        states.append(weights(game))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_samples_keep_the_condition_that_they_were_made_with():
    G, D = networks(n_classes=3)
    game = OneForward(GAN(G, D, relativistic_pairing))
    first, second = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([2, 2, 2, 1, 1, 0])
    game.discriminator_terms(batch(y=first), noise())
    of_g = game.generator_terms(batch(y=second), noise(update=7))["adversarial"]
    fake = G(noise().normal("z", 4), first)
    assert_close(of_g, softplus(D(batch().x, second) - D(fake, first)))
    assert not torch.allclose(of_g, softplus(D(batch().x, second) - D(fake, second)))


def test_terms_of_the_generator_see_the_kept_latents():
    G, D = networks()
    latents = []
    look = Term("look", "generator", lambda turn: latents.append(turn.z) or turn.fake.sum(1))
    game = OneForward(GAN(G, D, non_saturating, [look]))
    game.discriminator_terms(batch(), noise())
    terms = game.generator_terms(batch(), noise(update=5))
    assert torch.equal(latents[0], noise().normal("z", 4))
    assert_close(terms["look"], G(latents[0]).sum(1))


def test_kept_samples_of_another_number_are_not_taken():
    G, D = networks()
    game = OneForward(GAN(G, D, non_saturating))
    game.discriminator_terms(batch(4), noise(4))
    assert_close(game.generator_terms(batch(), noise())["adversarial"], softplus(-D(G(noise().normal("z", 4)))))


def test_the_boundary_equilibrium_can_be_played_with_both():
    with initialised_from(0):
        critic = AutoencoderCritic(mlp.Encoder(2, 8), mlp.Generator(2, 8), power=1)
        inner = BoundaryEquilibrium(mlp.Generator(4, 8), critic)
    passes = []
    for network in (inner.generator, critic):
        network.register_forward_pre_hook(lambda network, args: passes.append(type(network).__name__))
    game = OneForward(OneBatch(inner))
    plain, saved = (g.players[0].terms(batch(), noise()) for g in (inner, game))
    inner.balance.k.zero_()
    assert_close(plain["real"], saved["real"])
    assert_close(game.players[1].terms(batch(), noise(update=3)), inner.players[1].terms(batch(), noise()))
    assert passes.count("Generator") == 3  # two by the plain game, one by the other
    assert passes.count("AutoencoderCritic") == 2 + 1 + 2 + 2


REFUSED = {
    "consensus over one forward": lambda g: Consensus(OneForward(g), 1.0),
    "consensus over pull-away over one forward": lambda g: Consensus(
        PullAway(OneForward(g), g.discriminator.features), 1.0
    ),
    "unrolled over one forward": lambda g: Unrolled(OneForward(g), 2, 0.1),
    "consensus over several of one forward": lambda g: Consensus(
        Several([GAN(g.generator, mlp.Discriminator(8), non_saturating), OneForward(g)]), 1.0
    ),
    "the field of one forward": lambda g: fields.game_field(OneForward(g), batch(), noise()),
    "one forward over consensus": lambda g: OneForward(Consensus(g, 1.0)),
    "one batch over unrolled": lambda g: OneBatch(Unrolled(g, 2, 0.1)),
    "one forward twice": lambda g: OneForward(OneBatch(OneForward(g))),
    "one batch twice": lambda g: OneBatch(OneBatch(g)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_take_other_gradients_is_refused(name):
    with pytest.raises(ValueError, match=r"pass the game without|around the innermost game|use one"):
        REFUSED[name](GAN(*networks(), non_saturating))


def test_the_refusal_is_not_for_nothing():
    """The twin: taken as they stand, the terms under one forward give the field no rotation."""
    G, D = mlp.Generator(1, 1, 0, 1).double(), mlp.Discriminator(1, 0, 1).double()
    for network in (G, D):
        nn.init.zeros_(network.layers[0].bias).requires_grad_(False)
        nn.init.zeros_(network.layers[0].weight)
    inner = GAN(G, D, non_saturating)
    inner.latents = lambda noise: torch.ones(noise.n, 1, dtype=torch.float64)
    still = Batch(torch.zeros(2, 1, dtype=torch.float64))

    class Unsaid(OneForward):
        differentiable = True

    plain, hidden = (
        fields.eigenvalues(fields.game_field(game, still, noise(2)), torch.zeros(2, dtype=torch.float64))
        for game in (inner, Unsaid(inner))
    )
    assert_close(plain, torch.tensor([-0.5j, 0.5j], dtype=torch.complex128))
    assert hidden.abs().max() < 1e-6


def test_consensus_over_one_batch_is_consensus():
    inner = GAN(*networks(), non_saturating)
    assert_close(
        Consensus(OneBatch(inner), 1.0).energy(batch(), noise()), Consensus(inner, 1.0).energy(batch(), noise())
    )
