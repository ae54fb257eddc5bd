import pytest
import torch

from gancourse import data, zoo


def test_the_classifier_reads_stacked_test_digits_as_well_as_single_ones():
    """Three digits are read right about as often as the cube of the accuracy on one."""
    test = data.stacked_digits("test").first(2000)
    right = (zoo.stacked_labels(test.x) == test.y).double().mean().item()
    single = zoo.card("digits-classifier").metrics["accuracy(2k test)"]
    assert abs(right - single**3) < 0.01
    assert (zoo.stacked_labels(test.x.roll(1, 1)) == test.y).double().mean().item() < 0.05


def test_data_reaches_nearly_every_mode_and_a_collapsed_sampler_few():
    x = data.stacked_digits().first(10_000).x
    found = zoo.stacked_coverage(x)
    assert found.modes > 990
    assert found.reverse_kl < 0.08  # 10,000 perfect samples have about 999 / 20,000, and the data's own 0.007
    collapsed = zoo.stacked_coverage(x[:20].repeat(50, 1, 1, 1))
    assert collapsed.modes <= 20
    assert collapsed.reverse_kl > 3.9


def test_other_images_are_refused():
    with pytest.raises(ValueError, match=r"\[n, 3, 28, 28\]"):
        zoo.stacked_labels(torch.zeros(2, 1, 28, 28))
