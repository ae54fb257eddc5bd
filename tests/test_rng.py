import hashlib

import numpy as np
import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from gancourse.processes import Part
from gancourse.rng import Noise, generator, initialised_from, seed_of

# Statistical tests below use these seeds and alarm at p < 1e-4, so over five seeds falsely with probability 5e-4.
SEEDS = range(5)
ALARM = 1e-4


def test_seed_is_the_top_63_bits_of_a_hash_that_python_does_not_randomise():
    digest = hashlib.sha256(b"(0, 'generator', 7)").hexdigest()
    assert seed_of(0, "generator", 7) == int(digest[:16], 16) // 2


def test_seeds_of_the_first_updates_never_change():
    assert seed_of(0, "generator", 0, "z") == 7318535657343769146
    assert seed_of(7, "discriminator", 3, "index") == 3767321975131786270


def test_seeds_of_many_keys_are_all_different_and_fit_torch():
    seeds = {seed_of(s, name, update) for s in range(10) for name in ("a", "b", "1") for update in range(100)}
    assert len(seeds) == 3000
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize("part", [np.int64(0), 0.0, None, True, torch.tensor(0)])
def test_a_part_that_would_print_differently_is_refused(part):
    with pytest.raises(ValueError, match=r"neither int nor str; convert them"):
        seed_of(part, "generator")


def test_generators_of_one_key_agree_and_are_separate():
    a, b = generator(3, "x"), generator(3, "x")
    assert_close(torch.rand(4, generator=a), torch.rand(4, generator=b), rtol=0, atol=0)
    torch.rand(1, generator=a)
    assert not torch.equal(torch.rand(4, generator=a), torch.rand(4, generator=b))


def test_numbers_of_the_first_update_never_change():
    first = Noise((0, "generator"), 4)
    assert (first.uniform("u") * 1e6).int().tolist() == [724344, 422399, 86669, 361329]
    assert first.integers("i", 1000).tolist() == [313, 319, 749, 183]
    normal = [[0.4090, 1.2825], [0.1514, 0.2292], [-0.8944, 0.4305], [-0.0993, -1.0235]]
    assert_close(first.normal("z", 2), torch.tensor(normal), rtol=0, atol=1e-4)
    assert Noise((7, "discriminator"), 4, update=3).integers("index", 10_000).tolist() == [7602, 9181, 2029, 8414]


def test_a_draw_does_not_depend_on_the_draws_before_it():
    noise, other = Noise((0,), 5), Noise((0,), 5)
    z, epsilon = noise.normal("z", 3), noise.uniform("epsilon")
    other.integers("index", 7)
    assert_close(other.uniform("epsilon"), epsilon, rtol=0, atol=0)
    assert_close(other.normal("z", 3), z, rtol=0, atol=0)


def test_torch_s_global_state_neither_matters_nor_moves():
    torch.manual_seed(1)
    state, a = torch.get_rng_state(), Noise((0,), 5).normal("z", 3)
    assert_close(torch.get_rng_state(), state, rtol=0, atol=0)
    torch.manual_seed(2)
    assert_close(Noise((0,), 5).normal("z", 3), a, rtol=0, atol=0)


@pytest.mark.parametrize(
    "other",
    [
        Noise((1, "generator"), 4).normal("z", 2),
        Noise((0, "discriminator"), 4).normal("z", 2),
        Noise((0, "generator"), 4, update=1).normal("z", 2),
        Noise((0, "generator"), 4).normal("w", 2),
        Noise((0, "generator", 0), 4).normal("z", 2),
    ],
    ids=["seed", "player", "update", "name", "longer key"],
)
def test_every_part_of_the_key_counts(other):
    assert (other != Noise((0, "generator"), 4).normal("z", 2)).all()


@pytest.mark.cuda
def test_draws_on_cuda_hold_the_same_bits():
    on_cpu, on_cuda = Noise((0,), 64), Noise((0,), 64, device=torch.device("cuda"))
    for draw in (lambda n: n.normal("z", 8), lambda n: n.uniform("u"), lambda n: n.integers("i", 10)):
        assert draw(on_cuda).device.type == "cuda"
        assert_close(draw(on_cuda).cpu(), draw(on_cpu), rtol=0, atol=0)


def test_shapes_and_types_are_as_documented():
    noise = Noise((0,), 3)
    assert noise.normal("z").shape == (3,)
    assert noise.normal("z", 2, 5).shape == (3, 2, 5)
    assert noise.uniform("u", 4).shape == (3, 4)
    assert noise.integers("i", 2).shape == (3,)
    assert noise.integers("i", 2).dtype == torch.int64


@pytest.mark.parametrize("n", [0, -1])
def test_noise_for_no_samples_is_refused(n):
    with pytest.raises(ValueError, match=f"noise for {n} samples; pass n of at least 1"):
        Noise((0,), n)


DRAWS = {
    "normal": lambda noise: noise.normal("z", 3),
    "uniform": lambda noise: noise.uniform("epsilon"),
    "integers": lambda noise: noise.integers("index", 1000),
    "fewer rows": lambda noise: noise.uniform("epsilon", 2, rows=noise.n // 2),
}


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_draws_of_the_processes_put_together_are_the_draw_of_one(draw, count):
    whole = draw(Noise((0, "generator"), 24, update=5))
    parts = [draw(Noise((0, "generator"), 24 // count, update=5, part=Part(i, count))) for i in range(count)]
    assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(parts[0], parts[1])


def test_fewer_rows_are_the_first_ones():
    noise = Noise((0,), 20)
    assert torch.equal(noise.normal("z", 2, rows=7), noise.normal("z", 2)[:7])


def test_a_generator_that_processes_would_all_draw_the_same_from_is_refused():
    with pytest.raises(ValueError, match="the draw 'x' can't be divided between processes; use normal, uniform or"):
        Noise((0,), 4, part=Part(0, 2)).generator("x")


def normality(x):
    return stats.kstest(x.flatten().double().numpy(), "norm").pvalue


@pytest.mark.parametrize("seed", SEEDS)
def test_normal_draws_are_standard_normal(seed):
    assert normality(Noise((seed,), 5000).normal("z", 2)) > ALARM


@pytest.mark.parametrize("seed", SEEDS)
def test_the_test_of_normality_notices_a_spread_that_is_5_percent_too_wide(seed):
    assert normality(1.05 * Noise((seed,), 50_000).normal("z", 2)) < ALARM


def uniformity(x):
    return stats.kstest(x.double().numpy(), "uniform").pvalue


@pytest.mark.parametrize("seed", SEEDS)
def test_uniform_draws_are_uniform_in_the_half_open_interval(seed):
    x = Noise((seed,), 10_000).uniform("u")
    assert uniformity(x) > ALARM
    assert x.min() >= 0
    assert x.max() < 1
    assert uniformity(x**1.1) < ALARM  # the twin that must fail


def evenness(integers, high):
    return stats.chisquare(integers.bincount(minlength=high).numpy()).pvalue


@pytest.mark.parametrize("seed", SEEDS)
def test_integers_are_even_over_their_range(seed):
    integers = Noise((seed,), 10_000).integers("i", 10)
    assert evenness(integers, 10) > ALARM
    assert evenness((10 * Noise((seed,), 10_000).uniform("i") ** 1.1).long(), 10) < ALARM  # the twin that must fail


@pytest.mark.parametrize("seed", SEEDS)
def test_draws_of_different_names_or_updates_are_uncorrelated(seed):
    def z(update, name):
        return Noise((seed, "generator"), 10_000, update).normal(name).numpy()

    for other in (z(0, "x"), z(1, "z"), z(2**31, "z")):
        assert stats.pearsonr(z(0, "z"), other).pvalue > ALARM / 3
    assert stats.pearsonr(z(0, "z"), z(0, "z")).pvalue < ALARM  # the twin that must fail


def test_networks_start_from_the_key_and_leave_the_global_state_alone():
    def weights(*key):
        with initialised_from(*key):
            return torch.nn.Linear(3, 3).weight.detach()

    torch.manual_seed(1)
    before, a = torch.get_rng_state(), weights(0, "weights")
    assert_close(torch.get_rng_state(), before, rtol=0, atol=0)
    torch.manual_seed(2)
    assert_close(weights(0, "weights"), a, rtol=0, atol=0)
    assert not torch.equal(weights(1, "weights"), a)


def test_the_global_state_is_restored_after_an_error_too():
    before = torch.get_rng_state()
    with pytest.raises(KeyError), initialised_from(0):
        raise KeyError
    assert_close(torch.get_rng_state(), before, rtol=0, atol=0)


@pytest.mark.cuda
def test_the_state_of_cuda_is_left_alone_too():
    torch.cuda.manual_seed(1)
    before = torch.cuda.get_rng_state()
    with initialised_from(0):
        torch.nn.Linear(2, 2)
    assert_close(torch.cuda.get_rng_state(), before, rtol=0, atol=0)
