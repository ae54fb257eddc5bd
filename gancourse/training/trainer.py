"""One trainer for every game. It is independent of GANs, files, plots and the command line."""

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
from gancourse.training.gradients import all_reduce, check_finite, only_trainable, parameters_of
from gancourse.training.optimisers import DCGAN_ADAM, MakeOptimiser
from gancourse.training.precision import MixedPrecision, Precision, check_precision
from gancourse.training.progress import Step
from gancourse.training.schedules import Schedule, constant


class Trainer:
    """Plays a game: in each step every player makes its updates, in the order of the list.

    The caller runs it: `for step in trainer.steps(1000): …` yields after each step, with the updated networks.

    If torch.distributed is initialised, as by `join`, each process computes its part of every batch, and all processes
    make the same update: that of a single process, up to the order of sums.

    Args:
        game: the players.
        batches: the data, a function of the noise.
        batch_size: samples per update, over all processes.
        seed: of all random numbers of the run.
        optimiser: makes a player's optimiser from its parameters; or one such function per player's name.
        schedule: maps a step to the factor on every learning rate.
        averages: half-life in thousand images of the average of a player's weights, by name of the player.
        device: to compute on; the networks are moved to it.
        precision: "32-true", or "bf16-mixed" to run the players' networks in bfloat16, see `MixedPrecision`.
        channels_last: store images and kernels in channels-last format, which most CPUs convolve faster.

    Raises:
        ValueError: two players share a name, one has no updates, a name in `optimiser` or `averages` is not a player's,
            the batch size is below one or not divisible by the number of processes, the device lacks the precision,
            or a layer can't be shared by processes.
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
        # Check the arguments.
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

        # List each player's trainable weights; weights that the caller froze stay frozen. Players may share a network.
        self.weights = {p.name: [w for w in p.network.parameters() if w.requires_grad] for p in game.players}
        self._before = {p.name: parameters_of(p.network) for p in game.players}
        self._every_weight = list({id(w): w for weights in self.weights.values() for w in weights}.values())

        # Make optimisers, averages and mixed precision; averages first, so that their copies have no autocast hooks.
        self.optimisers = {p.name: make[p.name](p.network.parameters()) for p in game.players}
        self._rates = {name: [g["lr"] for g in o.param_groups] for name, o in self.optimisers.items()}
        self.averages = {name: Average(self.players[name].network, h) for name, h in (averages or {}).items()}
        is_mixed = precision == "bf16-mixed"
        self._mixed = MixedPrecision([player.network for player in game.players], device) if is_mixed else None

        # Start at the first player's turn.
        self.turns = [player for player in game.players for _ in range(player.updates)]
        self.turn = 0  # updates so far, by all players; with the seed, it determines all later draws
        self.losses: dict[str, dict[str, Tensor]] = {}

    @property
    def step(self) -> int:
        """Number of complete steps so far."""
        return self.turn // len(self.turns)

    def steps(self, n: int) -> Iterator[Step]:
        """Make n more steps, yielding after each; a step that was begun by `update` counts as one of them.

        Raises:
            NotFiniteError: a loss or gradient is not finite; the message names it and the step. No weight is changed.
            ValueError: a network has other parameters than when the trainer was made, or a player's terms depend on
                none of them.
        """
        yield from self.until(self.step + n)

    def until(self, n: int) -> Iterator[Step]:
        """Continue until n steps have been made since the start, yielding after each; errors as for `steps`."""
        while self.step < n:
            self.update()
            if self.turn % len(self.turns) == 0:
                yield Step(self.step - 1, dict(self.losses))

    def noise(self, player: Player) -> Noise:
        """The noise of the next update, if it is that player's."""
        step, position = divmod(self.turn, len(self.turns))
        n_before = step * player.updates + self.turns[:position].count(player)
        n = self.batch_size // self.part.count
        return Noise((self.seed, player.name), n, n_before, self.device, self.part)

    def update(self) -> None:
        """Make one update of the player whose turn it is."""
        # Select the player, and set the learning rate.
        player = self.turns[self.turn % len(self.turns)]
        self._check_parameters(player)
        weights, optimiser = self.weights[player.name], self.optimisers[player.name]
        for group, rate in zip(optimiser.param_groups, self._rates[player.name], strict=True):
            group["lr"] = rate * self.schedule(self.step)

        # Compute its gradient, with all other weights frozen.
        optimiser.zero_grad(set_to_none=True)
        with only_trainable(weights, self._every_weight), processes.sharing(self.part):
            terms = self._terms(player)
            sum(terms.values()).backward(inputs=weights)
        gradients = [w.grad for w in weights if w.grad is not None]
        terms = all_reduce(terms, gradients, self.part)
        check_finite(terms, gradients, player.name, self.step)

        # Update the weights, and then their average.
        optimiser.step()
        if player.constraint is not None:
            with torch.no_grad():
                player.constraint(player.network)
        if player.name in self.averages:
            self.averages[player.name].update(player.network, self.batch_size)
        self.losses[player.name] = terms
        self.turn += 1

    def _terms(self, player: Player) -> dict[str, Tensor]:
        """The player's terms, averaged over this process's part of the batch."""
        # Each update draws its own real batch: reusing D's batch for G biases losses that use both.
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
        # A layer that was added later would never be trained: no optimiser has its parameters.
        before, now = self._before[player.name], parameters_of(player.network)
        if len(now) != len(before) or not all(map(is_, now, before)):
            n_new = len({*map(id, now)} - {*map(id, before)})
            raise ValueError(
                f"{player.name}'s network had {len(before)} parameters when the trainer was made; of its {len(now)} "
                f"now, {n_new} are new, and no optimiser has them; build the whole network before the trainer, or "
                "make a new trainer"
            )


def _check_players(game: Game, make: Mapping[str, MakeOptimiser], averages: Mapping[str, float]) -> None:
    names = [player.name for player in game.players]
    if len(set(names)) < len(names) or any(player.updates < 1 for player in game.players):
        raise ValueError(f"the players are {names}; expected different names, and at least one update each")
    if set(make) != set(names) or set(averages) - set(names):
        raise ValueError(
            f"optimisers are for {sorted(make)} and averages for {sorted(averages)}, but the players are {names}; pass "
            "an optimiser for each of them, and averages for players only"
        )


def _check_batch_size(batch_size: int, n_processes: int) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    if batch_size % n_processes:
        raise ValueError(f"a batch of {batch_size} can't be shared by {n_processes} processes; pass a multiple of that")


def _channels_last(batch: Batch) -> Batch:
    """The batch with its images in channels-last format."""
    fields = {name: x for name, x in batch._asdict().items() if x is not None and x.ndim == 4}
    return batch._replace(**{name: x.contiguous(memory_format=torch.channels_last) for name, x in fields.items()})
