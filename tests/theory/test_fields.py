import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, Player, penalty
from gancourse.games.wrapper import frozen_memories
from gancourse.models import mlp
from gancourse.objectives import gradient_penalty, minimax, non_saturating, r1, wasserstein
from gancourse.rng import Noise, initialised_from
from gancourse.theory.fields import (
    Field,
    alternating,
    eigenvalues,
    game_field,
    jacobian,
    on_grid,
    parts,
    rate,
    simultaneous,
    trajectory,
    weights,
)

ORIGIN = torch.zeros(2, dtype=torch.float64)
BILINEAR = Field(lambda p: torch.stack([-p[1], p[0]]), {"x": 1, "y": 1})  # min over x, max over y of xy


class Vector(nn.Module):
    """A player's weights and nothing else."""

    def __init__(self, *values):
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values, dtype=torch.float64))


def play(*losses, sizes=(1, 1)):
    """A game of vectors: loss i maps all the players' vectors to what player i minimises."""
    vectors = [Vector(*[0.5 + i] * size) for i, size in enumerate(sizes)]

    def terms(loss):
        return lambda batch, noise: {"loss": loss(*[v.values for v in vectors])}

    return SimpleNamespace(
        players=[Player(name, v, terms(loss)) for name, v, loss in zip("xyz", vectors, losses, strict=False)]
    )


def gan(objective=non_saturating, penalties=(), **options):
    with initialised_from(0):
        G, D = mlp.Generator(latent_size=2, hidden=3, depth=1), mlp.Discriminator(hidden=3, depth=1)
    return GAN(G.double(), D.double(), objective, penalties, **options)


class Doubles(Noise):
    """Noise in double precision."""

    def normal(self, name, *shape, **rows):
        return super().normal(name, *shape, **rows).double()

    def uniform(self, name, *shape, **rows):
        return super().uniform(name, *shape, **rows).double()


def draws(n=16):
    return Batch(torch.randn(n, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)), Doubles((0,), n)


def test_the_field_of_the_bilinear_game_turns_around_the_origin():
    field = game_field(play(lambda x, y: x * y, lambda x, y: -x * y), None, None)
    at = torch.tensor([2.0, 3.0], dtype=torch.float64)
    assert_close(field(at), torch.tensor([-3.0, 2.0], dtype=torch.float64))
    assert_close(jacobian(field, at), torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64))
    assert_close(eigenvalues(field, ORIGIN), torch.tensor([-1j, 1j], dtype=torch.complex128))


def test_the_jacobian_of_a_quadratic_zero_sum_game_is_made_of_its_matrices():
    A = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    B = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]], dtype=torch.float64)
    C = torch.eye(3, dtype=torch.float64) / 4

    def value(x, y):
        return x @ A @ x / 2 + x @ B @ y - y @ C @ y / 2

    field = game_field(play(value, lambda x, y: -value(x, y), sizes=(2, 3)), None, None)
    expected = torch.cat([torch.cat([-A, -B], 1), torch.cat([B.mT, -C], 1)])
    at = torch.arange(5, dtype=torch.float64)
    assert_close(jacobian(field, at), expected)
    assert_close(field(at), expected @ at)
    symmetric, antisymmetric = parts(jacobian(field, at))
    assert_close(symmetric, torch.block_diag(-A, -C))  # the players' own curvature
    assert_close(antisymmetric[:2, 2:], -B)  # the conflict


def test_a_game_in_which_all_minimise_one_loss_has_a_symmetric_jacobian_and_a_zero_sum_game_has_not():
    def loss(x, y):
        return (x * y).sin() + x.exp() * y.square()

    together = game_field(play(loss, loss), None, None)
    against = game_field(play(loss, lambda x, y: -loss(x, y)), None, None)
    at = torch.tensor([0.3, -0.7], dtype=torch.float64)
    zero = torch.zeros(2, 2, dtype=torch.float64)
    assert_close(parts(jacobian(together, at)).antisymmetric, zero)
    symmetric, antisymmetric = parts(jacobian(against, at))
    assert_close(symmetric - torch.diag(symmetric.diag()), zero)
    assert antisymmetric.abs().max() > 0.5


GAMES = [
    (minimax, ()),
    (non_saturating, (penalty(r1, 2.0),)),
    (wasserstein, (penalty(gradient_penalty, 0.5),)),
]


@pytest.mark.parametrize(("objective", "penalties"), GAMES)
def test_the_field_of_a_gan_is_the_negative_slope_of_each_player_s_loss_by_finite_differences(objective, penalties):
    game, (batch, noise) = gan(objective, penalties), draws()
    at = weights(game)
    field = game_field(game, batch, noise)
    v = field(at)

    def loss(player, point):
        start = 0
        for p in game.players:
            n = sum(w.numel() for w in p.network.parameters())
            nn.utils.vector_to_parameters(point[start : start + n], p.network.parameters())
            start += n
        found = sum(t.mean() for t in player.terms(batch, noise).values()).item()
        return found

    h = 1e-6
    for player in game.players:
        block = field.block(player.name)
        for i in list(range(block.start, block.stop))[::4]:
            e = torch.zeros_like(at)
            e[i] = h
            slope = (loss(player, at + e) - loss(player, at - e)) / (2 * h)
            assert_close(v[i].item(), -slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("objective", "penalties"), GAMES)
def test_the_jacobian_of_a_gan_is_that_of_finite_differences(objective, penalties):
    game, (batch, noise) = gan(objective, penalties), draws()
    field, at = game_field(game, batch, noise), weights(game)
    J = jacobian(field, at)
    h = 1e-6
    for i in range(0, len(at), 3):
        e = torch.zeros_like(at)
        e[i] = h
        assert_close(J[:, i], (field(at + e) - field(at - e)) / (2 * h), rtol=1e-5, atol=1e-7)
    assert J[field.block("discriminator"), field.block("generator")].abs().max() > 1e-3


def test_evaluating_a_field_changes_neither_weights_nor_buffers_nor_memories():
    class Memory(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.zeros(()))

    game, (batch, noise), memory = gan(), draws(), Memory()
    discriminator, generator = game.players
    discriminator.network.layers.insert(0, nn.BatchNorm1d(2, dtype=torch.float64))

    def terms(batch, noise):
        if memory.training:
            memory.mean += 1
        return discriminator.terms(batch, noise)

    players = [discriminator._replace(terms=terms, memory=memory), generator]
    before = {k: v.clone() for k, v in discriminator.network.state_dict().items()}
    jacobian(game_field(SimpleNamespace(players=players), batch, noise), weights(game))
    after = discriminator.network.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert (memory.mean.item(), memory.training) == (0, True)
    terms(batch, noise)
    assert memory.mean.item() == 1  # the twin: in a training it does remember


def test_simultaneous_steps_of_the_bilinear_game_spiral_out_by_the_closed_form_and_alternating_ones_do_not():
    for h in (0.1, 0.5, 1.0):
        assert_close(rate(simultaneous(BILINEAR, h), ORIGIN), math.sqrt(1 + h**2))
        assert_close(rate(alternating(BILINEAR, h), ORIGIN), 1.0)
    assert rate(alternating(BILINEAR, 2.5), ORIGIN) > 3  # beyond h = 2 they do


def test_the_alternating_operator_is_the_product_of_the_players_steps():
    h = 0.3
    first = torch.tensor([[1.0, -h], [0.0, 1.0]], dtype=torch.float64)
    second = torch.tensor([[1.0, 0.0], [h, 1.0]], dtype=torch.float64)
    assert_close(jacobian(alternating(BILINEAR, h), ORIGIN), second @ first)
    assert_close(jacobian(alternating(BILINEAR, h, {"y": 1, "x": 1}), ORIGIN), first @ second)
    power = torch.linalg.matrix_power(second, 5)
    assert_close(jacobian(alternating(BILINEAR, h, {"y": 5, "x": 1}), ORIGIN), first @ power)


def test_a_projection_is_applied_after_each_update():
    clipped = Field(BILINEAR.function, BILINEAR.sizes, lambda p: p.clamp(-0.5, 0.5))
    start = torch.tensor([0.0, 0.45], dtype=torch.float64)
    # x goes to −0.45, clipped nowhere; y would go on to 0.45 − 0.45.
    assert_close(alternating(clipped, 1.0)(start).tolist(), [-0.45, 0.0])
    assert_close(simultaneous(clipped, 2.0)(start).tolist(), [-0.5, 0.45])
    # x goes to −0.9 and is clipped to −0.5 before y sees it.
    assert_close(alternating(clipped, 2.0)(start).tolist(), [-0.5, -0.5])


def test_error_shrinks_by_the_rate():
    field = Field(lambda p: torch.stack([-p[1] - 0.4 * p[0], p[0]]), {"x": 1, "y": 1})
    operator = simultaneous(field, 0.2)
    far = trajectory(operator, torch.tensor([1.0, 1.0], dtype=torch.float64), 400).norm(dim=1)
    assert_close((far[400] / far[200]).item() ** (1 / 200), rate(operator, ORIGIN), rtol=3e-3, atol=0)


def test_a_trajectory_has_the_start_and_one_point_a_step():
    points = trajectory(simultaneous(BILINEAR, 0.1), torch.ones(2, dtype=torch.float64), 5)
    assert points.shape == (6, 2)
    assert_close(points[0], torch.ones(2, dtype=torch.float64))
    assert_close(points[1], simultaneous(BILINEAR, 0.1)(points[0]))


def test_the_grid_of_a_field_lies_as_quiver_wants_it():
    line, v = on_grid(BILINEAR, 2.0, 5)
    assert v.shape == (5, 5, 2)
    assert_close(v[4, 1], BILINEAR(torch.stack([line[1], line[4]])))
    with pytest.raises(ValueError, match="the field has 3 weights; pass a field of two weights"):
        on_grid(Field(lambda p: p, {"x": 3}), 1.0)


def test_a_player_whose_loss_does_not_depend_on_anything_stands_still():
    game = play(lambda x, y: torch.zeros(1), lambda x, y: x * y)
    assert_close(game_field(game, None, None)(torch.tensor([1.0, 2.0]).double()).tolist(), [0.0, -1.0])


def test_weights_that_are_frozen_are_no_part_of_the_point():
    game = gan()
    before = len(weights(game))
    game.generator.layers[0].requires_grad_(False)
    n = sum(p.numel() for p in game.generator.layers[0].parameters())
    assert len(weights(game)) == before - n
    batch, noise = draws()
    assert sum(game_field(game, batch, noise).sizes.values()) == before - n


def test_players_that_share_a_weight_are_refused():
    game = gan()
    game.discriminator.layers[0].bias = game.generator.layers[0].bias
    with pytest.raises(ValueError, match=r"discriminator and generator share the weight 'layers.0.bias'"):
        game_field(game, *draws())


def test_players_of_one_name_or_with_nothing_to_change_are_refused():
    game = play(lambda x, y: x, lambda x, y: y)
    twins = SimpleNamespace(players=[p._replace(name="x") for p in game.players])
    with pytest.raises(ValueError, match="give each a name of its own"):
        game_field(twins, None, None)
    game.players[1].network.requires_grad_(False)
    with pytest.raises(ValueError, match="y has no trainable weight"):
        game_field(game, None, None)


def test_points_of_another_size_and_unknown_players_are_refused():
    with pytest.raises(ValueError, match=r"the point has shape \(3,\); the players have 2 weights in all"):
        BILINEAR(torch.zeros(3))
    with pytest.raises(ValueError, match=r"'z' is no player; the players are \['x', 'y'\]"):
        BILINEAR.block("z")
    for updates in ({"x": 1}, {"x": 1, "z": 1}, {"x": 1, "y": 0}):
        with pytest.raises(ValueError, match="expected at least one for each of"):
            alternating(BILINEAR, 0.1, updates)


def test_the_parts_of_a_memory_keep_their_modes():
    game, (batch, noise) = gan(), draws()
    memory = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2).eval())
    discriminator, generator = game.players
    players = [discriminator._replace(memory=memory), generator]
    modes = []

    def terms(batch, noise):
        modes.append([part.training for part in memory.modules()])
        return discriminator.terms(batch, noise)

    players[0] = players[0]._replace(terms=terms)
    game_field(SimpleNamespace(players=players), batch, noise)(weights(game))
    assert modes == [[False, False, False]]
    assert [part.training for part in memory.modules()] == [True, True, False]
    with frozen_memories(players):
        assert not any(part.training for part in memory.modules())
    assert [part.training for part in memory.modules()] == [True, True, False]
