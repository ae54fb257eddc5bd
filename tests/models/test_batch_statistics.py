"""Minibatch standard deviation: its formula, the groups' order, and bugs that public code had."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gancourse.models import DCGAN, MinibatchStd
from gancourse.models.batch_statistics import group_deviations
from gancourse.processes import Part, sharing
from gancourse.signature import Signature


def features(n=12, channels=3, size=4, seed=0):
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(seed))


def by_loops(x, group):
    """The same, sample by sample, in numpy."""
    x, n = x.double().numpy(), len(x)
    apart = n // group
    maps = np.zeros(n)
    for i in range(n):
        members = [j for j in range(n) if j % apart == i % apart]
        stds = np.sqrt(x[members].var(0) + 1e-8)  # numpy's variance is the biased one
        maps[i] = stds.mean()
    return torch.tensor(maps)


@pytest.mark.parametrize(("n", "group"), [(12, 4), (12, 3), (4, 4), (8, 2), (6, 6)])
def test_the_map_is_the_mean_deviation_within_groups_of_samples_that_are_apart(n, group):
    x = features(n)
    out = MinibatchStd(group)(x)
    assert torch.equal(out[:, :-1], x)
    assert_close(out[:, -1].double(), by_loops(x, group).view(-1, 1, 1).expand(-1, 4, 4), rtol=1e-5, atol=1e-6)


def test_groups_are_tiled_in_the_order_of_their_members():
    """Twelve samples, groups of four: pytorch_GAN_zoo's issue 69 had each group's value on other groups' samples."""
    x = torch.arange(12.0).view(12, 1, 1, 1) % 3 * torch.arange(12.0).view(12, 1, 1, 1)
    values = MinibatchStd(4)(x)[:, 1].flatten()
    assert_close(values[:3], group_deviations(x, 4))
    assert_close(values, values[:3].repeat(4))
    interleaved = group_deviations(x, 4).repeat_interleave(4)
    assert (values - interleaved).abs().max() > 1


def test_one_number_a_group_not_one_a_pixel_or_channel():
    maps = MinibatchStd(4)(features())[:, -1]
    assert (maps == maps[:, :1, :1]).all()


def test_variance_is_the_biased_one():
    x = torch.tensor([0.0, 2.0]).view(2, 1, 1, 1)
    assert_close(MinibatchStd(2)(x)[:, 1].flatten(), torch.ones(2))  # unbiased: √2


def test_a_batch_smaller_than_a_group_is_one_group_and_others_must_be_divisible():
    x = features(3)
    assert torch.equal(MinibatchStd(4)(x), MinibatchStd(3)(x))
    with pytest.raises(ValueError, match=r"^a batch of 6 has no groups of 4; pass a batch_size that 4 divides$"):
        MinibatchStd(4)(features(6))
    with pytest.raises(ValueError, match=r"^groups of 1; the samples of a group are compared, so pass at least 2$"):
        MinibatchStd(1)
    with pytest.raises(ValueError, match=r"^x has shape \(4, 3\); expected \[batch, channels, height, width\]$"):
        MinibatchStd(2)(torch.zeros(4, 3))


def test_equal_samples_have_finite_gradients():
    x = features(1).repeat(4, 1, 1, 1).requires_grad_()
    out = MinibatchStd(4)(x)
    assert_close(out[:, -1], torch.full_like(out[:, -1], 1e-4))
    (gradient,) = torch.autograd.grad(out[:, -1].sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), x)
    assert gradient.isfinite().all()
    assert second.isfinite().all()


def test_first_and_second_gradients_are_finite_differences():
    x = features(4, 1, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(MinibatchStd(2), x)
    assert torch.autograd.gradgradcheck(MinibatchStd(2), x)


def test_in_bfloat16_the_deviation_is_computed_in_float32():
    x = (1000 + 0.0 * features()).bfloat16() + features().bfloat16()
    exact = MinibatchStd(4)(x.double())[:, -1]
    out = MinibatchStd(4)(x)
    assert out.dtype == torch.bfloat16
    assert_close(out[:, -1].double(), exact, rtol=2**-8, atol=0)


def test_a_process_that_has_a_part_of_the_batch_compares_all_samples(monkeypatch):
    x = features(8)
    whole = MinibatchStd(4)(x)
    for index in range(2):
        part = Part(index, 2)
        monkeypatch.setattr("gancourse.processes.gather", lambda own: x)
        with sharing(part):
            assert torch.equal(MinibatchStd(4)(part.of(x)), part.of(whole))


STACKED = Signature((3, 28, 28))


def test_dcgan_takes_it_as_an_option_and_has_no_other_weights():
    plain, other = DCGAN(width=4).discriminator(STACKED), DCGAN(width=4, minibatch_std=True).discriminator(STACKED)
    ours = {name: tuple(w.shape) for name, w in plain.named_parameters()}
    theirs = {name: tuple(w.shape) for name, w in other.named_parameters()}
    last = [shape for name, shape in theirs.items() if shape not in ours.values()]
    assert last == [(1, 9, 7, 7)]  # the layer after it sees one map more
    x = features(8, 3, 28)
    with torch.no_grad():
        same = x[:1].repeat(8, 1, 1, 1)
    assert other(x).shape == (8,)
    assert other(same).std() < 1e-6
    with pytest.raises(ValueError, match="a batch of 6 has no groups of 4"):
        other(x[:6])


def test_with_the_layer_alone_a_sample_s_score_depends_on_its_batch():
    other = DCGAN(width=4, minibatch_std=True, discriminator_norm="none").discriminator(STACKED).eval()
    plain = DCGAN(width=4, discriminator_norm="none").discriminator(STACKED).eval()
    x = features(8, 3, 28)
    for critic, differs in ((plain, False), (other, True)):
        alone = torch.cat([critic(sample[None]) for sample in x])
        assert bool(((critic(x) - alone).abs() > 1e-4).any()) == differs
