"""One trainer for every game. It knows nothing of GANs, files, plots or command lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from operator import is_

import torch
from torch import Tensor

from gancourse import processes
from gancourse.batch import Batch, Batches
from gancourse.games import Game, Player
from gancourse.rng import CPU, Noise
from gancourse.training.average import Average
from gancourse.training.batch_norm import prepare_for_processes
from gancourse.training.gradients import check_finite, only, parameters_of, share
from gancourse.training.optimisers import DCGAN_ADAM, MakeOptimiser
from gancourse.training.precision import MixedPrecision, Precision, check_precision
from gancourse.training.progress import Step
from gancourse.training.schedules import Schedule, constant


class Trainer:
    """Plays a game: in each step every player makes its updates, in the order of the list.

    The caller drives it: `for step in trainer.steps(1000): …` yields after each step, with the updated networks.

    Where torch.distributed has been set up, as `join` does, each process computes its part of every batch, and all of
    them make the same update: the one that a single process would have made, up to the order of sums.

    Args:
        game: the players.
        batches: the data, a function of randomness.
        batch_size: samples per update, of all processes together.
        seed: all randomness of the run is derived from it.
        optimiser: makes a player's optimiser from its parameters; or one such function per player's name.
        schedule: factor on every learning rate at a given step.
        averages: half-life in thousand images, by name, of each player whose weights are averaged.
        device: where to compute; the networks are moved there.
        precision: "32-true", or "bf16-mixed" to run the players' networks in bfloat16, see `MixedPrecision`.
        channels_last: lay out images and kernels with the channels innermost, which most processors convolve faster.

    Raises:
        ValueError: two players share a name, one never moves, a name in `optimiser` or `averages` is no player's, the
            batch size is below one or can't be divided by the processes, the device lacks the precision, or processes
            can't share a layer's work.
    """

    def __init__(
        self,
        game: Game,
        batches: Batches,
        *,
        batch_size: int = 64,
        seed: int = 0,
        optimiser: MakeOptimiser | Mapping[str, MakeOptimiser] = DCGAN_ADAM,
        schedule: Schedule = constant,
        averages: Mapping[str, float] | None = None,
        device: torch.device = CPU,
        precision: Precision = "32-true",
        channels_last: bool = False,
    ) -> None:
        # Check what was asked for.
        self.part = processes.mine()
        make = optimiser if isinstance(optimiser, Mapping) else {player.name: optimiser for player in game.players}
        _check_players(game, make, averages or {})
        _check_batch_size(batch_size, self.part.count)
        check_precision(precision, device)
        self.game, self.batches, self.batch_size, self.seed = game, batches, batch_size, seed
        self.schedule, self.device, self.precision = schedule, device, precision
        self.channels_last = channels_last

        # Move the networks to the device.
        self.players = {player.name: player for player in game.players}
        for player in game.players:
            player.network.to(device, memory_format=torch.channels_last if channels_last else None).train()
            if player.memory is not None:
                player.memory.to(device).train()
            if self.part.count > 1:
                prepare_for_processes(player.network)

        # Note whose weights are whose; what the caller froze stays frozen. By identity: players may share a network.
        self.weights = {p.name: [w for w in p.network.parameters() if w.requires_grad] for p in game.players}
        self._before = {p.name: parameters_of(p.network) for p in game.players}
        self._every_weight = list({id(w): w for weights in self.weights.values() for w in weights}.values())

        # Make optimisers, averages and mixed precision; the averages before that, as they are copies free of it.
        self.optimisers = {p.name: make[p.name](p.network.parameters()) for p in game.players}
        self._rates = {name: [g["lr"] for g in o.param_groups] for name, o in self.optimisers.items()}
        self.averages = {name: Average(self.players[name].network, h) for name, h in (averages or {}).items()}
        is_mixed = precision == "bf16-mixed"
        self._mixed = MixedPrecision([player.network for player in game.players], device) if is_mixed else None

        # Start at the first player's turn.
        self.turns = [player for player in game.players for _ in range(player.updates)]
        self.turn = 0  # updates made so far, by all players: with the seed, all that the future depends on
        self.losses: dict[str, dict[str, Tensor]] = {}

    @property
    def step(self) -> int:
        """How many whole steps have been made."""
        return self.turn // len(self.turns)

    def steps(self, n: int) -> Iterator[Step]:
        """Play n more steps, yielding after each; a step that was begun by `update` counts as one of them.

        Raises:
            NotFiniteError: a loss or gradient is not finite; names it and the step, and leaves the weights alone.
            ValueError: a network's parameters are no longer those that it had when the trainer was made, or a player's
                terms depend on none of them.
        """
        yield from self.until(self.step + n)

    def until(self, n: int) -> Iterator[Step]:
        """Play on until n steps have been made since the start, yielding after each; errors as for `steps`."""
        while self.step < n:
            self.update()
            if self.turn % len(self.turns) == 0:
                yield Step(self.step - 1, dict(self.losses))

    def noise(self, player: Player) -> Noise:
        """The randomness of the update that is next, if it is that player's."""
        step, position = divmod(self.turn, len(self.turns))
        done = step * player.updates + self.turns[:position].count(player)
        n = self.batch_size // self.part.count
        return Noise((self.seed, player.name), n, done, self.device, self.part)

    def update(self) -> None:
        """Let the player whose turn it is make one update."""
        # Find whose turn it is, and set the learning rate.
        player = self.turns[self.turn % len(self.turns)]
        self._check_parameters(player)
        weights, optimiser = self.weights[player.name], self.optimisers[player.name]
        for group, rate in zip(optimiser.param_groups, self._rates[player.name], strict=True):
            group["lr"] = rate * self.schedule(self.step)

        # Compute its gradient, with everyone else frozen.
        optimiser.zero_grad(set_to_none=True)
        with only(weights, self._every_weight), processes.together(self.part):
            terms = self._terms(player)
            sum(terms.values()).backward(inputs=weights)
        gradients = [w.grad for w in weights if w.grad is not None]
        terms = share(terms, gradients, self.part)
        check_finite(terms, gradients, player.name, self.step)

        # Move, and let the average follow.
        optimiser.step()
        if player.constraint is not None:
            with torch.no_grad():
                player.constraint(player.network)
        if player.name in self.averages:
            self.averages[player.name].update(player.network, self.batch_size)
        self.losses[player.name] = terms
        self.turn += 1

    def _terms(self, player: Player) -> dict[str, Tensor]:
        """What the player minimises, averaged over this process's part of the batch."""
        # Each update draws its own real batch: reusing D's batch for G biases losses that look at both.
        noise = self.noise(player)
        batch = self.batches(noise)
        if self.channels_last:
            batch = _channels_last(batch)
        with self._mixed.active() if self._mixed else nullcontext():
            terms = {name: term.mean() for name, term in player.terms(batch, noise).items()}
        if not any(term.requires_grad for term in terms.values()):
            raise ValueError(
                f"{player.name}'s terms ({', '.join(terms)}) depend on no weight that {player.name} may change; let "
                "them call its network with gradients, and leave some of its weights unfrozen"
            )
        return terms

    def _check_parameters(self, player: Player) -> None:
        # A layer put in afterwards would never be trained: no optimiser knows it.
        before, now = self._before[player.name], parameters_of(player.network)
        if len(now) != len(before) or not all(map(is_, now, before)):
            n_new = len({*map(id, now)} - {*map(id, before)})
            raise ValueError(
                f"{player.name}'s network had {len(before)} parameters when the trainer was made; of its {len(now)} "
                f"now, {n_new} are new, and no optimiser knows them; build the network whole and then make the "
                "trainer, or make a new one"
            )


def _check_players(game: Game, make: Mapping[str, MakeOptimiser], averages: Mapping[str, float]) -> None:
    names = [player.name for player in game.players]
    if len(set(names)) < len(names) or any(player.updates < 1 for player in game.players):
        raise ValueError(f"the players are {names}; expected different names, and at least one update each")
    if set(make) != set(names) or set(averages) - set(names):
        raise ValueError(f"the players are {names}; optimisers {sorted(make)}, averages {sorted(averages)}")


def _check_batch_size(batch_size: int, n_processes: int) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    if batch_size % n_processes:
        raise ValueError(f"a batch of {batch_size} can't be shared by {n_processes} processes; pass a multiple of that")


def _channels_last(batch: Batch) -> Batch:
    """The batch with the channels of its images innermost."""
    fields = {name: x for name, x in batch._asdict().items() if x is not None and x.ndim == 4}
    return batch._replace(**{name: x.contiguous(memory_format=torch.channels_last) for name, x in fields.items()})
