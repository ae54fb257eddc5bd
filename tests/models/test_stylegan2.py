"""StyleGAN2: modulation in two forms, demodulation, resampling, gains, and the layers at the paper's size."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm
from torch.testing import assert_close

from gancourse.models import StyleGAN2, fold_if_possible
from gancourse.models.blocks import n_parameters
from gancourse.models.resampling import HalvedBilinearly, Smoothing, doubled_bilinearly
from gancourse.models.stylegan2 import Discriminator, Generator, Halving, ModulatedConvolution, StyledLayer, ToImage
from gancourse.rng import initialised_from
from gancourse.signature import Signature


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def layer(seed=0, **options):
    with initialised_from(seed):
        return ModulatedConvolution(6, 8, 5, **options)


def inputs(n=4, size=7):
    return drawn(n, 6, size, size, seed=1), drawn(n, 5, seed=2)


# Modulation


def modulated_weights(convolution, w):
    """The weights of each sample by equations 1 and 3 of the paper, [batch, out, in, k, k]."""
    s = convolution.affine(w)
    weights = s[:, None, :, None, None] * convolution.factor * convolution.weight
    if convolution.demodulate:
        weights = weights / (weights.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    return convolution.gain * weights


def grouped(convolution, x, w):
    """The textbook's form: one convolution of as many groups as samples, each with weights of its own."""
    weights = modulated_weights(convolution, w)
    n, n_out, n_in, k, _ = weights.shape
    x, size = x.reshape(1, n * n_in, *x.shape[2:]), x.shape[-1]
    if convolution.smoothing is None:
        y = functional.conv2d(x, weights.reshape(n * n_out, n_in, k, k), padding=k // 2, groups=n)
        return y.view(n, n_out, size, size)
    flipped = weights.flip(3, 4).transpose(1, 2).reshape(n * n_in, n_out, k, k)
    y = functional.conv_transpose2d(x, flipped, stride=2, groups=n)
    return convolution.smoothing(y.view(n, n_out, *y.shape[2:]))


@pytest.mark.parametrize("options", [{}, {"up": True}, {"demodulate": False}, {"kernel": 1}, {"gain": 2**0.5}], ids=str)
def test_scaled_channels_and_grouped_weights_give_the_same_images_and_gradients(options):
    convolution, (x, w) = layer(**options), inputs()
    ours, theirs = convolution(x, w), grouped(convolution, x, w)
    assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    weights = list(convolution.parameters())
    target = drawn(*ours.shape, seed=3)
    of_ours, of_theirs = (torch.autograd.grad((y * target).sum(), weights) for y in (ours, theirs))
    for a, b in zip(of_ours, of_theirs, strict=True):
        assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_so_does_a_loop_over_samples():
    convolution, (x, w) = layer(), inputs()
    loop = [
        functional.conv2d(one[None], own, padding=1)
        for one, own in zip(x, modulated_weights(convolution, w), strict=True)
    ]
    assert_close(convolution(x, w), torch.cat(loop), rtol=1e-5, atol=1e-5)


def test_demodulation_at_a_style_of_ones_is_weight_norm_with_g_of_one():
    convolution, (x, _) = layer(), inputs()
    normed = weight_norm(nn.Conv2d(6, 8, 3, padding=1, bias=False), dim=0)
    with torch.no_grad():
        normed.parametrizations.weight.original0.fill_(1.0)
        normed.parametrizations.weight.original1.copy_(convolution.weight)
        convolution.affine.parametrizations.weight.original.zero_()  # its bias is one
    assert_close(convolution(x, drawn(4, 5)), normed(x), rtol=1e-5, atol=1e-5)


def deviation(reduce):
    """Deviation of outputs where weights are divided by a root of their sum of squares over some axes; σ of it."""
    n_in, n_out, values = 64, 32, []
    x = drawn(16, n_in, 12, 12, seed=5)
    for seed in range(3):
        weight = drawn(n_out, n_in, 3, 3, seed=seed)
        s = (drawn(16, n_in, seed=10 + seed)).mul(1.0).exp()
        weights = s[:, None, :, None, None] * weight
        if reduce is not None:
            weights = weights / (weights.square().sum(reduce, keepdim=True) + 1e-8).sqrt()
        y = functional.conv2d(
            x.reshape(1, -1, 12, 12), weights.reshape(-1, n_in, 3, 3), groups=16
        )  # without a border of zeros
        values.append(y.std().item())
    return sum(values) / len(values)


def test_demodulation_sums_over_input_channels_and_kernel_and_keeps_unit_deviation():
    """Other axes, each found in public code, don't."""
    assert deviation((2, 3, 4)) == pytest.approx(1.0, abs=0.02)
    assert deviation((1, 3, 4)) == pytest.approx(2**0.5, abs=0.02)  # over the output channels; the style cancels
    assert deviation((2,)) > 2.5  # the kernel is left out
    assert deviation((0, 2, 3, 4)) < 0.5  # over the batch
    assert deviation(None) > 20


def test_demodulation_leaves_a_spike_s_other_pixels_alone_where_instance_norm_dims_them():
    """How a droplet sneaks signal strength past instance normalisation."""
    x = drawn(1, 1, 32, 32)
    x = (x - x.mean()) / x.std()
    others = {}
    for height in (0.0, 30.0, 100.0):
        spiked = x.clone()
        spiked[0, 0, 5, 5] += height
        normed = functional.instance_norm(spiked)
        normed[0, 0, 5, 5] = normed.mean()
        others[height] = normed.std().item()
    assert others[30.0] / others[0.0] == pytest.approx(0.73, abs=0.02)
    assert others[100.0] / others[0.0] == pytest.approx(0.305, abs=0.01)
    convolution = ModulatedConvolution(1, 1, 5, kernel=1)
    spiked = x.clone()
    spiked[0, 0, 5, 5] += 100
    keep = torch.ones(1, 1, 32, 32, dtype=torch.bool)
    keep[0, 0, 5, 5] = False
    w = drawn(1, 5)
    assert_close(convolution(spiked, w)[keep], convolution(x, w)[keep])


def test_a_layer_is_convolution_noise_bias_and_a_leaky_relu_times_root_two():
    x, w = inputs()
    noise = drawn(4, 1, 14, 14, seed=4)
    with initialised_from(0):
        styled = StyledLayer(6, 8, 5, up=True)
    with torch.no_grad():
        styled.bias.normal_()
        styled.noise_scale.fill_(0.7)
    styled.convolution.gain = 1.0
    plain = styled.convolution(x, w)
    styled.convolution.gain = 2**0.5
    expected = plain + 0.7 * noise + styled.bias[:, None, None]
    assert_close(styled(x, w, noise), 2**0.5 * functional.leaky_relu(expected, 0.2), rtol=1e-5, atol=1e-5)
    expected = plain + styled.bias[:, None, None]
    assert_close(styled(x, w), 2**0.5 * functional.leaky_relu(expected, 0.2), rtol=1e-5, atol=1e-5)


def test_noise_and_biases_start_at_zero_and_styles_at_one():
    with initialised_from(0):
        generator = Generator(5, (6, 4))
    for module in generator.modules():
        if isinstance(module, StyledLayer):
            assert module.noise_scale.ndim == 0  # one for all channels; StyleGAN has one for each
            assert not module.noise_scale.any()
        if isinstance(module, StyledLayer | ToImage):
            assert not module.bias.any()
            assert (module.convolution.affine.bias == 1).all()
            assert 0.5 < module.convolution.weight.std() < 1.5  # scaled at each use
    assert not any(m.bias.any() for m in generator.mapping.modules() if isinstance(m, nn.Linear))


def test_colours_are_modulated_but_not_demodulated():
    with initialised_from(0):
        to_image = ToImage(6, 3, 5)
    x, w = inputs()
    s = to_image.convolution.affine(w)
    assert_close(
        to_image(x, w), torch.einsum("nihw,ni,oi->nohw", x, s, to_image.convolution.weight[..., 0, 0]) / 6**0.5
    )


# Resampling


def test_doubling_is_bilinear_interpolation_inside():
    """Zeros between samples, and the filter 1, 3, 3, 1."""
    x = drawn(2, 3, 6, 6)
    ones = torch.zeros(3, 3, 1, 1)
    ones[range(3), range(3)] = 1.0
    doubled = Smoothing(padding=2, gain=4.0)(functional.conv_transpose2d(x, ones, stride=2))
    assert_close(doubled[..., 1:-1, 1:-1], doubled_bilinearly(x)[..., 1:-1, 1:-1])


def test_halving_is_antialiased_bilinear_interpolation_inside():
    x = drawn(2, 3, 8, 8)
    expected = functional.interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True)
    halved = HalvedBilinearly()(x)
    assert_close(halved[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])
    assert_close(halved, Smoothing(padding=1)(x)[..., ::2, ::2])
    wrong = functional.avg_pool2d(x, 2)  # the twin
    assert (wrong - expected).abs()[..., 1:-1, 1:-1].max() > 0.1


def test_a_doubling_layer_s_image_is_upsampled_then_convolved():
    convolution, (x, w) = layer(up=True), inputs()
    s, d = convolution.scales(w)
    scaled = functional.pad(x * s[..., None, None], (2, 2, 2, 2))
    doubled = functional.interpolate(scaled, scale_factor=2, mode="bilinear")
    expected = functional.conv2d(doubled, convolution.factor * convolution.weight, padding=1) * d[..., None, None]
    assert_close(convolution(x, w)[..., 2:-2, 2:-2], expected[..., 6:-6, 6:-6], rtol=1e-4, atol=1e-5)


def test_a_halving_block_is_the_sum_of_both_branches_divided_by_root_two():
    with initialised_from(0):
        block = Halving(3, 4)
    for module in block.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            with torch.no_grad():
                target = getattr(module, "parametrizations", {})
                bias = target.bias.original if "bias" in target else module.bias
                bias.normal_()
    first, last = (m for m in block.branch if isinstance(m, nn.Conv2d))
    shortcut = block.shortcut[1]

    def own(convolution):
        """Weight and bias as the paper has them: of unit gain."""
        parts = convolution.parametrizations
        bias = None if convolution.bias is None else (parts.bias.original if "bias" in parts else convolution.bias)
        return parts.weight.original / math.sqrt(convolution.weight[0].numel()), bias

    x = drawn(2, 3, 8, 8)

    def activated(y):
        return 2**0.5 * functional.leaky_relu(y, 0.2)

    h = activated(functional.conv2d(x, *own(first), padding=1))
    h = activated(functional.conv2d(Smoothing(padding=2)(h), *own(last), stride=2))
    skipped = functional.conv2d(HalvedBilinearly()(x), own(shortcut)[0])
    assert_close(block(x), (h + skipped) / 2**0.5, rtol=1e-5, atol=1e-5)


def sizes_of(modules, network, x):
    """Root mean square of the modules' outputs."""
    sizes = []
    hooks = [m.register_forward_hook(lambda m, args, y: sizes.append(y.square().mean().sqrt().item())) for m in modules]
    network(x)
    for hook in hooks:
        hook.remove()
    return sizes


def test_activations_keep_their_size_through_both_networks():
    """What equalised weights and gains are for; filters take away the noisy part of what isn't smooth yet."""
    fits = Signature((3, 32, 32))
    with initialised_from(0):
        generator, critic = StyleGAN2(64, (48, 48, 32, 32)).pair(fits, fits)
    z, flat = drawn(8, 64), drawn(8, 3, 1, 1).expand(-1, -1, 32, 32)
    blocks = [module for module in critic.body if isinstance(module, Halving)]
    sizes = [*sizes_of(generator.layers, generator, z), *sizes_of(blocks, critic, flat)]
    assert len(sizes) == 10
    assert all(0.35 < size < 1.1 for size in sizes)
    for module in generator.layers:  # without the gain of √2, what demodulation doesn't restore is lost
        module.convolution.gain = 1.0
    assert sizes_of(generator.layers, generator, z)[-1] < sizes[6] / 1.3


def test_the_image_is_the_sum_of_those_of_all_resolutions():
    with initialised_from(0):
        generator = Generator(5, (6, 4, 4)).eval()
    w = generator.styles(drawn(2, 5))
    images = []
    for module in generator.to_image:
        module.register_forward_hook(lambda module, args, out: images.append(out))
    whole = generator.synthesis(w)
    enlarged = doubled_bilinearly(doubled_bilinearly(images[0])) + doubled_bilinearly(images[1]) + images[2]
    assert_close(whole, enlarged)


def test_each_layer_has_its_own_style_and_an_image_that_of_the_next_layer():
    with initialised_from(0):
        generator = Generator(5, (6, 4, 4)).eval()
    w = generator.styles(drawn(1, 5))
    calls = {}
    for kind, modules in (("layer", generator.layers), ("image", generator.to_image)):
        for i, module in enumerate(modules):
            module.register_forward_pre_hook(
                lambda module, args, key=(kind, i): calls.update({key: args[1][0, 0].item()})
            )
    numbered = w.clone()
    numbered[0] = torch.arange(6.0)[:, None]
    generator.synthesis(numbered)
    assert [calls["layer", i] for i in range(5)] == [0, 1, 2, 3, 4]
    assert [calls["image", i] for i in range(3)] == [1, 3, 5]


def gradients_of(generator, critic, z, x):
    """Outputs, path lengths' gradients in the styles, and the critic's gradients in images, each differentiated."""
    w = generator.styles(z)
    images, scores = generator.synthesis(w), critic(x)
    (in_w,) = torch.autograd.grad(images.sin().sum(), w, create_graph=True)
    (in_x,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    weights = [*generator.parameters(), *critic.parameters()]
    losses = in_w.square().sum() + in_x.square().sum() + scores.sum()
    return [images, scores, in_w, in_x, *torch.autograd.grad(losses, weights, materialize_grads=True)]


@pytest.mark.parametrize("is_folded", [False, True])
def test_folded_and_channels_last_networks_have_the_same_gradients_twice(is_folded):
    family, fits = StyleGAN2(8, (8, 8, 6), group=2), Signature((3, 16, 16))
    with initialised_from(0):
        networks = family.pair(fits, fits)
    x, z = drawn(4, 3, 16, 16).requires_grad_(), drawn(4, 8)
    expected = gradients_of(*networks, z, x)
    for network in networks:
        network.to(memory_format=torch.channels_last)
    if is_folded:
        assert fold_if_possible(networks[1], in_place=True)
    x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    for ours, theirs in zip(gradients_of(*networks, z, x), expected, strict=True):
        assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * theirs.abs().max().item())


# The paper's size


@pytest.fixture(scope="module")
def paper():
    widths = (512, 512, 512, 512, 512, 256, 128, 64, 32)
    fits = Signature((3, 1024, 1024))
    with torch.device("meta"):
        return StyleGAN2(512, widths, depth=8).pair(fits, fits)


# As the official program prints them for 1024 × 1024: 28,794,124 with a mapping of two layers of 262,656 each, where
# the paper has eight; and 29,012,513. The paper gives 30 and 29 million.
LAYERS = [2622465, *[2622465] * 8, 1442561, 721409, 426369, 213249, 139457, 69761, 51297, 25665]
IMAGES = [*[264195] * 5, 132099, 66051, 33027, 16515]
SHORTCUTS = [2048, 8192, 32768, 131072, *[262144] * 4]
BRANCHES = [(9248, 18496), (36928, 73856), (147584, 295168), (590080, 1180160), *[(2359808, 2359808)] * 4]


def test_every_layer_of_the_generator_has_the_official_number_of_weights(paper):
    generator, _ = paper
    linear = [n_parameters(m) for m in generator.mapping.modules() if isinstance(m, nn.Linear)]
    assert linear == [262_656] * 8
    assert [n_parameters(module) for module in generator.layers] == LAYERS
    assert [n_parameters(module) for module in generator.to_image] == IMAGES
    assert n_parameters(generator) == 28_794_124 + 6 * 262_656 == 30_370_060
    assert generator.n_layers == 18


def test_every_layer_of_the_discriminator_has_too(paper):
    _, critic = paper
    blocks = [module for module in critic.body if isinstance(module, Halving)]
    assert [n_parameters(block.shortcut) for block in blocks] == SHORTCUTS
    assert [tuple(n_parameters(m) for m in block.branch if isinstance(m, nn.Conv2d)) for block in blocks] == BRANCHES
    rest = [n_parameters(m) for m in [*critic.body, *critic.head] if isinstance(m, nn.Conv2d | nn.Linear)]
    assert rest == [128, 2_364_416, 4_194_816, 513]
    assert n_parameters(critic) == 29_012_513


def test_feature_maps_have_the_paper_s_sizes(paper):
    generator, critic = paper
    shapes = []
    for module in [*generator.layers, *(m for m in critic.body if isinstance(m, Halving))]:
        module.register_forward_hook(lambda module, args, out: shapes.append(tuple(out.shape[1:])))
    with torch.device("meta"):
        assert generator(torch.zeros(1, 512)).shape == (1, 3, 1024, 1024)
        assert critic(torch.zeros(4, 3, 1024, 1024)).shape == (4,)
    resolutions = [4 * 2**i for i in range(9)]
    widths = dict(zip(resolutions, (512, 512, 512, 512, 512, 256, 128, 64, 32), strict=True))
    assert shapes[:17] == [(widths[r], r, r) for r in resolutions for _ in range(2)][1:]
    assert shapes[17:] == [(widths[r], r, r) for r in reversed(resolutions[:-1])]


def test_the_discriminator_refuses_what_it_isn_t_for():
    with pytest.raises(ValueError, match=r"x has shape \(4, 3, 8, 8\); expected \[batch, 3, 16, 16\]"):
        Discriminator((4, 4, 4))(torch.zeros(4, 3, 8, 8))
    with pytest.raises(ValueError, match="a batch of 6 has no groups of 4; pass a batch_size that 4 divides"):
        Discriminator((4, 4, 4))(torch.zeros(6, 3, 16, 16))
    with pytest.raises(ValueError, match="groups of 1; the samples of a group are compared, so pass at least 2"):
        Discriminator((4, 4, 4), group=1)
