"""Layers that show a network its condition, against the papers' formulas written another way."""

import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm, linear
from torch.testing import assert_close

from gancourse.models import (
    Concatenation,
    ConditionalBatchNorm,
    ConditionalChain,
    Projection,
    Unconditional,
    folded,
    label_channels,
)
from gancourse.models.blocks import n_parameters
from gancourse.models.conditioning import encoded
from gancourse.rng import initialised_from
from gancourse.signature import Classes, Factors, Packs

N_CLASSES, Y = 3, torch.tensor([0, 2, 1, 2, 0])
CLASSES = Classes(("a", "b", "c"))
ONE_HOT = torch.eye(N_CLASSES)[Y]


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def learned(layer):
    """The layer with weights as after some training."""
    for i, weight in enumerate(layer.parameters()):
        weight.data += draw(*weight.shape, seed=i)
    return layer


# Conditional BatchNorm


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3, 2)])
def test_conditional_batch_norm_is_torch_s_without_weights_and_then_a_scale_and_shift_for_each_class(shape):
    layer, x = learned(ConditionalBatchNorm(4, N_CLASSES)), 3 + 2 * draw(*shape)
    gamma, beta = (1 + layer.scale.weight).T, layer.shift.weight.T  # tables with a row for each class
    over = (slice(None), slice(None), *[None] * (len(shape) - 2))
    normalised = batch_norm(x, None, None, weight=None, bias=None, training=True)
    assert_close(layer(x, ONE_HOT), gamma[Y][over] * normalised + beta[Y][over])


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3, 2)])
def test_conditional_batch_norm_starts_as_plain_batch_norm_for_every_class(shape):
    x, layer = draw(*shape), ConditionalBatchNorm(4, N_CLASSES)
    plain = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(4)
    for _ in range(3):
        assert_close(layer(x, ONE_HOT), plain(x))
    assert_close(layer.eval()(x, ONE_HOT), plain.eval()(x))  # and its running statistics are the same
    assert "norm.weight" not in dict(layer.named_parameters())  # affine=False


def test_without_the_one_the_first_layer_s_signal_and_gradient_are_zero():
    """The bug of compare_gan #54, planted: γ_c linear in the class, from a start at zero."""
    x = draw(5, 4).requires_grad_()
    layer = ConditionalBatchNorm(4, N_CLASSES)
    scale = layer.scale(ONE_HOT)
    (gradient,) = torch.autograd.grad((scale * layer.norm(x[:, :, None, None])[:, :, 0, 0]).square().sum(), x)
    assert not gradient.any()
    (gradient,) = torch.autograd.grad((layer(x, ONE_HOT) * draw(5, 4, seed=1)).sum(), x)
    assert gradient.any()


def test_a_chain_gives_the_condition_to_its_conditional_layers_only():
    norm = learned(ConditionalBatchNorm(6, N_CLASSES))
    first, last = nn.Linear(4, 6), nn.Linear(6, 2)
    x = draw(5, 4)
    chain = ConditionalChain(first, norm, nn.ReLU(), last)
    assert_close(chain(x, ONE_HOT), last(norm(first(x), ONE_HOT).relu()))
    assert [type(part).__name__ for part in chain.parts] == ["Sequential", "ConditionalBatchNorm", "Sequential"]
    assert len(ConditionalChain(norm, norm).parts) == 2


def test_the_plain_parts_of_a_chain_can_be_folded():
    chain = ConditionalChain(
        nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1), ConditionalBatchNorm(6, 3), nn.ReLU(), nn.Conv2d(6, 1, 3)
    )
    x = draw(5, 4, 4, 4)
    expected = chain(x, ONE_HOT)
    assert_close(folded(chain)(x, ONE_HOT), expected)


# Heads


def test_projection_is_the_embedding_s_inner_product_plus_psi():
    head, phi = learned(Projection(7, N_CLASSES)), draw(5, 7)
    table = nn.Embedding.from_pretrained(head.embedding.weight.T)
    expected = torch.einsum("nd,nd->n", table(Y), phi) + linear(phi, head.score.weight)[:, 0]
    assert_close(head(phi, ONE_HOT), expected)
    assert n_parameters(head) == N_CLASSES * 7 + 7


def test_projection_has_no_term_in_y_alone_and_is_linear_in_the_features():
    head, phi = learned(Projection(7, N_CLASSES)), draw(5, 7)
    assert not head(torch.zeros(5, 7), ONE_HOT).any()
    assert_close(head(2.5 * phi, ONE_HOT), 2.5 * head(phi, ONE_HOT))


def interaction(head, n=4):
    """How much the difference between two samples' scores depends on the class: 0 if y can't be matched with x."""
    x = draw(n, 7).repeat_interleave(N_CLASSES, 0)
    scores = head(x, torch.eye(N_CLASSES).repeat(n, 1)).view(n, N_CLASSES)
    differences = scores - scores[:1]
    return (differences - differences.mean(1, keepdim=True)).abs().max().item()


def test_heads_match_x_with_y_and_a_linear_layer_on_both_could_not():
    for kind in (Projection, Concatenation):
        assert interaction(learned(kind(7, N_CLASSES))) > 0.1
    additive = nn.Linear(7 + N_CLASSES, 1)
    assert interaction(lambda phi, y: additive(torch.cat([phi, y], 1))[:, 0]) < 1e-6


def test_concatenation_and_the_unconditional_head_are_their_formulas():
    head, phi = learned(Concatenation(7, N_CLASSES)), draw(5, 7)
    first, last = (layer for layer in head.layers if isinstance(layer, nn.Linear))
    hidden = (phi @ first.weight[:, :7].T + first.weight[:, 7:].T[Y] + first.bias).clamp(min=0)
    assert_close(head(phi, ONE_HOT), hidden @ last.weight[0])
    plain = Unconditional(7)
    assert_close(plain(phi), phi @ plain.layers[0].weight[0])


def test_with_exact_posteriors_projection_is_bayes_rule():
    """λ(x | c) = log p(c|x)/q(c|x) + λ(x): Miyato and Koyama 2018, eq. 1, for the log ratios λ of Gaussians."""
    from gancourse.data import Mixture

    centres = draw(N_CLASSES, 2)
    p, q = Mixture(centres, 0.7), Mixture(centres.flip(0) * 0.5, 0.9)
    x = draw(50, 2)
    marginal = p.log_density(x) - q.log_density(x)
    for c in range(N_CLASSES):
        matched = p.component_log_density(x, c) - q.component_log_density(x, c)
        assert_close(p.posterior(x)[:, c].log() - q.posterior(x)[:, c].log() + marginal, matched, rtol=1e-4, atol=1e-4)


# Label channels and encodings


def test_label_channels_are_one_hot_maps_of_scale_one_after_the_image():
    x = draw(5, 2, 4, 3)
    both = label_channels(x, ONE_HOT)
    assert_close(both[:, :2], x)
    maps = torch.zeros(5, N_CLASSES, 4, 3)
    for i, label in enumerate(Y.tolist()):
        maps[i, label] = 1
    assert_close(both[:, 2:], maps)


@pytest.mark.parametrize(
    ("condition", "y", "size"),
    [(CLASSES, Y, 3), (Factors(("pose", "hair")), draw(5, 2).sigmoid(), 2), (Packs(CLASSES, 2), draw(5, 2).long(), 6)],
)
def test_any_kind_of_condition_reaches_a_head(condition, y, size):
    y = y.abs().clamp(max=2) if y.dtype == torch.int64 else y
    numbers = encoded(condition, y, 5, nn.Identity())
    assert numbers.shape == (5, size)
    assert Projection(7, size)(draw(5, 7), numbers).shape == (5,)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "Identity is conditional, but y is None; pass y"),
        (torch.zeros(4).long(), "y has 4 rows, but there are 5 samples; pass one condition a sample"),
        (torch.full((5,), 3), "labels run from 3 to 3; expected 0 to 2"),
        (torch.full((5,), -1), "labels run from -1 to -1; expected 0 to 2"),
        (torch.zeros(5), r"labels are torch.float32; expected integers"),
        (torch.zeros(5, 3).long(), r"labels have shape \(5, 3\); expected \[batch\]"),
    ],
)
def test_what_is_no_condition_is_named(y, message):
    with pytest.raises(ValueError, match=message):
        encoded(CLASSES, y, 5, nn.Identity())


def test_the_same_weights_are_drawn_for_the_same_seed():
    with initialised_from(0):
        first = Projection(7, 3)
    with initialised_from(0):
        again = Projection(7, 3)
    assert_close(first.embedding.weight, again.embedding.weight, rtol=0, atol=0)
