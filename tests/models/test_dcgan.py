import math
from itertools import chain, pairwise

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.models import dcgan
from gancourse.models.blocks import n_parameters
from gancourse.models.dcgan import Guidelines
from gancourse.rng import initialised_from

BROKEN = {
    "kept": Guidelines(),
    "not strided": Guidelines(strided=False),
    "norm everywhere": Guidelines(batch_norm="everywhere"),
    "norm nowhere": Guidelines(batch_norm="nowhere"),
    "not convolutional": Guidelines(convolutional=False),
    "tanh": Guidelines(activations=False),
    "all": Guidelines(False, "nowhere", False, False),
}
EACH = pytest.mark.parametrize("guidelines", BROKEN.values(), ids=BROKEN.keys())


def networks(guidelines=None, latent_size=6, width=4, channels=1, seed=0):
    with initialised_from(seed):
        return (
            dcgan.Generator(latent_size, width, channels, guidelines),
            dcgan.Discriminator(width, channels, guidelines),
        )


def draw(*shape, scale=1.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def count(network, *kinds):
    return sum(isinstance(module, kinds) for module in network.modules())


@EACH
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("n", [2, 5])
def test_latents_become_images_and_images_become_scores(guidelines, channels, n):
    G, D = networks(guidelines, channels=channels)
    x = G(draw(n, 6))
    assert x.shape == (n, channels, 28, 28)
    assert D(x).shape == (n,)
    assert D.features(x).shape == (n, 8, 7, 7)


@EACH
def test_images_lie_between_minus_one_and_one_however_large_the_latent(guidelines):
    G, _ = networks(guidelines)
    for scale in (1.0, 1e6):
        assert G(draw(4, 6, scale=scale)).abs().max() <= 1


@EACH
def test_every_weight_is_used(guidelines):
    G, D = networks(guidelines)
    D(G(draw(4, 6))).square().sum().backward()
    # BatchNorm takes the mean away, and with it the effect of the bias before it: up to rounding there is none.
    assert all(p.grad is not None and p.grad.isfinite().all() for p in chain(G.parameters(), D.parameters()))
    assert all(m.weight.grad.abs().max() > 0 for m in (*G.modules(), *D.modules()) if hasattr(m, "weight"))


@EACH
def test_in_eval_mode_a_sample_does_not_depend_on_its_batch(guidelines):
    G, D = networks(guidelines)
    G(draw(8, 6))  # moves BatchNorm's running statistics away from where they start
    z = draw(5, 6, scale=0.5)
    x = G.eval()(z)
    assert_close(torch.cat([G(row[None]) for row in z]), x)
    assert_close(torch.cat([D.eval()(row[None]) for row in x]), D(x))


def test_in_train_mode_batchnorm_ties_a_batch_together():
    G, _ = networks()
    z = draw(5, 6)
    assert (G(z)[:2] - G(z[:2])).abs().max() > 1e-3
    G, _ = networks(Guidelines(batch_norm="nowhere"))
    assert_close(G(z)[:2], G(z[:2]))


@pytest.mark.parametrize(("z", "w", "c"), [(6, 4, 1), (64, 64, 1), (10, 5, 3)])
def test_parameters_are_counted_by_the_formula(z, w, c):
    G, D = networks(latent_size=z, width=w, channels=c)
    # Kernels and biases of three layers, and a scale and a shift for each channel that BatchNorm sees.
    in_g = (49 * z * 2 * w + 2 * w) + (16 * 2 * w * w + w) + (16 * w * c + c) + 2 * (2 * w + w)
    in_d = (16 * c * w + w) + (16 * w * 2 * w + 2 * w) + (49 * 2 * w + 1) + 2 * (2 * w)
    assert (n_parameters(G), n_parameters(D)) == (in_g, in_d)


@pytest.mark.parametrize(("where", "in_g", "in_d"), [("inside", 2, 1), ("everywhere", 3, 2), ("nowhere", 0, 0)])
def test_batchnorm_is_where_the_guidelines_put_it(where, in_g, in_d):
    G, D = networks(Guidelines(batch_norm=where))
    assert (count(G, nn.BatchNorm2d), count(D, nn.BatchNorm2d)) == (in_g, in_d)


def test_by_default_batchnorm_is_neither_at_g_s_output_nor_at_d_s_input():
    G, D = networks(width=4)
    assert [m.num_features for m in G.modules() if isinstance(m, nn.BatchNorm2d)] == [8, 4]
    assert [m.num_features for m in D.modules() if isinstance(m, nn.BatchNorm2d)] == [8]
    # Nothing but tanh follows the layer that makes G's image; a convolution meets D's image.
    after = list(G.layers)[[isinstance(m, nn.ConvTranspose2d) for m in G.layers].index(True, 4) + 1 :]
    assert [type(m) for m in after] == [nn.Identity, nn.Tanh]
    assert [type(m) for m in D.body][:3] == [nn.Conv2d, nn.Identity, nn.LeakyReLU]


def test_without_strides_images_grow_by_upsampling_and_shrink_by_pooling():
    G, D = networks()
    assert [m.stride for m in G.modules() if isinstance(m, nn.ConvTranspose2d)] == [(1, 1), (2, 2), (2, 2)]
    assert [m.stride for m in D.modules() if isinstance(m, nn.Conv2d)] == [(2, 2), (2, 2), (1, 1)]
    assert count(G, nn.Upsample) == count(D, nn.MaxPool2d) == 0
    G, D = networks(Guidelines(strided=False))
    assert (count(G, nn.Upsample), count(D, nn.MaxPool2d)) == (2, 2)
    assert all(m.stride == (1, 1) for m in (*G.modules(), *D.modules()) if isinstance(m, nn.Conv2d))


def test_fully_connected_layers_are_there_only_when_the_guideline_is_broken():
    # On one pixel, or over the whole image, a convolution connects all with all.
    kept, broken = networks(), networks(Guidelines(convolutional=False))
    for a, b in zip(kept, broken, strict=True):
        assert count(b, nn.Conv2d, nn.ConvTranspose2d) == count(a, nn.Conv2d, nn.ConvTranspose2d) + 1
    with_256 = [m for network in broken for m in network.modules() if getattr(m, "out_channels", 0) == 256]
    assert len(with_256) == 2


def test_activations_are_relu_in_g_and_leaky_in_d_or_tanh_in_both():
    G, D = networks()
    assert {m.negative_slope for m in G.modules() if isinstance(m, nn.LeakyReLU)} == {0.0}
    assert {m.negative_slope for m in D.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert (count(G, nn.Tanh), count(D, nn.Tanh)) == (1, 0)
    G, D = networks(Guidelines(activations=False))
    assert count(G, nn.LeakyReLU) == count(D, nn.LeakyReLU) == 0
    assert (count(G, nn.Tanh), count(D, nn.Tanh)) == (3, 2)


@EACH
def test_only_the_broken_guideline_changes(guidelines):
    fields = ("strided", "batch_norm", "convolutional", "activations")
    changed = sum(getattr(guidelines, f) != getattr(Guidelines(), f) for f in fields)
    G, D = networks(guidelines)
    found = [
        count(G, nn.Upsample) > 0,
        (count(G, nn.BatchNorm2d), count(D, nn.BatchNorm2d)) != (2, 1),
        count(G, nn.Conv2d, nn.ConvTranspose2d) > 3,
        count(D, nn.LeakyReLU) == 0,
    ]
    assert sum(found) == changed


# Each weight's mean and spread are compared with the paper's at 5 standard errors. Over some 350 comparisons a false
# alarm has probability 2e-4. The twin is torch's own start.
def standard_errors_off(values, mean, std):
    n = values.numel()
    off_mean = (values.mean().item() - mean) / (std / math.sqrt(n))
    off_std = (values.std().item() - std) / (std / math.sqrt(2 * n))
    return max(abs(off_mean), abs(off_std))


@EACH
@pytest.mark.parametrize("seed", range(3))
def test_weights_start_as_the_paper_says(guidelines, seed):
    for network in networks(guidelines, latent_size=16, width=16, seed=seed):
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                assert standard_errors_off(module.weight, 0.0, 0.02) < 5
                assert module.bias.abs().max() == 0
            elif isinstance(module, nn.BatchNorm2d) and module.num_features > 1:
                assert standard_errors_off(module.weight, 1.0, 0.02) < 5
                assert module.bias.abs().max() == 0


def test_torch_s_own_start_is_not_the_paper_s():
    with initialised_from(0):
        assert standard_errors_off(nn.ConvTranspose2d(16, 32, 7).weight, 0.0, 0.02) > 5


def test_equal_seeds_give_equal_networks():
    a, b, c = networks(seed=0)[0], networks(seed=0)[0], networks(seed=1)[0]
    assert_close(a.state_dict(), b.state_dict(), rtol=0, atol=0)
    assert not torch.equal(a.layers[0].weight, c.layers[0].weight)


@pytest.mark.parametrize("shape", [(3, 5), (3, 6, 1, 1), (6,)])
def test_latents_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"z has shape .* expected \[batch, 6\]"):
        networks()[0](torch.zeros(shape))


@pytest.mark.parametrize("shape", [(3, 1, 32, 32), (3, 3, 28, 28), (1, 28, 28)])
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"x has shape .* expected \[batch, 1, 28, 28\]"):
        networks()[1](torch.zeros(shape))


def test_an_unknown_place_for_batchnorm_is_refused():
    with pytest.raises(ValueError, match="batch_norm is 'outside'; pass one of inside, everywhere, nowhere"):
        Guidelines(batch_norm="outside")


PAPER = {"G": [(1024, 4), (512, 8), (256, 16), (128, 32), (3, 64)], "D": [(128, 32), (256, 16), (512, 8), (1024, 4)]}


def test_at_64_pixels_they_have_the_layers_of_the_paper_s_figure():
    with torch.device("meta"):
        G, D = dcgan.Generator(100, 128, 3, size=64), dcgan.Discriminator(128, 3, size=64)
        shapes = {"G": [], "D": []}
        for name, network, x in (("G", G, torch.zeros(2, 100)), ("D", D, torch.zeros(2, 3, 64, 64))):
            for layer in network.modules():
                if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                    layer.register_forward_hook(
                        lambda layer, x, y, name=name: shapes[name].append((y.shape[1], y.shape[2]))
                    )
            network(x)
    assert shapes == {"G": PAPER["G"], "D": [*PAPER["D"], (1, 1)]}
    # Kernels, biases, and two numbers a channel of BatchNorm, which G's output and D's input don't have.
    widths = [100, 1024, 512, 256, 128, 3]
    kernels = sum(16 * a * b + b for a, b in pairwise(widths))
    assert n_parameters(G) == kernels + 2 * (1024 + 512 + 256 + 128)
    widths = [3, 128, 256, 512, 1024, 1]
    kernels = sum(16 * a * b + b for a, b in pairwise(widths))
    assert n_parameters(D) == kernels + 2 * (256 + 512 + 1024)


@pytest.mark.parametrize("size", [28, 32, 40, 48, 64])
def test_other_sizes_have_images_and_scores_too(size):
    G, D = dcgan.Generator(6, 2, 3, size=size), dcgan.Discriminator(2, 3, size=size)
    assert G(draw(2, 6)).shape == (2, 3, size, size)
    assert D(G(draw(2, 6))).shape == (2,)


@pytest.mark.parametrize("size", [7, 30, 36, 5, 1])
def test_a_size_without_a_start_is_refused(size):
    for make in (dcgan.Generator, dcgan.Discriminator):
        with pytest.raises(ValueError, match=f"size is {size}; expected a number up to 7, doubled once or more"):
            make(size=size)
