"""What holds for every game and wrapper that `gancourse.games` exports; several processes: tests/training."""

import importlib.util
import inspect
from pathlib import Path

import pytest
import torch

import gancourse
from gancourse import games
from gancourse.games.game import TwoNetworks
from gancourse.rng import Noise, initialised_from
from gancourse.theory import fields
from gancourse.training import Trainer, adam, load_checkpoint, save_checkpoint
from gancourse.values import Value

_spec = importlib.util.spec_from_file_location("examples_of_games", Path(__file__).with_name("examples.py"))
examples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(examples)
EXAMPLES, WRAPPERS, WRONG = examples.EXAMPLES, examples.WRAPPERS, examples.WRONG

PACKAGE = Path(gancourse.__file__).parent
N_STEPS = 4


def new_game(example, wrapper=None):
    with initialised_from(0):
        game = example.make()
        return game if wrapper is None else WRAPPERS[wrapper](game)


def trainer(example, wrapper=None):
    return Trainer(new_game(example, wrapper), example.batches, batch_size=8, seed=3, optimiser=adam(1e-2))


def state(game):
    """Everything that a training changes but the optimisers' moments, by player."""
    parts = {player.name: {"network": player.network, "memory": player.memory} for player in game.players}
    return {
        name: {
            f"{part}.{key}": value.clone()
            for part, module in modules.items()
            if module is not None
            for key, value in module.state_dict().items()
        }
        for name, modules in parts.items()
    }


def same(a, b):
    return all(torch.equal(a[name][key], value) for name, values in b.items() for key, value in values.items())


def inside(game):
    """The game and all games in it."""
    yield game
    for inner in getattr(game, "games", None) or filter(None, [getattr(game, "inner", None)]):
        yield from inside(inner)


# Remedies are values that make these games; tests/recipes tries each of them in a recipe.
EXPORTED = {name for name in games.__all__ if not (inspect.isclass(x := getattr(games, name)) and issubclass(x, Value))}


def test_everything_that_is_exported_has_an_example():
    assert {name for example in EXAMPLES.values() for name in example.of} == EXPORTED


def test_an_example_of_a_game_holds_one():
    classes = {name: getattr(games, name) for name in EXPORTED if inspect.isclass(getattr(games, name))}
    playable = {name for name, cls in classes.items() if not issubclass(cls, tuple) and name != "Game"}
    assert {name for name in playable if issubclass(classes[name], games.Wrapper)} == set(WRAPPERS)
    for name in playable:
        mine = [example for example in EXAMPLES.values() if name in example.of]
        assert all(any(type(game) is classes[name] for game in inside(new_game(example))) for example in mine), name


def is_refused(game, wrapper):
    """Whether a wrapper can't be put around a game: what the docstrings say, written a second time."""
    if not hasattr(game, "generator"):
        return True
    within = list(inside(game))
    own_terms = [term for g in within if isinstance(g, games.GAN) for term in g.terms["generator"]]
    stops_gradients = any(isinstance(g, games.OneForward) for g in within)
    stops_gradients |= "distillation" in {term.name for term in own_terms}
    innermost = isinstance(game, TwoNetworks | games.OneForward | games.OneBatch)
    return {
        "Consensus": stops_gradients,
        "Unrolled": stops_gradients,
        "Growing": isinstance(game, games.Growing) or not hasattr(game.generator, "level"),
        "ModeRegularised": any(
            isinstance(g, games.ModeRegularised | games.BoundaryEquilibrium | games.SemiSupervised | games.DenoisingGAN)
            for g in within
        ),
        "OneBatch": not innermost or isinstance(game, games.OneBatch),
        "OneForward": not innermost or isinstance(game, games.OneForward),
    }.get(wrapper, False)


def check_steps(example, wrapper=None, n_steps=2):
    """Steps are finite (the trainer sees to that) and change every player."""
    played = trainer(example, wrapper)
    before = state(played.game)
    for step in played.steps(n_steps):
        assert all(step.tensors.values())
    after = state(played.game)
    for name, values in after.items():
        changed = [key for key, value in values.items() if not torch.equal(value, before[name][key])]
        assert any(key.startswith("network.") for key in changed), f"{name} stays where it was"


@pytest.mark.parametrize("name", EXAMPLES)
def test_two_steps_are_finite_and_change_every_player(name):
    check_steps(EXAMPLES[name])


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_wrapper_around_every_game_is_played_or_refused(name, wrapper):
    if not is_refused(new_game(EXAMPLES[name]), wrapper):
        check_steps(EXAMPLES[name], wrapper)
        return
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+ \w+") as caught:
        new_game(EXAMPLES[name], wrapper)
    assert PACKAGE in Path(caught.traceback[-1].path).parents, "an error of another library"


def check_resumes(example, folder):
    """A training that is cut at three turns and goes on from a checkpoint ends with the same bits."""
    whole = trainer(example)
    for _ in whole.until(N_STEPS):
        pass
    n = len(whole.turns)
    # Samples that are kept for the next player are in no checkpoint: OneForward resumes bit-equal from whole steps.
    keeps_samples = any(name.startswith("one_forward") for name in getattr(whole.game, "settings", {}))
    for stop in (n, 2 * n, 3 * n) if keeps_samples else (1, 2 * n, 2 * n + 1):
        first, second = trainer(example), trainer(example)
        for _ in range(stop):
            first.update()
        save_checkpoint(folder / "c.safetensors", first)
        load_checkpoint(folder / "c.safetensors", second)
        for _ in second.until(N_STEPS):
            pass
        assert same(state(second.game), state(whole.game)), f"cut after {stop} turns"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_training_resumes_bit_equal_from_any_of_three_cuts(name, tmp_path):
    check_resumes(EXAMPLES[name], tmp_path)


def losses_by_hand(game, batch, noise):
    """Each player's mean loss, with the networks called as they stand."""
    for player in game.players:
        if player.memory is not None:
            player.memory.eval()
        yield player, sum(term.mean() for term in player.terms(batch, noise).values())


@pytest.fixture
def in_double():
    """Finite differences need double precision, and short steps: a discriminator with ReLU has kinks."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def in_double_precision(batch):
    parts = {name: part for name, part in batch._asdict().items() if part is not None and part.is_floating_point()}
    return batch._replace(**{name: part.double() for name, part in parts.items()})


def check_field(example):
    """The field is minus the gradients of the players' losses, and its derivatives are finite differences of it."""
    noise = Noise((0, "field"), 8, update=6)  # every term is due
    batch = in_double_precision(example.batches(noise))
    game, twin = new_game(example), new_game(example)
    field, here = fields.game_field(game, batch, noise), fields.weights(game)
    v = field(here)
    for player, loss in losses_by_hand(twin, batch, noise):
        gradients = torch.autograd.grad(loss, list(player.network.parameters()), materialize_grads=True)
        mine = -torch.cat([g.flatten() for g in gradients])
        torch.testing.assert_close(v[field.block(player.name)], mine)
    assert fields.eigenvalues(field, here).isfinite().all()
    direction = torch.randn(len(here), generator=torch.Generator().manual_seed(0))
    _, along = torch.autograd.functional.jvp(field, here, direction)
    h = 1e-6
    differences = (field(here + h * direction) - field(here - h * direction)) / (2 * h)
    torch.testing.assert_close(along, differences, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.usefixtures("in_double")
def test_the_vector_field_is_that_of_the_losses_or_is_refused(name):
    if getattr(new_game(EXAMPLES[name]), "differentiable", True):
        check_field(EXAMPLES[name])
        return
    with pytest.raises(ValueError, match=r"some terms don't depend on other players' weights.*pass the game without"):
        check_field(EXAMPLES[name])


def test_planted_wrong_wrappers_are_caught(tmp_path, request):
    with pytest.raises(AssertionError, match="generator stays where it was"):
        check_steps(WRONG["idle"])
    with pytest.raises(AssertionError, match="cut after 1 turns"):
        check_resumes(WRONG["forgetful"], tmp_path)
    request.getfixturevalue("in_double")
    check_field(EXAMPLES["GAN"])
    with pytest.raises(AssertionError, match="Tensor-likes are not close"):
        check_field(WRONG["detached"])
