import functools
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, Classification, View, penalty
from gancourse.models import dcgan, mlp
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
    shift = View(lambda *batches: tuple(b._replace(x=b.x + 1) for b in batches[:2]))
    seen = GAN(G, D, non_saturating, [penalty(r1)], views=[shift, shift]).discriminator_terms(batch(), noise())
    moved = Batch(batch().x + 2)
    fake = G(noise().normal("z", 4)) + 2
    assert_close(seen["adversarial"], non_saturating.discriminator(D(moved.x), D(fake)))
    assert_close(seen["r1"], r1(D, moved.x))


def test_a_view_may_be_kept_to_one_player_s_turn():
    G, D = networks()
    blind = View(lambda *batches: tuple(b._replace(x=0 * b.x) for b in batches[:2]), turns=("discriminator",))
    game, plain = GAN(G, D, non_saturating, views=[blind]), GAN(G, D, non_saturating)
    assert_close(game.generator_terms(batch(), noise()), plain.generator_terms(batch(), noise()))
    scores = D(torch.zeros(6, 2))
    assert_close(
        game.discriminator_terms(batch(), noise())["adversarial"], non_saturating.discriminator(scores, scores)
    )


def test_a_view_for_an_unknown_player_is_refused():
    with pytest.raises(ValueError, match="a view is for the turns of \\['critic'\\]"):
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
    terms = GAN(G, D, wasserstein, [penalty(gradient_penalty, 10.0), penalty(r1, 0.5)]).discriminator_terms(
        batch(), noise()
    )
    assert list(terms) == ["adversarial", "gradient_penalty", "r1"]
    fake = G(noise().normal("z", 4)).detach()
    assert_close(terms["gradient_penalty"], 10 * gradient_penalty(D, batch().x, fake, noise().uniform("epsilon")))
    assert_close(terms["r1"], r1(D, batch().x) / 2)


@pytest.mark.parametrize("every", [1, 4, 16])
def test_mean_over_updates_of_a_lazy_penalty_is_its_weight_times_the_penalty(every):
    G, D = networks()
    game = GAN(G, D, non_saturating, [penalty(r1, 10.0, every)])
    found = [game.discriminator_terms(batch(), noise(update=u)) for u in range(32)]
    due = ["r1" in terms for terms in found]
    assert due == [update % every == 0 for update in range(32)]
    mean = sum(terms["r1"] for terms in found if "r1" in terms) / 32
    assert_close(mean, 10 * r1(D, batch().x))


def test_a_penalty_is_not_computed_when_it_is_not_due():
    def never(critic, real, fake, epsilon):
        raise AssertionError("computed")

    game = GAN(*networks(), non_saturating, [penalty(never, every=2)])
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
    terms = GAN(G, D, non_saturating, [penalty(r1)]).discriminator_terms(Batch(x), noise(3))
    with torch.no_grad():
        fake = G(noise(3).normal("z", 4))
        apart = softplus(-D(x)) + softplus(D(fake))
        scores = D(torch.cat([x, fake]))
        together = softplus(-scores[:3]) + softplus(scores[3:])
    assert_close(terms["adversarial"].detach(), apart)
    assert not torch.allclose(apart, together)  # BatchNorm makes the difference


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"n_critic": 0}, "n_critic is 0; it counts the discriminator's updates, so pass at least 1"),
        ({"n_critic": -1}, "n_critic is -1"),
        ({"terms": [penalty(r1, every=0)]}, "term 'r1' is due every 0 updates; pass at least 1"),
    ],
)
def test_counts_below_one_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        GAN(*networks(), minimax, **counts)


def test_penalties_that_would_overwrite_each_other_are_refused():
    with pytest.raises(ValueError, match=r"discriminator's terms \['r1', 'r1'\] would overwrite each other"):
        GAN(*networks(), minimax, [penalty(r1), penalty(r1, 2.0)])

    def adversarial(critic, real, fake, epsilon):
        return real

    with pytest.raises(ValueError, match="would overwrite each other"):
        GAN(*networks(), minimax, [penalty(adversarial)])


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


def test_a_penalty_with_some_arguments_given_is_named_by_its_function():
    G, D = networks()

    def scaled(critic, real, fake, epsilon, scale):
        return scale * critic(real)

    game = GAN(G, D, non_saturating, terms=[penalty(functools.partial(scaled, scale=2))])
    assert_close(game.discriminator_terms(batch(), noise())["scaled"], 2 * D(batch().x))
