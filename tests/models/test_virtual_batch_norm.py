import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.models import VirtualBatchNorm, WithReference, mlp
from gancourse.rng import initialised_from

DOUBLE = torch.float64


def x(*shape, seed=0):
    return 3 + 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


@pytest.mark.parametrize("shape", [(), (4, 4)])
def test_each_sample_is_normalised_by_the_reference_and_itself(shape):
    norm = VirtualBatchNorm(3, 8, eps=0.0).double()
    reference, batch = x(8, 3, *shape), x(5, 3, *shape, seed=1)
    out = norm(torch.cat([reference, batch]))[8:]
    for row, got in zip(batch, out, strict=True):
        joint = torch.cat([reference, row[None]]).transpose(0, 1).flatten(1)  # [features, samples × pixels]
        mean, std = joint.mean(1), joint.std(1, correction=0)
        wide = (-1, *[1] * len(shape))
        assert_close(got, (row - mean.view(wide)) / std.view(wide))


def test_reference_rows_are_normalised_by_the_reference_as_batch_norm_does():
    norm, plain = VirtualBatchNorm(3, 8).double(), nn.BatchNorm1d(3).double()
    assert_close(norm(torch.cat([x(8, 3), x(2, 3, seed=1)]))[:8], plain(x(8, 3)))


def test_an_output_does_not_depend_on_the_rest_of_the_batch_as_it_does_with_batch_norm():
    with initialised_from(0):
        virtual = WithReference(mlp.Discriminator(8, norm=lambda n: VirtualBatchNorm(n, 8)), x(8, 2).float())
        plain = mlp.Discriminator(8, norm=nn.BatchNorm1d)
    batch = x(6, 2, seed=1).float()
    assert_close(virtual(batch)[:2], virtual(batch[:2]))
    assert not torch.allclose(plain(batch)[:2], plain(batch[:2]))


def test_a_generator_keeps_its_latent_size_and_the_reference_lies_in_its_state():
    G = WithReference(mlp.Generator(4, 8, norm=lambda n: VirtualBatchNorm(n, 8)), x(8, 4).float())
    assert G.latent_size == 4
    assert G(torch.zeros(3, 4)).shape == (3, 2)
    assert_close(G.state_dict()["reference"], x(8, 4).float())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: VirtualBatchNorm(3, 8)(torch.zeros(8, 3)), "8 rows, of which 8 are the reference; use WithReference"),
        (lambda: VirtualBatchNorm(3, 2)(torch.zeros(8, 4)), r"expected \[batch, 3\]"),
        (lambda: WithReference(nn.Identity(), torch.zeros(4, 2))(torch.zeros(3, 5)), r"expected \[batch, 2\]"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("shape", [(), (4, 4)])
@pytest.mark.parametrize("offset", [0.0, 1e2, 1e4, 1e6])
def test_features_far_from_zero_keep_their_digits(shape, offset):
    """In single precision, E x² − (E x)² has none left at 1,000 standard deviations."""
    norm = VirtualBatchNorm(3, 8)
    # Multiples of 1/8: adding the offset rounds nothing.
    rows = (x(13, 3, *shape) * 8).round() / 8
    near = norm.double()(rows)
    far = VirtualBatchNorm(3, 8)((rows + offset).float())
    assert_close(far.double(), near, rtol=1e-5, atol=1e-5)


def test_a_sample_far_from_the_reference_is_normalised_by_their_distance():
    """For a distance d, n references and one such sample, its value is (d − d/(n + 1)) / (d √n/(n + 1)) = √n."""
    rows = torch.cat([x(8, 1).float(), torch.full((1, 1), 1e6)])
    assert_close(VirtualBatchNorm(1, 8)(rows)[8:], torch.full((1, 1), 8**0.5), rtol=1e-4, atol=0)


def test_the_gradient_is_that_of_the_plain_formula():
    norm = VirtualBatchNorm(2, 4, eps=0.0).double()
    rows = x(7, 2).requires_grad_()

    def plain(rows):
        joint = torch.cat([rows[:4].expand(3, 4, 2), rows[4:, None]], 1)
        return (rows[4:] - joint.mean(1)) / joint.std(1, correction=0)

    (ours,) = torch.autograd.grad(norm(rows)[4:].pow(3).sum(), rows)
    (theirs,) = torch.autograd.grad(plain(rows).pow(3).sum(), rows)
    assert_close(ours, theirs)
