"""ProGAN: the paper's table 2, equalised learning rate, pixel norm, fading in, and which layers are computed."""

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.testing import assert_close

from gancourse.models import ProGAN, fold_if_possible
from gancourse.models.blocks import n_parameters
from gancourse.models.equal_rates import PixelNorm, equalised
from gancourse.models.flops import flops, step_flops_by_resolution
from gancourse.models.progan import Discriminator, Generator, at_level, doubled
from gancourse.rng import initialised_from
from gancourse.signature import Signature
from gancourse.training import adam

WIDTHS = [8, 6, 4]  # 4 × 4 to 16 × 16


def pair(seed=0):
    with initialised_from(seed):
        return Generator(5, WIDTHS, 2), Discriminator(WIDTHS, 2)


def latents(n=4, size=5):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(1))


def images(n=4, size=16):
    return torch.randn(n, 2, size, size, generator=torch.Generator().manual_seed(2))


# Table 2 of the paper

LARGE = Signature((3, 1024, 1024))
PAPER = ProGAN(latent_size=512, width=512)
CHANNELS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 256, 128: 128, 256: 64, 512: 32, 1024: 16}


def shapes(network, x):
    """Output shapes of all convolutions and linear layers, in the order of calls, and the network's output."""
    seen = []
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, out: seen.append(tuple(out.shape[1:])))
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    out = network(x)
    for hook in hooks:
        hook.remove()
    return seen, out


@pytest.fixture(scope="module")
def paper():
    with torch.device("meta"):
        return PAPER.pair(LARGE, LARGE)


def test_at_1024_pixels_both_networks_have_the_paper_s_23_1_million_weights(paper):
    assert [round(n_parameters(network) / 1e6, 1) for network in paper] == [23.1, 23.1]


def test_the_generator_s_layers_have_the_paper_s_shapes(paper):
    with torch.device("meta"):
        seen, out = shapes(paper[0], torch.zeros(1, 512))
    maps = [(CHANNELS[r], r, r) for r in CHANNELS for _ in range(2)]
    assert seen == [(512 * 16,), *maps[1:], (3, 1024, 1024)]
    assert out.shape == (1, 3, 1024, 1024)


def test_the_discriminator_s_layers_have_the_paper_s_shapes(paper):
    with torch.device("meta"):
        seen, out = shapes(paper[1], torch.zeros(4, 3, 1024, 1024))
    expected = [(16, 1024, 1024)]
    for r in (1024, 512, 256, 128, 64, 32, 16, 8):
        expected += [(CHANNELS[r], r, r), (CHANNELS[r // 2], r, r)]
    assert seen == [*expected, (512, 4, 4), (512,), (1,)]
    assert out.shape == (4,)


# Weights of each layer at 1024 pixels, without the rounding of the paper's table (4.2M, 2.4M, 1.2M, 590k, …). The
# discriminator's are those that the official code prints at the end of NVIDIA's networks_stylegan.py, whose
# discriminator is the one of this paper; they add up to 23,087,249. Independent generators have 23,079,115.
UP = [2359808, *[2359808] * 6, 1179904, 590080, 295040, 147584, 73792, 36928, 18464, 9248, 4624, 2320]
DOWN = [2320, 4640, 9248, 18496, 36928, 73856, 147584, 295168, 590080, 1180160, *[2359808] * 6]
FROM_IMAGE = [64, 128, 256, 512, 1024, 2048, 2048, 2048, 2048]  # 1024 × 1024 to 4 × 4
TO_IMAGE = [51, 99, 195, 387, 771, 1539, 1539, 1539, 1539]


def weights(layers):
    return [n_parameters(layer) for layer in layers.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def test_every_layer_has_as_many_weights_as_in_the_paper_and_only_the_first_has_more_biases(paper):
    generator, discriminator = paper
    first = 512 * 512 * 16 + 512  # with a bias for each feature map; ours has one for each pixel of it
    assert weights(generator.start) + weights(generator.blocks) == [first + 15 * 512, *UP]
    assert weights(generator.to_image)[::-1] == TO_IMAGE
    assert n_parameters(generator) - 15 * 512 == 23_079_115 == first + sum(UP) + sum(TO_IMAGE)
    assert [n for block in reversed(discriminator.blocks) for n in weights(block)] == DOWN
    assert weights(discriminator.end) + weights(discriminator.head) == [2364416, 4194816, 513]
    assert weights(discriminator.from_image)[::-1] == FROM_IMAGE
    assert n_parameters(discriminator) == 23_087_249


# Equalised learning rate


@pytest.mark.parametrize("layer", [nn.Linear(144, 300), nn.Conv2d(512, 64, 3), nn.Conv2d(16, 64, 1)], ids=str)
def test_weights_in_use_have_he_s_deviation_and_stored_ones_one(layer):
    torch.manual_seed(0)
    equalised(layer)
    he = nn.init.kaiming_normal_(torch.empty_like(layer.weight), a=0)
    assert_close(layer.weight.std(), he.std(), rtol=0.05, atol=0)
    assert_close(layer.parametrizations.weight.original.std(), torch.ones(()), rtol=0.05, atol=0)
    assert not layer.bias.any()


def relative_change(layer, x):
    """How much Adam's first step, at rate 1e-3, changes the weights in use, in relation to their size."""
    before = layer.weight.detach().clone()
    optimiser = adam(1e-3)(layer.parameters())
    layer(x).square().sum().backward()
    optimiser.step()
    return ((layer.weight - before).square().mean().sqrt() / before.square().mean().sqrt()).item()


@pytest.mark.parametrize("n_in", [9, 144, 4608])
def test_adam_changes_all_layers_at_one_speed_and_without_equalising_wide_ones_faster(n_in):
    torch.manual_seed(0)
    x = torch.randn(8, n_in)
    assert relative_change(equalised(nn.Linear(n_in, 200)), x) == pytest.approx(1e-3, rel=0.05)
    plain = nn.Linear(n_in, 200)
    nn.init.kaiming_normal_(plain.weight)
    assert relative_change(plain, x) == pytest.approx(1e-3 / (2 / n_in) ** 0.5, rel=0.05)


def test_every_layer_of_both_networks_is_equalised_at_each_use_not_only_at_the_start():
    for network in pair():
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        assert len(layers) > 8
        for layer in layers:
            fan_in = layer.weight[0].numel()
            with torch.no_grad():
                layer.parametrizations.weight.original.fill_(3.0)
            assert_close(layer.weight, torch.full_like(layer.weight, 3 * (2 / fan_in) ** 0.5))


# Pixel norm


def test_pixel_norm_is_the_formula_and_gives_length_root_n_not_one():
    x = torch.randn(2, 64, 3, 3, generator=torch.Generator().manual_seed(0))
    expected = x / (x.square().sum(1, keepdim=True) / 64 + 1e-8).sqrt()
    assert_close(PixelNorm()(x), expected)
    assert_close(PixelNorm()(x).norm(dim=1), torch.full((2, 3, 3), 8.0))
    assert_close(PixelNorm()(torch.zeros(1, 3)), torch.zeros(1, 3))
    assert PixelNorm()(x.bfloat16()).dtype == torch.bfloat16


def test_latents_are_normalised_so_their_length_is_without_effect():
    generator, z = pair()[0].double(), latents().double()
    assert_close(generator(7 * z), generator(z), rtol=1e-5, atol=1e-6)  # but for the 1e-8 under the root


# Levels


def rgb(generator, z, top):
    """The image of a level by hand, at its own resolution."""
    x = generator.start(z)
    for block in generator.blocks[:top]:
        x = block(x)
    return generator.to_image[top](x)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0, 1.75, 2.0])
def test_the_generator_fades_from_the_enlarged_old_image_to_the_new_one(level):
    generator, _ = pair()
    z, below, alpha = latents(), int(level), level % 1
    expected = rgb(generator, z, below)
    if alpha:
        expected = (1 - alpha) * interpolate(expected, scale_factor=2) + alpha * rgb(generator, z, below + 1)
    with at_level(generator, level):
        out = generator(z)
    assert out.shape == (4, 2, 16, 16)
    assert_close(out, interpolate(expected, size=(16, 16)))


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0, 1.75, 2.0])
def test_the_discriminator_mirrors_it(level):
    _, critic = pair()
    below, alpha = int(level), level % 1
    top = below + bool(alpha)
    x = images(size=4 * 2**top)
    h = critic.from_image[top](x)
    if alpha:
        h = (1 - alpha) * critic.from_image[below](avg_pool2d(x, 2)) + alpha * critic.blocks[below](h)
    for block in reversed(critic.blocks[:below]):
        h = block(h)
    with at_level(critic, level):
        assert_close(critic(x), critic.head(critic.end(h)))
        assert critic.features(x).shape == (4, 8)


@pytest.mark.parametrize(("level", "near"), [(1e-6, 0.0), (1 - 1e-6, 1.0), (1 + 1e-6, 1.0), (2 - 1e-6, 2.0)])
def test_a_fade_starts_at_the_old_level_and_ends_at_the_new_one(level, near):
    generator, critic = (network.double() for network in pair())
    smooth = images(size=4).double().repeat_interleave(4, -1).repeat_interleave(4, -2)  # the same at each resolution
    for network, x in ((generator, latents().double()), (critic, smooth)):
        with at_level(network, level):
            during = network(x)
        with at_level(network, near):
            assert_close(during, network(x), rtol=0, atol=1e-4)


def test_full_size_images_are_averaged_to_the_resolution_in_use():
    _, critic = pair()
    x = images()
    for level in (0, 1, 2):
        with at_level(critic, level):
            assert_close(critic(x), critic(avg_pool2d(x, 2 ** (2 - level))))


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, 2.0])
def test_only_layers_in_use_are_computed_and_get_gradients(level):
    generator, critic = pair()
    top = int(-(-level // 1))
    with at_level(generator, level), at_level(critic, level):
        critic(generator(latents())).sum().backward()
    for network, images_of in ((generator, generator.to_image), (critic, critic.from_image)):
        used = [all(p.grad is not None for p in block.parameters()) for block in network.blocks]
        assert used == [i < top for i in range(2)]
        has_gradient = [any(p.grad is not None for p in layer.parameters()) for layer in images_of]
        assert has_gradient == [i == top or (bool(level % 1) and i == top - 1) for i in range(3)]


def test_operations_rise_with_the_resolution_and_are_those_of_the_layers_in_use():
    generator, critic = pair()
    counts = step_flops_by_resolution(generator, critic)
    assert list(counts) == [4, 8, 16]
    assert counts[4] < counts[8] < counts[16]
    with at_level(generator, 0):
        by_hand = 2 * (5 * 8 * 16) + 2 * 16 * (8 * 8 * 9) + 2 * 16 * (8 * 2)
        assert flops(lambda: generator(latents(1))) == by_hand
    with pytest.raises(ValueError, match="the generator has 3 levels and the discriminator 2; pass two of one data"):
        step_flops_by_resolution(generator, Discriminator([8, 8], 2))


def test_counting_operations_changes_no_network():
    generator, critic = pair()
    before = [w.clone() for network in (generator, critic) for w in network.state_dict().values()]
    step_flops_by_resolution(generator, critic)
    after = [w for network in (generator, critic) for w in network.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(w.grad is None and w.requires_grad for w in (*generator.parameters(), *critic.parameters()))


def test_folded_networks_compute_the_same_at_every_level():
    for level in (0.0, 0.5, 1.0, 2.0):
        (generator, critic), (fast, fast_critic) = pair(), pair()
        assert fold_if_possible(fast, in_place=True)
        assert fold_if_possible(fast_critic, in_place=True)
        for network in (generator, critic, fast, fast_critic):
            network.level.fill_(level)
        assert_close(fast(latents()), generator(latents()), rtol=1e-4, atol=1e-5)
        x = images()
        assert_close(fast_critic(x), critic(x), rtol=1e-4, atol=1e-5)


def test_doubling_repeats_pixels():
    x = images(1, 3)
    assert torch.equal(doubled(x, 2), x.repeat_interleave(4, -1).repeat_interleave(4, -2))
    assert doubled(x, 0) is x


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: ProGAN().generator(Signature((1, 28, 28))), "images: 28 × 28; ProGAN doubles 4 × 4, so pass 4, 8, 16"),
        (lambda: ProGAN().discriminator(Signature((1, 2, 2))), "images: 2 × 2; ProGAN doubles 4 × 4"),
        (lambda: ProGAN(wide_to=24).widths(64), "wide_to: 24 × 24; ProGAN doubles 4 × 4"),
        (lambda: ProGAN(wide_to=64).widths(32), "wide_to is 64, but the images are 32 × 32; pass at most 32"),
        (lambda: ProGAN(group=1).discriminator(Signature((1, 32, 32))), "groups of 1; the samples of a group are comp"),
        (lambda: pair()[1](images(6)), "a batch of 6 has no groups of 4; pass a batch_size that 4 divides"),
        (lambda: pair()[1](images(4, 8)), r"x has shape \(4, 2, 8, 8\); expected \[batch, 2, 16, 16\]"),
        (lambda: pair()[0](torch.zeros(2, 3)), r"z has shape \(2, 3\); expected \[batch, 5\]"),
        (lambda: pair()[1](images(0)), "the batch is empty; pass at least 1 sample"),
        (lambda: Generator(0, [4, 4]), "latent_size is 0; pass at least 1"),
        (lambda: Generator(4, [4, 0]), r"widths are \[4, 0\]; pass at least 1 channel for each resolution"),
        (lambda: Discriminator([]), r"widths are \[\]; pass at least 1 channel for each resolution"),
        (lambda: Discriminator([4], channels=0), "channels is 0; pass at least 1"),
        (lambda: doubled(torch.zeros(1, 1, 4, 4), -1), "images can't be doubled -1 times; pass at least 0"),
        (lambda: at_level(nn.Linear(2, 2), 1.0).__enter__(), "Linear has no level; pass a network that grows"),
        (lambda: PixelNorm()(torch.zeros(4)), r"x has shape \(4,\); expected \[batch, channels, …\]"),
        (lambda: equalised(nn.ReLU()), r"ReLU\(\) can't be equalised; pass a Linear or Conv2d with a bias"),
        (lambda: equalised(nn.ConvTranspose2d(2, 2, 3)), "can't be equalised; pass a Linear or Conv2d with a bias"),
        (lambda: equalised(nn.Linear(2, 2, bias=False)), "can't be equalised; pass a Linear or Conv2d with a bias"),
        (lambda: equalised(equalised(nn.Linear(2, 2))), "is scaled already, so its factor would count twice"),
        (lambda: at(pair()[0], 2.5)(latents()), "the level is 2.5, but the network's go from 0 to 2; set one of these"),
        (lambda: at(pair()[1], -1)(images()), "the level is -1.0, but the network's go from 0 to 2"),
    ],
)
def test_bad_inputs_are_named_in_one_line(wrong, message):
    with pytest.raises(ValueError, match=message) as caught:
        wrong()
    assert "\n" not in str(caught.value)


def at(network, level):
    network.level.fill_(level)
    return network
