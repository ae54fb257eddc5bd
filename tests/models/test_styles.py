"""What all StyleGANs share: rows of random numbers, the mapping, style mixing, truncation, and sampling."""

import pytest
import torch
from torch.testing import assert_close

from gancourse import zoo
from gancourse.games.game import latents_of
from gancourse.models import DCGAN, StyleGAN, StyleGAN2, StyleGAN3
from gancourse.models.styles import Mapping, Truncated, Truncation, affine
from gancourse.recipes import build, recipe
from gancourse.recipes.plays import generated
from gancourse.rng import Noise, initialised_from
from gancourse.signature import Signature
from gancourse.training import adam

FITS = Signature((3, 16, 16))
FAMILIES = {
    "StyleGAN": StyleGAN(5, (6, 4, 4), depth=2),
    "StyleGAN2": StyleGAN2(5, (6, 4, 4), depth=2),
    "StyleGAN3": StyleGAN3(5, (6, 4, 4, 4), margin=4, widths=(6, 4, 4)),
}
NOISY = ["StyleGAN", "StyleGAN2"]


def generator(name="StyleGAN2", **changes):
    """A generator, evaluated, whose noise has an effect and whose styles have a mean."""
    with initialised_from(0):
        network = FAMILIES[name].changed(**changes).generator(FITS).eval()
        for key, weight in network.named_parameters():
            if "noise_scale" in key:
                torch.nn.init.constant_(weight, 0.5)
        torch.nn.init.normal_(network.mean_w)
    return network


def rows(network, n=6, seed=0):
    return latents_of(network, Noise((seed, "rows"), n))


def zs(n=6, size=5):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(1))


# The mapping


def test_only_z_is_normalised_and_no_layer_after_it():
    mapping = Mapping(5, depth=3).double()
    x = zs().double()
    expected = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for layer in (m for m in mapping.layers if isinstance(m, torch.nn.Linear)):
        y = expected @ layer.parametrizations.weight.original.T * 0.01 / 5**0.5 + 0.01 * layer.bias * 0
        expected = 2**0.5 * torch.where(y > 0, y, 0.2 * y)
    assert_close(mapping(x), expected)
    assert_close(mapping(3 * x), mapping(x), rtol=1e-6, atol=1e-7)
    assert mapping(x).norm(dim=1).std() > 0.05  # a pixel norm at the end would make all lengths equal


def change_of_outputs(multiplier):
    """How much the mapping's outputs change in Adam's first step, as a share of their size."""
    with initialised_from(0):
        mapping = Mapping(64, depth=4, multiplier=multiplier)
    x = zs(32, 64)
    before = mapping(x).detach()
    optimiser = adam(1e-3)(mapping.parameters())
    mapping(x).square().sum().backward()
    optimiser.step()
    return ((mapping(x) - before).norm() / before.norm()).item(), before


def test_the_mapping_learns_a_hundred_times_more_slowly_and_starts_as_the_same_function():
    (slow, its), (usual, other) = change_of_outputs(0.01), change_of_outputs(1.0)
    assert_close(its, other, rtol=1e-4, atol=1e-5)
    assert usual / slow == pytest.approx(100, rel=0.15)


def test_styles_have_the_deviation_of_the_latents_whatever_the_depth():
    with initialised_from(0):
        deviations = [Mapping(256, depth)(zs(64, 256)).square().mean().sqrt().item() for depth in (1, 4, 8)]
    assert deviations == pytest.approx([1.0] * 3, rel=0.25)


def test_the_affine_map_starts_at_one_for_a_style_of_zeros():
    assert_close(affine(5, 7)(torch.zeros(2, 5)), torch.ones(2, 7))


# Rows of random numbers


def test_a_row_holds_z_noise_and_what_mixing_needs():
    network = generator()
    assert network.n_noise == 4 * 4 + 2 * 8 * 8 + 2 * 16 * 16
    row = network.row(rows(network))
    assert [tuple(part.shape) for part in row] == [(6, 5), (6, network.n_noise), (6, 5), (6,)]
    assert torch.equal(row.z, Noise((0, "rows"), 6).normal("z", 5))  # as every other generator's
    assert [part if part is None else tuple(part.shape) for part in network.row(zs())] == [(6, 5), None, None, None]


@pytest.mark.parametrize("name", NOISY)
def test_noise_is_drawn_for_each_layer_and_sample_and_z_alone_has_none(name):
    network = generator(name)
    assert network.noise_sizes == ((4, 4) if name == "StyleGAN" else (4,)) + (8, 8, 16, 16)
    maps = network.maps(network.row(rows(network)).noise)
    assert [tuple(m.shape) for m in maps] == [(6, 1, size, size) for size in network.noise_sizes]
    flat = torch.cat([m.flatten(1) for m in maps], 1)
    assert len(flat.unique()) == flat.numel()
    row, n = rows(network), network.latent_size
    base = network(row)
    start = n
    for size in network.noise_sizes:  # each layer's noise changes the image of its own sample alone
        other = row.clone()
        other[0, start : start + size * size] += 1
        assert not torch.equal(network(other)[0], base[0])
        assert_close(network(other)[1:], base[1:])
        start += size * size
    silent = row.clone()
    silent[:, n : n + network.n_noise] = 0
    assert_close(network(row[:, :n]), network(silent))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_row_makes_the_same_sample_in_any_batch(name):
    network = generator(name)
    row = rows(network)
    assert_close(network(row)[2:4], network(row[2:4]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_depend_on_n_and_the_seed_alone_and_not_on_the_mode(name):
    network = generator(name)
    first = generated(network, 5, seed=3)
    assert torch.equal(generated(network.train(), 5, seed=3), first)
    assert network.training
    assert not torch.equal(generated(network, 5, seed=4), first)


# Mixing


def test_mixed_samples_have_two_latents_styles_and_the_share_and_place_are_as_said():
    network = generator(mixing=0.75).train()
    row = rows(network, 4000)
    w = network.styles(row)
    first, second = (network.repeated(network.mapping(part)) for part in (network.row(row).z, network.row(row).second))
    is_first = (w == first).all(2)
    assert ((w == second).all(2) | is_first).all()
    assert is_first[:, 0].all()
    assert (is_first.long().diff(dim=1) <= 0).all()  # one crossover
    places = is_first.sum(1)
    counts = places.bincount(minlength=7)[1:].tolist()
    # 1000 unmixed and 600 at each of five places; five standard deviations.
    assert counts[-1] == pytest.approx(1000, abs=5 * (4000 * 0.25 * 0.75) ** 0.5)
    assert counts[:-1] == pytest.approx([600] * 5, abs=5 * (600 * 0.85) ** 0.5)


def test_nothing_is_mixed_in_evaluation_nor_without_mixing_nor_of_z_alone():
    for network, z in ((generator(), None), (generator(mixing=0.0).train(), None), (generator().train(), zs())):
        w = network.styles(rows(network) if z is None else z)
        assert torch.equal(w, w[:, :1].expand_as(w))


def test_by_a_crossover_each_layer_has_one_of_the_two_styles():
    network = generator()
    a, b = torch.zeros(2, 6, 5), torch.ones(2, 6, 5)
    assert network.mixed(a, b, 2)[0, :, 0].tolist() == [0, 0, 1, 1, 1, 1]
    assert network.mixed(a, b, torch.tensor([0, 6]))[:, :, 0].tolist() == [[1] * 6, [0] * 6]


# The mean of w, and truncation


@pytest.mark.parametrize("name", FAMILIES)
def test_the_running_mean_is_that_of_the_mapping_and_changes_in_training_only(name):
    network = generator(name)
    before = network.mean_w.clone()
    network(rows(network))
    assert torch.equal(network.mean_w, before)
    network.train()(rows(network))
    w = network.mapping(network.row(rows(network)).z)
    assert_close(network.mean_w, 0.995 * before + 0.005 * w.mean(0))


def test_truncation_moves_styles_towards_the_mean():
    network = generator()
    w = network.styles(zs())
    half = network.truncated(w, 0.5)
    assert_close(half, (w + network.mean_w) / 2)
    assert_close(network.truncated(w, 1.0), w)
    assert_close((half - network.mean_w).norm(dim=2), (w - network.mean_w).norm(dim=2) / 2)  # no clamp
    low = network.truncated(w, 0.5, n_layers=2)
    assert_close(low[:, :2], half[:, :2])
    assert_close(low[:, 2:], w[:, 2:])
    mean = network.synthesis(network.repeated(network.mean_w[None]))
    distances = [(network.synthesis(network.truncated(w, psi)) - mean).norm().item() for psi in (1.0, 0.5, 0.1, 0.01)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < distances[0] / 10


@pytest.mark.parametrize("name", FAMILIES)
def test_psi_and_crossover_reach_the_image_by_the_recipe_s_play(name):
    """Two public repositories accepted ψ and ignored it."""
    network = generator(name)
    play, n = recipe("stylegan2-faces").play.changed(family=FAMILIES[name]), network.n_layers
    assert play.sampling == Truncation()
    plain, low, mixed, both = (
        play.sample(sampling.of(network), None, 4, seed=1)
        for sampling in (Truncation(), Truncation(psi=0.5), Truncation(crossover=2), Truncation(0.5, 2))
    )
    row = network.row(latents_of(network, Noise((1, "evaluation"), 4)))
    w, second = (network.repeated(network.mapping(z)) for z in (row.z, row.second))
    for samples, styles in (
        (plain, w),
        (low, network.truncated(w, 0.5)),
        (mixed, network.mixed(w, second, 2)),
        (both, network.truncated(network.mixed(w, second, 2), 0.5)),
    ):
        assert_close(samples, network.synthesis(styles, row.noise))
    assert not torch.equal(plain, low)
    assert not torch.equal(plain, mixed)
    assert_close(Truncated(network, crossover=n)(latents_of(network, Noise((1, "evaluation"), 4))), plain)


def test_other_families_have_no_such_options():
    assert type(DCGAN().sampling) is not Truncation
    with pytest.raises(AttributeError):
        _ = DCGAN().sampling.psi
    assert zoo.sampling_of("dcgan-digits").of(network := zoo.load("dcgan-digits")) is network


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Truncation(psi=0.0), "psi is 0.0; expected a finite number > 0"),
        (lambda: Truncation(psi=-0.5), "psi is -0.5; expected a finite number > 0"),
        (lambda: Truncation(crossover=-1), "crossover is -1; expected at least 0"),
        (lambda: Truncation(crossover=7).of(generator()), "the crossover is at layer 7, but there are 6; pass 0 to 6"),
        (
            lambda: generator().truncated(torch.zeros(1, 6, 5), 0.0),
            "psi is 0.0; expected a finite number > 0, and `mean",
        ),
        (lambda: generator().truncated(torch.zeros(1, 6, 5), 0.5, 7), "7 layers are to be truncated, but there are 6"),
        (
            lambda: generator()(torch.zeros(2, 7)),
            r"z has shape \(2, 7\); expected latents \[batch, 5\] or rows \[batch, 667",
        ),
        (lambda: generator().synthesis(torch.zeros(2, 5)), r"w has shape \(2, 5\); expected \[batch, 6, 5\]"),
        (lambda: generator().maps(torch.zeros(2, 5)), r"noise has shape \(2, 5\); expected \[batch, 656\]"),
        (lambda: StyleGAN2(mixing=1.5), "mixing is 1.5; expected a finite number ≥ 0 and ≤ 1"),
        (lambda: generator().__class__(5, (4, 4), mixing=2.0), "mixing is 2.0; pass the share of samples"),
    ],
)
def test_bad_inputs_are_named_in_one_line(wrong, message):
    with pytest.raises(ValueError, match=message) as caught:
        wrong()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", [StyleGAN(), StyleGAN2()], ids=str)
def test_images_of_48_pixels_and_widths_of_another_size_are_refused_in_one_line(family):
    name = type(family).__name__
    for make in (family.generator, family.discriminator):
        with pytest.raises(ValueError, match=f"^images: 48 × 48; {name} doubles 4 × 4, so pass 4, 8, 16, 32, …$"):
            make(Signature((3, 48, 48)))
        with pytest.raises(
            ValueError, match=r"^4 widths, but images of 64 × 64 have 5 resolutions from 4 × 4 on; pass 5"
        ):
            make(Signature((3, 64, 64)))


def test_averaged_weights_come_with_the_running_mean():
    chosen = recipe("stylegan2-faces").changed(steps=3, batch_size=4, widths=(4, 4, 4, 4), latent_size=4)
    built = build(chosen)
    for _ in built.trainer.until(3):
        pass
    assert built.result is not built.trainer.players["generator"].network
    assert torch.equal(built.result.mean_w, built.trainer.players["generator"].network.mean_w)
    assert built.result.mean_w.any()
