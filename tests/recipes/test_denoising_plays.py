"""Diffusion, flow and denoising GANs as recipes: samples, guidance, resuming, and what is refused."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse import recipes, zoo
from gancourse.batch import Batch
from gancourse.diffusion import RectifiedFlow, VariancePreserving, of_network, sample
from gancourse.games import DenoisingGAN, states, step_back
from gancourse.games.denoising_gan import StepByStep
from gancourse.models import ConditionalMLP, DenoisingMLP, UNet
from gancourse.objectives import hinge
from gancourse.recipes import Denoising, DenoisingAdversarial, DiffusionSampling, recipe
from gancourse.recipes.plays import denoising, in_parts
from gancourse.rng import Noise
from gancourse.signature import Classes, Signature, States
from gancourse.values import from_json, to_json

DIFFUSIONS = ("ring-ddpm", "ring-flow", "ddpm-digits", "flow-digits", "ddpm-faces")


def tiny(name):
    chosen = recipe(name).offline().changed(width=4, steps=3, batch_size=8, average_kimg=0.0)
    return chosen.changed(sampling_steps=min(chosen.play.sampling.sampling_steps, 5))


def random_network(chosen):
    """A denoiser with small random weights everywhere: untrained ones predict zero."""
    network = zoo.untrained(chosen)
    torch.manual_seed(0)
    for weight in network.parameters():
        nn.init.normal_(weight, 0.0, 0.2)
    return network


@pytest.mark.parametrize("name", DIFFUSIONS)
def test_samples_do_not_depend_on_the_parts_that_they_are_made_in(name, monkeypatch):
    chosen = tiny(name)
    network, source = random_network(chosen), chosen.source()
    whole = chosen.play.sample(network, source, 7)
    assert whole.isfinite().all()
    monkeypatch.setattr(denoising, "in_parts", lambda *args: in_parts(*args, size=3))
    assert_close(chosen.play.sample(network, source, 7), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", DIFFUSIONS)
def test_samples_are_those_of_the_package_s_sampler(name):
    """The play adds labels, parts and the range of images, and nothing else."""
    chosen = tiny(name)
    network, source = random_network(chosen), chosen.source()
    noise, fits = Noise((5, "evaluation"), 4), chosen.signature()
    y = (source(noise).y,) if network.conditional else ()
    with torch.no_grad():
        denoiser = of_network(lambda x, time: network(x, time, *y), chosen.play.process, chosen.play.predicts)
        if fits.is_image:
            from gancourse.diffusion import clipped

            denoiser = clipped(denoiser)
        asked = chosen.play.sampling
        theirs = sample(denoiser, noise.fold_in("diffusion"), fits.shape, asked.sampling_steps, asked.sampler)
    ours = chosen.play.sample(network, source, 4, seed=5)
    assert_close(ours, theirs)
    if fits.is_image:
        assert ours.abs().max() <= 1 + 1e-5


class Towards(nn.Module):
    """The exact velocity of a flow to the point (y, 0), or to (10, 0) without a class."""

    conditional, n_classes = True, 3

    def __init__(self):
        super().__init__()
        self.points = nn.Parameter(torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [10.0, 0.0]]))

    def forward(self, x, time, y):
        return (x - self.points[y]) / (time / 1000)[:, None]


class Three:
    """Data of three classes in the plane."""

    signature = Signature((2,), Classes(("a", "b", "c")))

    def __call__(self, noise):
        return Batch(noise.normal("x", 2), noise.integers("label", 3))


GUIDED = Denoising(
    DenoisingMLP(classes=True), RectifiedFlow(), "velocity", 0.1, DiffusionSampling("heun", 4, guidance=3.0)
)


def test_guidance_goes_from_no_class_beyond_the_class():
    """s = 3 moves samples from 10 through y to y + 2 (y − 10); s = 1 gives y, s = 0 the point without a class."""
    y = torch.tensor([0, 1, 2])
    for s, expected in ((3.0, 3.0 * y - 20), (1.0, 1.0 * y), (0.0, 10.0 + 0 * y)):
        asked = DiffusionSampling("heun", 4, guidance=s).of(Towards())
        samples = GUIDED.sample(asked, Three(), 3, y=y)
        assert_close(samples[:, 0], expected, rtol=1e-4, atol=1e-4)
        assert_close(samples[:, 1], torch.zeros(3), rtol=0, atol=1e-4)
    assert_close(GUIDED.sample(Towards(), Three(), 3, y=y)[:, 0], 3.0 * y - 20, rtol=1e-4, atol=1e-4)


def test_labels_are_the_data_s_unless_they_are_passed():
    made = GUIDED.changed(guidance=1.0).sample(Towards(), Three(), 50)
    assert_close(made[:, 0].round(), Three()(Noise((0, "evaluation"), 50)).y.float())


def asked(**settings):
    return DiffusionSampling(**settings)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: asked(sampler="heun", eta=0.5), "eta is 0.5, but the sampler is heun; pass ddim, or leave eta out"),
        (lambda: asked(sampler="euler"), "sampler is 'euler'; pass one of ddpm, ddim, heun"),
        (lambda: asked(eta=1.5), "eta is 1.5; expected a finite number"),
        (lambda: asked(sampling_steps=0), "sampling_steps is 0; expected at least 1"),
        (lambda: recipe("ring-ddpm").changed(n_times=100), "n_steps is 1000; pass an integer from 1 to 100"),
        (lambda: recipe("ring-flow").changed(predicts="noise"), "predicting the noise doesn't determine x₀ and ε"),
        (lambda: recipe("ring-ddpm").changed(guidance=2.0), "was never trained without a class; train it with"),
        (lambda: recipes.build(recipe("ring-ddpm").changed(label_dropout=0.1)), "Denoiser sees no labels"),
        (
            lambda: zoo.Trained(tiny("ring-ddpm"), zoo.untrained(tiny("ring-ddpm"))).samples(
                2, sampling=asked(guidance=2.0)
            ),
            "guidance is 2.0, but Denoiser takes no classes; leave the guidance out, or train with --classes",
        ),
        (
            lambda: GUIDED.changed(label_dropout=0.0, guidance=1.0).sample(
                asked(guidance=2.0).of(Towards()), Three(), 2
            ),
            "guidance is 2.0, but the network was never trained without a class",
        ),
        (lambda: Denoising(ConditionalMLP()), "asks its family for denoiser, but ConditionalMLP makes no denoiser"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", [*DIFFUSIONS, "ring-ddgan"])
def test_a_run_that_stops_goes_on_bit_equal(name, tmp_path):
    chosen = recipe(name).offline().changed(width=4, steps=4, batch_size=8)
    whole = recipes.build(chosen)
    for _ in whole.trainer.until(4):
        pass
    running = recipes.train(chosen, tmp_path / "run", save_every_s=0.0)
    for progress in running:
        if progress.done == 2:
            running.close()
            break
    for progress in recipes.resume(tmp_path / "run"):
        again = progress.built
    ours, theirs = whole.result.state_dict(), again.result.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_play_survives_json():
    for play in (GUIDED, DenoisingAdversarial(ConditionalMLP(), process=VariancePreserving("cosine", 7))):
        assert from_json(to_json(play)) == play


def test_sampling_is_the_recipe_s_unless_it_is_asked_for_otherwise():
    chosen = tiny("ddpm-digits")
    trained = zoo.Trained(chosen, random_network(chosen))
    usual = trained.samples(2)
    assert torch.equal(trained.samples(2, sampling=chosen.play.sampling), usual)
    others = [asked(sampling_steps=6), asked(sampling_steps=5, eta=1.0), asked(sampler="ddpm", sampling_steps=5)]
    samples = [usual, *(trained.samples(2, sampling=other) for other in others)]
    assert len({tuple(each.flatten().tolist()) for each in samples}) == 4


def test_a_u_net_takes_images_only_and_sizes_are_checked():
    with pytest.raises(ValueError, match="UNet makes square images, not points of 2 numbers"):
        Denoising(UNet()).game(Signature((2,)))


# Denoising GANs

STEPS = VariancePreserving("continuous", 4)


class Exact(nn.Module):
    """A generator of x₀ that is one point, whatever it sees: then each step's posterior is exact."""

    conditional, latent_size, condition = True, 2, States((2,), 4)

    def __init__(self):
        super().__init__()
        self.point = nn.Parameter(torch.tensor([1.0, -2.0]))

    def forward(self, z, y):
        return self.point + 0 * z


def test_steps_back_of_one_point_have_the_distribution_of_noisy_data():
    """q(x_{t−1}) for x₀ = c is N(√ᾱ c, 1 − ᾱ): means and deviations of 20,000 samples within five standard errors."""
    n, c = 20_000, torch.tensor([1.0, -2.0])
    for t in range(4):
        time = torch.full((n,), t)
        now, before = STEPS.level(torch.tensor(t)), STEPS.level_before(torch.tensor(t))
        x = now.signal.float() * c + now.noise.float() * Noise((0, t), n).normal("x", 2)
        earlier = step_back(c.expand(n, 2), states(x, time), STEPS, Noise((1, t), n).normal("x", 2))
        s = before.noise.item()
        assert_close(earlier.mean(0), before.signal.float() * c, rtol=0, atol=5 * s / n**0.5 + 1e-6)
        assert_close(earlier.std(0), torch.full((2,), s), rtol=0, atol=5 * s / (2 * n) ** 0.5 + 1e-6)


def test_pairs_are_data_at_neighbouring_times():
    """Of data that is one point, x_{t−1} and x_t have the means, deviations and covariance of the process."""
    n = 40_000
    batch, noise = Batch(torch.tensor([[1.0, -2.0]]).expand(n, 2)), Noise((0, "pairs"), n)
    game = DenoisingGAN(Exact(), Conditional(), STEPS, hinge)
    pairs = game.pairs(batch, noise)
    x, t = pairs.y[:, :-1], pairs.y[:, -1].long()
    for step in range(4):
        here = t == step
        m = int(here.sum())
        assert abs(m - n / 4) < 5 * (n * 3 / 16) ** 0.5
        now, before = STEPS.level(torch.tensor(step)), STEPS.level_before(torch.tensor(step))
        error, earlier_error = x[here] - now.signal * batch.x[0], pairs.x[here] - before.signal * batch.x[0]
        assert_close(error.square().mean().double(), now.noise**2, rtol=0.06, atol=0)
        covariance = (now.after(before).signal * before.noise**2).item()
        found_covariance = (error * earlier_error).mean().item()
        assert abs(found_covariance - covariance) < 5 * (now.noise * before.noise).item() / (2 * m) ** 0.5 * 1.5 + 1e-6


class Conditional(nn.Module):
    """A discriminator of pairs."""

    conditional = True

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 1)

    def forward(self, x, y):
        return self.layer(torch.cat([x, y], 1))[:, 0]


def test_whole_samples_are_the_steps_one_after_the_other():
    torch.manual_seed(0)
    generator = ConditionalMLP(latent_size=3, width=8).generator(Signature((2,), States((2,), 4)))
    network = StepByStep(generator, STEPS)
    assert network.latent_size == 4 * (3 + 2)
    z = torch.randn(5, 20)
    latents, noises = z[:, :12].view(5, 4, 3), z[:, 12:].view(5, 4, 2)
    x = noises[:, 0]
    for i, t in enumerate((3, 2, 1, 0)):
        y = torch.cat([x, torch.full((5, 1), float(t))], 1)
        noise = noises[:, i + 1] if t else torch.zeros(5, 2)
        x = step_back(generator(latents[:, t], y), y, STEPS, noise)
    assert_close(network(z), x)
    y = torch.cat([x, torch.zeros(5, 1)], 1)
    assert_close(step_back(x, y, STEPS, torch.ones(5, 2)), x)  # the last step adds no noise
    without = StepByStep(generator, STEPS, random_latents=False)
    assert_close(without(z), without(torch.cat([torch.randn(5, 12), z[:, 12:]], 1)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DenoisingGAN(nn.Linear(2, 2), Conditional(), STEPS, hinge), "Linear doesn't see the noisy sample"),
        (lambda: DenoisingGAN(Exact(), nn.Linear(2, 1), STEPS, hinge), "Linear doesn't see the noisy sample"),
        (lambda: recipes.build(recipe("ring-ddgan").changed(discriminator_condition="none")), "Discriminator doesn't"),
    ],
)
def test_a_denoising_gan_needs_networks_that_see_states(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", ["ring-ddpm", "flow-digits", "ring-ddgan"])
def test_what_such_a_training_costs_is_calculated_without_data(name):
    cost = recipes.cost(recipe(name).offline().changed(width=4))
    assert cost.operations > 0
    assert cost.parameters.keys() == {
        player.name for player in recipe(name).play.game(recipe(name).signature()).players
    }
