import functools
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, Classification, Penalty, View
from gancourse.models import dcgan, mlp, spectral
from gancourse.models.dropout import Dropout
from gancourse.models.minibatch import MinibatchDiscrimination
from gancourse.objectives import Objective, gradient_penalty, minimax, non_saturating, objectives, r1, wasserstein
from gancourse.rng import Noise, initialised_from


def networks():
    with initialised_from(0):
        return mlp.Generator(latent_size=4, hidden=8), mlp.Discriminator(hidden=8)


def batch(n=6):
    return Batch(torch.randn(n, 2, generator=torch.Generator().manual_seed(0)))


def noise(n=6, update=0):
    return Noise((0, "test"), n, update)


def backward(terms):
    sum(term.mean() for term in terms.values()).backward()


def test_the_players_are_the_discriminator_and_then_the_generator():
    G, D = networks()
    first, second = GAN(G, D, minimax, n_critic=5).players
    assert (first.name, first.network, first.updates) == ("discriminator", D, 5)
    assert (second.name, second.network, second.updates) == ("generator", G, 1)


@pytest.mark.parametrize("name", objectives)
def test_terms_are_the_objective_of_the_scores_one_value_a_sample(name):
    G, D = networks()
    game = GAN(G, D, objectives[name])
    fake = D(G(noise().normal("z", 4)))
    of_d, of_g = game.discriminator_terms(batch(), noise()), game.generator_terms(batch(), noise())
    assert of_d.keys() == of_g.keys() == {"adversarial"}
    assert of_d["adversarial"].shape == of_g["adversarial"].shape == (6,)
    assert_close(of_d["adversarial"], objectives[name].discriminator(D(batch().x), fake))
    real = (D(batch().x),) if objectives[name].relative else ()
    assert_close(of_g["adversarial"], objectives[name].generator(fake, *real))


def test_the_discriminator_s_loss_at_equal_scores_is_twice_log_two():
    G, D = networks()
    nn.init.zeros_(D.layers[-2].weight)
    nn.init.zeros_(D.layers[-2].bias)
    game = GAN(G, D, non_saturating)
    assert_close(game.discriminator_terms(batch(), noise())["adversarial"].detach(), torch.full((6,), 2 * math.log(2)))
    assert_close(game.generator_terms(batch(), noise())["adversarial"].detach(), torch.full((6,), math.log(2)))


def test_the_discriminator_s_terms_can_be_differentiated_in_the_generator_s_weights():
    G, D = networks()
    backward(GAN(G, D, non_saturating).discriminator_terms(batch(), noise()))
    assert all(p.grad is not None for network in (G, D) for p in network.layers[0].parameters())


def test_views_change_what_both_players_see_and_penalties_are_taken_there():
    G, D = networks()
    shift = View(lambda real, fake, noise: (real + 1, fake + 1))
    seen = GAN(G, D, non_saturating, [Penalty(r1)], views=[shift, shift]).discriminator_terms(batch(), noise())
    moved = Batch(batch().x + 2)
    fake = G(noise().normal("z", 4)) + 2
    assert_close(seen["adversarial"], non_saturating.discriminator(D(moved.x), D(fake)))
    assert_close(seen["r1"], r1(D, moved.x))


def test_a_view_may_be_kept_to_one_player_s_turn():
    G, D = networks()
    blind = View(lambda real, fake, noise: (0 * real, 0 * fake), turns=("discriminator",))
    game, plain = GAN(G, D, non_saturating, views=[blind]), GAN(G, D, non_saturating)
    assert_close(game.generator_terms(batch(), noise()), plain.generator_terms(batch(), noise()))
    scores = D(torch.zeros(6, 2))
    assert_close(
        game.discriminator_terms(batch(), noise())["adversarial"], non_saturating.discriminator(scores, scores)
    )


def test_a_view_for_an_unknown_player_is_refused():
    with pytest.raises(ValueError, match="a view stands in the turns of \\['critic'\\]"):
        GAN(*networks(), non_saturating, views=[View(lambda real, fake, noise: (real, fake), turns=("critic",))])


def test_a_relative_objective_sees_the_real_scores_in_the_generator_s_turn():
    G, D = networks()
    pairing = Objective(
        "pairing", lambda real, fake: softplus(fake - real), lambda fake, real: softplus(real - fake), "", relative=True
    )
    got = GAN(G, D, pairing).generator_terms(batch(), noise())["adversarial"]
    assert_close(got, softplus(D(batch().x) - D(G(noise().normal("z", 4)))))


def test_the_generator_s_terms_reach_every_weight_of_the_generator():
    G, D = networks()
    backward(GAN(G, D, non_saturating).generator_terms(batch(), noise()))
    assert all(p.grad.abs().sum() > 0 for p in G.parameters())


def test_the_generator_s_gradient_is_the_chain_rule_s():
    # G(z) = w z, D(x) = x and G minimises softplus(−x): dL/dw = −mean σ(−w z) z.
    G, D = mlp.Generator(latent_size=1, depth=0, dimensions=1), mlp.Discriminator(depth=0, dimensions=1)
    with torch.no_grad():
        for layer, weight in ((G.layers[0], 0.5), (D.layers[0], 1.0)):
            layer.weight.fill_(weight)
            layer.bias.zero_()
    backward(GAN(G, D, non_saturating).generator_terms(Batch(torch.zeros(6, 1)), noise()))
    z = noise().normal("z", 1)
    assert_close(G.layers[0].weight.grad, -(torch.sigmoid(-0.5 * z) * z).mean().view(1, 1))


def test_equal_noise_gives_equal_terms_and_the_next_update_other_latents():
    game = GAN(*networks(), non_saturating)
    a = game.generator_terms(batch(), noise())["adversarial"]
    assert_close(game.generator_terms(batch(), noise())["adversarial"], a, rtol=0, atol=0)
    assert (game.generator_terms(batch(), noise(update=1))["adversarial"] != a).all()


def test_a_penalty_is_a_term_of_its_own_times_its_weight():
    G, D = networks()
    terms = GAN(G, D, wasserstein, [Penalty(gradient_penalty, 10.0), Penalty(r1, 0.5)]).discriminator_terms(
        batch(), noise()
    )
    assert list(terms) == ["adversarial", "gradient_penalty", "r1"]
    fake = G(noise().normal("z", 4)).detach()
    assert_close(terms["gradient_penalty"], 10 * gradient_penalty(D, batch().x, fake, noise().uniform("epsilon")))
    assert_close(terms["r1"], r1(D, batch().x) / 2)


@pytest.mark.parametrize("every", [1, 4, 16])
def test_mean_over_updates_of_a_lazy_penalty_is_its_weight_times_the_penalty(every):
    G, D = networks()
    game = GAN(G, D, non_saturating, [Penalty(r1, 10.0, every)])
    found = [game.discriminator_terms(batch(), noise(update=u)) for u in range(32)]
    due = ["r1" in terms for terms in found]
    assert due == [update % every == 0 for update in range(32)]
    mean = sum(terms["r1"] for terms in found if "r1" in terms) / 32
    assert_close(mean, 10 * r1(D, batch().x))


def test_a_penalty_is_not_computed_when_it_is_not_due():
    def never(critic, real, fake, epsilon):
        raise AssertionError("computed")

    game = GAN(*networks(), non_saturating, [Penalty(never, every=2)])
    game.discriminator_terms(batch(), noise(update=1))
    with pytest.raises(AssertionError, match="computed"):
        game.discriminator_terms(batch(), noise(update=2))


def test_mean_losses_do_not_depend_on_how_the_batch_is_ordered():
    G, D = networks()
    game = GAN(G, D, wasserstein)
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    a, b = (game.discriminator_terms(Batch(batch().x[i]), noise())["adversarial"] for i in (slice(None), order))
    assert_close(a.mean(), b.mean())


def test_the_dcgan_plays_too_and_scores_real_and_generated_images_in_batches_of_their_own():
    with initialised_from(0):
        G, D = dcgan.Generator(latent_size=4, width=4), dcgan.Discriminator(width=4)
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    terms = GAN(G, D, non_saturating, [Penalty(r1)]).discriminator_terms(Batch(x), noise(3))
    with torch.no_grad():
        fake = G(noise(3).normal("z", 4))
        apart = softplus(-D(x)) + softplus(D(fake))
        scores = D(torch.cat([x, fake]))
        together = softplus(-scores[:3]) + softplus(scores[3:])
    assert_close(terms["adversarial"].detach(), apart)
    assert not torch.allclose(apart, together)  # BatchNorm makes the difference


@pytest.mark.parametrize("counts", [{"n_critic": 0}, {"n_critic": -1}, {"penalties": [Penalty(r1, every=0)]}])
def test_counts_below_one_are_refused(counts):
    with pytest.raises(ValueError, match="n_critic and a penalty's `every` count updates; pass at least 1"):
        GAN(*networks(), minimax, **counts)


def test_penalties_that_would_overwrite_each_other_are_refused():
    with pytest.raises(ValueError, match=r"\['r1', 'r1'\] would overwrite each other"):
        GAN(*networks(), minimax, [Penalty(r1), Penalty(r1, 2.0)])

    def adversarial(critic, real, fake, epsilon):
        return real

    with pytest.raises(ValueError, match="would overwrite each other"):
        GAN(*networks(), minimax, [Penalty(adversarial)])


def classify(logits, labels):
    terms = Classification(lambda x: logits).terms(Batch(torch.zeros(len(logits), 1), labels), noise(len(logits)))
    assert list(terms) == ["cross_entropy"]
    return terms["cross_entropy"]


def test_the_classifier_is_the_only_player():
    network = nn.Linear(2, 3)
    (player,) = Classification(network).players
    assert (player.name, player.network, player.updates) == ("classifier", network, 1)


def test_cross_entropy_is_minus_the_log_share_of_the_right_class_one_value_a_sample():
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 3, 1, 2, 2])
    share = logits.exp() / logits.exp().sum(1, keepdim=True)
    assert_close(classify(logits, labels), -torch.stack([share[i, y] for i, y in enumerate(labels)]).log())
    assert_close(classify(torch.zeros(5, 10), labels), torch.full((5,), math.log(10)))


@pytest.mark.parametrize("right", [-50.0, 0.0, 50.0])
def test_cross_entropy_and_its_gradient_are_exact_for_confident_logits(right):
    logits = torch.tensor([[right, 0.0]], dtype=torch.float64, requires_grad=True)
    loss = classify(logits, torch.tensor([0]))
    (slope,) = torch.autograd.grad(loss.sum(), logits)
    expected = math.log1p(math.exp(-right)) if right > 0 else -right + math.log1p(math.exp(right))
    assert_close(loss.detach(), torch.tensor([expected], dtype=torch.float64), rtol=1e-6, atol=1e-16)
    sigma = 1 / (1 + math.exp(right))
    assert_close(slope, torch.tensor([[-sigma, sigma]], dtype=torch.float64), rtol=1e-6, atol=1e-16)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "the data has no labels; a classifier needs them"),
        (torch.tensor([0, 10]), "labels run from 0 to 10 but the classifier knows 10 classes; pass n_classes=11"),
        (torch.tensor([-1, 3]), "labels run from -1 to 3 but the classifier knows 10 classes"),
    ],
)
def test_labels_that_are_missing_or_out_of_range_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        classify(torch.zeros(2, 10), labels)


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
    from gancourse.data import ring
    from gancourse.training import Trainer, adam

    def start():
        with initialised_from(1):
            return Uneven(), mlp.Discriminator(hidden=8)

    G, D = start()
    trainer = Trainer(GAN(G, D, non_saturating, one_forward=True), ring(), batch_size=16, seed=3)
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
    game = GAN(G, D, non_saturating, n_critic=2, one_forward=True)
    for update in range(2):
        game.discriminator_terms(batch(), noise(update=update))
    of_g = game.generator_terms(batch(), noise(update=7))["adversarial"]
    assert_close(of_g, softplus(-D(G(noise(update=1).normal("z", 4)))))
    again = game.generator_terms(batch(), noise(update=7))["adversarial"]
    assert_close(again, softplus(-D(G(noise(update=7).normal("z", 4)))))
    assert not torch.allclose(of_g, again)


def test_with_one_forward_the_discriminator_s_terms_don_t_reach_the_generator():
    G, D = networks()
    backward(GAN(G, D, non_saturating, one_forward=True).discriminator_terms(batch(), noise()))
    assert all(w.grad is None for w in G.parameters())
    backward(GAN(G, D, non_saturating).discriminator_terms(batch(), noise()))
    assert all(w.grad is not None for w in G.parameters())


@pytest.mark.parametrize("name", ["non-saturating", "relativistic-average", "hinge"])
def test_one_batch_of_real_and_generated_data_gives_the_same_terms_and_slopes(name):
    found = []
    for one_batch in (False, True):
        G, D = (network.double() for network in networks())
        game = GAN(G, D, objectives[name], penalties=[Penalty(r1)], one_batch=one_batch)
        latents = noise().normal("z", 4).double()
        game.latents = lambda noise, z=latents: z
        x = Batch(batch().x.double())
        backward(game.discriminator_terms(x, noise()))
        found.append([game.discriminator_terms(x, noise())["adversarial"], *(w.grad for w in D.parameters())])
    assert_close(found[1], found[0], rtol=1e-12, atol=1e-14)


def test_one_batch_costs_one_pass_and_one_power_iteration():
    G, D = networks()
    D = spectral.spectral_normalised(D)
    passes = []
    D.register_forward_pre_hook(lambda D, args: passes.append(len(args[0])))
    norm = D.layers[0].parametrizations.weight[0]
    iterations, iterate = [], norm.iterate
    norm.iterate = lambda matrix: iterations.append(iterate(matrix))
    for one_batch, wanted in ((False, [6, 6]), (True, [12])):
        GAN(G, D, non_saturating, one_batch=one_batch).discriminator_terms(batch(), noise())
        assert passes == wanted
        assert len(iterations) == len(wanted)
        passes.clear()
        iterations.clear()


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(2), MinibatchDiscrimination(2), Dropout(0.5, "a")], ids=lambda layer: type(layer).__name__
)
def test_one_batch_refuses_discriminators_that_look_at_the_batch(layer):
    G, D = networks()
    with pytest.raises(ValueError, match=rf"{type(layer).__name__}.*pass one_batch=False"):
        GAN(G, nn.Sequential(layer, D), non_saturating, one_batch=True)
    GAN(G, nn.Sequential(nn.LayerNorm(2), D), non_saturating, one_batch=True)
    GAN(G, nn.Sequential(layer, D), non_saturating)


def test_a_penalty_with_some_arguments_given_is_named_by_its_function():
    G, D = networks()

    def scaled(critic, real, fake, epsilon, scale):
        return scale * critic(real)

    game = GAN(G, D, non_saturating, penalties=[Penalty(functools.partial(scaled, scale=2))])
    assert_close(game.discriminator_terms(batch(), noise())["scaled"], 2 * D(batch().x))
