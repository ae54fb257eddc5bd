"""Claims of chapter 11 (multiscale GANs) that no test of the package makes."""

import math

import pytest
import torch
from scipy import stats
from torch import nn
from torch.distributions import Normal
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad

from gancourse import data, experiments, metrics, zoo
from gancourse.data import Faces
from gancourse.experiments.minibatch_std import PAPER
from gancourse.games.growing import phases
from gancourse.laplacian import down, energies, pyramid, up
from gancourse.models import LAPGAN, MinibatchStd, ProGAN, flops
from gancourse.models.equal_rates import PixelNorm, equalised
from gancourse.models.progan import at_level
from gancourse.rng import Noise, initialised_from
from gancourse.signature import Signature

FACES_32, TIMES = Signature((3, 32, 32)), (60, 120, 240, 480)


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    return Faces("test").first(500).x


def bands_of(image, n_levels, d, u):
    """The chapter's pyramid, with any filters."""
    bands = []
    for _ in range(n_levels - 1):
        low = d(image)
        bands.append(image - u(low))
        image = low
    return [*bands, image]


def rebuilt(bands, u):
    image = bands[-1]
    for band in reversed(bands[:-1]):
        image = u(image) + band
    return image


def noise_of_twice_the_size(image):
    n, channels, height, width = image.shape
    drawn = torch.rand((n, channels, 2 * height, 2 * width), generator=torch.Generator().manual_seed(height))
    return (255 * drawn).int()


def halved(x):
    return interpolate(avg_pool2d(x, 2), scale_factor=2.0)


def faded(x, alpha):
    return halved(x) + alpha * (x - halved(x))


# Pyramids


@pytest.mark.parametrize("n_levels", [2, 3, 4])
@pytest.mark.parametrize("u", [up, noise_of_twice_the_size])
def test_any_filters_give_the_bytes_back(faces, n_levels: int, u):
    image = ((faces[:50] + 1) * 127.5).round().int()
    for d in (down, lambda x: x[..., ::2, ::2]):
        assert torch.equal(rebuilt(bands_of(image, n_levels, d, u), u), image)


@pytest.mark.parametrize("mistake", ["no top", "top is a difference", "another u", "blur without halving"])
def test_the_mistakes_of_the_chapter_lose_the_image(faces, mistake: str):
    image = ((faces[:50] + 1) * 127.5).round().int()
    bands, u = bands_of(image, 3, down, up), up
    top = bands[-1]
    if mistake == "no top":
        bands[-1] = 0 * top
    elif mistake == "top is a difference":
        bands[-1] = top - up(down(top))
    elif mistake == "another u":

        def u(x):
            return interpolate(x.float(), scale_factor=2.0).int()
    else:
        line = torch.tensor([1.0, 4, 6, 4, 1]) / 16
        kernel = (line[:, None] * line)[None, None].expand(3, 1, 5, 5)
        scales = (image, down(image), down(down(image)))
        bands = [i - conv2d(pad(i.float(), (2, 2, 2, 2), mode="reflect"), kernel, groups=3) for i in scales]
    error = (rebuilt(bands, u) - image).float().square().mean().sqrt() / 255
    assert error > (0.05 if mistake == "another u" else 0.6)


def test_a_pyramid_whose_top_is_a_difference_doesnt_know_the_brightness(faces):
    def differences(x):
        bands = pyramid(x.double(), 3)
        return [*bands[:-1], bands[-1] - up(down(bands[-1]))]

    for dark, bright in zip(differences(faces[:20]), differences(faces[:20] + 0.5), strict=True):
        torch.testing.assert_close(dark, bright)


def test_about_half_of_the_variance_of_faces_is_in_the_bands(faces):
    shares = energies(pyramid(faces, 3))
    assert 0.5 < 1 - (shares[-1] / shares.sum()).item() < 0.65
    x = faces - faces.mean(0)
    coarse = avg_pool2d(x, 4).square().mean() / x.square().mean()
    assert 0.35 < 1 - coarse.item() < 0.5
    blurred = energies(pyramid(up(down(faces)), 3))
    assert (blurred[-1] / blurred.sum()).item() > 0.65
    clothes = energies(pyramid(data.load("fashion-32", "test").first(500).x, 3))
    assert 0.5 < 1 - (clothes[-1] / clothes.sum()).item() < 0.6


# LAPGAN


def test_the_finest_level_of_a_lapgan_takes_most_operations():
    costs = []
    for generator in LAPGAN(width=48).generators(FACES_32, 3):
        z, low = torch.zeros(1, generator.latent_size), torch.zeros(1, 3, generator.size, generator.size)
        inputs = (z,) if generator.size == 8 else (z, low)
        costs.append(flops.flops(lambda generator=generator, inputs=inputs: generator(*inputs)))
    assert 0.78 < costs[-1] / sum(costs) < 0.81


@pytest.mark.slow
@pytest.mark.skipif("lapgan-faces" not in zoo.cards(), reason="the zoo has no lapgan-faces yet")
def test_a_level_of_the_zoos_lapgan_draws_worse_from_a_generated_image_than_from_a_real_one(faces):
    cascade, real = zoo.load("lapgan-faces"), Faces().first(500).x
    z = Noise((0, "exposure"), 500).normal("z", cascade.latent_size)
    starts = {"16": down(faces), "8": down(down(faces)), "own": None}
    far = {
        name: metrics.pyramid_distances(real, cascade(z, start), 3, n_each=4, n_projections=64)
        for name, start in starts.items()
    }
    assert far["8"][0] > far["16"][0]  # 32 × 32
    assert far["own"][1] > far["8"][1]  # 16 × 16


# Growing


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_fade_begins_at_the_old_networks_and_a_jump_doesnt(faces, seed: int):
    with initialised_from(seed):
        generator, discriminator = ProGAN(wide_to=16).pair(FACES_32, FACES_32)
    z, seen = torch.randn(16, generator.latent_size), {}
    for level in (1.0, 1 + 1e-6, 2.0):
        with at_level(generator, level), at_level(discriminator, level), torch.no_grad():
            real = avg_pool2d(faces[:16], 32 // discriminator.resolution)
            seen[level] = generator(z), discriminator(real)
    for old, begins, jumped in zip(*seen.values(), strict=True):
        torch.testing.assert_close(begins, old, rtol=0, atol=1e-4)
        assert (jumped - old).abs().mean() > 0.3 * old.std()


def detail(x):
    return (x - halved(x)).square().flatten(1).mean(1)


def test_unfaded_data_gives_a_perfect_generator_away_and_faded_data_doesnt(faces):
    real, generated = faces[:250], faces[250:]
    assert detail(faded(generated, 0.0)).max() < 1e-10 < detail(real).min()
    assert detail(faded(generated, 0.5)).quantile(0.95) < detail(real).quantile(0.05)
    both = torch.cat([detail(faded(real, 0.5)), detail(faded(generated, 0.5))])
    ranks = both.argsort().argsort().double()
    # Mann and Whitney's statistic; its standard deviation for two equal distributions is 0.026.
    greater = (ranks[:250].sum() - 250 * 249 / 2) / 250**2
    assert abs(greater - 0.5) < 4 * 0.026


@pytest.mark.parametrize("alpha", [0.3, 0.71, 0.9])
def test_how_often_the_best_threshold_is_right_is_that_of_the_closed_form(alpha: float):
    # The exercise: the logarithm of the energy is normal with the standard deviation s.
    s, normal = 0.5, Normal(torch.tensor(0.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64))
    log_energy = s * torch.randn(200_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    shifted = log_energy + 2 * math.log(alpha)
    right = ((log_energy > math.log(alpha)).double().mean() + (shifted < math.log(alpha)).double().mean()) / 2
    torch.testing.assert_close(right, normal.cdf(torch.tensor(-math.log(alpha) / s).double()), rtol=0, atol=0.005)


def test_the_exercise_names_the_alpha_of_75_percent():
    normal = Normal(torch.tensor(0.0), torch.tensor(1.0))
    assert abs(normal.cdf(torch.tensor(-math.log(0.71) / 0.5)).item() - 0.75) < 0.005


def test_most_images_are_seen_small_and_most_work_is_done_large():
    large = Signature((3, 1024, 1024))
    with torch.device("meta"):
        pair = ProGAN(latent_size=512, width=512).pair(large, large)
    assert [round(sum(p.numel() for p in network.parameters()) / 1e6, 2) for network in pair] == [23.09, 23.09]
    costs = flops.step_flops_by_resolution(*pair)
    images = {resolution: 800 if resolution == 4 else 1600 for resolution in costs}
    low = [4, 8, 16, 32]
    work = {resolution: images[resolution] * costs[resolution] for resolution in costs}
    assert round(sum(images[r] for r in low) / sum(images.values()), 2) == 0.41
    assert 0.05 < sum(work[r] for r in low) / sum(work.values()) < 0.065
    assert 2.3 < sum(images.values()) * costs[1024] / sum(work.values()) < 2.5


def test_the_chapters_count_of_images_is_that_of_the_phases():
    level = phases(9, 800, 800)
    counted = dict.fromkeys(range(9), 0)
    for kimg in range(800 + 8 * 1600):
        counted[math.ceil(level(1000 * kimg + 500))] += 1
    assert counted == {0: 800} | dict.fromkeys(range(1, 9), 1600)


def test_in_equal_seconds_growing_is_behind_until_its_last_fade_has_ended_and_then_about_level():
    def at(method, seconds, metric):
        rows = sorted((r for r in experiments.rows("growing") if r["method"] == method), key=lambda r: r["seed"])
        assert [row["seed"] for row in rows] == [0, 1, 2]
        entries = [[e for e in row["trace"] if e["due"] == "seconds"][TIMES.index(seconds)] for row in rows]
        assert all(entry["seconds"] - seconds < 1 for entry in entries)
        return torch.tensor([next(v for name, v in e.items() if name.startswith(metric)) for e in entries])

    def ratios(seconds, metric):
        return at("grown", seconds, metric) / at("whole", seconds, metric)

    for metric in ("fid(faces", "fid(pixels", "sliced W2(patches-7x7-at-32"):
        for seconds in (120, 240):
            assert (ratios(seconds, metric) > 1.7).all()
    assert round(ratios(120, "fid(faces").mean().item(), 1) == 2.5
    assert round(ratios(240, "fid(faces").mean().item(), 1) == 3.4
    assert ((ratios(480, "fid(faces") > 1.04) & (ratios(480, "fid(faces") < 1.08)).all()
    assert (ratios(480, "fid(pixels") < 1).all()
    # At equally many images of full size, the grown ones are nearer.
    assert (16 * at("grown", 480, "steps") - 35_000 < 1.1 * 16 * at("whole", 240, "steps")).all()
    for metric in ("fid(faces", "fid(pixels"):
        assert (at("grown", 480, metric) < at("whole", 240, metric)).all()


# Layers


@pytest.mark.parametrize(("n_in", "kernel"), [(512, 3), (16, 3), (16, 1)])
def test_adams_first_step_changes_equalised_layers_alike_and_others_by_their_fan_in(n_in: int, kernel: int):
    fan_in = n_in * kernel**2
    for how, expected in (("equalised", 1e-3), ("He", 1e-3 * math.sqrt(fan_in / 2))):
        with initialised_from(0, how):
            layer = nn.Conv2d(n_in, 16, kernel)
            if how == "equalised":
                equalised(layer)
            else:
                nn.init.kaiming_normal_(layer.weight)
        optimiser = torch.optim.Adam(layer.parameters(), 1e-3, betas=(0.0, 0.99))
        before = layer.weight.detach().clone()
        layer(Noise((0, "input"), 8).normal("x", n_in, 3, 3)).square().mean().backward()
        optimiser.step()
        change = (layer.weight.detach() - before).norm() / before.norm()
        assert abs(change.item() / expected - 1) < 0.15


def test_with_gradient_descent_an_equalised_layer_is_slower_by_the_square_of_its_factor():
    with initialised_from(0):
        stored, plain = equalised(nn.Linear(50, 7)), nn.Linear(50, 7)
    with torch.no_grad():
        plain.weight.copy_(stored.weight), plain.bias.copy_(stored.bias)
    x, moved = torch.randn(30, 50), []
    for layer in (stored, plain):
        before = layer.weight.detach().clone()
        layer(x).square().mean().backward()
        torch.optim.SGD(layer.parameters(), 0.1).step()
        moved.append(layer.weight.detach() - before)
    torch.testing.assert_close(moved[0], 2 / 50 * moved[1])


@pytest.mark.parametrize("n_channels", [16, 512])
@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_pixel_norm_gives_the_length_root_n(n_channels: int, scale: float):
    lengths = PixelNorm()(scale * torch.randn(2, n_channels, 3, 3)).square().sum(1).sqrt()
    torch.testing.assert_close(lengths, torch.full_like(lengths, math.sqrt(n_channels)), rtol=1e-3, atol=0)


def test_copies_get_a_map_near_zero_and_in_the_wrong_order_12_of_16_get_another_groups():
    features = torch.randn(16, 8, 4, 4, generator=torch.Generator().manual_seed(0))
    features[[0, 4, 8, 12]] = features[0].clone()
    right = MinibatchStd(4)(features)[:, -1, 0, 0]
    assert (right < 0.01).nonzero()[:, 0].tolist() == [0, 4, 8, 12]
    wrong = right[:4].repeat_interleave(4)
    assert (wrong != right).sum() == 12


@pytest.mark.parametrize("loss", ["WGAN-GP", "GAN, R1"])
def test_three_seeds_tell_neither_no_effect_nor_the_papers_from_what_the_map_does_to_modes(loss):
    def modes(method):
        rows = sorted((r for r in experiments.rows("minibatch-std") if r["method"] == method), key=lambda r: r["seed"])
        return [next(v for name, v in row["metrics"].items() if name.startswith("modes")) for row in rows]

    with_layer, without = modes(f"{loss}, minibatch std"), modes(loss)
    assert len(with_layer) == len(without) == 3
    assert sum(a > b for a, b in zip(with_layer, without, strict=True)) == 1
    interval = stats.ttest_rel(with_layer, without).confidence_interval(0.95)
    paper = PAPER["WGAN-GP, minibatch std"] - PAPER["WGAN-GP"]
    assert interval.low < 0 < paper == 24 < interval.high


@pytest.mark.parametrize("n", [8, 32])
def test_a_pyramid_to_one_pixel_has_a_third_more_numbers_than_the_image(n: int):
    bands = pyramid(torch.zeros(n, n), int(math.log2(n)) + 1)
    assert sum(band.numel() for band in bands) == (4 * n * n - 1) // 3
