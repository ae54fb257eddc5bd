"""Claims of chapter 12 (StyleGAN) that no test of the package makes."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, instance_norm, leaky_relu, pad
from torch.nn.utils.parametrizations import weight_norm

from gancourse import experiments, metrics
from gancourse.checks.ch12_stylegan.demodulation import demodulated_weights
from gancourse.checks.ch12_stylegan.layer_styles import mixed_styles, truncated_styles
from gancourse.checks.ch12_stylegan.normalisation import adain
from gancourse.checks.ch12_stylegan.path_problems import PROBLEMS, Problem, call_of
from gancourse.checks.ch12_stylegan.path_problems import path_length_penalty as exercise_penalty
from gancourse.models import StyleGAN2
from gancourse.models.alias_free import low_pass
from gancourse.models.equal_rates import equalised_with_gain
from gancourse.models.stylegan import instance_normalised
from gancourse.models.stylegan2 import ModulatedConvolution
from gancourse.models.styles import Mapping
from gancourse.objectives import path_length_penalty, path_lengths
from gancourse.rng import Noise, initialised_from
from gancourse.signature import Signature

SMALL = StyleGAN2(latent_size=16, widths=(16, 12, 8), depth=4)
IMAGES_16 = Signature((3, 16, 16))


def normal(*shape: int, key: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(key), dtype=torch.float64)


# The mapping


@pytest.mark.parametrize("factor", [0.01, 0.5, 10.0])
def test_the_mapping_forgets_the_length_of_z_and_not_that_of_w(factor: float):
    with initialised_from(0):
        mapping = Mapping(64, depth=8)
    z = Noise((0, "z"), 200).normal("z", 64)
    w = mapping(z)
    torch.testing.assert_close(mapping(factor * z), w, rtol=1e-3, atol=1e-4)
    lengths = w.norm(dim=1)
    assert lengths.std() / lengths.mean() > 0.1


def test_a_mapping_that_normalises_each_layer_would_make_all_w_equally_long():
    with initialised_from(0):
        norm, *layers = Mapping(64, depth=3).layers
    w = Noise((0, "z"), 200).normal("z", 64)
    for layer in [norm, *layers]:
        w = norm(layer(w)) if isinstance(layer, nn.LeakyReLU) else layer(w)
    torch.testing.assert_close(w.norm(dim=1), torch.full((200,), 8.0), rtol=1e-4, atol=0)


@pytest.mark.parametrize("multiplier", [1.0, 0.01])
def test_the_multiplier_is_the_share_of_adams_first_step_and_leaves_the_function(multiplier: float):
    layers = []
    for m in (1.0, multiplier):
        with initialised_from(0):
            layers.append(equalised_with_gain(nn.Linear(64, 64), gain=1.0, multiplier=m))
    x = Noise((0, "x"), 128).normal("x", 64)
    torch.testing.assert_close(*(layer(x) for layer in layers))
    layer, before = layers[1], layers[1].weight.detach().clone()
    optimiser = torch.optim.Adam(layer.parameters(), 1e-3, betas=(0.0, 0.99))
    layer(x).square().sum().backward()
    optimiser.step()
    change = (layer.weight.detach() - before).norm() / before.norm()
    assert abs(change.item() / (1e-3 * multiplier) - 1) < 0.05


# Statistics of maps


@pytest.mark.parametrize("size", [4, 8, 32])
def test_the_unbiased_variance_is_off_by_the_root_of_n_over_n_minus_1(size: int):
    x = normal(5, 3, size, size)
    biased, unbiased = (x.std((2, 3), correction=c) for c in (0, 1))
    n = size * size
    torch.testing.assert_close(unbiased / biased, torch.full_like(biased, math.sqrt(n / (n - 1))))
    by_torch = instance_norm(x, eps=1e-12)
    torch.testing.assert_close(by_torch.std((2, 3), correction=0), torch.ones_like(biased))


@pytest.mark.parametrize("spike", [3.0, 30.0, 100.0])
def test_a_spike_scales_the_rest_of_a_normalised_map_as_the_formula_says_and_nothing_after_demodulation(spike: float):
    x = normal(4, 32, 32, 32)
    x = x / x.std((2, 3), correction=0, keepdim=True)
    spiked, rest = x.clone(), torch.ones(32, 32, dtype=torch.bool)
    spiked[..., 12, 20] += spike
    rest[12, 20] = False
    share = instance_norm(spiked)[..., rest].std(-1).mean().item()
    assert abs(share - 1 / math.sqrt(1 + spike**2 / 1024)) < 0.01
    # The same energy as a gain of the whole map is forgotten.
    torch.testing.assert_close(instance_norm(spike * x), instance_norm(x), rtol=1e-3, atol=1e-3)
    with initialised_from(0):
        layer = ModulatedConvolution(32, 16, 8, kernel=1)
    w = normal(4, 8, key=1).float()
    torch.testing.assert_close(layer(spiked.float(), w)[..., rest], layer(x.float(), w)[..., rest])


def test_far_from_a_spike_a_convolution_and_an_instance_norm_shrink_and_two_other_layers_dont():
    x = normal(2, 32, 32, 32).float()
    spiked, rest = x.clone(), torch.ones(32, 32, dtype=torch.bool)
    spiked[..., 12, 20] += 100
    rest[11:14, 19:22] = False
    with initialised_from(0):
        layer = ModulatedConvolution(32, 16, 8)
    w = normal(2, 8, key=1).float()
    s, _ = layer.scales(w)
    undivided, undivided_spiked = (layer.convolved(v * s[:, :, None, None]) for v in (x, spiked))
    torch.testing.assert_close(undivided_spiked[..., rest], undivided[..., rest])
    torch.testing.assert_close(layer(spiked, w)[..., rest], layer(x, w)[..., rest])
    norms = [instance_norm(v)[..., rest].std(-1).mean() for v in (undivided_spiked, undivided)]
    assert 0.25 < norms[0] / norms[1] < 0.4


def test_the_spike_of_the_exercise_gives_the_deviation_that_was_asked_for():
    n, c = 64 * 64, 0.4
    assert abs(1 / math.sqrt(1 + (math.sqrt(n * (1 / c**2 - 1))) ** 2 / n) - c) < 1e-12


# Modulation


def own_weights(weight: torch.Tensor, style: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    own = weight * style[:, None, :, None, None]
    return own * (own.square().sum(axes, keepdim=True) + 1e-8).rsqrt()


def grouped(x: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    n, n_out = own.shape[:2]
    y = conv2d(x.reshape(1, -1, *x.shape[2:]), own.flatten(0, 1), groups=n)
    return y.view(n, n_out, *y.shape[2:])


def test_scaling_in_and_out_is_the_grouped_form():
    x, weight, style = normal(3, 5, 8, 6), normal(4, 5, 3, 3, key=1), normal(3, 5, key=2).exp()
    d = (style.square() @ weight.square().sum((2, 3)).T + 1e-8).rsqrt()
    scaled = conv2d(x * style[:, :, None, None], weight) * d[:, :, None, None]
    torch.testing.assert_close(scaled, grouped(x, own_weights(weight, style, (2, 3, 4))))


def test_demodulation_at_equal_styles_is_weight_normalisation():
    layer = nn.Conv2d(5, 4, 3, bias=False, dtype=torch.float64)
    weight = layer.weight.detach().clone()
    normalised = weight_norm(layer, dim=0)
    with torch.no_grad():
        normalised.parametrizations.weight.original0.fill_(1.0)
    own = own_weights(weight, torch.ones(1, 5, dtype=torch.float64), (2, 3, 4))[0]
    torch.testing.assert_close(own, normalised.weight.detach())


@pytest.mark.parametrize(("n_out", "wrong_deviation"), [(64, 1.0), (16, 2.0)])
def test_over_the_wrong_axis_a_square_layer_keeps_its_deviation_and_ignores_the_style(
    n_out: int, wrong_deviation: float
):
    x, weight = normal(8, 64, 16, 16), normal(n_out, 64, 3, 3, key=1)
    styles = [(4 * torch.rand(8, 64, generator=torch.Generator().manual_seed(k)).double() - 2).exp() for k in (2, 3)]
    for axes, deviation, has_effect in (((2, 3, 4), 1.0, True), ((1, 3, 4), wrong_deviation, False)):
        y, other = (grouped(x, own_weights(weight, s, axes)) for s in styles)
        assert abs(y.std((2, 3)).mean().item() - deviation) < 0.03
        assert ((y - other).norm() / y.norm() > 0.5).item() == has_effect
    plain = grouped(x, weight * styles[0][:, None, :, None, None]).std((2, 3)).mean()
    expected = math.sqrt(64 * 9 * (math.exp(4) - math.exp(-4)) / 8)  # the mean of s² over e^(−2 … 2)
    assert abs(plain.item() / expected - 1) < 0.1


def test_inputs_that_agree_with_weights_of_one_sign_break_the_assumption_of_demodulation():
    x = math.sqrt(0.7) * normal(8, 64, 16, 16) + math.sqrt(0.3) * normal(8, 1, 16, 16, key=5)
    style, weight = (
        (4 * torch.rand(8, 64, generator=torch.Generator().manual_seed(2)).double() - 2).exp(),
        normal(16, 64, 3, 3),
    )
    random, positive = (grouped(x, own_weights(w, style, (2, 3, 4))).std((2, 3)).mean() for w in (weight, weight.abs()))
    assert abs(random - 1) < 0.05
    assert positive > 2


# Noise


def test_a_noise_factor_at_zero_has_a_gradient_whose_mean_over_the_noises_signs_is_zero():
    with initialised_from(0):
        generator, discriminator = SMALL.pair(IMAGES_16, IMAGES_16)
    generator.eval()
    factors = [layer.noise_scale for layer in generator.layers]
    w = generator.repeated(normal(4, 16).float()).detach()

    def gradients(noise: torch.Tensor) -> torch.Tensor:
        loss = nn.functional.softplus(-discriminator(generator.synthesis(w, noise))).mean()
        return torch.stack(torch.autograd.grad(loss, factors))

    noise = normal(4, generator.n_noise, key=1).float()
    one, other = gradients(noise), gradients(-noise)
    assert one.abs().max() > 1e-3
    torch.testing.assert_close(one, -other, rtol=0, atol=0)
    with torch.no_grad():
        for factor in factors:
            factor.fill_(0.5)
    assert (gradients(noise) + gradients(-noise)).abs().max() > 1e-4


# Readings of mixed styles


def kept_and_followed(one: torch.Tensor, two: torch.Tensor, mixed: torch.Tensor) -> list[float]:
    x = torch.stack([one, two], 1)
    return torch.linalg.lstsq(x, mixed[:, None]).solution[:, 0].tolist()


def test_an_unrelated_face_has_a_share_of_one_half_and_neither_keeps_nor_follows():
    one, two, other = normal(3, 20_000)
    shares = [((m - one) * (two - one)).sum() / (two - one).square().sum() for m in (other, (one + two) / 2)]
    assert all(abs(share - 0.5) < 0.02 for share in shares)
    assert all(abs(value) < 0.03 for value in kept_and_followed(one, two, other))
    assert kept_and_followed(one, two, (one + two) / 2) == pytest.approx([0.5, 0.5])


# Path lengths


def linear(singular_values: torch.Tensor) -> torch.Tensor:
    """A linear generator of 768 numbers with these, of length √8."""
    u, _, vt = torch.linalg.svd(normal(768, 8), full_matrices=False)
    values = singular_values.double() / singular_values.norm() * math.sqrt(8)
    return (u * values) @ vt


def lengths_of(matrix: torch.Tensor, n: int = 20_000) -> torch.Tensor:
    return (normal(n, 768, key=1) @ matrix).norm(dim=1)


def test_of_linear_generators_the_worst_conditioned_has_the_shortest_and_least_even_lengths():
    even, uneven = (lengths_of(linear(s)) for s in (torch.ones(8), torch.logspace(0, -2, 8)))
    for lengths in (even, uneven):
        assert abs(lengths.square().mean().item() / 8 - 1) < 0.05
    assert uneven.mean() < 0.95 * even.mean()
    penalties = [path_length_penalty(v, v.mean()).mean().item() for v in (even, uneven)]
    assert penalties[1] > 3 * penalties[0]
    # The mean of a chi variable with 8 degrees of freedom.
    mean = math.sqrt(2) * math.gamma(4.5) / math.gamma(4)
    assert abs(even.mean().item() - mean) < 0.02
    assert abs(penalties[0] - (8 - mean**2)) < 0.02


@pytest.mark.parametrize("starts_at_mean", [False, True])
def test_the_penalty_alone_makes_a_linear_generator_more_even_and_smaller(starts_at_mean: bool):
    matrix = torch.logspace(0, -1, 8).double().diag()
    matrix = matrix / matrix.norm()
    directions = normal(1000, 32, 8, key=1)
    mean = (directions @ matrix).norm(dim=2).mean() if starts_at_mean else 0.0
    for y in directions:
        matrix = matrix.requires_grad_()
        lengths = (y @ matrix).norm(dim=1)
        (gradient,) = torch.autograd.grad(path_length_penalty(lengths, mean).mean(), matrix)
        mean = 0.99 * mean + 0.01 * lengths.detach().mean()
        matrix = matrix.detach() - 0.02 * gradient
    values = torch.linalg.svdvals(matrix)
    assert values[0] / values[-1] < 1.5
    size = values.norm().item()
    assert 0.4 < size < 0.7 if starts_at_mean else size < 0.2


def test_the_variance_of_the_squared_length_is_that_of_the_exercise():
    values = torch.linspace(0.3, 2, 8).double()
    matrix = linear(values)
    values = torch.linalg.svdvals(matrix)
    squares = lengths_of(matrix).square()
    assert abs(squares.mean().item() / values.square().sum().item() - 1) < 0.05
    assert abs(squares.var().item() / (2 * values.pow(4).sum().item()) - 1) < 0.1


def test_a_backward_pass_gives_the_product_with_the_jacobian():
    with initialised_from(0):
        generator = SMALL.generator(IMAGES_16).eval()
    w = generator.repeated(normal(1, 16).float()).detach().clone().requires_grad_()
    y = normal(1, 3, 16, 16, key=2).float()
    images = generator.synthesis(w)
    jacobian = torch.autograd.functional.jacobian(lambda v: generator.synthesis(v).flatten(), w)
    product = torch.einsum("p,pnld->nld", y.flatten(), jacobian)
    expected = product.square().sum(2).mean(1).sqrt()
    torch.testing.assert_close(path_lengths(images, w, y).detach(), expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("size", [4, 8, 32, 1024])
def test_the_papers_weight_is_2_for_means_over_pixels_and_layers(size: int):
    gamma = math.log(2) / (size**2 * (math.log(size) - math.log(2)))
    assert math.isclose(gamma, 2 / (size**2 * (2 * math.log2(size) - 2)))


# Checks of the exercises


def test_the_checks_answers_are_the_packages():
    x, scale, bias = normal(2, 3, 4, 5), normal(2, 3, key=1), normal(2, 3, key=2)
    maps = [v[:, :, None, None] for v in (scale, bias)]
    torch.testing.assert_close(adain(x, scale, bias), maps[0] * instance_normalised(x) + maps[1])

    with initialised_from(0):
        layer = ModulatedConvolution(3, 4, 6)
    w, weight = normal(2, 6, key=3).float(), layer.factor * layer.weight.detach()
    own = demodulated_weights(weight, layer.affine(w))
    by_own = torch.stack([conv2d(a[None], v, padding=1)[0] for a, v in zip(x.float(), own, strict=True)])
    torch.testing.assert_close(by_own, layer(x.float(), w))

    with initialised_from(0):
        generator = SMALL.generator(IMAGES_16)
    w, second = normal(4, 6, 16).float(), normal(4, 6, 16, key=1).float()
    crossover = torch.tensor([0, 2, 5, 6])
    torch.testing.assert_close(mixed_styles(w, second, crossover), generator.mixed(w, second, crossover))
    generator.mean_w.copy_(normal(16, key=2))
    truncated = generator.truncated(w, 0.6, n_layers=4)
    torch.testing.assert_close(truncated_styles(w, generator.mean_w, 0.6, 4), truncated)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.about)
def test_the_penalty_of_the_exercise_is_the_packages(problem: Problem):
    call = call_of(problem, torch.float64)
    penalty, _ = exercise_penalty(call)
    y = call.noise / call.images[0, 0].numel() ** 0.5
    torch.testing.assert_close(penalty, path_length_penalty(path_lengths(call.images, call.styles, y), call.mean))


# Counts


@pytest.mark.parametrize("size", [4, 8, 16, 32])
def test_an_image_has_as_many_styles_and_as_much_noise_as_the_exercise_says(size: int):
    widths = (4,) * (int(math.log2(size)) - 1)
    generator = StyleGAN2(latent_size=4, widths=widths, depth=1).generator(Signature((3, size, size)))
    assert generator.n_layers == 2 * math.log2(size) - 2
    assert len(generator.noise_sizes) == 2 * math.log2(size) - 3
    assert generator.n_noise == 16 + 8 * (size**2 - 16) / 3


def test_the_noise_of_a_large_image_has_the_number_that_the_exercise_names():
    assert 16 + 8 * (1024**2 - 16) // 3 == 2_796_176


# Aliases


def band_limited() -> torch.Tensor:
    frequency = torch.fft.fftfreq(32).abs()
    keep = (frequency[:, None] < 0.35) & (frequency < 0.35)
    return torch.fft.ifft2(torch.fft.fft2(normal(1, 8, 32, 32)) * keep).real


def convolved(x: torch.Tensor) -> torch.Tensor:
    return conv2d(pad(x, (1, 1, 1, 1), mode="circular"), normal(8, 8, 3, 3, key=1) / math.sqrt(72))


def filtered(x: torch.Tensor, taps: torch.Tensor) -> torch.Tensor:
    n, k = x.shape[1], len(taps)
    x = pad(x, ((k - 1) // 2, k // 2, (k - 1) // 2, k // 2), mode="circular")
    return conv2d(x, torch.outer(taps, taps).expand(n, 1, k, k), groups=n)


def on_a_finer_grid(cutoff: float):
    taps = low_pass(12, cutoff, (math.sqrt(2) - 1) / 2, 2.0)

    def nonlinearity(x: torch.Tensor) -> torch.Tensor:
        fine = x.new_zeros(*x.shape[:2], 64, 64)
        fine[..., ::2, ::2] = x
        return filtered(leaky_relu(4 * filtered(fine, taps), 0.2), taps)[..., ::2, ::2]

    return nonlinearity


def decibels(nonlinearity, moves: tuple[tuple[float, float], ...]) -> float:
    layer = lambda x: nonlinearity(convolved(x))  # noqa: E731
    return metrics.translation_equivariance(layer, band_limited(), torch.tensor(moves), margin=0)


def test_moves_by_parts_of_pixels_tell_three_layers_apart_and_moves_by_whole_ones_dont():
    critical, below = on_a_finer_grid(0.5), on_a_finer_grid(0.5 - (math.sqrt(2) - 1) / 2)
    layers = [lambda x: leaky_relu(x, 0.2), critical, below]
    parts = [decibels(layer, ((0.5, 0.5), (0.25, -0.3))) for layer in layers]
    assert parts[0] + 8 < parts[1] < parts[2] - 12
    assert all(decibels(layer, ((1.0, 1.0), (3.0, -2.0))) > 200 for layer in layers)


def test_moves_by_whole_pixels_find_zero_padding_a_stride_and_fixed_noise():
    noise = normal(1, 1, 32, 32, key=3)

    def zeros_outside(x):
        return leaky_relu(conv2d(x, normal(8, 8, 3, 3, key=1) / math.sqrt(72), padding=1), 0.2)

    def strided(x):
        y = leaky_relu(convolved(x), 0.2)[..., ::2, ::2]
        return y.repeat_interleave(2, 2).repeat_interleave(2, 3)

    def noisy(x):
        return leaky_relu(convolved(x) + 0.1 * noise, 0.2)

    def measured(layer, *moves):
        return metrics.translation_equivariance(layer, band_limited(), torch.tensor(moves), margin=0)

    assert all(measured(layer, (1.0, 1.0), (3.0, -2.0)) < 50 for layer in (zeros_outside, strided, noisy))
    assert measured(strided, (2.0, 4.0)) > 200 > measured(noisy, (2.0, 4.0))


def test_equivariance_doesnt_see_that_a_layer_is_a_quarter_as_strong():
    layer = on_a_finer_grid(0.5 - (math.sqrt(2) - 1) / 2)
    move = ((0.5, 0.25),)
    assert abs(decibels(layer, move) - decibels(lambda x: layer(x / 4), move)) < 0.01


# Trainings


def recorded(method: str, start: str) -> torch.Tensor:
    """A metric of the rows of `path-lengths`, by seed."""
    rows = sorted((r for r in experiments.rows("path-lengths") if r["method"] == method), key=lambda r: r["seed"])
    assert [row["seed"] for row in rows] == [0, 1, 2]
    return torch.tensor([next(v for name, v in row["metrics"].items() if name.startswith(start)) for row in rows])


def test_the_lead_of_w_over_a_generator_without_a_mapping_is_narrower_than_before_training():
    z, w = "path length in Z / distance", "path length in W / distance"
    leads = recorded("mapping", w) / recorded("no mapping", z)
    leads_before = recorded("mapping", f"untrained {w}") / recorded("no mapping", f"untrained {z}")
    assert (leads < 0.8).all()
    assert (leads > leads_before).all()
    # A mapping stretches Z, and without one straight lines leave the sphere that the generator was trained on.
    assert (recorded("mapping", z) > 1.5 * recorded("no mapping", z)).all()
    assert (recorded("no mapping", f"untrained {w}") < recorded("no mapping", f"untrained {z}")).all()
    assert (recorded("no mapping", w) > recorded("no mapping", z)).all()


@pytest.mark.parametrize("start", ["spread of", "path length in W / distance", "fid(faces"])
def test_three_seeds_show_no_effect_of_the_penalty(start: str):
    difference = recorded("mapping, penalty", start) - recorded("mapping", start)
    assert (difference.mean() / (difference.std() / 3**0.5)).abs() < 4.3  # the 95 % point of Student's t with 2 degrees
