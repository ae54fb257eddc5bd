"""The game of a denoiser: its loss, its labels, and whether training reaches the exact denoiser."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse import data
from gancourse.batch import Batch
from gancourse.diffusion import RectifiedFlow, VariancePreserving, converted, target
from gancourse.games import Diffusion, without_labels
from gancourse.models import denoising_mlp
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer, adam, cosine

PROCESSES = [VariancePreserving(), VariancePreserving("cosine", 50), RectifiedFlow()]
TARGETS = ("noise", "data", "v", "velocity")
N = 6


class Smooth(nn.Module):
    """A fixed function of x and time; of labels too if it is conditional. Notes what it is called with."""

    def __init__(self, n_classes=0):
        super().__init__()
        self.scale, self.n_classes, self.conditional = nn.Parameter(torch.ones(())), n_classes, n_classes > 0

    def forward(self, x, time, *labels):
        self.time, self.labels = time, labels
        shift = sum(labels, 0 * time).view(-1, *[1] * (x.ndim - 1))
        return self.scale * torch.sin(x + time.view_as(shift) / 300) + shift


class Converted(Smooth):
    """The same estimate as `Smooth` of v, predicted as another target."""

    def __init__(self, process, predicts):
        super().__init__()
        self.process, self.predicts = process, predicts

    def forward(self, x, time):
        level = self.process.level(self.t)
        return converted(super().forward(x, time), x, level, "v", self.predicts)


def batch_of(*shape):
    return Batch(torch.randn(N, *shape, generator=torch.Generator().manual_seed(1)).double(), torch.arange(N) % 3)


@pytest.mark.parametrize("process", PROCESSES, ids=str)
@pytest.mark.parametrize("predicts", TARGETS)
@pytest.mark.parametrize("shape", [(2,), (1, 4, 4)])
def test_the_loss_is_the_definition_s(process, predicts, shape):
    batch, noise, network = batch_of(*shape), Noise((0, "denoiser"), N, 7), Smooth()
    (loss,) = Diffusion(network, process, predicts).terms(batch, noise).values()
    t, epsilon = process.random_times(noise), noise.normal("epsilon", *shape).double()
    for i in range(N):
        a, s = (float(part) for part in process.level(t[i]))
        x_t = a * batch.x[i : i + 1] + s * epsilon[i : i + 1]
        x0, e = batch.x[i], epsilon[i]
        wanted = {"noise": e, "data": x0, "v": a * e - s * x0, "velocity": e - x0}[predicts]
        error = network(x_t, process.scaled_time(t[i : i + 1]).double())[0] - wanted
        assert_close(loss[i], error.square().mean())


@pytest.mark.parametrize("process", PROCESSES, ids=str)
@pytest.mark.parametrize("predicts", TARGETS)
def test_losses_of_one_estimate_are_equal_up_to_the_targets_weights(process, predicts):
    """Squared errors of x̂₀ follow from those of any target by the weight that depends on the level alone."""
    batch, noise = batch_of(2), Noise((0, "denoiser"), N, 7)
    losses = []
    t = process.random_times(noise)
    for name in (predicts, "data"):
        network = Converted(process, name)
        network.t = t
        (loss,) = Diffusion(network, process, name).terms(batch, noise).values()
        losses.append(loss * target(name).data_weight(process.level(t)))
    assert_close(*losses, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(losses[0], loss / 2)


def test_networks_get_times_up_to_a_thousand():
    for process in PROCESSES:
        network = Smooth()
        Diffusion(network, process).terms(Batch(torch.zeros(500, 2)), Noise((0,), 500))
        assert 0 <= network.time.min() < 30
        assert 970 < network.time.max() <= 1000


def test_labels_are_dropped_at_the_share_asked_for():
    """Of 10,000 labels, 1,000 ± 150 (five standard errors) are replaced, and by none but "no class"."""
    y = torch.arange(10_000) % 3
    dropped = without_labels(y, 0.1, 3, Noise((0,), 10_000))
    assert abs((dropped == 3).sum().item() - 1000) < 150
    assert ((dropped == y) | (dropped == 3)).all()
    assert torch.equal(without_labels(y, 0.0, 3, Noise((0,), 10_000)), y)


def test_a_conditional_network_sees_the_labels_and_another_one_doesn_t():
    batch, noise = batch_of(2), Noise((0,), N)
    network = Smooth(n_classes=3)
    Diffusion(network, RectifiedFlow()).terms(batch, noise)
    assert torch.equal(network.labels[0], batch.y)
    Diffusion(network, RectifiedFlow(), label_dropout=1.0).terms(batch, noise)
    assert network.labels[0].tolist() == [3] * N
    plain = Smooth()
    Diffusion(plain, RectifiedFlow()).terms(batch, noise)
    assert plain.labels == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Diffusion(Smooth(), RectifiedFlow(), "noises"), "target 'noises' not found; did you mean 'noise'"),
        (lambda: Diffusion(Smooth(3), RectifiedFlow(), label_dropout=1.5), "label_dropout is 1.5; expected a share"),
        (lambda: Diffusion(Smooth(), RectifiedFlow(), label_dropout=0.1), "Smooth sees no labels; pass a network of"),
        (
            lambda: Diffusion(Smooth(3), RectifiedFlow()).terms(Batch(torch.zeros(2, 2)), Noise((0,), 2)),
            "Smooth is conditional, but the batch has no y",
        ),
        (
            lambda: Diffusion(lambda x, time: x[:1], RectifiedFlow()).terms(Batch(torch.zeros(2, 2)), Noise((0,), 2)),
            r"the denoiser returns \(1, 2\) but x is \(2, 2\)",
        ),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


WIDE = data.ring(4, radius=1.0, std=0.3)


def exact_loss(process, predicts, batch, noise):
    """The loss of the exact denoiser, the smallest possible one, by Bayes' rule in the mixture: of each sample."""
    t, epsilon = process.random_times(noise), noise.normal("epsilon", 2)
    level = process.level(t)
    a, s = (part.float()[:, None] for part in level)
    x_t = a * batch.x + s * epsilon
    variance = (a * WIDE.std).square() + s.square()
    squares = (x_t[:, None] - a[:, None] * WIDE.means).square().sum(2)
    shares = (-squares / (2 * variance)).softmax(1)
    towards = (
        WIDE.means + (a * WIDE.std**2 / variance)[:, None] * (x_t[:, None] - a[:, None] * WIDE.means)
    ).nan_to_num()
    x0 = (shares[:, :, None] * towards).sum(1)
    prediction = target(predicts).of(x0, (x_t - a * x0) / s, level)
    return (prediction - target(predicts).of(batch.x, epsilon, level)).square().mean(1)


@pytest.mark.parametrize(("process", "predicts"), [(VariancePreserving(), "noise"), (RectifiedFlow(), "velocity")])
def test_a_trained_denoiser_comes_close_to_the_exact_one(process, predicts):
    """On new data, within 6 % of the smallest possible loss; before training, it is 30 % above or more."""
    with initialised_from(0):
        network = denoising_mlp.Denoiser(hidden=48, depth=2)
    game = Diffusion(network, process, predicts)
    batch, noise = WIDE(Noise((1, "test"), 20_000)), Noise((1, "test noise"), 20_000)
    with torch.no_grad():
        before = game.terms(batch, noise)["squared_error"].mean()
        optimum = exact_loss(process, predicts, batch, noise).mean()
    trainer = Trainer(
        game,
        WIDE,
        batch_size=256,
        seed=0,
        optimiser=adam(3e-3, 0.9, 0.999),
        schedule=cosine(800),
        averages={"denoiser": 5.0},
    )
    for _ in trainer.steps(800):
        pass
    with torch.no_grad():
        averaged = Diffusion(trainer.averages["denoiser"].network, process, predicts)
        after = averaged.terms(batch, noise)["squared_error"].mean()
    assert before > 1.3 * optimum
    assert optimum <= after < 1.06 * optimum
