"""BigGAN and SAGAN: sizes of the papers, where latents and classes enter, and what is normalised."""

import copy
from functools import cache

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, batch_norm, conv2d, interpolate, relu
from torch.testing import assert_close

from gancourse.models import SAGAN, BigGAN, SelfAttention
from gancourse.models.biggan import Embedding
from gancourse.models.blocks import n_parameters
from gancourse.models.conditional_residual import DownBlock, UpBlock
from gancourse.models.conditioning import ConditionalBatchNorm
from gancourse.models.spectral import LAYERS, is_normalised
from gancourse.rng import initialised_from
from gancourse.signature import Classes, Signature

IMAGENET = Signature((3, 128, 128), Classes(tuple(map(str, range(1000)))))
CIFAR = Signature((3, 32, 32), Classes(tuple(map(str, range(10)))))
SMALL = Signature((3, 32, 32), Classes(("a", "b", "c")))
TINY = {"latent_size": 8, "width": 2, "attention_at": 16}


@cache
def counts(family, fits):
    with torch.device("meta"):
        return tuple(n_parameters(network) for network in family.pair(fits, fits))


@pytest.mark.parametrize(
    ("family", "millions"),
    [
        (SAGAN(width=64), 81.5),
        (SAGAN(width=96), 173.5),
        (BigGAN(latent_size=128, skip_latents=False), 160.6),
        (BigGAN(), 158.3),
        (BigGAN(width=64), 71.3),
    ],
)
def test_both_networks_have_as_many_parameters_as_the_paper_s_table_1_says(family, millions):
    """Its column of parameters leaves out the shared embedding of 1000 × 128 numbers, 0.128 million."""
    table = 1000 * 128 if isinstance(family, BigGAN) else 0
    assert round((sum(counts(family, IMAGENET)) - table) / 1e6, 1) == millions


def test_parameters_of_biggan_at_128_pixels_are_those_of_the_public_code():
    assert counts(BigGAN(), IMAGENET) == (70_433_988, 87_982_369)


def test_the_generator_for_cifar_10_has_4_3_million_parameters_as_its_users_report():
    """Without a shared embedding, as in that repository's script: github.com/ajbrock/BigGAN-PyTorch/issues/78."""
    assert counts(SAGAN(attention="none"), CIFAR) == (4_304_387, 4_207_360)


@pytest.mark.parametrize(("size", "at"), [(32, 16), (64, 32), (128, 64), (256, 64)])
@pytest.mark.parametrize("family", [BigGAN, SAGAN])
def test_shapes_at_every_size(family, size, at):
    fits = Signature((3, size, size), Classes(("a", "b", "c")))
    generator, discriminator = family(latent_size=840, width=1, attention_at=at).pair(fits, fits)
    y = torch.tensor([0, 2])
    images = generator.eval()(torch.randn(2, 840), y)
    assert images.shape == (2, 3, size, size)
    assert discriminator.eval()(images, y).shape == (2,)
    assert discriminator.features(images).shape == (2, {32: 4}.get(size, 16))
    for network in (generator, discriminator):
        (attention,) = [m for m in network.modules() if isinstance(m, SelfAttention)]
        shapes = []
        attention.register_forward_hook(lambda module, inputs, output, shapes=shapes: shapes.append(output.shape))
        network(images if network is discriminator else torch.randn(2, 840), y)
        assert shapes[0][2:] == (at, at)


def small(**changes):
    with initialised_from(0):
        return BigGAN(**TINY | {"embedding_size": 4} | changes).generator(SMALL).eval()


def test_each_chunk_of_the_latent_reaches_its_own_block():
    """The first chunk is the first layer's input; chunk k is a part of what block k's BatchNorms are conditioned on."""
    generator = small()
    z, y = torch.randn(2, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1])
    first, conditions = generator.conditions(z, y)
    assert torch.equal(first, z[:, :2])
    for k, condition in enumerate(conditions, 1):
        assert torch.equal(condition[:, 4:], z[:, 2 * k : 2 * k + 2])
        assert torch.equal(condition[:, :4], generator.embedding.table[y])
    assert {norm.condition_size for norm in generator.modules() if isinstance(norm, ConditionalBatchNorm)} == {6}


def test_without_skips_the_first_layer_sees_the_whole_latent_and_blocks_none_of_it():
    generator = small(skip_latents=False)
    z, y = torch.randn(2, 8), torch.tensor([0, 1])
    first, conditions = generator.conditions(z, y)
    assert torch.equal(first, z)
    assert all(torch.equal(condition, generator.embedding.table[y]) for condition in conditions)


def test_images_of_an_embedding_are_those_of_its_class_and_differ_between_two_classes():
    generator, z = small(), torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    ends = [generator.embedded(torch.full((3,), label)) for label in (0, 1)]
    assert torch.equal(generator.of_embedding(z, ends[0]), generator(z, torch.zeros(3, dtype=torch.long)))
    middle = generator.of_embedding(z, (ends[0] + ends[1]) / 2)
    assert all(not torch.equal(middle, generator.of_embedding(z, end)) for end in ends)


def test_everything_but_the_embedding_is_spectrally_normalised():
    """And in SAGAN, everything but the tables of scales and shifts by class."""
    generator, discriminator = BigGAN(**TINY).pair(SMALL, SMALL)
    for network in (generator, discriminator):
        assert all(is_normalised(layer) for layer in network.modules() if isinstance(layer, LAYERS))
    assert isinstance(generator.embedding, Embedding)
    assert not any(name.startswith("embedding.") and "original" in name for name, _ in generator.named_parameters())
    generator, discriminator = SAGAN(**TINY).pair(SMALL, SMALL)
    plain = {name for name, m in generator.named_modules() if isinstance(m, LAYERS) and not is_normalised(m)}
    assert plain == {f"blocks.{i}.norms.{k}.{what}" for i in range(3) for k in (0, 1) for what in ("scale", "shift")}
    assert all(is_normalised(layer) for layer in discriminator.modules() if isinstance(layer, LAYERS))


def test_biggan_s_weights_start_orthogonal_and_its_embedding_too():
    generator, discriminator = BigGAN(**TINY).pair(SMALL, SMALL)
    weights = [
        layer.parametrizations.weight.original.flatten(1)
        for network in (generator, discriminator)
        for layer in network.modules()
        if isinstance(layer, LAYERS)
    ]
    for weight in [*weights, generator.embedding.table]:
        rows = weight if weight.shape[0] <= weight.shape[1] else weight.T
        assert_close(rows @ rows.T, torch.eye(len(rows)), rtol=0, atol=1e-5)
    assert all((p == 0).all() for name, p in generator.named_parameters() if name.endswith("bias"))


def test_at_its_start_sagan_gives_every_class_the_same_image_and_biggan_does_not():
    """Its scales and shifts start at 1 and 0; BigGAN's start from orthogonal weights."""
    z = torch.randn(1, 8, generator=torch.Generator().manual_seed(0)).expand(2, -1)
    y = torch.tensor([0, 1])
    with initialised_from(0):
        plain = SAGAN(**TINY).generator(SMALL).eval()
    assert torch.equal(*plain(z, y))
    assert not torch.equal(*small()(z, y))


def by_hand(block, x, condition):
    """An up block by torch's functions, with the shortcut upsampled before its convolution, as in the public code."""

    def norm(layer, h):
        h = batch_norm(h, None, None, training=True)
        scale, shift = (condition @ part.weight.T for part in (layer.scale, layer.shift))
        return h * (1 + scale)[:, :, None, None] + shift[:, :, None, None]

    up, same, shortcut = block.up[2], block.same[1], block.shortcut[0]
    h = conv2d(interpolate(relu(norm(block.norms[0], x)), scale_factor=2), up.weight, up.bias, padding=1)
    h = conv2d(relu(norm(block.norms[1], h)), same.weight, same.bias, padding=1)
    return h + conv2d(interpolate(x, scale_factor=2), shortcut.weight, shortcut.bias)


def test_an_up_block_is_torch_s_functions_in_the_public_code_s_order():
    with initialised_from(0):
        block, x, condition = UpBlock(4, 6, 5).double(), torch.randn(3, 4, 4, 4).double(), torch.randn(3, 5).double()
        for norm in block.norms:
            for part in (norm.scale, norm.shift):
                nn.init.normal_(part.weight)
    assert_close(block(x, condition), by_hand(block, x, condition), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("halves", "first"), [(True, True), (True, False), (False, False)])
def test_a_down_block_is_torch_s_functions_in_the_public_code_s_order(halves, first):
    with initialised_from(0):
        block, x = DownBlock(4, 6, halves, first).double(), torch.randn(3, 4, 8, 8).double()
    one, two = [m for m in block.change if isinstance(m, nn.Conv2d)]
    short = next(m for m in block.shortcut if isinstance(m, nn.Conv2d))

    def pool(t):
        return avg_pool2d(t, 2) if halves else t

    h = conv2d(x if first else relu(x), one.weight, one.bias, padding=1)
    h = pool(conv2d(relu(h), two.weight, two.bias, padding=1))
    assert_close(block(x), h + pool(conv2d(x, short.weight, short.bias)), rtol=0, atol=1e-12)


def test_a_score_is_the_sum_over_space_projected_on_the_class():
    """Sums, not means; and one term for the class, one for realness."""
    with initialised_from(0):
        discriminator = BigGAN(**TINY).discriminator(SMALL).eval()
    x, y = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 1])
    h = relu(discriminator.body[:-1](x))
    features = h.sum((2, 3))
    head = discriminator.head
    scores = features @ head.score.weight[0] + (head.embedding.weight.T[y] * features).sum(1)
    assert_close(discriminator(x, y), scores)
    assert_close(discriminator.features(x, y), features)
    assert h.shape[2:] == (8, 8)


@pytest.mark.parametrize(
    ("family", "fits", "message"),
    [
        (
            BigGAN(),
            SMALL,
            "attention_at is 64, but the blocks' features are of 8, 16, 32 pixels; pass one of these, or",
        ),
        (BigGAN(latent_size=10, attention_at=16), SMALL, "10, which can't be cut into 4 equal chunks.*a multiple of 4"),
        (SAGAN(), Signature((1, 28, 28)), "SAGAN makes images of 32, 64, 128, 256 pixels, not 28 × 28 images of 1"),
        (
            SAGAN(attention_at=16),
            Signature((3, 32, 32)),
            "SAGAN makes samples of a condition, but the data has no labels",
        ),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(family, fits, message):
    with pytest.raises(ValueError, match=message):
        family.generator(fits)


def test_a_missing_or_unknown_class_is_named():
    generator, discriminator = BigGAN(**TINY).pair(SMALL, SMALL)
    with pytest.raises(ValueError, match="BigGANGenerator is conditional, but y is None; pass y"):
        generator(torch.zeros(2, 8))
    with pytest.raises(ValueError, match="labels run from 3 to 3; expected 0 to 2"):
        generator(torch.zeros(2, 8), torch.tensor([3, 3]))
    with pytest.raises(ValueError, match="Discriminator is conditional, but y is None; pass y"):
        discriminator(torch.zeros(2, 3, 32, 32))


def test_attention_that_is_left_out_leaves_no_weights():
    names = {name for name, _ in BigGAN(**TINY, attention="none").generator(SMALL).named_parameters()}
    with_it = {name for name, _ in BigGAN(**TINY).generator(SMALL).named_parameters()}
    assert len(with_it - names) == 5
    assert names <= with_it


def test_a_deep_copy_makes_the_same_images():
    generator = small()
    z, y = torch.randn(2, 8), torch.tensor([0, 1])
    assert torch.equal(copy.deepcopy(generator)(z, y), generator(z, y))
