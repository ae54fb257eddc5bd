"""What the trainer promises: the textbook's steps, in order, from randomness that has names."""

import copy
import math

import pytest
import torch

from gancourse import data, models, objectives
from gancourse.batch import Batch
from gancourse.errors import NotFiniteError
from gancourse.games import GAN, Player, penalty
from gancourse.rng import Noise, initialised_from
from gancourse.training import Average, Trainer, adam, constant, cosine, linear

RING = data.ring(std=0.1)


def new_game(n_critic=1, terms=()):
    with initialised_from(0, "test"):
        generator, discriminator = models.mlp.Generator(4, 16), models.mlp.Discriminator(16)
    return GAN(generator, discriminator, objectives.non_saturating, terms, n_critic)


def weights(game):
    return [p.detach().clone() for player in game.players for p in player.network.parameters()]


def written_out(game, n_steps, batch_size, n_critic):
    """The same training by the plain textbook loop, with nothing of the trainer's but the names of the draws."""
    G, D = game.generator, game.discriminator
    adam_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
    adam_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
    bce = torch.nn.functional.softplus
    for step in range(n_steps):
        for k in range(n_critic):
            noise = Noise((7, "discriminator"), batch_size, step * n_critic + k)
            real, z = RING(noise).x, noise.normal("z", G.latent_size)
            loss = (bce(-D(real)) + bce(D(G(z).detach()))).mean()
            adam_d.zero_grad()
            loss.backward()
            adam_d.step()
        noise = Noise((7, "generator"), batch_size, step)
        loss = bce(-D(G(noise.normal("z", G.latent_size)))).mean()
        adam_g.zero_grad()
        loss.backward()
        adam_g.step()


@pytest.mark.parametrize("n_critic", [1, 3])
def test_trainer_gives_the_textbook_loops_weights_to_the_bit(n_critic):
    ours, theirs = new_game(n_critic), new_game(n_critic)
    for _ in Trainer(ours, RING, batch_size=32, seed=7, optimiser=adam(1e-3)).steps(25):
        pass
    written_out(theirs, 25, 32, n_critic)
    for a, b in zip(weights(ours), weights(theirs), strict=True):
        assert torch.equal(a, b)


class Watched:
    """A game whose terms write down which weights could have received a gradient."""

    def __init__(self):
        inner = new_game()
        self.networks = {player.name: player.network for player in inner.players}
        self.seen = []
        self.players = [player._replace(terms=self.watch(player)) for player in inner.players]

    def watch(self, player):
        def terms(batch, noise):
            trained = [n for n, net in self.networks.items() if all(p.requires_grad for p in net.parameters())]
            self.seen.append((player.name, trained))
            return player.terms(batch, noise)

        return terms


def test_only_the_player_whose_turn_it_is_can_be_changed_and_all_are_freed_again():
    game = Watched()
    for _ in Trainer(game, RING, batch_size=8).steps(1):
        pass
    assert game.seen == [("discriminator", ["discriminator"]), ("generator", ["generator"])]
    assert all(p.requires_grad for net in game.networks.values() for p in net.parameters())


def test_weights_that_the_caller_froze_stay_as_they_are():
    game = new_game()
    frozen = game.discriminator.layers[0].weight.requires_grad_(False)
    before, rest = frozen.clone(), game.discriminator.layers[0].bias.detach().clone()
    for _ in Trainer(game, RING, batch_size=8).steps(3):
        pass
    assert torch.equal(frozen, before)
    assert not frozen.requires_grad
    assert not torch.equal(game.discriminator.layers[0].bias, rest)


def test_a_constraint_is_applied_after_each_update_of_its_player():
    def clip(network):
        for p in network.parameters():
            p.clamp_(-0.01, 0.01)

    game = new_game()
    game.players = (game.players[0]._replace(constraint=clip), game.players[1])
    trainer = Trainer(game, RING, batch_size=8)
    trainer.update()
    assert max(p.abs().max().item() for p in game.discriminator.parameters()) <= 0.01
    assert max(p.abs().max().item() for p in game.generator.parameters()) > 0.01


def test_another_seed_gives_other_weights():
    first, second = new_game(), new_game()
    for seed, game in ((0, first), (1, second)):
        for _ in Trainer(game, RING, batch_size=32, seed=seed).steps(2):
            pass
    assert not torch.equal(weights(first)[0], weights(second)[0])


def test_players_move_in_order_and_as_often_as_they_say():
    moves = []

    def record(name, network):
        def terms(batch, noise):
            moves.append((name, noise.update))
            return {"loss": network(batch.x)}

        return terms

    networks = {name: models.mlp.Discriminator(4) for name in ("a", "b")}

    class Two:
        players = (
            Player("a", networks["a"], record("a", networks["a"]), updates=2),
            Player("b", networks["b"], record("b", networks["b"])),
        )

    steps = [step.index for step in Trainer(Two(), RING, batch_size=2).steps(2)]
    assert moves == [("a", 0), ("a", 1), ("b", 0), ("a", 2), ("a", 3), ("b", 1)]
    assert steps == [0, 1]


def test_a_step_is_yielded_after_its_updates():
    game = new_game()
    before = weights(game)
    step = next(Trainer(game, RING, batch_size=8).steps(1))
    assert step.index == 0
    assert all(math.isfinite(v) for terms in step.losses.values() for v in terms.values())
    assert not torch.equal(before[0], weights(game)[0])


def test_one_players_update_leaves_the_others_weights_and_gradients_alone():
    game = new_game()
    trainer = Trainer(game, RING, batch_size=8)
    generator = copy.deepcopy(list(game.generator.parameters()))
    trainer.update()
    for now, before in zip(game.generator.parameters(), generator, strict=True):
        assert torch.equal(now, before)
        assert now.grad is None
    grads = [p.grad.clone() for p in game.discriminator.parameters()]
    trainer.update()
    for p, before in zip(game.discriminator.parameters(), grads, strict=True):
        assert torch.equal(p.grad, before)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_names_player_term_and_step_and_changes_nothing(bad):
    def broken(noise):
        batch = RING(noise)
        return batch._replace(x=batch.x * (bad if noise.update == 2 else 1.0))

    game = new_game()
    trainer = Trainer(game, broken, batch_size=8)
    assert [step.index for step in trainer.steps(2)] == [0, 1]
    before = weights(game)
    with pytest.raises(NotFiniteError, match=r"discriminator's term 'adversarial' is (nan|inf) at step 2"):
        next(trainer.steps(3))
    assert trainer.step == 2
    for a, b in zip(weights(game), before, strict=True):
        assert torch.equal(a, b)


def test_an_infinite_gradient_of_a_finite_loss_changes_nothing():
    network = models.mlp.Discriminator(4)

    class Root:
        players = (Player("a", network, lambda batch, noise: {"root": (0 * network(batch.x)).sqrt()}),)

    before = [p.clone() for p in network.parameters()]
    with pytest.raises(NotFiniteError, match="a's gradient is not finite at step 0"):
        Trainer(Root(), RING, batch_size=2).update()
    for now, old in zip(network.parameters(), before, strict=True):
        assert torch.equal(now, old)


@pytest.mark.parametrize(("second", "updates"), [("a", 1), ("b", 0)])
def test_players_need_different_names_and_at_least_one_update(second, updates):
    network = models.mlp.Discriminator(4)

    class Two:
        players = (Player("a", network, dict), Player(second, network, dict, updates))

    with pytest.raises(ValueError, match="expected different names, and at least one update each"):
        Trainer(Two(), RING)


def test_the_schedule_scales_the_rate_of_every_step():
    trainer = Trainer(new_game(), RING, batch_size=8, optimiser=adam(0.1), schedule=linear(4))
    rates = [trainer.optimisers["generator"].param_groups[0]["lr"] for _ in trainer.steps(4)]
    assert rates == pytest.approx([0.1, 0.075, 0.05, 0.025])


@pytest.mark.parametrize(("schedule", "message"), [(lambda: linear(0), "n_steps"), (lambda: cosine(3, 2.0), "final")])
def test_impossible_schedules_are_refused(schedule, message):
    with pytest.raises(ValueError, match=message):
        schedule()


def test_schedules_end_where_they_say():
    assert constant(99) == 1.0
    assert cosine(10, 0.1)(10) == pytest.approx(0.1)
    assert linear(10, start=5, final=0.2)(5) == 1.0
    assert linear(10, start=5, final=0.2)(99) == pytest.approx(0.2)


def test_an_average_is_half_way_after_its_half_life():
    network = torch.nn.Linear(1, 1)
    average = Average(network, half_life_kimg=1.0)
    start = average.network.weight.clone()
    with torch.no_grad():
        network.weight += 2.0
    for _ in range(10):
        average.update(network, n_images=100)
    torch.testing.assert_close(average.network.weight, start + 1.0)


def test_an_average_counts_images_not_updates():
    network, results = torch.nn.Linear(3, 1), []
    for n_updates in (1, 8):
        average = Average(torch.nn.Linear(3, 1), 1.0)
        average.network.load_state_dict({k: torch.zeros_like(v) for k, v in network.state_dict().items()})
        for _ in range(n_updates):
            average.update(network, 800 // n_updates)
        results.append(average.network.weight)
    torch.testing.assert_close(*results)


def test_the_trainers_average_copies_buffers_and_trails_behind_the_weights():
    with initialised_from(1):
        game = GAN(models.dcgan.Generator(4, 4), models.dcgan.Discriminator(4), objectives.hinge)
    trainer = Trainer(game, data.digits("test"), batch_size=4, averages={"generator": 0.1})
    for _ in trainer.steps(2):
        pass
    average, network = trainer.averages["generator"].network, game.generator
    for a, b in zip(average.buffers(), network.buffers(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(next(average.parameters()), next(network.parameters()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"averages": {"gen": 1.0}}, "the players are"),
        ({"optimiser": {"generator": adam()}}, "the players are"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"averages": {"generator": 0.0}}, "half_life_kimg is 0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Trainer(new_game(), RING, **settings)


def test_lazy_penalties_count_the_discriminators_own_updates():
    game = new_game(n_critic=2, terms=[penalty(objectives.r1, 1.0, every=3)])
    trainer = Trainer(game, RING, batch_size=4)
    due = []
    for _ in range(9):
        trainer.update()
        due.append("r1" in trainer.losses["discriminator"])
    # turns: D D G D D G D D G; D's updates are 0 1 · 2 3 · 4 5 ·
    assert due == [True, False, False, False, True, True, False, False, False]


def test_steps_plays_so_many_more_and_until_up_to_a_step():
    game = new_game()
    trainer = Trainer(game, RING, batch_size=4)
    assert [step.index for step in trainer.steps(2)] == [0, 1]
    assert [step.index for step in trainer.steps(3)] == [2, 3, 4]
    assert [step.index for step in trainer.until(7)] == [5, 6]
    assert list(trainer.until(7)) == list(trainer.steps(0)) == []
    in_one = new_game()
    for _ in Trainer(in_one, RING, batch_size=4).until(7):
        pass
    assert all(torch.equal(a, b) for a, b in zip(weights(game), weights(in_one), strict=True))


def test_a_step_that_was_begun_counts():
    trainer = Trainer(new_game(), RING, batch_size=4)
    trainer.update()
    assert [step.index for step in trainer.steps(1)] == [0]
    assert trainer.turn == 2


def inserted(network):
    network.layers.insert(1, torch.nn.Linear(16, 16))


def removed(network):
    del network.layers[2]


def exchanged(network):
    network.layers[0].weight = torch.nn.Parameter(torch.zeros_like(network.layers[0].weight))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (inserted, "generator's network had 6 parameters when the trainer was made; of its 8 now, 2 are new"),
        (removed, "had 6 parameters when the trainer was made; of its 4 now, 0 are new"),
        (exchanged, "of its 6 now, 1 are new, and no optimiser has them; build the whole network"),
    ],
)
def test_parameters_that_come_or_go_during_the_training_end_it(change, message):
    game = new_game()
    trainer = Trainer(game, RING, batch_size=4)
    next(trainer.steps(1))
    change(game.generator)
    trainer.update()  # the discriminator's network is as it was
    with pytest.raises(ValueError, match=message):
        trainer.update()
    assert trainer.turn == 3


def test_channels_last_holds_for_every_image_of_a_batch():
    seen = []

    class One:
        def __init__(self):
            network = torch.nn.Conv2d(1, 1, 1)
            self.players = (Player("a", network, lambda batch, noise: self.look(batch, network)),)

        def look(self, batch, network):
            seen.append(batch)
            return {"loss": network(batch.x).flatten(1).sum(1)}

    def pictures(noise):
        return Batch(noise.normal("x", 1, 4, 4), noise.normal("y", 3, 4, 4), noise.normal("other", 2, 4, 4))

    for channels_last in (True, False):
        Trainer(One(), pictures, batch_size=2, channels_last=channels_last).update()
    first, second = ([x.is_contiguous(memory_format=torch.channels_last) for x in batch[1:]] for batch in seen)
    assert (first, second) == ([True, True], [False, False])
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))


def test_labels_stay_as_they_are_where_channels_are_last():
    network = torch.nn.Conv2d(1, 1, 1)
    labels = []
    player = Player(
        "a", network, lambda batch, noise: labels.append(batch.y) or {"loss": batch.x.mean() * network.bias}
    )

    class One:
        players = (player,)

    Trainer(
        One(), lambda noise: Batch(noise.normal("x", 1, 4, 4), torch.arange(2)), batch_size=2, channels_last=True
    ).update()
    assert labels[0].tolist() == [0, 1]


@pytest.mark.parametrize("change", ["frozen", "detached"])
def test_a_player_whose_terms_depend_on_nothing_that_it_may_change_is_named(change):
    game = new_game()
    if change == "frozen":
        game.discriminator.requires_grad_(False)
    else:
        score = game.discriminator.forward
        game.discriminator.forward = lambda x: score(x).detach()
    before = weights(game)
    message = r"discriminator's terms \(adversarial\) depend on no weight that discriminator may change; let them call"
    with pytest.raises(ValueError, match=message):
        Trainer(game, RING, batch_size=8).update()
    assert all(torch.equal(a, b) for a, b in zip(before, weights(game), strict=True))
