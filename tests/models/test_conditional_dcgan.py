"""Convolutional networks with a condition: formulas, equal sizes, who sees the condition where, and messages."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu
from torch.testing import assert_close

from gancourse.models import AuxiliaryDCGAN, ConditionalBatchNorm, ConditionalDCGAN, dcgan, fold_if_possible
from gancourse.models.blocks import n_parameters
from gancourse.models.conditional_dcgan import Discriminator, Generator
from gancourse.models.spectral import is_normalised
from gancourse.rng import initialised_from
from gancourse.signature import Classes, Factors, Packs, Signature

CLASSES = Classes(tuple("0123456789"))
GREY, COLOUR = Signature((1, 28, 28), CLASSES), Signature((3, 28, 28), CLASSES)
Y, ONE_HOT = torch.tensor([0, 2, 9, 2]), torch.eye(10)[[0, 2, 9, 2]]
HOW = ("concatenation", "label-channels", "projection", "none")
WIDTH = 4


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def discriminator(how, **settings):
    with initialised_from(0):
        return ConditionalDCGAN(6, WIDTH, discriminator_condition=how, **settings).discriminator(GREY)


def called(D, x=None, y=Y):
    x = draw(4, 1, 28, 28) if x is None else x
    return D(x, y) if D.conditional else D(x)


def features_by_hand(D, x):
    """Three convolutions and a sum over space, with torch's functions."""
    first, second, third = (layer for layer in D.body if isinstance(layer, nn.Conv2d))
    x = leaky_relu(conv2d(x, first.weight, first.bias, 2, 1), 0.2)
    x = leaky_relu(conv2d(x, second.weight, second.bias, 2, 1), 0.2)
    return conv2d(x, third.weight, third.bias, 2, 1).relu().sum((2, 3))


def test_projection_scores_are_the_paper_s_formula_on_sums_over_space():
    D, x = discriminator("projection"), draw(4, 1, 28, 28)
    phi = features_by_hand(D, x)
    assert_close(D.features(x, Y), phi)
    V, psi = D.head.embedding.weight.T, D.head.score.weight[0]
    assert_close(D(x, Y), torch.stack([V[y] @ f + psi @ f for y, f in zip(Y, phi, strict=True)]))
    pooled = features_by_hand(D, x) / 16  # the twin: means over space, as the reference's comment says
    assert not torch.allclose(D(x, Y), (pooled * (V[Y] + psi)).sum(1))


def test_label_channels_are_ten_maps_beside_the_image_s_own():
    D, x = discriminator("label-channels"), draw(4, 1, 28, 28)
    assert D.body[0].in_channels == 11
    both = torch.cat([x, ONE_HOT.view(4, 10, 1, 1) * torch.ones(4, 10, 28, 28)], 1)
    assert_close(D(x, Y), features_by_hand(D, both) @ D.head.layers[0].weight[0])


def test_concatenation_is_one_hot_beside_the_features():
    D, x = discriminator("concatenation"), draw(4, 1, 28, 28)
    first, last = D.head.layers[0], D.head.layers[2]
    hidden = torch.cat([features_by_hand(D, x), ONE_HOT], 1) @ first.weight.T + first.bias
    assert_close(D(x, Y), hidden.relu() @ last.weight[0])


@pytest.mark.parametrize("how", HOW)
def test_scores_depend_on_the_label_unless_it_isn_t_seen(how):
    D = discriminator(how)
    assert D.conditional == (how != "none")
    if how == "none":
        assert_close(D(draw(4, 1, 28, 28)), D.head(features_by_hand(D, draw(4, 1, 28, 28))))
        return
    assert (called(D) != called(D, y=(Y + 1) % 10)).any()
    assert_close(D.features(draw(4, 1, 28, 28), Y).shape, torch.Size([4, 4 * WIDTH]))


def test_all_discriminators_share_their_size_up_to_the_condition():
    """Convolutions of 1 → w → 2w → 4w channels; what the condition adds is that of its formula."""
    w = WIDTH
    trunk = (16 * w + w) + (16 * w * 2 * w + 2 * w) + (9 * 2 * w * 4 * w + 4 * w)
    added = {
        "none": 4 * w,
        "projection": 4 * w + 10 * 4 * w,
        "label-channels": 4 * w + 10 * 16 * w,
        "concatenation": (4 * w + 10) * 4 * w + 4 * w + 4 * w,
    }
    assert {how: n_parameters(discriminator(how)) - trunk for how in HOW} == added


def test_the_generator_is_the_dcgan_s_with_a_longer_latent_or_with_conditional_batch_norm():
    plain = dcgan.Generator(6, WIDTH)
    longer = Generator(6, WIDTH, condition=CLASSES)
    assert n_parameters(longer) - n_parameters(plain) == 10 * 2 * WIDTH * 49
    normed = Generator(6, WIDTH, condition=CLASSES, how="batch-norm")
    norms = [m for m in normed.modules() if isinstance(m, ConditionalBatchNorm)]
    assert [norm.n_features for norm in norms] == [2 * WIDTH, WIDTH]
    assert n_parameters(normed) - n_parameters(plain) == 2 * 3 * WIDTH * (10 - 1)
    for norm in norms:
        assert not norm.scale.weight.any()
        assert not norm.shift.weight.any()


def test_concatenation_in_the_generator_is_one_hot_beside_the_latent():
    G, plain = Generator(6, WIDTH, condition=CLASSES), dcgan.Generator(16, WIDTH)
    plain.load_state_dict(dict(zip(plain.state_dict(), G.state_dict().values(), strict=True)))
    z = draw(4, 6)
    assert_close(G(z, Y), plain(torch.cat([z, ONE_HOT], 1)))


def test_conditional_batch_norm_s_generator_is_its_formula():
    G, z = Generator(6, WIDTH, condition=CLASSES, how="batch-norm"), draw(4, 6)
    (first,), one, (_, second), two, (_, last, _) = G.layers.parts
    for i, weight in enumerate([*one.parameters(), *two.parameters()]):
        weight.data += draw(*weight.shape, seed=i)

    def norm(layer, x):
        mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
        gamma, beta = (table.weight.T[Y][:, :, None, None] for table in (layer.scale, layer.shift))
        return (1 + gamma) * (x - mean) / (variance + 1e-5).sqrt() + beta

    x = norm(one, conv_transpose2d(z[:, :, None, None], first.weight, first.bias)).relu()
    x = norm(two, conv_transpose2d(x, second.weight, second.bias, 2, 1)).relu()
    assert_close(G(z, Y), conv_transpose2d(x, last.weight, last.bias, 2, 1).tanh())


@pytest.mark.parametrize("how", HOW)
def test_a_score_does_not_depend_on_its_batch(how):
    D, x = discriminator(how), draw(4, 1, 28, 28)
    alone = torch.cat([called(D, x[i : i + 1], Y[i : i + 1]) for i in range(4)])
    assert_close(alone, called(D, x))


@pytest.mark.parametrize("how", HOW)
def test_spectral_normalisation_bounds_every_layer_the_embedding_included(how):
    D = discriminator(how, discriminator_norm="spectral")
    layers = [m for m in D.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == {"none": 4, "projection": 5, "label-channels": 4, "concatenation": 5}[how]
    assert all(map(is_normalised, layers))
    for layer in layers:
        for _ in range(30):
            called(D)
        norm = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item()
        assert norm == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("family", [ConditionalDCGAN(6, WIDTH), AuxiliaryDCGAN(6, WIDTH)], ids=str)
@pytest.mark.parametrize("fits", [GREY, COLOUR], ids=str)
def test_folded_networks_are_the_same_functions(family, fits):
    G, D = family.pair(fits, fits)
    z, arguments = draw(4, 6), ((Y,) if D.conditional else ())
    x = G(z, Y)
    scores = D(x, *arguments)
    assert fold_if_possible(G, in_place=True)
    fold_if_possible(D, in_place=True)
    assert_close(G(z, Y), x)
    assert_close(D(x, *arguments), scores)


def test_the_discriminator_starts_by_glorot_s_rule_and_its_scores_differ_between_images():
    with initialised_from(0):
        networks = [Discriminator(16, condition=CLASSES, how=how) for how in HOW]
    for D in networks:
        for layer in D.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                fan_in, fan_out = layer.weight[0].numel(), layer.weight.shape[0] * layer.weight[0, 0].numel()
                bound = (6 / (fan_in + fan_out)) ** 0.5
                assert 0.9 * bound < layer.weight.abs().max() <= bound
        spread = called(D).std()
        for layer in D.modules():  # the twin: the DCGAN's start, which is for networks with BatchNorm
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.02)
        assert spread > 20 * called(D).std()


def test_the_auxiliary_discriminator_and_its_heads():
    family = AuxiliaryDCGAN(6, WIDTH, discriminator_norm="spectral")
    D = family.discriminator(GREY)
    assert not D.conditional
    features = D.features(draw(4, 1, 28, 28))
    assert family.class_head(GREY)(features).shape == (4, 10)
    assert n_parameters(family.class_head(GREY)) == 10 * (4 * WIDTH + 1)
    assert family.recogniser(GREY, 7)(features).shape == (4, 7)


def test_packs_are_a_condition_too():
    packs = Signature((2, 28, 28), Packs(CLASSES, 2))
    for how in HOW[:3]:
        D = ConditionalDCGAN(6, WIDTH, discriminator_condition=how).discriminator(packs)
        assert D(draw(4, 2, 28, 28), torch.stack([Y, Y], 1)).shape == (4,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ConditionalDCGAN().generator(Signature((1, 28, 28))),
            "ConditionalDCGAN makes samples of a condition,",
        ),
        (lambda: ConditionalDCGAN().discriminator(Signature((1, 28, 28))), "the data has no labels or other y; pass"),
        (
            lambda: AuxiliaryDCGAN().class_head(Signature((1, 28, 28), Factors(("size",)))),
            "AuxiliaryDCGAN classifies samples, but the data's y is of the kind factors; pass data whose y is classes",
        ),
        (lambda: Discriminator(how="projection"), "a discriminator with projection needs a condition; pass condition="),
        (lambda: called(discriminator("projection"), y=None), "Discriminator is conditional, but y is None; pass y"),
        (lambda: called(discriminator("projection"), y=Y + 1), "labels run from 1 to 10; expected 0 to 9"),
        (
            lambda: called(discriminator("label-channels"), draw(4, 3, 28, 28)),
            r"x has shape \(4, 3, 28, 28\); expected \[batch, 1, 28, 28\]",
        ),
    ],
)
def test_what_does_not_fit_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
