"""Claims of chapter 13 (BigGAN) and its exercises that no test of the package makes."""

import math

import pytest
import torch
from scipy.stats import kstest, truncnorm
from torch import nn
from torch.nn.functional import batch_norm, relu, scaled_dot_product_attention
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gancourse.checks.ch13_biggan.average_mistakes import MISTAKES as AVERAGE_MISTAKES
from gancourse.checks.ch13_biggan.average_mistakes import average_by, right_rule
from gancourse.checks.ch13_biggan.averages import history_of
from gancourse.checks.ch13_biggan.chunks import split_latent
from gancourse.checks.ch13_biggan.class_statistics import conditional_batch_norm
from gancourse.checks.ch13_biggan.distributions import ks_distance, truncated_cdf, truncated_deviation
from gancourse.checks.ch13_biggan.margins import hinge_losses
from gancourse.checks.ch13_biggan.networks import PROBLEMS, Problem, copies_of, move, new_players
from gancourse.checks.ch13_biggan.place_mistakes import self_attention
from gancourse.checks.ch13_biggan.row_products import off_diagonal_penalty
from gancourse.models import BigGAN, SelfAttention
from gancourse.models.conditioning import ConditionalBatchNorm
from gancourse.models.truncation import truncated
from gancourse.objectives import hinge, off_diagonal
from gancourse.rng import initialised_from
from gancourse.signature import Classes, Signature


def normal(*shape: int, key: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(key), dtype=torch.float64)


# Self-attention


def attention_arguments(shape: tuple[int, ...] = (2, 6, 3, 5)) -> list[torch.Tensor]:
    n_channels = shape[1]
    sizes = ((2, n_channels), (2, n_channels), (4, n_channels), (n_channels, 4))
    weights = [normal(*size, key=k) for k, size in enumerate(sizes, start=1)]
    return [normal(*shape), *weights, torch.tensor(0.7, dtype=torch.float64)]


def over_queries(x, w_query, w_key, w_value, w_out, share):
    """Public code's mistake."""
    places = x.flatten(2)
    weights = ((w_query @ places).transpose(1, 2) @ (w_key @ places)).softmax(1)
    return share * (w_out @ (w_value @ places) @ weights.transpose(1, 2)).view(x.shape) + x


def test_self_attention_is_that_of_transformers_at_scale_one_and_no_other():
    x, w_query, w_key, w_value, w_out, share = attention_arguments()
    places = x.flatten(2).transpose(1, 2)
    query, key, value = (places @ w.T for w in (w_query, w_key, w_value))
    answers = [
        share * (scaled_dot_product_attention(query, key, value, scale=scale) @ w_out.T).mT.reshape(x.shape) + x
        for scale in (1.0, None)
    ]
    right = self_attention(*attention_arguments())
    torch.testing.assert_close(answers[0], right)
    assert (answers[1] - right).abs().max() > 0.1


def test_the_exercises_attention_is_the_packages_in_the_papers_form():
    with initialised_from(0):
        layer = SelfAttention(16, form="paper")
    layer.share.data.fill_(0.6)
    x = normal(2, 16, 4, 3).float()
    weights = [c.weight.detach()[:, :, 0, 0] for c in (layer.query, layer.key, layer.value, layer.out)]
    torch.testing.assert_close(self_attention(x, *weights, layer.share.detach()), layer(x).detach())


@pytest.mark.parametrize("attention", [self_attention, over_queries])
def test_shuffled_places_shuffle_the_result_whichever_axis_the_softmax_is_over(attention):
    x, *others = attention_arguments()
    order = torch.randperm(15, generator=torch.Generator().manual_seed(5))

    def shuffled(maps):
        return maps.flatten(2)[:, :, order].view(maps.shape)

    torch.testing.assert_close(attention(shuffled(x), *others), shuffled(attention(x, *others)))


def test_equal_values_come_back_unless_the_softmax_is_over_queries():
    """Rows of weights sum to one; columns don't."""
    x, w_query, w_key, w_value, w_out, share = attention_arguments((1, 3, 2, 4))
    # A channel that is 1 everywhere, which is all that values see.
    x[:, 2] = 1.0
    w_value[:, :2] = 0.0
    o, wrong = (
        ((f(x, w_query, w_key, w_value, w_out, share) - x) / share).flatten(2) for f in (self_attention, over_queries)
    )
    torch.testing.assert_close(o, (w_out @ w_value[:, 2])[None, :, None].expand_as(o))
    assert (wrong - o).abs().max() > 0.1
    # Columns sum to one, so that the mean over places is right.
    torch.testing.assert_close(wrong.mean(2), o.mean(2))


def test_at_a_share_of_zero_only_the_share_and_x_have_a_gradient():
    arguments = [a.requires_grad_() for a in attention_arguments()]
    arguments[-1] = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    y = self_attention(*arguments)
    torch.testing.assert_close(y.detach(), arguments[0].detach(), rtol=0, atol=0)
    gradients = torch.autograd.grad((y * normal(*y.shape, key=9)).sum(), arguments)
    assert [bool(g.any()) for g in gradients] == [True, False, False, False, False, True]


# Normalisation


@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_conditional_batch_norm_of_equal_embeddings_is_torchs(eps: float):
    x, embedding = normal(4, 3, 2, 5), normal(1, 2, key=1).expand(4, 2)
    w_gain, w_bias = normal(3, 2, key=2), normal(3, 2, key=3)
    expected = batch_norm(x, None, None, 1 + w_gain @ embedding[0], w_bias @ embedding[0], training=True, eps=eps)
    torch.testing.assert_close(conditional_batch_norm(x, embedding, w_gain, w_bias, eps), expected)


def test_the_exercises_conditional_batch_norm_is_the_packages():
    layer = ConditionalBatchNorm(3, 4)
    with torch.no_grad():
        layer.scale.weight.copy_(normal(3, 4, key=1))
        layer.shift.weight.copy_(normal(3, 4, key=2))
    x, embedding = normal(5, 3, 4, 2).float(), normal(5, 4, key=3).float()
    expected = layer(x, embedding).detach()
    weights = [part.weight.detach() for part in (layer.scale, layer.shift)]
    torch.testing.assert_close(conditional_batch_norm(x, embedding, *weights), expected)


def test_the_plain_sum_of_a_normalised_map_is_a_constant_and_a_weighted_sum_is_not():
    x = normal(4, 3, 2, 2).requires_grad_()
    y = batch_norm(x, None, None, training=True)
    plain, weighted = (
        torch.autograd.grad((y * w).sum(), x, retain_graph=True)[0]
        for w in (torch.ones_like(y), normal(*y.shape, key=1))
    )
    assert plain.abs().max() < 1e-10 < 0.1 < weighted.abs().max()


# The hinge loss


def test_the_exercises_hinge_losses_are_the_packages_and_that_of_the_paper():
    real, fake = 2 * normal(50), 2 * normal(50, key=1)
    d, g = hinge_losses(real, fake)
    zero = torch.zeros_like(real)
    torch.testing.assert_close(d, -torch.minimum(zero, -1 + real) - torch.minimum(zero, -1 - fake))
    torch.testing.assert_close(d, hinge.discriminator(real, fake))
    torch.testing.assert_close(g, hinge.generator(fake))


@pytest.mark.parametrize("score", [-50.0, -0.5, 50.0])
def test_a_generator_with_a_relu_stops_learning_at_scores_above_the_margin(score: float):
    fake = torch.tensor([score], requires_grad=True)
    zeros = torch.zeros(1)
    (gradient,) = torch.autograd.grad(hinge_losses(zeros, fake)[1].sum(), fake)
    (with_relu,) = torch.autograd.grad(relu(1 - fake).sum(), fake)
    assert gradient.item() == -1
    assert (with_relu.item() == 0) == (score > 1)


# Orthogonal weights


def test_the_exercises_penalty_is_the_packages_for_linear_and_convolutional_layers():
    for layer in (nn.Linear(5, 4), nn.Conv2d(2, 4, 3)):
        torch.testing.assert_close(off_diagonal_penalty(layer.weight), off_diagonal(layer))


def test_the_gradient_of_the_penalty_has_a_factor_of_four_and_public_code_has_two():
    w = normal(4, 6).requires_grad_()
    (gradient,) = torch.autograd.grad(off_diagonal_penalty(w), w)
    rows = w.detach()
    products = rows @ rows.T * (1 - torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(gradient, 4 * products @ rows)
    # What ajbrock/BigGAN-PyTorch adds to a gradient: a penalty of β/2.
    torch.testing.assert_close(2 * products @ rows, gradient / 2)


# Truncation


@pytest.mark.parametrize("threshold", [0.1, 0.5, 1.0, 2.0, 3.0])
def test_the_distribution_that_is_checked_is_scipys(threshold: float):
    x = torch.linspace(-1.2 * threshold, 1.2 * threshold, 201, dtype=torch.float64)
    scipys = truncnorm(-threshold, threshold)
    torch.testing.assert_close(truncated_cdf(x, threshold), torch.from_numpy(scipys.cdf(x.numpy())))
    assert truncated_deviation(threshold) == pytest.approx(scipys.std())
    z = truncated(normal(5_000), threshold)
    assert ks_distance(z, lambda v: truncated_cdf(v, threshold)) == pytest.approx(
        kstest(z.numpy(), scipys.cdf).statistic, abs=1e-12
    )


def test_a_share_of_92_percent_is_beyond_the_smallest_threshold():
    assert math.erfc(0.1 / math.sqrt(2)) == pytest.approx(0.92, abs=0.001)


# Skip connections from the latent


def test_the_exercises_chunks_are_those_of_biggans_layers():
    fits = Signature((3, 32, 32), Classes(("a", "b")))
    generator = BigGAN(16, 4, 8, attention_at=16).generator(fits).eval()
    z, y = normal(3, 16).float(), torch.tensor([0, 1, 1])
    first, conditions = generator.conditions(z, y)
    ours = split_latent(z, len(conditions), generator.embedded(y))
    torch.testing.assert_close(ours[0], first, rtol=0, atol=0)
    for mine, theirs in zip(ours[1], conditions, strict=True):
        torch.testing.assert_close(mine, theirs)


# Averaging


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.about)
def test_the_average_is_torchs_of_parameters_with_buffers_copied(problem: Problem):
    averaged, live = new_players(problem)
    theirs = AveragedModel(averaged, multi_avg_fn=get_ema_multi_avg_fn(problem.decay))
    theirs.module.load_state_dict(averaged.state_dict())
    theirs.n_averaged.fill_(1)
    for k in range(3):
        average_by(right_rule, averaged, live, problem.decay)
        theirs.update_parameters(live)
        own = dict(theirs.module.named_parameters())
        for name, parameter in averaged.named_parameters():
            torch.testing.assert_close(parameter, own[name])
        for a, b in zip(averaged.buffers(), live.buffers(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)
        move(live, k)


def test_averaged_vectors_are_shorter_than_one_and_give_too_small_a_norm():
    averaged, live = new_players(next(p for p in PROBLEMS if "spectral" in p.about))
    layers = [network[0].parametrizations.weight[0] for network in (averaged, live)]
    mean = {name: (getattr(layers[0], name) + getattr(layers[1], name)) / 2 for name in ("_u", "_v")}
    assert all(vector.norm() < 0.99 for vector in mean.values())
    weight = normal(3, 4)
    u, _, vh = torch.linalg.svd(weight)
    apart = [torch.nn.functional.normalize(vector + 0.3 * normal(len(vector), key=k), dim=0)
             for vector in (u[:, 0], vh[0]) for k in (1, 2)]  # fmt: skip
    short = (apart[0] + apart[1]) / 2, (apart[2] + apart[3]) / 2
    units = [vector / vector.norm() for vector in short]
    assert short[0] @ weight @ short[1] < units[0] @ weight @ units[1] <= torch.linalg.matrix_norm(weight, 2)


def test_every_wrong_rule_of_averaging_leads_to_numbers_of_its_own():
    """Else a message would name the mistake that somebody else made."""
    states = [
        torch.cat([v.double().flatten() for p in PROBLEMS for state in history_of(p, rule) for v in state.values()])
        for rule in (right_rule, *(mistake.rule for mistake in AVERAGE_MISTAKES))
    ]
    for k, one in enumerate(states):
        for m, other in enumerate(states[:k]):
            assert not torch.allclose(one, other, rtol=1e-6), (k, m)


def test_the_networks_to_average_are_the_same_each_time_and_share_nothing():
    for problem in PROBLEMS:
        first, second = new_players(problem), new_players(problem)
        for one, other in zip(first, second, strict=True):
            for (name, a), b in zip(copies_of(one).items(), copies_of(other).values(), strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=0, msg=name)
        pointers = [{p.data_ptr() for p in (*network.parameters(), *network.buffers())} for network in first]
        assert not pointers[0] & pointers[1]
