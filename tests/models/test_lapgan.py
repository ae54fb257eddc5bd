"""LAPGAN: what each level is trained on, that levels are independent, and how the cascade makes images."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse import laplacian, objectives
from gancourse.batch import Batch
from gancourse.games import GAN, LaplacianGAN
from gancourse.models import DCGAN, LAPGAN, Cascade
from gancourse.models.lapgan import BandDiscriminator, BandGenerator, TopGenerator
from gancourse.recipes import Laplacian, recipe
from gancourse.rng import Noise, initialised_from
from gancourse.signature import Signature
from gancourse.training import Trainer, adam

FITS = Signature((3, 16, 16))
FAMILY = LAPGAN(latent_size=4, width=4, hidden=8)
GREY_28 = Signature((1, 28, 28))


def images(noise):
    return Batch(noise.normal("x", 3, 16, 16).cumsum(3).tanh())


def game():
    with initialised_from(0):
        networks = zip(FAMILY.generators(FITS, 3), FAMILY.discriminators(FITS, 3), strict=True)
        return LaplacianGAN([GAN(*pair, objectives.non_saturating) for pair in networks])


def trained(played, n_steps=3):
    trainer = Trainer(played, images, batch_size=4, optimiser=adam(1e-2))
    for _ in trainer.steps(n_steps):
        pass
    return {player.name: player.network for player in played.players}


def test_each_level_is_trained_on_its_band_and_low_pass_image_of_real_data():
    batch, played = images(Noise((0,), 4)), game()
    bands = laplacian.pyramid(batch.x, 3)
    top = played.level(batch, 2)
    assert top.y is None
    assert torch.equal(top.x, bands[2])
    for k in (0, 1):
        level = played.level(batch, k)
        assert torch.equal(level.x, bands[k])
        low = laplacian.up(laplacian.reconstruct(bands[k + 1 :]))
        assert_close(level.y, low, rtol=0, atol=2 * 2**-23)


def equal(a, b):
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_levels_don_t_know_each_other():
    plain, other = game(), game()
    for weight in other.players[3].network.parameters():  # the generator of level 1
        nn.init.zeros_(weight)
    plain, other = trained(plain), trained(other)
    changed = {name for name in plain if not equal(plain[name], other[name])}
    assert changed == {"generator 1", "discriminator 1"}


def test_a_band_s_discriminator_sees_the_sharpened_image_and_the_condition():
    critic = BandDiscriminator(4, 3, 16)
    h, low = torch.randn(2, 5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    first = critic.body[0].weight
    with torch.no_grad():
        first[:, 3:] = 0  # blind to l beside it
    # What is added to l is taken off h: the sum, which it sees, stays.
    assert_close(critic(h, low), critic(h - 1, low + 1))
    with torch.no_grad():
        first[:, 3:] = 1
    assert (critic(h, low) - critic(h - 1, low + 1)).abs().max() > 1e-3


def by_hand(generators, z):
    image = generators[0](z[:, :4])
    for generator, own_z in zip(generators[1:], z[:, 4:].split([64, 256], 1), strict=True):
        low = laplacian.up(image)
        image = low + generator(own_z, low)
    return image


def test_the_cascade_sharpens_what_it_generated_or_real_images():
    generators = FAMILY.generators(FITS, 3)
    cascade = Cascade(generators)
    z = torch.randn(5, cascade.latent_size, generator=torch.Generator().manual_seed(0))
    assert torch.equal(cascade(z), by_hand(generators, z))
    real = images(Noise((1,), 5)).x
    half = laplacian.down(real)
    low = laplacian.up(half)
    assert torch.equal(cascade(z, half), low + generators[2](z[:, 68:], low))
    again = torch.cat([torch.zeros(5, 68), z[:, 68:]], 1)
    assert torch.equal(cascade(again, half), cascade(z, half))
    assert not torch.equal(cascade(again), cascade(z))


def test_true_bands_make_the_cascade_rebuild_the_image():
    class Known(nn.Module):
        def __init__(self, band):
            super().__init__()
            self.band, self.latent_size, self.size = band, 1, band.shape[-1]

        def forward(self, z, low=None):
            return self.band

    x = images(Noise((0,), 2)).x
    cascade = Cascade([Known(band) for band in laplacian.pyramid(x, 3)[::-1]])
    assert_close(cascade(torch.zeros(2, 3)), x, rtol=0, atol=2 * 2**-23)


def test_images_of_28_pixels_come_down_to_7_and_up_again():
    generators = FAMILY.generators(GREY_28, 3)
    assert [generator.size for generator in generators] == [7, 14, 28]
    cascade = Cascade(generators)
    assert cascade(torch.zeros(2, cascade.latent_size)).shape == (2, 1, 28, 28)
    for critic, size in zip(FAMILY.discriminators(GREY_28, 3), (7, 14, 28), strict=True):
        x = torch.zeros(2, 1, size, size)
        assert (critic(x) if size == 7 else critic(x, x)).shape == (2,)


def test_the_recipe_keeps_a_cascade_of_all_generators():
    chosen = recipe("lapgan-faces").changed(width=4, hidden=8, latent_size=4)
    kept = chosen.play.untrained(chosen.signature())
    assert kept.latent_sizes == [4, 256, 1024]
    assert chosen.play.averaged == ("generator 2", "generator 1", "generator 0")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: FAMILY.generators(FITS, 0), "0 levels; pass at least 1"),
        (lambda: FAMILY.discriminators(FITS, 5), "LAPGAN makes bands of 4 × 4 and more, but 5 levels of 16 × 16 image"),
        (lambda: FAMILY.generators(FITS, 7), "7 levels of 16 × 16 images, but after 5 there is one pixel left; pass"),
        (lambda: LaplacianGAN([]), "the list of pairs is empty; pass one GAN for each level, the coarsest first"),
        (lambda: game().level(Batch(torch.zeros(2, 5)), 0), r"x has shape \(2, 5\); a pyramid takes images"),
        (lambda: game().level(Batch(torch.zeros(2, 3, 16, 16)), 3), "level 3 of 3; pass one from 0, the finest, to 2"),
        (lambda: game().level(Batch(torch.zeros(2, 3, 16, 16)), -1), "level -1 of 3; pass one from 0"),
        (lambda: TopGenerator(0, 8, 3, 4), "latent_size is 0; pass at least 1"),
        (lambda: BandGenerator(0, 3, 8), "width is 0; pass at least 1"),
        (lambda: BandDiscriminator(4, 3, 3), "bands of 3 × 3; the convolutions halve them twice, so pass at least 4"),
        (lambda: BandGenerator(4, 3, 8)(torch.zeros(2, 64), None), "there are no low-pass images; pass u"),
        (lambda: Cascade([]), "there are no generators; pass one for each level, the coarsest first"),
        (
            lambda: Cascade(FAMILY.generators(FITS, 2)[::-1]),
            "the generators are BandGenerator, TopGenerator; pass the coarsest level's first",
        ),
        (
            lambda: Cascade([TopGenerator(8, 8, 3, 4), BandGenerator(4, 3, 16)]),
            "a generator of 16 × 16 follows one of 4 × 4; pass one of 8 × 8, or of one pixel less",
        ),
        (lambda: Laplacian(DCGAN()), "Laplacian asks its family for generators and discriminators, but DCGAN makes no"),
        (
            lambda: Cascade(FAMILY.generators(FITS, 3))(torch.zeros(2, 324), torch.zeros(2, 3, 16, 16)),
            r"coarse images are \(2, 3, 16, 16\); pass 2 of height 4 or 8",
        ),
        (
            lambda: FAMILY.generators(FITS, 2)[1](torch.zeros(2, 256), torch.zeros(3, 3, 16, 16)),
            "there are 3 low-pass images for 2 samples; pass one for each",
        ),
        (
            lambda: next(iter(trained(LaplacianGAN(game().games[1:])))),
            "BandGenerator is conditional, but the batch has no y",
        ),
    ],
)
def test_bad_inputs_are_named_in_one_line(wrong, message):
    with pytest.raises(ValueError, match=message) as caught:
        wrong()
    assert "\n" not in str(caught.value)
