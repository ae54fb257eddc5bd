import copy

import pytest
import torch
from torch import nn

from gancourse.models import SAGAN, BigGAN, ResNet, folded, resnet
from gancourse.models.blocks import n_parameters
from gancourse.rng import initialised_from
from gancourse.signature import Classes, Signature


def test_the_paper_s_sizes():
    """Table 4: 256 channels in the generator, 128 in the discriminator; counted by hand, layer by layer."""
    block = 256 * 2 * 2 + 2 * (256 * 256 * 9 + 256) + 256 * 256 + 256
    assert n_parameters(resnet.Generator()) == 129 * 256 * 16 + 3 * block + 512 + 256 * 27 + 3
    c = 128 * 128 * 9 + 128
    first = 3 * 128 * 9 + 128 + c + 3 * 128 + 128
    assert n_parameters(resnet.Discriminator()) == first + 2 * c + 128 * 128 + 128 + 4 * c + 129


@pytest.mark.parametrize("make", [resnet.Generator, resnet.Discriminator])
def test_folded_networks_compute_the_same(make):
    with initialised_from(0):
        slow = make(width=8).double()
    fast = folded(copy.deepcopy(slow))
    shape = (4, slow.latent_size) if make is resnet.Generator else (4, 3, 32, 32)
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(fast(x), slow(x), rtol=1e-12, atol=1e-12)
    assert len(list(fast.parameters())) == len(list(slow.parameters()))


def test_the_discriminator_scores_each_image_for_itself():
    with initialised_from(0):
        network = resnet.Discriminator(width=8)
    x = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network(x)[2:3], network(x[2:3]))


def test_a_block_without_its_change_is_its_shortcut():
    block = resnet.same_block(4)
    for layer in block.change:
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(block(x), x)


def test_errors_name_the_shape():
    with pytest.raises(ValueError, match=r"\[batch, 3, 32, 32\]"):
        resnet.Discriminator(width=8)(torch.zeros(2, 1, 28, 28))
    with pytest.raises(ValueError, match=r"\[batch, 16\]"):
        resnet.Generator(16, 8)(torch.zeros(2, 17))


@pytest.mark.parametrize(
    "discriminator",
    [
        lambda: resnet.Discriminator(width=8),
        lambda: ResNet(width=8).discriminator(Signature((3, 32, 32))),
        lambda: SAGAN(width=8, attention_at=16).discriminator(Signature((3, 32, 32), Classes(("a", "b")))),
        lambda: BigGAN(width=8, latent_size=20, attention_at=16).discriminator(
            Signature((3, 32, 32), Classes(("a", "b")))
        ),
    ],
    ids=["plain", "ResNet", "SAGAN", "BigGAN"],
)
def test_no_relu_cuts_the_images_that_a_discriminator_sees(discriminator):
    """With a ReLU at its start, the first residual branch would see nothing of negative pixels."""
    with initialised_from(0):
        network = discriminator()
    first = next(block for block in network.modules() if hasattr(block, "shortcut"))
    inside = []
    first.change.register_forward_hook(lambda module, inputs, output: inside.append(output))
    x = -torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    y = (torch.tensor([0, 1]),) if getattr(network, "conditional", False) else ()
    network(x, *y), network(2 * x, *y)
    assert not torch.allclose(*inside)
