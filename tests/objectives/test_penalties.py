import pytest
import torch
from torch import nn
from torch.autograd.functional import jacobian
from torch.testing import assert_close

from gancourse.objectives import (
    drift,
    gradient_norm,
    gradient_penalty,
    off_diagonal,
    one_sided_gradient_penalty,
    orthogonality,
    r1,
    r2,
    zero_centred_gradient_penalty,
)
from gancourse.objectives.penalties import KnowsGradients
from gancourse.rng import initialised_from

PENALTIES = {
    "r1": r1,
    "r2": r2,
    "gradient-penalty": gradient_penalty,
    "one-sided-gradient-penalty": one_sided_gradient_penalty,
    "zero-centred-gradient-penalty": zero_centred_gradient_penalty,
    "drift": drift,
}
A = torch.tensor([3.0, -4.0, 12.0])  # of norm 13


def linear(x):
    return x.flatten(1) @ A.to(x) + 7


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def network(norm=False):
    with initialised_from(0):
        middle = [nn.BatchNorm1d(16)] if norm else []
        return nn.Sequential(nn.Linear(3, 16), *middle, nn.Tanh(), nn.Linear(16, 1), nn.Flatten(0)).double()


def slopes(critic, x):
    """Gradient at each sample by a loop over Jacobians of the critic of that sample alone, [batch, dimensions]."""
    return torch.cat([jacobian(lambda row: critic(row), row[None])[0] for row in x])


def test_r1_of_a_linear_critic_is_half_its_squared_norm_everywhere():
    assert_close(r1(linear, draw(5, 3)), torch.full((5,), 169 / 2, dtype=torch.float64))


def test_gradient_penalty_of_a_linear_critic_is_its_squared_distance_from_slope_one():
    real, fake, epsilon = draw(5, 3), draw(5, 3, seed=1), torch.rand(5, dtype=torch.float64)
    assert_close(gradient_penalty(linear, real, fake, epsilon), torch.full((5,), 144.0, dtype=torch.float64))
    flat = gradient_penalty(lambda x: linear(x) / 13, real, fake, epsilon)
    assert_close(flat, torch.zeros(5, dtype=torch.float64), rtol=0, atol=1e-20)


def test_r1_of_a_quadratic_critic_is_the_closed_form():
    # D(x) = ½‖x‖² has the gradient x.
    x = draw(6, 3)
    assert_close(r1(lambda x: x.square().sum(1) / 2, x), x.square().sum(1) / 2)


def test_gradient_penalty_looks_at_the_point_that_epsilon_names():
    real, fake = draw(4, 3), draw(4, 3, seed=1)
    epsilon = torch.tensor([0.0, 1.0, 0.25, 0.5], dtype=torch.float64)
    at = torch.stack([fake[0], real[1], real[2] / 4 + 3 * fake[2] / 4, (real[3] + fake[3]) / 2])
    found = gradient_penalty(lambda x: x.square().sum(1) / 2, real, fake, epsilon)
    assert_close(found, (at.norm(dim=1) - 1).square())


def test_penalties_agree_with_a_loop_over_jacobians():
    critic, real, fake = network(), draw(6, 3), draw(6, 3, seed=1)
    epsilon = torch.rand(6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert_close(r1(critic, real), slopes(critic, real).square().sum(1) / 2)
    between = torch.stack([e * r + (1 - e) * f for e, r, f in zip(epsilon, real, fake, strict=True)])
    expected = (slopes(critic, between).norm(dim=1) - 1).square()
    assert_close(gradient_penalty(critic, real, fake, epsilon), expected)


class WithMethods(nn.Module):
    """A critic with methods of its own that have the names of the package's."""

    def __init__(self):
        super().__init__()
        self.layers = network()

    def forward(self, x):
        return self.layers(x)

    def gradient(self, x):
        """Differences of neighbouring numbers: no gradient of the scores."""
        return x.diff(dim=-1, prepend=x[..., :1])

    known_gradient = gradient


@pytest.mark.parametrize("name", PENALTIES)
def test_a_critic_s_own_method_named_gradient_is_not_taken_for_the_gradient_of_its_scores(name):
    critic = WithMethods().double()
    real, fake = draw(5, 3), draw(5, 3, seed=1)
    epsilon = draw(5, seed=2).sigmoid()
    assert_close(PENALTIES[name](critic, real, fake, epsilon), PENALTIES[name](critic.layers, real, fake, epsilon))


def test_a_critic_that_says_by_its_type_that_it_knows_its_gradient_is_asked():
    class Half(KnowsGradients):
        """Knows the gradient at one batch alone."""

        def __call__(self, x):
            return linear(x)

        def known_gradient(self, x):
            return torch.zeros_like(x) if x is known else None

    known, other = draw(4, 3), draw(4, 3)
    assert r1(Half(), known).tolist() == [0] * 4
    assert_close(r1(Half(), other), torch.full((4,), 169 / 2, dtype=torch.float64))


def test_batchnorm_breaks_the_agreement_because_it_ties_samples_together():
    critic, real = network(norm=True), draw(6, 3)
    alone = slopes(critic.eval(), real).square().sum(1) / 2
    assert_close(r1(critic, real), alone)  # in eval mode nothing ties them
    assert ((r1(critic.train(), real) - alone).abs() / alone).max() > 0.1


def both(critic, real):
    fake, epsilon = draw(*real.shape, seed=1), torch.linspace(0, 1, len(real), dtype=torch.float64)
    return {name: penalty(critic, real, fake, epsilon) for name, penalty in PENALTIES.items()}


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_are_per_sample_and_ignore_the_rest_of_the_batch(name):
    critic, real, fake, epsilon = network(), draw(6, 3), draw(6, 3, seed=1), torch.linspace(0, 1, 6).double()
    penalty = PENALTIES[name]
    whole = penalty(critic, real, fake, epsilon)
    assert whole.shape == (6,)
    rows = [penalty(critic, real[i : i + 1], fake[i : i + 1], epsilon[i : i + 1]) for i in range(6)]
    assert_close(torch.cat(rows), whole)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    assert_close(penalty(critic, real[order], fake[order], epsilon[order]), whole[order])


@pytest.mark.parametrize("name", PENALTIES)
def test_images_are_penalised_like_the_vectors_they_hold(name):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0)).double()
    x = draw(5, 3, 2, 2)
    assert_close(both(flat, x)[name], both(flat, x.flatten(1))[name])


@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "drift"])
def test_a_constant_added_to_the_scores_changes_nothing(name):
    critic = network()
    assert_close(both(lambda x: critic(x) + 100, draw(5, 3))[name], both(critic, draw(5, 3))[name])


def test_r1_grows_with_the_square_of_the_critic():
    critic = network()
    assert_close(r1(lambda x: 3 * critic(x), draw(5, 3)), 9 * r1(critic, draw(5, 3)))


def test_the_gradient_that_reaches_a_linear_critic_is_the_closed_form():
    a = A.clone().requires_grad_()
    real = draw(5, 3).float()
    (from_r1,) = torch.autograd.grad(r1(lambda x: x @ a, real).mean(), a)
    assert_close(from_r1, A)  # d/da ½‖a‖² = a
    penalty = gradient_penalty(lambda x: x @ a, real, -real, torch.rand(5)).mean()
    (from_penalty,) = torch.autograd.grad(penalty, a)
    assert_close(from_penalty, 2 * (13 - 1) * A / 13)  # d/da (‖a‖ − 1)²


def test_a_critic_with_no_slope_at_all_is_penalised_by_one_and_keeps_a_finite_gradient():
    a = torch.zeros(3, requires_grad=True)
    penalty = gradient_penalty(lambda x: x @ a, torch.ones(2, 3), torch.zeros(2, 3), torch.rand(2))
    assert_close(penalty.detach(), torch.ones(2))
    assert torch.autograd.grad(penalty.sum(), a)[0].isfinite().all()


@pytest.mark.parametrize("slope", [-50.0, 50.0])
def test_steep_critics_have_exact_and_finite_penalties(slope):
    a = torch.tensor([slope, 0.0, 0.0], requires_grad=True)
    values = both(lambda x: x.float() @ a, draw(2, 3))
    assert_close(values["r1"].float(), torch.full((2,), 1250.0))
    assert_close(values["gradient-penalty"].float(), torch.full((2,), 2401.0))
    assert_close(values["one-sided-gradient-penalty"].float(), torch.full((2,), 2401.0))
    assert_close(values["zero-centred-gradient-penalty"].float(), torch.full((2,), 2500.0))
    assert_close(values["r2"].float(), torch.full((2,), 1250.0))


@pytest.mark.parametrize("name", PENALTIES)
def test_whether_samples_carry_a_graph_changes_neither_the_value_nor_the_critic_s_gradient(name):
    real, fake, epsilon = draw(4, 3), draw(4, 3, seed=1), torch.rand(4, dtype=torch.float64)
    found = []
    for attached in (False, True):
        critic = network()
        x, y = (t.clone().requires_grad_(attached) for t in (real, fake))
        value = PENALTIES[name](lambda x, critic=critic: 10 * critic(x), x, y, epsilon)
        value.sum().backward()
        found.append((value.detach(), critic[0].weight.grad))
    assert_close(found[0], found[1])
    assert found[0][1].abs().sum() > 0


@pytest.mark.parametrize("name", PENALTIES)
def test_computing_a_penalty_leaves_no_gradient_behind(name):
    critic = network()
    both(critic, draw(4, 3))
    assert all(p.grad is None for p in critic.parameters())


def test_shapes_that_disagree_are_refused():
    with pytest.raises(ValueError, match=r"real has shape \(4, 3\), fake \(5, 3\); they must agree"):
        gradient_penalty(linear, torch.ones(4, 3), torch.ones(5, 3), torch.ones(4))
    with pytest.raises(ValueError, match=r"epsilon has shape \(4, 1\); expected \[4\], one number a sample"):
        gradient_penalty(linear, torch.ones(4, 3), torch.ones(4, 3), torch.ones(4, 1))


BETWEEN = [gradient_penalty, one_sided_gradient_penalty, zero_centred_gradient_penalty]


@pytest.mark.parametrize("penalty", BETWEEN)
def test_every_penalty_between_real_and_generated_data_refuses_shapes_that_disagree(penalty):
    with pytest.raises(ValueError, match="they must agree"):
        penalty(linear, torch.ones(4, 3), torch.ones(5, 3), torch.ones(4))
    with pytest.raises(ValueError, match="one number a sample"):
        penalty(linear, torch.ones(4, 3), torch.ones(4, 3), torch.ones(1))


@pytest.mark.parametrize("name", PENALTIES)
def test_a_critic_that_gives_no_single_score_a_sample_is_refused(name):
    for critic in (nn.Linear(3, 1), nn.Linear(3, 2), lambda x: x.sum()):
        with pytest.raises(ValueError, match=r"the critic returned shape .*; expected \[4\], one score a sample"):
            PENALTIES[name](critic, torch.ones(4, 3), torch.ones(4, 3), torch.ones(4))


@pytest.mark.parametrize("length", [0.25, 1.0, 3.0])
def test_penalties_of_a_linear_critic_are_functions_of_its_length(length):
    direction = A.double() / 13 * length
    values = both(lambda x: x @ direction, draw(4, 3))
    wanted = {
        "r1": length**2 / 2,
        "r2": length**2 / 2,
        "gradient-penalty": (length - 1) ** 2,
        "one-sided-gradient-penalty": max(0.0, length - 1) ** 2,
        "zero-centred-gradient-penalty": length**2,
    }
    for name, value in wanted.items():
        assert_close(values[name], torch.full((4,), value, dtype=torch.float64), rtol=1e-12, atol=1e-24)


def test_penalties_of_a_quadratic_critic_on_images_take_the_norm_over_channels_and_pixels():
    # D(x) = ½‖x‖² has the gradient x; x has channels, so a norm over the channel axis alone would be another number.
    real, fake, epsilon = draw(5, 3, 4, 4), draw(5, 3, 4, 4, seed=1), torch.linspace(0, 1, 5).double()
    e = epsilon[:, None, None, None]
    squared = (e * real + (1 - e) * fake).square().sum((1, 2, 3))

    def critic(x):
        return x.square().sum((1, 2, 3)) / 2

    assert_close(gradient_norm(critic, real), real.square().sum((1, 2, 3)).sqrt())
    assert_close(r2(critic, real, fake), fake.square().sum((1, 2, 3)) / 2)
    assert_close(gradient_penalty(critic, real, fake, epsilon), (squared.sqrt() - 1).square())
    assert_close(one_sided_gradient_penalty(critic, real, fake, epsilon), (squared.sqrt() - 1).clamp(min=0).square())
    assert_close(zero_centred_gradient_penalty(critic, real, fake, epsilon), squared)
    over_channels = (e * real + (1 - e) * fake).norm(dim=1)  # the bug, which gives a map of norms
    assert ((over_channels - 1).square().mean((1, 2)) / (squared.sqrt() - 1).square()).max() < 0.5


def test_drift_is_the_square_of_the_real_score_and_ignores_generated_data():
    real = draw(4, 3)
    assert_close(drift(linear, real, None, None), linear(real).square())


@pytest.mark.parametrize("name", PENALTIES)
def test_the_gradient_that_reaches_the_critic_is_that_of_finite_differences(name):
    critic, real, fake, epsilon = network(), draw(5, 3), draw(5, 3, seed=1), torch.linspace(0, 1, 5).double()

    def value():
        return PENALTIES[name](lambda x: 4 * critic(x), real, fake, epsilon).mean()

    weight = critic[0].weight
    (slope,) = torch.autograd.grad(value(), weight)
    for i, j in ((0, 0), (7, 1), (15, 2)):
        ends = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                weight[i, j] += step
            ends.append(value().detach())
            with torch.no_grad():
                weight[i, j] -= step
        assert_close((ends[0] - ends[1]) / 2e-5, slope[i, j], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "drift"])
def test_without_create_graph_a_penalty_would_teach_the_critic_nothing(name, monkeypatch):
    # Twin of the test above: with the graph cut, the value is the same and no gradient arrives.
    grad = torch.autograd.grad
    critic, x = network(), draw(4, 3)
    whole = both(critic, x)[name]
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, create_graph=False: grad(*a))
    cut = both(critic, x)[name]
    assert_close(cut, whole.detach())
    assert whole.requires_grad
    assert not cut.requires_grad


def test_orthonormal_filters_cost_nothing_and_longer_ones_only_in_the_full_form():
    layer = nn.Linear(5, 3).double()
    nn.init.orthogonal_(layer.weight)
    zero = torch.zeros((), dtype=torch.float64)
    assert_close(orthogonality(layer).detach(), zero, rtol=0, atol=1e-24)
    with torch.no_grad():
        layer.weight *= 2
    assert_close(off_diagonal(layer).detach(), zero, rtol=0, atol=1e-24)
    assert_close(orthogonality(layer).detach(), zero + 27)  # three filters of squared length 4


def test_the_two_orders_of_the_full_form_differ_by_outputs_less_inputs():
    layer = nn.Linear(5, 3).double()
    other = (layer.weight.T @ layer.weight - torch.eye(5)).square().sum()
    assert_close(orthogonality(layer) - other, torch.tensor(3.0 - 5.0, dtype=torch.float64))


def test_both_forms_are_sums_over_layers_with_a_row_for_each_output_channel():
    layers = [nn.Linear(3, 2), nn.Conv2d(3, 4, 2), nn.ConvTranspose2d(3, 4, 2)]
    rows = [layers[0].weight, layers[1].weight.reshape(4, 12), layers[2].weight.permute(1, 0, 2, 3).reshape(4, 12)]
    grams = [w @ w.T for w in rows]
    network = nn.Sequential(nn.Sequential(*layers), nn.BatchNorm2d(4))
    assert_close(orthogonality(network), sum(torch.dist(g, torch.eye(len(g))).square() for g in grams))
    assert_close(off_diagonal(network), sum(g.triu(1).square().sum() + g.tril(-1).square().sum() for g in grams))
    off_diagonal(network).backward()
    assert all(layer.weight.grad.abs().sum() > 0 for layer in layers)


def test_networks_without_weights_to_regularise_are_refused():
    for function in (orthogonality, off_diagonal):
        with pytest.raises(ValueError, match="ReLU has no linear or convolutional layer to regularise"):
            function(nn.ReLU())


@pytest.mark.parametrize("penalty", [r2, gradient_penalty, zero_centred_gradient_penalty])
def test_a_penalty_at_generated_data_can_be_differentiated_in_the_generator_s_weights(penalty):
    # The critic x² + y⁴ has another slope everywhere, so moving the samples changes the penalty.
    def critic(x):
        return x[:, 0].square() + x[:, 1].pow(4)

    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    real, epsilon = z.flip(0) + 1, torch.full((5,), 0.3, dtype=torch.float64)

    def value(shift):
        return penalty(critic, real, z + shift, epsilon).sum()

    shift = torch.tensor([0.5, -0.2], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(value(shift), shift)
    h = 1e-6 * torch.eye(2, dtype=torch.float64)
    numeric = torch.stack([(value((shift + e).detach()) - value((shift - e).detach())) / 2e-6 for e in h]).detach()
    assert numeric.abs().min() > 0.1
    torch.testing.assert_close(slope, numeric, rtol=1e-6, atol=1e-6)
