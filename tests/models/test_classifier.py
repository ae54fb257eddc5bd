import pytest
import torch
from torch.testing import assert_close

from gancourse.models import Classifier
from gancourse.models.blocks import n_parameters
from gancourse.rng import initialised_from


def images(n, channels=1):
    return torch.rand(n, channels, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("n_classes", "channels"), [(10, 1), (3, 3)])
def test_images_become_features_and_logits(n_classes, channels):
    network = Classifier(n_classes, channels)
    assert network(images(4, channels)).shape == (4, n_classes)
    assert network.features(images(4, channels)).shape == (4, network.n_features)


def test_parameters_are_counted_by_the_formula():
    convolutions = 9 * (1 * 32 + 32 * 64 + 64 * 128)
    norms = 2 * (32 + 64 + 128)
    assert n_parameters(Classifier()) == convolutions + norms + (512 * 64 + 64) + (64 * 10 + 10)


def test_logits_are_a_linear_function_of_the_features_cut_at_zero():
    network = Classifier().eval()
    last = network.head[-1]
    expected = network.features(images(4)).clamp(min=0) @ last.weight.T + last.bias
    assert_close(network(images(4)), expected)


def test_features_keep_what_a_relu_would_cut():
    with initialised_from(0):
        assert Classifier().features(images(4)).min() < 0


def test_in_eval_mode_an_image_does_not_depend_on_its_batch():
    network = Classifier()
    network(images(8))
    network.eval()
    x = images(5)
    assert_close(torch.cat([network.features(row[None]) for row in x]), network.features(x))


@pytest.mark.parametrize("shape", [(2, 3, 28, 28), (2, 1, 32, 32), (1, 28, 28)])
@pytest.mark.parametrize("method", ["features", "forward"])
def test_images_of_another_shape_are_refused(shape, method):
    with pytest.raises(ValueError, match=r"x has shape .* expected \[batch, 1, 28, 28\]"):
        getattr(Classifier(), method)(torch.zeros(shape))
