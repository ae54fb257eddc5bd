from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, View, annealed, instance_noise, label_flipping, packing, penalty
from gancourse.models import mlp
from gancourse.objectives import non_saturating, r1
from gancourse.rng import Noise, initialised_from

N = 4000


def noise(n=6, update=0):
    return Noise((0, "views"), n, update)


def apply(view, real, fake, noise):
    """What a view makes of two tensors."""
    return tuple(batch.x for batch in view.function(Batch(real), Batch(fake), noise))


def pairs(n=6, *shape):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, *(shape or (2,)), generator=generator), torch.randn(n, *(shape or (2,)), generator=generator)


def test_annealed_values_have_equal_ratios_and_then_stay():
    values = [annealed(2.0, 0.02, 10)(update) for update in range(15)]
    assert [b / a for a, b in pairwise(values[:11])] == pytest.approx([0.01**0.1] * 10)
    assert values[10:] == pytest.approx([0.02] * 5)


@pytest.mark.parametrize("arguments", [(0.0, 1.0, 5), (1.0, 0.0, 5), (1.0, 0.1, 0), (float("nan"), 0.1, 3)])
def test_annealing_through_zero_or_in_no_time_is_refused(arguments):
    with pytest.raises(ValueError, match="pass positive numbers"):
        annealed(*arguments)


def test_instance_noise_has_the_given_deviation_and_is_independent_on_real_and_fake():
    # 12,000 numbers each: the standard error of the deviation is 0.0019, of the correlation 0.009; 5 of each.
    real, fake = apply(instance_noise(0.3), torch.zeros(N, 3), torch.zeros(N, 3), noise(N))
    assert abs(real.std().item() - 0.3) < 0.01
    assert abs(fake.std().item() - 0.3) < 0.01
    assert abs(torch.corrcoef(torch.stack([real.flatten(), fake.flatten()]))[0, 1].item()) < 0.045


def test_instance_noise_of_zero_changes_nothing_and_the_next_update_draws_anew():
    real, fake = pairs(6, 3, 2, 2)
    assert_close(apply(instance_noise(0.0), real, fake, noise()), (real, fake), rtol=0, atol=0)
    first, later = (apply(instance_noise(1.0), real, fake, noise(update=u))[0] for u in (0, 1))
    assert (first != later).all()


def test_noise_upon_noise_adds_variances_not_deviations():
    views = [instance_noise(0.3), instance_noise(0.4)]
    game = GAN(mlp.Generator(2, 4), mlp.Discriminator(4), non_saturating, views=views)
    still = torch.zeros(20_000, 2)
    for seen, _, _ in game.seen(Batch(still), Batch(still), Noise((0,), len(still)), "discriminator"):
        # 40,000 numbers, whose deviation has a standard error of 0.0018; it would be 0.7 if both drew the same.
        assert abs(seen.std() - 0.5) < 6 * 0.0018


def test_a_single_view_draws_what_it_drew_alone():
    view, still = instance_noise(0.3), torch.zeros(4, 2)
    game = GAN(mlp.Generator(2, 4), mlp.Discriminator(4), non_saturating, views=[view, packing(1)])
    mine = Noise((0,), 4)
    both = game.seen(Batch(still), Batch(still), mine, "generator")
    for seen, alone in zip(both, apply(view, still, still, mine), strict=True):
        assert torch.equal(seen.x, alone)


def test_annealed_noise_follows_the_count_of_updates():
    view = instance_noise(lambda update: 2.0**-update)
    moved = [
        (apply(view, *pairs(), noise(update=u))[0] - pairs()[0]) / noise(update=u).normal("noise on real", 2)
        for u in (0, 3)
    ]
    assert_close(moved, [torch.ones(6, 2), torch.full((6, 2), 0.125)], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("std", [-0.1, float("nan"), float("inf"), lambda update: -1.0])
def test_noise_that_is_no_deviation_is_refused(std):
    with pytest.raises(ValueError, match="expected a finite number ≥ 0"):
        apply(instance_noise(std), *pairs(), noise())


def test_packs_of_points_are_concatenated_along_features_and_of_images_along_channels():
    real, fake = pairs()
    packed, other = apply(packing(3), real, fake, noise())
    assert_close(packed, torch.stack([torch.cat([real[0], real[1], real[2]]), torch.cat([real[3], real[4], real[5]])]))
    assert other.shape == (2, 6)
    images, _ = pairs(4, 3, 5, 5)
    packed, _ = apply(packing(2), images, images, noise(4))
    assert_close(packed[1], torch.cat([images[2], images[3]]))


def test_a_pack_of_one_is_the_plain_game():
    with initialised_from(0):
        G, D = mlp.Generator(4, 8), mlp.Discriminator(8)
    plain, packed = GAN(G, D, non_saturating), GAN(G, D, non_saturating, views=[packing(1)])
    batch = Batch(pairs()[0])
    for terms in ("discriminator_terms", "generator_terms"):
        assert_close(getattr(packed, terms)(batch, noise()), getattr(plain, terms)(batch, noise()), rtol=0, atol=0)


def test_a_permutation_of_packs_permutes_the_packs_and_nothing_else():
    real, fake = pairs(8)
    order = torch.tensor([2, 0, 3, 1])
    a, _ = apply(packing(2), real, fake, noise(8))
    b, _ = apply(packing(2), real.view(4, 2, 2)[order].reshape(8, 2), fake, noise(8))
    assert_close(b, a[order])


def test_a_packed_discriminator_gives_one_loss_a_pack():
    with initialised_from(0):
        game = GAN(mlp.Generator(4, 8), mlp.Discriminator(8, dimensions=6), non_saturating, views=[packing(3)])
    assert game.discriminator_terms(Batch(pairs()[0]), noise())["adversarial"].shape == (2,)


def test_batches_that_packs_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="a batch of 6 can't be packed by 4; pass a batch_size that 4 divides"):
        apply(packing(4), *pairs(), noise())
    with pytest.raises(ValueError, match="packs of 0 samples"):
        packing(0)


def test_flipping_swaps_whole_pairs_with_the_given_probability():
    # Standard error 0.0072 at 4000 pairs; 5 of them.
    real, fake = apply(label_flipping(0.3), torch.ones(N, 2), torch.zeros(N, 2), noise(N))
    assert_close(real + fake, torch.ones(N, 2))
    assert_close(real[:, 0], real[:, 1])
    assert abs(1 - real.mean().item() - 0.3) < 0.036


@pytest.mark.parametrize(("share", "same"), [(0.0, True), (1.0, False)])
def test_a_share_of_zero_swaps_none_and_of_one_all(share, same):
    real, fake = pairs(6, 1, 4, 4)
    expected = (real, fake) if same else (fake, real)
    assert_close(apply(label_flipping(share), real, fake, noise()), expected, rtol=0, atol=0)


def test_only_the_discriminator_sees_flipped_labels():
    with initialised_from(0):
        G, D = mlp.Generator(4, 8), mlp.Discriminator(8)
    plain, flipped = GAN(G, D, non_saturating), GAN(G, D, non_saturating, views=[label_flipping(1.0)])
    batch = Batch(pairs()[0])
    assert_close(flipped.generator_terms(batch, noise()), plain.generator_terms(batch, noise()), rtol=0, atol=0)
    swapped = non_saturating.discriminator(D(G(noise().normal("z", 4))), D(batch.x))
    assert_close(flipped.discriminator_terms(batch, noise())["adversarial"], swapped)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_no_probability_is_refused(share):
    with pytest.raises(ValueError, match="expected a number from 0 to 1"):
        label_flipping(share)


def test_flipping_what_differs_in_shape_is_refused():
    with pytest.raises(ValueError, match="only equal shapes can be swapped"):
        apply(label_flipping(0.5), torch.zeros(6, 2), torch.zeros(6, 3), noise())


def labelled():
    real, fake = pairs()
    y = torch.tensor([0, 1, 2, 3, 4, 5])
    return Batch(real, y), Batch(fake, y)


def test_instance_noise_leaves_what_samples_are_conditioned_on():
    for before, after in zip(labelled(), instance_noise(1.0).function(*labelled(), noise()), strict=True):
        assert torch.equal(after.y, before.y)
        assert (after.x != before.x).all()


def test_flipping_swaps_conditions_together_with_samples():
    real, fake = labelled()
    fake = fake._replace(y=fake.y + 10)
    found, other = label_flipping(0.5).function(real, fake, noise())
    swapped = found.y >= 10
    assert 0 < swapped.sum() < 6
    assert_close(other.y, torch.where(swapped, real.y, fake.y))
    for i in range(6):
        source = fake if swapped[i] else real
        assert torch.equal(found.x[i], source.x[i])
        assert found.y[i] == source.y[i]


def test_packs_hold_the_conditions_of_their_samples():
    real, fake = packing(3).function(*labelled(), noise())
    assert real.y.tolist() == fake.y.tolist() == [[0, 1, 2], [3, 4, 5]]
    images = torch.arange(4.0 * 3 * 2 * 2).view(4, 3, 2, 2)
    both = Batch(torch.zeros(4, 1, 2, 2), images)
    packed, _ = packing(2).function(both, both, noise(4))
    assert_close(packed.y[1], torch.cat([images[2], images[3]]))


def test_a_conditional_discriminator_sees_the_labels_of_each_sample_of_a_pack():
    with initialised_from(0):
        G, D = mlp.Generator(4, 8, n_classes=6), mlp.Discriminator(8, dimensions=4, n_classes=6, n_labels=2)
    game = GAN(G, D, non_saturating, [penalty(r1)], views=[instance_noise(0.1), packing(2)])
    batch = labelled()[0]
    terms = game.discriminator_terms(batch, noise())
    assert terms["adversarial"].shape == terms["r1"].shape == (3,)
    moved = batch._replace(y=batch.y.flip(0))
    assert not torch.allclose(game.discriminator_terms(moved, noise())["adversarial"], terms["adversarial"])


def test_a_view_that_gives_one_half_other_conditions_is_refused_where_a_term_needs_one_critic():
    with initialised_from(0):
        G, D = mlp.Generator(4, 8, n_classes=6), mlp.Discriminator(8, n_classes=6)
    wrong = View(lambda real, fake, noise: (real, fake._replace(y=fake.y.flip(0))))
    batch = labelled()[0]
    plain = GAN(G, D, non_saturating, views=[wrong]).discriminator_terms(batch, noise())["adversarial"]
    fake = G(noise().normal("z", 4), batch.y)
    assert_close(plain, non_saturating.discriminator(D(batch.x, batch.y), D(fake, batch.y.flip(0))))
    with pytest.raises(ValueError, match="a view gives real and generated samples different conditions"):
        GAN(G, D, non_saturating, [penalty(r1)], views=[wrong]).discriminator_terms(batch, noise())
