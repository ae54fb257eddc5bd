"""Terms of either player: what they see, when they are due, what they remember."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse import processes
from gancourse.batch import Batch
from gancourse.data import ring
from gancourse.games import GAN, Consensus, Several, Term, packing, penalty
from gancourse.models import mlp
from gancourse.objectives import non_saturating, objective, off_diagonal, r1, r2
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer, adam, load_checkpoint, save_checkpoint


def networks(**options):
    with initialised_from(0):
        return mlp.Generator(4, 8, **options), mlp.Discriminator(8, **options)


def batch(n=6, y=None):
    return Batch(torch.randn(n, 2, generator=torch.Generator().manual_seed(0)), y)


def noise(n=6, update=0):
    return Noise((0, "terms"), n, update)


def weights(game):
    return [w.detach().clone() for player in game.players for w in player.network.parameters()]


@pytest.mark.parametrize("name", ["relativistic-pairing", "non-saturating"])
@pytest.mark.parametrize("every", [1, 4])
def test_r1_and_r2_as_two_terms_give_the_bits_of_their_sum_as_one(name, every):
    def both(critic, real, fake, epsilon):
        return r1(critic, real) + r2(critic, None, fake)

    states = []
    for functions in ([both], [r1, r2]):
        game = GAN(*networks(), objective(name), [penalty(function, 1.0, every) for function in functions])
        for _ in Trainer(game, ring(std=0.1), batch_size=16, optimiser=adam(1e-3)).steps(20):
            pass
        states.append(weights(game))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_a_generator_s_term_of_one_number_has_its_value_at_each_sample():
    G, D = networks()
    orthogonal = Term("orthogonality", "generator", lambda turn: off_diagonal(turn.generator), 1e-4)
    game = GAN(G, D, non_saturating, [orthogonal])
    assert list(game.discriminator_terms(batch(), noise())) == ["adversarial"]
    terms = game.generator_terms(batch(), noise())
    assert_close(terms["orthogonality"], (1e-4 * off_diagonal(G)).expand(6))
    assert_close(terms["adversarial"], GAN(G, D, non_saturating).generator_terms(batch(), noise())["adversarial"])


def test_orthogonality_as_a_term_makes_the_generator_s_filters_more_orthogonal():
    """The twin is trained without the term."""
    left = []
    for terms in ([Term("orthogonality", "generator", lambda turn: off_diagonal(turn.generator), 1.0)], []):
        game = GAN(*networks(), non_saturating, terms)
        for _ in Trainer(game, ring(), batch_size=8, optimiser=adam(1e-2)).steps(50):
            pass
        left.append(off_diagonal(game.generator).item())
    assert left[0] < left[1] / 5


def test_one_number_stands_for_as_many_samples_as_the_discriminator_sees():
    with initialised_from(0):
        G, D = mlp.Generator(4, 8), mlp.Discriminator(8, dimensions=4)
    one = Term("one", "discriminator", lambda turn: torch.ones(()), 3.0)
    terms = GAN(G, D, non_saturating, [one], views=[packing(2)]).discriminator_terms(batch(), noise())
    assert_close(terms["one"], torch.full((3,), 3.0))


@pytest.mark.parametrize("of", ["discriminator", "generator"])
def test_a_turn_holds_what_its_update_is_made_of(of):
    G, D = networks(n_classes=3)
    turns = []
    game = GAN(G, D, non_saturating, [Term("look", of, lambda turn: turns.append(turn) or turn.real.sum(1))])
    data = batch(y=torch.tensor([0, 1, 2, 2, 1, 0]))
    next(p for p in game.players if p.name == of).terms(data, noise())
    (turn,) = turns
    assert (turn.generator, turn.discriminator, turn.batch, turn.noise) == (G, D, data, noise())
    assert torch.equal(turn.z, noise().normal("z", 4))
    assert torch.equal(turn.real, data.x)
    assert_close(turn.fake, G(turn.z, data.y))
    assert_close(turn.critic(turn.real), D(data.x, data.y))


def test_lazy_terms_count_their_own_player_s_updates_and_are_multiplied_by_the_interval():
    game = GAN(*networks(), non_saturating, [Term("two", "generator", lambda turn: torch.tensor(2.0), 0.5, 3)], 2)
    values = [step.tensors["generator"].get("two") for step in Trainer(game, ring(), batch_size=4).steps(6)]
    assert [v is not None for v in values] == [True, False, False, True, False, False]
    assert_close(values[0], torch.tensor(3.0))


def test_both_players_may_have_a_term_of_one_name_but_none_of_them_twice():
    one = Term("one", "discriminator", lambda turn: torch.ones(()))
    GAN(*networks(), non_saturating, [one, one._replace(of="generator")])
    for name, of, message in (
        ("one", "discriminator", r"discriminator's terms \['one', 'one'\] would overwrite each other"),
        ("adversarial", "generator", r"generator's terms \['adversarial'\] would overwrite"),
        ("two", "encoder", "term 'two' is of 'encoder'; the players are discriminator and generator"),
    ):
        with pytest.raises(ValueError, match=message):
            GAN(*networks(), non_saturating, [one, one._replace(name=name, of=of)])


class RunningMean(nn.Module):
    """Remembers the mean square of samples; how far each one is from it is the term, as in a path length's."""

    def __init__(self):
        super().__init__()
        self.register_buffer("a", torch.zeros(()))

    def forward(self, turn):
        squares = turn.fake.square().flatten(1).sum(1)
        if self.training:
            self.a += 0.1 * (processes.mean(squares.detach().mean()) - self.a)
        return (squares - self.a.clone()).square()


def remembering(seed=0):
    memory = RunningMean()
    with initialised_from(seed):
        G, D = mlp.Generator(4, 8), mlp.Discriminator(8)
    return GAN(G, D, non_saturating, [Term("spread", "generator", memory, 0.1, 2, memory)])


def test_a_term_s_memory_is_its_player_s_and_moves_in_training_only():
    game = remembering()
    of_d, of_g = game.players
    assert of_d.memory is None
    of_g.terms(batch(), noise())
    moved = of_g.memory.a.clone()
    assert moved > 0
    Consensus(game, 1.0).energy(batch(), noise())
    of_g.memory.eval()
    of_g.terms(batch(), noise())
    assert torch.equal(of_g.memory.a, moved)


def test_memories_of_several_terms_and_games_are_joined():
    first, second = RunningMean(), RunningMean()
    terms = [Term(name, "generator", m, memory=m) for name, m in (("first", first), ("second", second))]
    G, D = networks()
    assert list(GAN(G, D, non_saturating, terms).players[1].memory) == [first, second]
    games = [GAN(G, mlp.Discriminator(8), non_saturating, [term]) for term in terms]
    assert list(Several(games).players[-1].memory) == [first, second]


@pytest.mark.parametrize("stop", [1, 4, 7])
def test_a_training_whose_term_remembers_resumes_bit_equal(stop, tmp_path):
    whole, first, second = (Trainer(remembering(), ring(), batch_size=8) for _ in range(3))
    for _ in whole.until(5):
        pass
    for _ in range(stop):
        first.update()
    save_checkpoint(tmp_path / "c.safetensors", first)
    load_checkpoint(tmp_path / "c.safetensors", second)
    for _ in second.until(5):
        pass
    assert torch.equal(second.players["generator"].memory.a, whole.players["generator"].memory.a)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole.game), weights(second.game), strict=True))


def test_without_its_memory_the_resumed_training_would_end_elsewhere():
    """The twin of the above."""
    whole, forgetful = (Trainer(remembering(), ring(), batch_size=8) for _ in range(2))
    for trainer in (whole, forgetful):
        for _ in trainer.until(3):
            pass
    forgetful.players["generator"].memory.a.zero_()
    for trainer in (whole, forgetful):
        for _ in trainer.until(5):
            pass
    assert not torch.equal(weights(whole.game)[-1], weights(forgetful.game)[-1])
