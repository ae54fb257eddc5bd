"""Families: frozen values that make networks for what a data source hands out."""

import dataclasses
import inspect

import pytest
import torch
from torch import nn

from gancourse.games.game import conditioned
from gancourse.models import (
    DCGAN,
    MLP,
    SAGAN,
    AuxiliaryDCGAN,
    AuxiliaryMLP,
    BigGAN,
    ConditionalDCGAN,
    ConditionalMLP,
    ConvolutionalVAE,
    EnergyMLP,
    Family,
    ProGAN,
    ResNet,
    SmallClassifier,
    StyleGAN,
    StyleGAN2,
    StyleGAN3,
    mlp,
)
from gancourse.recipes import recipes
from gancourse.rng import initialised_from
from gancourse.signature import Classes, Signature
from gancourse.values import Value, is_abstract

GREY, COLOUR, LARGE = (Signature(shape, Classes(("a", "b", "c"))) for shape in ((1, 28, 28), (3, 28, 28), (3, 32, 32)))
PLANE, SPACE = Signature((2,)), Signature((3,))
LABELLED = [Signature(shape, Classes(("a", "b", "c"))) for shape in ((2,), (3,))]
FITS = [
    (MLP(4, 8), [PLANE, SPACE]),
    (MLP(4, 8, n_reference=8, dropout=0.5, n_kernels=2), [PLANE, SPACE]),
    (EnergyMLP(4, 8, code_size=3), [PLANE, SPACE]),
    (ConditionalMLP(4, 8), LABELLED),
    (ConditionalMLP(4, 8, generator_condition="batch-norm", discriminator_condition="concatenation"), LABELLED),
    (ConditionalMLP(4, 8, discriminator_condition="none"), LABELLED),
    (AuxiliaryMLP(4, 8), LABELLED),
    (DCGAN(4, 2), [GREY, COLOUR]),
    (DCGAN(4, 2, discriminator_norm="spectral"), [GREY, COLOUR]),
    (ConditionalDCGAN(4, 2), [GREY, COLOUR]),
    (ConditionalDCGAN(4, 2, "concatenation", "label-channels", "spectral"), [GREY, COLOUR]),
    (AuxiliaryDCGAN(4, 2), [GREY, COLOUR]),
    (ResNet(4, 2), [LARGE]),
    (ProGAN(4, 4), [LARGE]),
    (StyleGAN(4, (4, 4, 4, 4)), [LARGE]),
    (StyleGAN2(4, (4, 4, 4, 4)), [LARGE]),
    (StyleGAN3(4, (4, 4, 4, 4), widths=(4, 4, 4, 4)), [LARGE]),
    (SAGAN(4, 2, attention_at=16), [LARGE]),
    (BigGAN(4, 2, 4, attention_at=16), [LARGE]),
    (BigGAN(4, 2, 4, skip_latents=False, attention="none"), [LARGE]),
]
EVERY = [*(family for family, _ in FITS), ConvolutionalVAE(4, 2), SmallClassifier()]


def on_the_shelf():
    """Families of recipes that aren't listed above, small, each with the data of its recipe."""
    known = {type(family) for family in EVERY}
    for chosen in recipes.values():
        family = chosen.play.family
        if type(family) not in known:
            known.add(type(family))
            fields = {field.name for field in dataclasses.fields(family)} & {"latent_size", "width"}
            yield family.changed(**dict.fromkeys(fields, 4)), [chosen.signature()]


SHELF = list(on_the_shelf())
EVERY += [family for family, _ in SHELF]
FITS += [each for each in SHELF if hasattr(each[0], "generator") and hasattr(each[0], "discriminator")]
PAIRS = [(family, fits) for family, signatures in FITS for fits in signatures]


def test_every_family_is_tried():
    kinds = {kind for kind in Value.kinds.values() if issubclass(kind, Family) and not is_abstract(kind)}
    ours = {kind.__name__ for kind in kinds if kind.__module__.startswith("gancourse.")}
    untried = ours - {type(family).__name__ for family in EVERY}
    assert not untried, f"use {untried} in a recipe on the shelf, or list it in this file"


def conditions(n, fits):
    """As many y as asked for, where the data has labels."""
    return None if fits.condition is None else torch.arange(n) % fits.condition.size


N = 8  # a multiple of the groups that a discriminator compares


def check_pair(family, fits):
    generator, discriminator = family.pair(fits, fits)
    y, z = conditions(N, fits), torch.randn(N, generator.latent_size, generator=torch.Generator().manual_seed(0))
    samples = conditioned(generator, y)(z)
    assert samples.shape == (N, *fits.shape)
    assert conditioned(discriminator, y)(samples).shape == (N,)
    assert conditioned(discriminator, y, discriminator.features)(samples).shape[0] == N


@pytest.mark.parametrize(("family", "fits"), PAIRS, ids=str)
def test_a_pair_makes_samples_of_the_data_s_shape_and_scores_them(family, fits):
    check_pair(family, fits)


class Labelled(Family):
    """Networks of points that take a label, as a family of your own may."""

    def generator(self, fits):
        return mlp.Generator(4, 8, n_classes=fits.condition.size)

    def discriminator(self, fits):
        return mlp.Discriminator(8, n_classes=fits.condition.size)


class Featureless(Labelled):
    """The twin: its discriminator has no features of what it scores."""

    def discriminator(self, fits):
        return nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))


def test_families_that_take_conditions_or_lack_features_are_tried_too():
    fits = Signature((2,), Classes(("a", "b", "c")))
    check_pair(Labelled(), fits)
    with pytest.raises(AttributeError, match="no attribute 'features'"):
        check_pair(Featureless(), fits)


@pytest.mark.parametrize("fits", [PLANE, SPACE])
@pytest.mark.parametrize("family", [MLP(4, 8), EnergyMLP(4, 8)], ids=str)
def test_families_of_points_have_encoders(family, fits):
    assert family.encoder(fits, 7)(torch.zeros(3, *fits.shape)).shape == (3, 7)


@pytest.mark.parametrize("fits", [GREY, COLOUR], ids=str)
def test_a_vae_s_decoder_and_encoder_fit_each_other(fits):
    family = ConvolutionalVAE(latent_size=6, width=2)
    images = family.decoder(fits)(torch.zeros(3, 6))
    assert images.shape == (3, *fits.shape)
    assert family.encoder(fits)(images).shape == (3, 12)  # means and log variances


def test_a_classifier_knows_the_data_s_classes():
    assert SmallClassifier().classifier(COLOUR)(torch.zeros(2, 3, 28, 28)).shape == (2, 3)
    with pytest.raises(ValueError, match="the data has no labels; a classifier needs them"):
        SmallClassifier().classifier(Signature((1, 28, 28)))


WRONG = Signature((2, 5, 7))


def makers(family):
    """Whatever makes one network for a signature: public methods, of any name, whose first argument is `fits`."""
    methods = [method for name, method in inspect.getmembers(family, inspect.ismethod) if name[0] != "_"]
    return [m for m in methods if m.__name__ != "pair" and next(iter(inspect.signature(m).parameters), "") == "fits"]


@pytest.mark.parametrize("family", EVERY, ids=str)
def test_each_says_in_one_line_what_it_cannot_make(family):
    methods = makers(family)
    assert methods
    for make in methods:
        arguments = [3] * (len(inspect.signature(make).parameters) - 1)  # such as an encoder's n_out
        with pytest.raises(
            ValueError, match=f"^{type(family).__name__} makes .*, not 5 × 7 images of 2 channels; take"
        ):
            make(WRONG, *arguments)


@pytest.mark.parametrize(("family", "signatures"), FITS, ids=str)
def test_a_pair_s_weights_are_the_seed_s_alone(family, signatures):
    fits, pairs = signatures[0], []
    for seed in (0, 0, 1):
        with initialised_from(seed):
            pairs.append([network.state_dict() for network in family.pair(fits, fits)])
    for ours, again, other in zip(*pairs, strict=True):
        assert all(torch.equal(ours[name], again[name]) for name in ours)
        assert any(not torch.equal(ours[name], other[name]) for name in ours)


def test_the_generator_s_weights_are_drawn_first_but_for_energies():
    """Published rows depend on it."""
    for family, first, fits in ((MLP(4, 8), 0, PLANE), (DCGAN(4, 2), 0, GREY), (EnergyMLP(4, 8), 1, PLANE)):
        with initialised_from(0):
            pair = family.pair(fits, fits)
        with initialised_from(0):
            alone = (family.generator, family.discriminator)[first](fits)
        for ours, theirs in zip(pair[first].parameters(), alone.parameters(), strict=True):
            assert torch.equal(ours, theirs)
