"""Self-attention, against torch's own and by its invariances; and which of these a wrong softmax passes."""

import pytest
import torch
from torch.nn.functional import conv2d, max_pool2d, scaled_dot_product_attention
from torch.testing import assert_close

from gancourse.models.attention import SelfAttention
from gancourse.rng import initialised_from

FORMS = ("released", "paper")
EACH = pytest.mark.parametrize("form", FORMS)


def layer_of(form, n_channels=16, share=0.7):
    with initialised_from(3):
        layer = SelfAttention(n_channels, form).double()
    layer.share.data.fill_(share)
    return layer


def images(n_channels=16, height=6, width=4):
    return torch.randn(3, n_channels, height, width, generator=torch.Generator().manual_seed(0)).double()


def by_torch(layer, x):
    """The layer by torch's attention, which divides by nothing if scale is 1."""
    pooled = (lambda t: max_pool2d(t, 2)) if layer.form != "paper" else (lambda t: t)
    query, key, value = (
        change(conv2d(x, part.weight)).flatten(2).transpose(1, 2)
        for part, change in ((layer.query, lambda t: t), (layer.key, pooled), (layer.value, pooled))
    )
    means = scaled_dot_product_attention(query, key, value, scale=1.0).transpose(1, 2)
    return x + layer.share * conv2d(means.unflatten(2, x.shape[2:]), layer.out.weight)


@EACH
def test_output_and_gradients_are_those_of_torch_s_attention_of_scale_one(form):
    layer, x = layer_of(form), images().requires_grad_()
    ours, theirs = layer(x), by_torch(layer, x)
    assert_close(ours, theirs, rtol=0, atol=1e-12)
    inputs = [x, *layer.parameters()]
    for a, b in zip(
        torch.autograd.grad(ours.sin().sum(), inputs), torch.autograd.grad(theirs.sin().sum(), inputs), strict=True
    ):
        assert_close(a, b, rtol=0, atol=1e-10)


@EACH
def test_it_starts_as_the_identity_and_its_share_is_what_learns_first(form):
    with initialised_from(0):
        layer = SelfAttention(16, form)
    x = images().float()
    assert torch.equal(layer(x), x)
    layer(x).square().sum().backward()
    assert layer.share.grad != 0
    assert all((w.grad == 0).all() for name, w in layer.named_parameters() if name != "share")


@EACH
def test_each_place_s_weights_sum_to_one_over_the_places_that_it_looks_at(form):
    layer, x = layer_of(form), images()
    weights = layer.weights(x)
    assert weights.shape == (3, 24, 6 if form == "released" else 24)
    assert_close(weights.sum(2), torch.ones(3, 24).double())
    assert (weights >= 0).all()


def test_a_softmax_over_queries_fails_that_and_torch_s_attention_but_not_equivariance():
    wrong, x = layer_of("over-queries"), images()
    assert_close(wrong.weights(x).sum(1), torch.ones(3, 6).double())
    assert (wrong.weights(x).sum(2) - 1).abs().max() > 0.1
    with pytest.raises(AssertionError, match="not close"):
        assert_close(wrong(x), by_torch(wrong, x), rtol=0, atol=1e-3)
    check_squares_may_change_places(wrong)


def check_squares_may_change_places(layer):
    """Squares of 2 × 2 places in another order give the same outputs in that order, whatever the layer pools."""
    x = images()
    order = torch.randperm(6, generator=torch.Generator().manual_seed(1))

    def shuffled(t):
        squares = t.unfold(2, 2, 2).unfold(3, 2, 2).flatten(2, 3)[:, :, order]
        return squares.unflatten(2, (3, 2)).transpose(3, 4).flatten(4, 5).flatten(2, 3)

    assert not torch.equal(shuffled(x), x)
    assert_close(layer(shuffled(x)), shuffled(layer(x)), rtol=0, atol=1e-10)


@EACH
def test_squares_of_places_in_another_order_give_the_same_in_that_order(form):
    check_squares_may_change_places(layer_of(form))


def test_any_places_may_change_places_in_the_paper_s_form_only():
    x, order = images(), torch.randperm(24, generator=torch.Generator().manual_seed(1))

    def shuffled(t):
        return t.flatten(2)[:, :, order].view_as(t)

    paper, released = layer_of("paper"), layer_of("released")
    assert_close(paper(shuffled(x)), shuffled(paper(x)), rtol=0, atol=1e-10)
    with pytest.raises(AssertionError, match="not close"):
        assert_close(released(shuffled(x)), shuffled(released(x)), rtol=0, atol=1e-3)


def test_the_control_has_the_weights_of_the_released_form_and_sees_its_own_place_only():
    released, control = layer_of("released"), layer_of("own-place")
    for first, second in zip(released.parameters(), control.parameters(), strict=True):
        assert first.shape == second.shape
    x, changed = images(), images()
    changed[:, :, 1, 2] += 1
    others = torch.ones(x.shape[2:], dtype=torch.bool)
    others[1, 2] = False
    assert_close(control(changed)[..., others], control(x)[..., others], rtol=0, atol=0)
    assert (released(changed)[..., others] - released(x)[..., others]).abs().max() > 1e-3
    values = control.value(x).flatten(2).transpose(1, 2)
    o = control.out((control.weights(x) @ values).transpose(1, 2).unflatten(2, x.shape[2:]))
    assert_close(control(x), control.share * o + x)


def test_sizes_are_the_papers():
    """An eighth of the channels for queries and keys; values of an eighth in the paper, of a half as released."""
    paper, released = SelfAttention(512, "paper"), SelfAttention(512)
    assert [part.out_channels for part in (paper.query, paper.key, paper.value, paper.out)] == [64, 64, 64, 512]
    assert [part.out_channels for part in (released.query, released.key, released.value)] == [64, 64, 256]
    assert all(part.bias is None for part in (released.query, released.key, released.value, released.out))
    assert SelfAttention(4).query.out_channels == 1


def test_wrong_inputs_are_named():
    with pytest.raises(ValueError, match="form is 'none'; pass 'released', 'paper', 'over-queries', 'own-place', or"):
        SelfAttention(8, "none")
    with pytest.raises(ValueError, match=r"x has shape \(1, 4, 2, 2\); expected \[batch, 8, 2, 2\]"):
        SelfAttention(8)(torch.zeros(1, 4, 2, 2))
    with pytest.raises(ValueError, match="2 × 2 places are pooled, so pass even height and width"):
        SelfAttention(8)(torch.zeros(1, 8, 2, 3))
    assert SelfAttention(8, "paper")(torch.zeros(1, 8, 2, 3)).shape == (1, 8, 2, 3)


def test_in_bfloat16_the_weights_still_sum_to_one():
    layer, x = layer_of("released").float(), images().float()
    with torch.autocast("cpu", torch.bfloat16):
        weights = layer.weights(x)
    assert_close(weights.float().sum(2), torch.ones(3, 24), rtol=0, atol=1e-5)
