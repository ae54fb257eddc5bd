"""Distillation into one step: what the generator is, what its teacher says, and what stays equal along a path."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.diffusion import RectifiedFlow, VariancePreserving, euler, of_network
from gancourse.games import GAN, ConsistencyDistillation, PairDistillation, distillation, distillation_of_pairs
from gancourse.games.students import OneStep, trainable_copy
from gancourse.games.terms import Turn
from gancourse.models import denoising_mlp, mlp
from gancourse.objectives import hinge
from gancourse.rng import Noise

FLOW = RectifiedFlow()
N = 5


class ToPoint(nn.Module):
    """The exact velocity of a flow whose data is one point: the same x̂₀ from everywhere."""

    def __init__(self, point=(1.0, -2.0)):
        super().__init__()
        self.point = nn.Parameter(torch.tensor(point))

    def forward(self, x, time):
        return (x - self.point) / (time / 1000)[:, None]


def network(seed):
    torch.manual_seed(seed)
    made = denoising_mlp.Denoiser(2, 8, 1)
    nn.init.normal_(made.layers.last.weight, 0.0, 0.3)
    return made


@pytest.mark.parametrize(
    ("process", "predicts"), [(FLOW, "velocity"), (VariancePreserving(), "v"), (VariancePreserving(), "noise")]
)
def test_one_step_is_one_step_of_euler_s_method_from_the_noise(process, predicts):
    student, z = network(0), torch.randn(N, 2)
    denoiser = of_network(student, process, predicts)
    (x0,) = euler(denoiser, z, process.times(1, "trailing"))
    assert_close(OneStep(student, process, predicts, (2,))(z), x0, rtol=1e-4, atol=1e-4)


def turn_of(x, update=0):
    noise, batch = Noise((0, "generator"), N, update), Batch(x)
    generator = mlp.Generator(2, 4)
    return Turn(generator, mlp.Discriminator(4), lambda x: x, batch, noise, torch.zeros(N, 2), x, x)


def test_the_teacher_s_term_is_the_distance_from_its_data_and_falls():
    x = torch.randn(N, 2, requires_grad=True)
    term = distillation(ToPoint(), FLOW, "velocity", weight=3.0, end=1.0, updates=4)
    assert (term.name, term.of) == ("distillation", "generator")
    distances = (x - torch.tensor([1.0, -2.0])).square().mean(1)
    for update, weight in ((0, 3.0), (2, 2.0), (4, 1.0), (9, 1.0)):
        assert_close(term.function(turn_of(x, update)), weight * distances, rtol=1e-3, atol=1e-4)
    (gradient,) = torch.autograd.grad(term.function(turn_of(x)).sum(), x)
    assert_close(gradient, 3.0 * (x - torch.tensor([1.0, -2.0])), rtol=1e-3, atol=1e-3)


def test_a_teacher_of_no_more_weight_isn_t_asked():
    class Counting(ToPoint):
        calls = 0

        def forward(self, x, time):
            self.calls += 1
            return super().forward(x, time)

    term, x = distillation(Counting(), FLOW, "velocity", weight=1.0, updates=4), torch.randn(N, 2)
    for update, calls in ((0, 1), (3, 2), (4, 2), (9, 2)):
        last = term.function(turn_of(x, update))
        assert term.memory.calls == calls
    assert_close(last, torch.zeros(N))


def test_a_teacher_is_a_copy_that_stays_as_it_is():
    teacher = ToPoint()
    term = distillation(teacher, FLOW, "velocity")
    teacher.point.data.zero_()
    assert torch.equal(term.memory.point, torch.tensor([1.0, -2.0]))
    assert not term.memory.point.requires_grad


def paired(updates=4, batch_size=3):
    z = torch.arange(8.0).view(4, 2)
    return distillation_of_pairs(z, z + 1, weight=3.0, end=1.0, updates=updates, batch_size=batch_size)


def test_the_pairs_term_is_the_distance_from_the_teacher_s_sample_of_the_same_noise_and_falls():
    """A generator that misses the teacher's samples by (1, 2), whatever the pairs that are drawn."""

    class Off(nn.Module):
        def forward(self, z):
            return z + torch.tensor([2.0, 3.0])

    term = paired()
    assert (term.name, term.of) == ("pairs", "generator")
    for update, weight in ((0, 3.0), (2, 2.0), (4, 1.0), (9, 1.0)):
        turn = turn_of(torch.zeros(N, 2), update)._replace(generator=Off())
        assert_close(term.function(turn), torch.tensor(weight * 2.5))


def test_pairs_are_drawn_anew_at_each_update_and_no_more_than_asked_for():
    seen = []

    class Watched(nn.Module):
        def forward(self, z):
            seen.append(z)
            return z

    term = paired(batch_size=3)
    for update in range(20):
        term.function(turn_of(torch.zeros(N, 2), update)._replace(generator=Watched()))
    assert {len(z) for z in seen} == {3}
    assert len({tuple(z.flatten().tolist()) for z in seen}) > 10
    assert {tuple(row) for z in seen for row in z.tolist()} == {(0.0, 1.0), (2.0, 3.0), (4.0, 5.0), (6.0, 7.0)}


def test_pairs_are_copies_and_their_student_s_loss_is_their_mean():
    z, x = torch.randn(1, 2), torch.randn(1, 2)
    game = PairDistillation(nn.Identity(), z, x)
    before = (z - x).square().mean()
    noise, batch = Noise((0, "student"), N, 0), Batch(torch.randn(N, 2))
    z.zero_()
    assert_close(game.terms(batch, noise)["pairs"], before.expand(N))


def test_a_student_s_weights_get_gradients_although_the_teacher_s_are_an_average():
    teacher = network(0).requires_grad_(False).eval()
    student = trainable_copy(teacher)
    assert student.training
    assert all(weight.requires_grad for weight in student.parameters())
    assert not any(weight.requires_grad for weight in teacher.parameters())
    assert all(torch.equal(a, b) for a, b in zip(student.parameters(), teacher.parameters(), strict=True))


@pytest.mark.parametrize(("process", "predicts"), [(FLOW, "velocity"), (VariancePreserving(), "noise")])
def test_the_consistency_loss_is_the_definition_s(process, predicts):
    """Against one sample at a time, by the sampler's own step."""
    student, teacher = network(1), network(2)
    game, noise = ConsistencyDistillation(student, teacher, process, predicts, 4), Noise((0, "student"), N, 3)
    batch = Batch(torch.randn(N, 2))
    (loss,) = game.terms(batch, noise).values()
    index, epsilon, times = noise.integers("time", 4), noise.normal("epsilon", 2), process.times(4, "trailing")
    assert len(set(index.tolist())) > 2
    assert 3 in index  # the last time, before the data
    estimates = of_network(student, process, predicts)
    for i, k in enumerate(index.tolist()):
        x = process.noised(batch.x[i : i + 1], epsilon[i : i + 1], times[k])
        before, *_ = euler(of_network(teacher, process, predicts), x, times[k:])
        wanted = before if k == 3 else estimates(before, times[k + 1]).x0
        error = (estimates(x, times[k]).x0 - wanted).square().mean()
        assert_close(loss[i], error, rtol=1e-3, atol=1e-6)
    gradients = torch.autograd.grad(loss.sum(), list(student.parameters()), allow_unused=True)
    assert any(gradient is not None and gradient.any() for gradient in gradients)


def test_an_exact_student_of_an_exact_teacher_has_no_loss():
    game = ConsistencyDistillation(ToPoint(), ToPoint(), FLOW, "velocity", 6)
    (loss,) = game.terms(Batch(torch.randn(N, 2)), Noise((0,), N)).values()
    assert_close(loss, torch.zeros(N), rtol=0, atol=1e-8)
    other = ConsistencyDistillation(ToPoint((0.0, 0.0)), ToPoint(), FLOW, "velocity", 6)
    (loss,) = other.terms(Batch(torch.randn(500, 2)), Noise((0,), 500)).values()
    assert loss.max() > 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OneStep(network(0), FLOW, "noise", (2,)), "predicting the noise doesn't determine x₀ and ε"),
        (lambda: OneStep(denoising_mlp.Denoiser(n_classes=3), FLOW, "velocity", (2,)), "Denoiser is conditional"),
        (lambda: OneStep(network(0), FLOW, "speed", (2,)), "target 'speed' not found"),
        (lambda: distillation(network(0), FLOW, "velocity", weight=-1.0), "the weight of the distillation is -1.0"),
        (lambda: distillation(network(0), FLOW, "velocity", updates=0), "the weight falls over 0 updates"),
        (lambda: paired(updates=0), "updates is 0 and batch_size 3"),
        (lambda: paired(batch_size=0), "updates is 4 and batch_size 0"),
        (lambda: distillation_of_pairs(torch.ones(2, 2), torch.ones(3, 2)), "2 pieces of noise and 3 samples"),
        (lambda: PairDistillation(nn.Identity(), torch.ones(0, 2), torch.ones(0, 2)), "at least one of each"),
        (
            lambda: distillation_of_pairs(torch.ones(1, 2), torch.ones(1, 2), weight=-1.0),
            "the weight of the pairs is -1.0",
        ),
        (lambda: ConsistencyDistillation(network(0), network(1), FLOW, "data"), "isn't fixed where there is no noise"),
        (lambda: ConsistencyDistillation(network(0), network(1), FLOW, "noise"), "predicting the noise doesn't"),
        (lambda: ConsistencyDistillation(network(0), network(1), VariancePreserving(n_times=9)), "n_steps is 20"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_student_s_game_is_a_gan_with_a_term():
    student = copy.deepcopy(network(0))
    game = GAN(
        OneStep(student, FLOW, "velocity", (2,)), mlp.Discriminator(4), hinge, [distillation(student, FLOW, "velocity")]
    )
    losses = game.generator_terms(Batch(torch.zeros(N, 2)), Noise((0,), N))
    assert list(losses) == ["adversarial", "distillation"]
