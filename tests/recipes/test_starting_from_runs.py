"""Trainings that begin with another run's steps, and Adam's settings for lazy terms."""

import pytest
import torch

from gancourse import cli, recipes
from gancourse.recipes import Arithmetic, build, read_saved, recipe
from gancourse.recipes.terms import R1, R2, Orthogonality, PathLength
from gancourse.training import CheckpointError, read_tensors
from gancourse.zoo import command_of

SMALL = recipe("stylegan2-faces").changed(
    widths=(4, 4, 4, 4), latent_size=4, batch_size=4, steps=6, decay="constant", terms=(R1(every=2),)
)
LATER = SMALL.changed(terms=(R1(every=2), PathLength(every=1, since=4)))


def run(chosen, folder, **options):
    for _ in recipes.train(chosen, folder, **options):
        pass
    return folder


def tensors(folder):
    return read_tensors(folder / "checkpoint.safetensors")[0]


def same_bits(one, other):
    ours, theirs = tensors(one), tensors(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(scope="module")
def beginning(tmp_path_factory):
    """A run of four steps."""
    return run(SMALL.changed(steps=4), tmp_path_factory.mktemp("runs") / "first")


def test_a_training_that_starts_from_a_run_has_the_bits_of_the_whole_one(beginning, tmp_path):
    whole = run(SMALL, tmp_path / "whole")
    branch = run(SMALL, tmp_path / "branch", start_from=beginning)
    assert same_bits(whole, branch)
    assert read_saved(branch).seconds > read_saved(beginning).seconds
    assert command_of(recipes.read_recipe(branch)) == command_of(SMALL)


def test_so_has_one_with_a_term_that_begins_later_and_it_differs_from_the_one_without(beginning, tmp_path):
    whole = run(LATER, tmp_path / "whole")
    branch = run(LATER, tmp_path / "branch", start_from=beginning)
    assert same_bits(whole, branch)
    assert tensors(branch)["memory/generator/mean"] > 0
    without = run(SMALL, tmp_path / "without", start_from=beginning)
    weights = [key for key in tensors(without) if key.startswith("network/generator")]
    assert any(not torch.equal(tensors(without)[key], tensors(branch)[key]) for key in weights)


def test_a_branch_resumes_bit_equal(beginning, tmp_path):
    whole = run(LATER, tmp_path / "whole", start_from=beginning)
    cut = recipes.train(LATER, tmp_path / "cut", start_from=beginning, save_every_s=0.0)
    next(cut)
    cut.close()
    for _ in recipes.resume(tmp_path / "cut"):
        pass
    assert same_bits(whole, tmp_path / "cut")


def test_a_run_with_the_term_goes_on_with_what_it_remembers(tmp_path):
    first = run(LATER.changed(steps=5), tmp_path / "first")
    assert same_bits(run(LATER, tmp_path / "whole"), run(LATER, tmp_path / "branch", start_from=first))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "is no beginning of this training: it has --seed 0; pass the same options, and terms that begin"),
        ({"learning_rate": 0.1}, "it has --learning-rate 0.002; pass the same options"),
        ({"steps": 4}, "is at step 4 already, and the training ends at 4; pass more steps"),
        ({"terms": (R2(every=2),)}, "it has --terms r1:every=2; pass the same"),
        ({"terms": (R1(every=2), PathLength(since=3))}, "it has --terms r1:every=2; pass the same"),
        ({"decay": "linear"}, "it has --steps 4 --decay constant; pass the same"),
        ({"widths": (4, 4, 4, 5)}, "it has --widths 4 4 4 4; pass the same"),
    ],
)
def test_another_training_is_refused_and_leaves_no_files(beginning, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        run(SMALL.changed(**changes), tmp_path / "branch", start_from=beginning)
    assert not (tmp_path / "branch").exists()


def test_another_arithmetic_a_game_that_remembers_otherwise_and_a_missing_run_are_refused(beginning, tmp_path):
    with pytest.raises(ValueError, match="is no beginning of this training: it has --no-fast; pass the same"):
        run(SMALL, tmp_path / "branch", start_from=beginning, arithmetic=Arithmetic(fast=True))
    with pytest.raises(FileNotFoundError, match="nowhere holds no run"):
        run(SMALL, tmp_path / "branch", start_from=tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"has an option .* that the other hasn't"):
        run(recipe("ring"), tmp_path / "branch", start_from=beginning)
    forgotten = run(LATER.changed(steps=5), tmp_path / "first")
    with pytest.raises((ValueError, CheckpointError), match="it has --terms r1:every=2 path-length"):
        run(SMALL, tmp_path / "branch", start_from=forgotten)


def test_the_command_line_takes_it(beginning, tmp_path, capsys):
    words = ["--widths", "4", "4", "4", "4", "--latent-size", "4", "--batch-size", "4", "--decay", "constant"]
    words += ["--terms", "r1:every=2", "--steps", "5", "--device", "cpu", "--no-watch"]
    out = tmp_path / "branch"
    cli.main(["train", "stylegan2-faces", *words, "--start-from", str(beginning), "--out", str(out)])
    assert read_saved(out).steps == 5
    assert "step 5/5" in capsys.readouterr().out
    assert same_bits(out, run(SMALL.changed(steps=5), tmp_path / "whole"))


# Adam for lazy terms


def adam_of(chosen):
    """Rate and decays of each player's optimiser."""
    optimisers = build(chosen).trainer.optimisers
    groups = {name: optimiser.param_groups[0] for name, optimiser in optimisers.items()}
    return {name: (group["lr"], *group["betas"]) for name, group in groups.items()}


def test_adam_for_lazy_terms_has_the_paper_s_rate_and_decays_by_the_smallest_interval():
    """Karras et al. 2020, appendix B: c = k / (k + 1), rate c · λ, decays β^c."""
    terms = (R1(every=16), R2(every=32), PathLength(every=8), Orthogonality(every=1))
    chosen = SMALL.changed(terms=terms, learning_rate=2e-3, generator_rate=0.5, beta1=0.3, beta2=0.99)
    assert adam_of(chosen) == {"discriminator": (2e-3, 0.3, 0.99), "generator": (1e-3, 0.3, 0.99)}
    lazy = adam_of(chosen.changed(lazy_adam=True))
    for player, k, rate in (("discriminator", 16, 2e-3), ("generator", 8, 1e-3)):
        c = k / (k + 1)
        assert lazy[player] == pytest.approx((c * rate, 0.3**c, 0.99**c))


def test_a_player_without_lazy_terms_keeps_its_own():
    lazy = adam_of(SMALL.changed(terms=(R1(every=4),), lazy_adam=True, generator_rate=0.5, learning_rate=1e-3))
    assert lazy["generator"] == (5e-4, 0.0, 0.99)
    assert lazy["discriminator"][0] == pytest.approx(0.8e-3)


def test_without_lazy_terms_it_is_refused():
    with pytest.raises(ValueError, match="lazy_adam is for terms that aren't computed at every update"):
        SMALL.changed(terms=(R1(),), lazy_adam=True)


def test_with_lazy_adam_terms_that_begin_later_matter_from_the_start(beginning, tmp_path):
    """So such a training has no beginning without them."""
    chosen = LATER.changed(lazy_adam=True)
    first = run(SMALL.changed(lazy_adam=True, steps=4), tmp_path / "first")
    with pytest.raises(ValueError, match="is no beginning of this training: it has --terms r1:every=2"):
        run(chosen, tmp_path / "branch", start_from=first)
