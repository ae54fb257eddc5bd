"""What the chapter on the DCGAN says of networks and latents, beyond what its own cells compute."""

import itertools

import pytest
import torch
from torch import nn

from gancourse.data import digits
from gancourse.models import dcgan
from gancourse.models.dcgan import Guidelines
from gancourse.rng import Noise, initialised_from


def discriminator(batch_norm: str = "inside", on_pixels: bool = False) -> nn.Module:
    """A discriminator with biases, as after training: without any, even the guidelines make it blind to contrast."""
    with initialised_from(0):
        network = dcgan.Discriminator(8, guidelines=Guidelines(batch_norm=batch_norm))
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                nn.init.normal_(parameter, 0.0, 0.2)
    return nn.Sequential(nn.BatchNorm2d(1), network) if on_pixels else network


def relative_change(network: nn.Module, a: float, b: float) -> float:
    """How much the scores of 200 digits change under x → a·x + b, in units of their spread."""
    x = digits("test").first(200).x
    with torch.no_grad():
        before, after = network(x), network(a * x + b)
    return ((after - before).abs().mean() / before.std()).item()


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.0), (0.5, -0.5), (0.3, 0.7), (1.0, -0.2)])
def test_batch_norm_on_the_pixels_hides_brightness_and_contrast(a, b):
    assert relative_change(discriminator(on_pixels=True), a, b) < 1e-3


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.0), (0.5, -0.5), (0.3, 0.7), (1.0, -0.2)])
def test_a_discriminator_by_the_guidelines_sees_them(a, b):
    assert relative_change(discriminator(), a, b) > 0.02


def test_stored_statistics_let_batch_norm_on_the_pixels_see_brightness_again():
    network = discriminator(on_pixels=True)
    with torch.no_grad():
        for _ in range(50):
            network(digits("test").first(200).x)
    assert relative_change(network.eval(), 0.5, -0.5) > 0.02


def test_batch_norm_after_the_first_convolution_hides_contrast_but_not_brightness():
    assert relative_change(discriminator("everywhere"), 0.5, 0.0) < 0.03
    assert relative_change(discriminator("everywhere"), 0.5, -0.5) > 0.1


def before_tanh(batch_norm: str, key: int) -> torch.Tensor:
    with initialised_from(0):
        network = dcgan.Generator(16, 8, guidelines=Guidelines(batch_norm=batch_norm))
    with torch.no_grad():
        return network.layers[:-1](Noise((key,), 32).normal("z", 16)[:, :, None, None])


def test_batch_norm_at_the_output_fixes_mean_and_spread_of_every_batch():
    with initialised_from(0):
        network = dcgan.Generator(16, 8, guidelines=Guidelines(batch_norm="everywhere"))
    for key in range(5):
        made = before_tanh("everywhere", key)
        torch.testing.assert_close(made.mean(), network.layers[-2].bias[0].detach(), atol=1e-5, rtol=0)
        torch.testing.assert_close(
            made.std(correction=0), network.layers[-2].weight[0].abs().detach(), atol=0, rtol=5e-3
        )


def test_two_values_of_mean_0_and_deviation_1_have_their_lower_one_where_the_chapter_says():
    """A fifth of the pixels is ink: then BatchNorm at the output, at its start, leaves a background of dark grey."""
    pixels = torch.where(torch.arange(100) < 20, 1.0, 0.0).double()
    normalised = (pixels - pixels.mean()) / pixels.std(correction=0)
    torch.testing.assert_close(normalised.min().item(), -((0.2 / 0.8) ** 0.5))
    torch.testing.assert_close(normalised.min().tanh().item(), -0.46, atol=0.005, rtol=0)


def test_batch_norm_inside_leaves_them_free():
    means = torch.stack([before_tanh("inside", key).mean() for key in range(5)])
    spreads = torch.stack([before_tanh("inside", key).std() for key in range(5)])
    assert (means.std() / spreads.mean()).item() > 1e-4


def rank_p(one: list[float], other: list[float]) -> float:
    """The chapter's exact two-sided rank test."""
    ranks = sorted(one + other)
    own = sum(ranks.index(value) for value in one)
    middle = len(one) * (len(ranks) - 1) / 2
    ways = [sum(way) for way in itertools.combinations(range(len(ranks)), len(one))]
    return sum(abs(way - middle) >= abs(own - middle) for way in ways) / len(ways)


def test_the_rank_test_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    for key in range(10):
        one, other = Noise((key, "ranks"), 2).normal("x", 5).tolist()
        expected = stats.mannwhitneyu(one, other, method="exact").pvalue
        torch.testing.assert_close(rank_p(one, other), float(expected))


def test_five_of_one_below_five_of_the_other_is_two_of_252():
    assert rank_p([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == 2 / 252


def test_pooling_after_a_convolution_leaves_no_pixel_without_a_gradient():
    """A window's entries see overlapping squares of the image; of the feature map itself three of four get nothing."""
    with initialised_from(0):
        network = dcgan.Discriminator(8, guidelines=Guidelines(strided=False))
    x = digits("test").first(20).x.requires_grad_()
    features = network.body[0][0](x)
    features.retain_grad()
    nn.functional.max_pool2d(features, 2).square().sum().backward()
    assert (features.grad == 0).double().mean() >= 0.75
    assert (x.grad == 0).double().mean() < 0.05


# Kernel 2 with padding 1 leaves nothing of a single pixel, and torch refuses it.
SIZES = itertools.product((1, 4, 7), (2, 3, 4, 5), (1, 2, 3), (0, 1))
SIZES = [(n, k, s, p) for n, k, s, p in SIZES if (n, k, p) != (1, 2, 1)]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), SIZES)
def test_size_of_a_transposed_convolution(size, kernel, stride, padding):
    expected = (size - 1) * stride + kernel - 2 * padding
    layer = nn.ConvTranspose1d(1, 1, kernel, stride, padding)
    assert layer(torch.zeros(1, 1, size)).shape[-1] == expected


@pytest.mark.parametrize(("kernel", "stride"), list(itertools.product((1, 2, 3, 4, 5, 6), (1, 2, 3))))
def test_overlap_formula_counts_the_input_pixels_that_reach_an_output_pixel(kernel, stride):
    n = 12
    counts = nn.functional.conv_transpose1d(torch.ones(1, 1, n), torch.ones(1, 1, kernel), stride=stride)[0, 0]
    middle = range(6 * stride, 7 * stride)  # far from both ends for all kernels here
    formula = [(kernel - 1 - j % stride) // stride + 1 for j in middle]
    assert [int(counts[j]) for j in middle] == formula
    assert (len(set(formula)) == 1) == (kernel % stride == 0)


def test_fixed_weights_of_independent_latents_make_proper_latents_and_the_line_does_not():
    """10,000 pairs, d = 64: the mean of 640,000 squares has standard error 0.0018; five of them are allowed."""
    z0, z1 = (Noise((0, name), 10_000).normal("z", 64) for name in ("start", "end"))
    for t in (0.25, 0.5):
        phi = torch.tensor(t * torch.pi / 2)
        fixed, line = phi.cos() * z0 + phi.sin() * z1, (1 - t) * z0 + t * z1
        torch.testing.assert_close(fixed.square().mean(), torch.tensor(1.0), atol=0.009, rtol=0)
        torch.testing.assert_close(line.square().mean(), torch.tensor((1 - t) ** 2 + t**2), atol=0.009, rtol=0)


def midpoint_on_the_arc(z0: torch.Tensor, z1: torch.Tensor) -> torch.Tensor:
    angle = nn.functional.cosine_similarity(z0, z1, dim=1).acos()
    return (z0 + z1) / (2 * (angle / 2).cos())[:, None]


def test_the_norm_of_a_midpoint_on_the_arc_has_half_the_variance_of_a_latents():
    """10,000 pairs: a standard deviation of 0.5 or 0.7 has the standard error 0.004 or 0.005; five are allowed."""
    z0, z1 = (Noise((1, name), 10_000).normal("z", 64) for name in ("start", "end"))
    middle = midpoint_on_the_arc(z0, z1)
    torch.testing.assert_close(z0.norm(dim=1).std().item(), 0.70, atol=0.025, rtol=0)
    torch.testing.assert_close(middle.norm(dim=1).std().item(), 0.50, atol=0.02, rtol=0)
    torch.testing.assert_close(middle.norm(dim=1).mean(), z0.norm(dim=1).mean(), atol=0.06, rtol=0)


def test_the_squared_norm_of_a_midpoint_on_the_arc_of_orthogonal_latents_is_the_mean_of_theirs():
    z0, z1 = torch.tensor([[3.0, 0.0, 0.0]]), torch.tensor([[0.0, 4.0, 0.0]])
    torch.testing.assert_close(midpoint_on_the_arc(z0, z1).square().sum(), torch.tensor((9 + 16) / 2))


def test_enlarging_first_leaves_a_tenth_of_the_grid_at_most():
    """An untrained generator's energy of period 2, transposed convolution against nearest-neighbour upsampling."""

    def share(strided: bool, seed: int) -> float:
        with initialised_from(seed):
            network = dcgan.Generator(16, 8, guidelines=Guidelines(strided=strided))
        with torch.no_grad():
            x = network(Noise((seed,), 16).normal("z", 16))
        energy = torch.fft.fft2(x - x.mean((2, 3), keepdim=True)).abs().square().mean((0, 1))
        return ((energy[14].sum() + energy[:, 14].sum() - energy[14, 14]) / energy.sum()).item()

    for seed in range(3):
        assert share(strided=False, seed=seed) < share(strided=True, seed=seed) / 10


# Arithmetic with faces


def test_the_shift_of_classes_is_as_far_as_the_best_scores_move():
    rng = torch.Generator().manual_seed(0)
    usual, after = torch.rand(2, 6, generator=rng, dtype=torch.float64).softmax(1)
    shift = ((after - usual).square() / usual).sum().sqrt()

    def moved(scores):
        spread = (usual * (scores - usual @ scores).square()).sum().sqrt()
        return (after - usual) @ scores / spread

    torch.testing.assert_close(moved((after - usual) / usual), shift)
    others = torch.randn(1000, 6, generator=rng, dtype=torch.float64)
    assert max(moved(scores) for scores in others) < shift


def test_the_shift_of_two_classes_is_that_of_their_mean():
    usual, after = torch.tensor([0.3, 0.7]), torch.tensor([0.1, 0.9])
    shift = ((after - usual).square() / usual).sum().sqrt()
    torch.testing.assert_close(shift, (after[1] - usual[1]) / (usual[0] * usual[1]).sqrt())


def planted(share: float, n: int = 100) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Latents whose first number says glasses and whose second long hair; a share of the hair goes with the glasses."""
    glasses = torch.arange(2 * n) < n
    follows = torch.arange(2 * n) % n < round(share * n)
    long = glasses == follows
    noise = Noise(("planted",), 2 * n).normal("z", 8)
    noise[:, :2] = 2 * torch.stack([glasses, long], 1) - 1.0
    return noise, glasses, long


def difference(z: torch.Tensor, has_it: torch.Tensor) -> torch.Tensor:
    return z[has_it].mean(0) - z[~has_it].mean(0)


@pytest.mark.parametrize(("share", "hair"), [(0.5, 0.0), (0.75, 1.0), (0.9, 1.6), (1.0, 2.0)])
def test_a_difference_of_means_inherits_what_its_exemplars_share(share, hair):
    z, glasses, _ = planted(share)
    torch.testing.assert_close(difference(z, glasses)[:2], torch.tensor([2.0, hair]))


@pytest.mark.parametrize("share", [0.5, 0.75, 0.9, 0.99])
def test_within_groups_it_inherits_nothing(share):
    z, glasses, long = planted(share)
    within = (difference(z[long], glasses[long]) + difference(z[~long], glasses[~long])) / 2
    torch.testing.assert_close(within[:2], torch.tensor([2.0, 0.0]))


@pytest.mark.parametrize("m", [1, 3, 10, 100])
def test_the_noise_of_m_exemplars_has_the_norm_that_the_chapter_says(m):
    sides = Noise(("exemplars", m), 400 * 2 * m).normal("z", 64).view(400, 2, m, 64).mean(2)
    squares = (sides[:, 0] - sides[:, 1]).square().sum(1)
    # Squares have the relative spread √(2 / 64); the mean of 400 lies within five standard errors.
    torch.testing.assert_close(squares.mean().item(), 2 * 64 / m, rtol=5 * (2 / 64 / 400) ** 0.5, atol=0)
