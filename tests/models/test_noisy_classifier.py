"""The classifier of semi-supervised learning."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, leaky_relu
from torch.testing import assert_close

from gancourse.models import GaussianNoise, MinibatchDiscrimination, NoisyClassifier, NoisyDCGAN, dcgan
from gancourse.models.blocks import n_parameters
from gancourse.rng import initialised_from
from gancourse.signature import Classes, Factors, Signature

GREY = Signature((1, 28, 28), Classes(tuple("abc")))


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def classifier(**settings):
    with initialised_from(0):
        return NoisyDCGAN(6, 4, **settings).classifying_discriminator(GREY)


def normalised(layer):
    """The weight by the formula g v / ‖v‖, a g for each output."""
    g, v = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
    return g * v / v.flatten(1).norm(dim=1).view(g.shape)


def test_without_noise_the_logits_are_the_formula_with_normalised_weights():
    C, x = classifier().eval(), draw(5, 1, 28, 28)
    for weight in C.parameters():
        weight.data += 0.1 * draw(*weight.shape)
    h = x
    for layer in C.body:
        if isinstance(layer, nn.Conv2d):
            h = leaky_relu(conv2d(h, normalised(layer), layer.bias, 2, 1), 0.2)
    first, last = C.body[-2], C.head[-1]
    features = leaky_relu(h.flatten(1) @ normalised(first).T + first.bias, 0.2)
    assert_close(C.features(x), features)
    assert_close(C(x), features @ normalised(last).T + last.bias)


def test_noise_is_on_the_input_and_on_each_hidden_layer_and_each_draws_its_own():
    C = classifier(input_noise=0.1, hidden_noise=0.2)
    layers = [m for m in C.modules() if isinstance(m, GaussianNoise)]
    assert [layer.std for layer in layers] == [0.1, 0.2, 0.2, 0.2, 0.2]
    assert len({layer.key for layer in layers}) == 5
    x = draw(5, 1, 28, 28)
    assert not torch.equal(C(x), C(x))
    quiet = classifier(input_noise=0.0, hidden_noise=0.0)
    assert torch.equal(quiet(x), quiet(x))
    assert_close(quiet(x), C.eval()(x))


def test_weight_normalisation_makes_the_function_independent_of_the_vectors_lengths():
    C, x = classifier().eval(), draw(5, 1, 28, 28)
    before = C(x)
    for name, weight in C.named_parameters():
        if name.endswith("original1"):
            weight.data *= 3
    assert_close(C(x), before)


def test_minibatch_discrimination_makes_logits_depend_on_the_batch_and_comes_after_the_features():
    x = draw(6, 1, 28, 28)
    alone, together = classifier().eval(), classifier(n_kernels=3).eval()
    assert_close(alone(x)[:2], alone(x[:2]))
    assert not torch.allclose(together(x)[:2], together(x[:2]))
    assert_close(together.features(x)[:2], together.features(x[:2]))
    assert sum(isinstance(m, MinibatchDiscrimination) for m in together.modules()) == 1


def test_the_generator_is_the_dcgan_s():
    ours = NoisyDCGAN(6, 4).generator(GREY)
    assert type(ours) is dcgan.Generator
    assert n_parameters(ours) == n_parameters(dcgan.Generator(6, 4))


def test_what_does_not_fit_is_named():
    with pytest.raises(
        ValueError, match="NoisyDCGAN classifies samples, but the data's y is of the kind factors; pass"
    ):
        NoisyDCGAN().classifying_discriminator(Signature((1, 28, 28), Factors(("size",))))
    with pytest.raises(ValueError, match="NoisyDCGAN makes samples of a condition, but the data has no labels"):
        NoisyDCGAN().classifying_discriminator(Signature((1, 28, 28)))
    with pytest.raises(ValueError, match=r"x has shape \(2, 3, 28, 28\); expected \[batch, 1, 28, 28\]"):
        NoisyClassifier(4)(torch.zeros(2, 3, 28, 28))
