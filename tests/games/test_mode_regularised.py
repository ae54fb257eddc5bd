import pytest
import torch
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, ModeRegularised, packing
from gancourse.models import mlp
from gancourse.objectives import non_saturating, objectives
from gancourse.rng import Noise, initialised_from


def networks(dimensions=2):
    with initialised_from(0):
        return mlp.Generator(4, 8), mlp.Discriminator(8, dimensions=dimensions), mlp.Encoder(4, 8)


def batch(n=6):
    return Batch(torch.randn(n, 2, generator=torch.Generator().manual_seed(0)))


def noise(n=6):
    return Noise((0, "modes"), n)


def test_the_encoder_plays_last_and_both_terms_are_the_paper_s():
    G, D, E = networks()
    game = ModeRegularised(GAN(G, D, non_saturating), E, reconstruction=0.2, mode=0.4)
    assert [p.name for p in game.players] == ["discriminator", "generator", "encoder"]
    made = G(E(batch().x))
    terms = game.players[2].terms(batch(), noise())
    assert_close(terms["reconstruction"], 0.2 * ((batch().x - made) ** 2).sum(1))
    assert_close(terms["mode"], -0.4 * torch.sigmoid(D(made)).log())
    of_g = game.players[1].terms(batch(), noise())
    assert of_g.keys() == {"adversarial", "reconstruction", "mode"}
    assert_close(of_g["reconstruction"], terms["reconstruction"])
    assert_close(of_g["mode"], terms["mode"])
    assert_close(of_g["adversarial"], -torch.sigmoid(D(G(noise().normal("z", 4)))).log())


def test_a_step_down_the_mode_term_makes_reconstructions_more_believable():
    """The sign: with a plus before the logarithm, the same step would lower D(G(E(x)))."""
    G, D, E = networks()
    term = ModeRegularised(GAN(G, D, non_saturating), E, 0.0, 1.0).players[2].terms(batch(), noise())["mode"].mean()
    before = D(G(E(batch().x))).mean()
    slopes = torch.autograd.grad(term, list(E.parameters()))
    with torch.no_grad():
        for weight, slope in zip(E.parameters(), slopes, strict=True):
            weight -= 0.1 * slope
    assert D(G(E(batch().x))).mean() > before


def test_with_weights_zero_the_generator_s_loss_is_the_inner_game_s():
    G, D, E = networks()
    inner = GAN(G, D, non_saturating)
    terms = ModeRegularised(inner, E, 0.0, 0.0).players[1].terms(batch(), noise())
    assert_close(sum(terms.values()), inner.generator_terms(batch(), noise())["adversarial"])


def test_the_discriminator_may_see_reconstructions_in_packs_or_compare_them_with_real_data():
    G, D, E = networks(dimensions=4)
    game = ModeRegularised(GAN(G, D, non_saturating, views=[packing(2)]), E, 1.0, 1.0)
    assert game.encoder_terms(batch(), noise())["mode"].shape == (3,)
    relative = next(o for o in objectives.values() if o.relative)
    G, D, E = networks()
    terms = ModeRegularised(GAN(G, D, relative), E, 1.0, 1.0).encoder_terms(batch(), noise())
    assert_close(terms["mode"], relative.generator(D(G(E(batch().x))), D(batch().x)))


def test_what_cannot_be_regularised_is_refused():
    G, D, E = networks()
    game = GAN(G, D, non_saturating)
    with pytest.raises(ValueError, match="the weight of the reconstruction is -1"):
        ModeRegularised(game, E, -1.0, 0.0)
    with pytest.raises(ValueError, match="the weight of the mode term is nan"):
        ModeRegularised(game, E, 0.0, float("nan"))
    with pytest.raises(ValueError, match="a player named 'encoder' already"):
        ModeRegularised(ModeRegularised(game, E, 1.0, 1.0), E, 1.0, 1.0)
    wide = ModeRegularised(game, mlp.Encoder(4, 8, dimensions=3), 1.0, 1.0)
    with pytest.raises(ValueError, match=r"G\(E\(x\)\) is \(5, 2\) but x is \(5, 3\)"):
        wide.encoder_terms(Batch(torch.zeros(5, 3)), noise(5))
