"""Families: frozen values that make networks for what a data source hands out."""

import pytest
import torch

from gancourse.models import DCGAN, MLP, ConvolutionalVAE, EnergyMLP, Family, ResNet, SmallClassifier
from gancourse.rng import initialised_from
from gancourse.signature import Classes, Signature
from gancourse.values import Value, is_abstract

GREY, COLOUR, LARGE = (Signature(shape, Classes(("a", "b", "c"))) for shape in ((1, 28, 28), (3, 28, 28), (3, 32, 32)))
PLANE, SPACE = Signature((2,)), Signature((3,))
FITS = [
    (MLP(4, 8), [PLANE, SPACE]),
    (MLP(4, 8, n_reference=8, dropout=0.5, n_kernels=2), [PLANE, SPACE]),
    (EnergyMLP(4, 8, code_size=3), [PLANE, SPACE]),
    (DCGAN(4, 2), [GREY, COLOUR]),
    (DCGAN(4, 2, discriminator_norm="spectral"), [GREY, COLOUR]),
    (ResNet(4, 2), [LARGE]),
]
PAIRS = [(family, fits) for family, signatures in FITS for fits in signatures]
EVERY = [*(family for family, _ in FITS), ConvolutionalVAE(4, 2), SmallClassifier()]


def test_every_family_is_tried():
    kinds = {kind for kind in Value.kinds.values() if issubclass(kind, Family) and not is_abstract(kind)}
    assert {type(family) for family in EVERY} == kinds


@pytest.mark.parametrize(("family", "fits"), PAIRS, ids=str)
def test_a_pair_makes_samples_of_the_data_s_shape_and_scores_them(family, fits):
    generator, discriminator = family.pair(fits, fits)
    samples = generator(torch.randn(5, generator.latent_size, generator=torch.Generator().manual_seed(0)))
    assert samples.shape == (5, *fits.shape)
    assert discriminator(samples).shape == (5,)
    assert discriminator.features(samples).shape[0] == 5


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


@pytest.mark.parametrize("family", EVERY, ids=str)
def test_each_says_in_one_line_what_it_cannot_make(family):
    names = ("generator", "discriminator", "decoder", "encoder", "classifier")
    methods = [getattr(family, name) for name in names if hasattr(family, name)]
    assert methods
    for make in methods:
        arguments = (3,) if make.__name__ == "encoder" and family.image_size is None else ()
        with pytest.raises(
            ValueError, match=f"^{type(family).__name__} makes .*, not 5 × 7 images of 2 channels; take"
        ):
            make(WRONG, *arguments)


@pytest.mark.parametrize("family", [family for family, _ in FITS], ids=str)
def test_a_pair_s_weights_are_the_seed_s_alone(family):
    fits = PLANE if family.image_size is None else LARGE if family.image_size == 32 else GREY
    pairs = []
    for seed in (0, 0, 1):
        with initialised_from(seed):
            pairs.append([network.state_dict() for network in family.pair(fits, fits)])
    for ours, again, other in zip(*pairs, strict=True):
        assert all(torch.equal(ours[name], again[name]) for name in ours)
        assert any(not torch.equal(ours[name], other[name]) for name in ours)


def test_the_generator_s_weights_are_drawn_first_but_for_energies():
    """Published rows depend on it."""
    for family, first in ((MLP(4, 8), 0), (DCGAN(4, 2), 0), (EnergyMLP(4, 8), 1)):
        fits = PLANE if family.image_size is None else GREY
        with initialised_from(0):
            pair = family.pair(fits, fits)
        with initialised_from(0):
            alone = (family.generator, family.discriminator)[first](fits)
        for ours, theirs in zip(pair[first].parameters(), alone.parameters(), strict=True):
            assert torch.equal(ours, theirs)
