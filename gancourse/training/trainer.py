"""One trainer for every game. It knows nothing of GANs, files, plots or command lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim import Adam, Optimizer

from gancourse import processes
from gancourse.batch import Batches
from gancourse.errors import NotFiniteError
from gancourse.games import Game, Player
from gancourse.rng import CPU, Noise
from gancourse.training.average import Average
from gancourse.training.batch_norm import prepare_for_processes
from gancourse.training.precision import MixedPrecision, Precision, check_precision
from gancourse.training.schedules import Schedule, constant

MakeOptimiser = Callable[[Iterable[nn.Parameter]], Optimizer]


def adam(learning_rate: float = 2e-4, beta1: float = 0.5, beta2: float = 0.999, fused: bool = False) -> MakeOptimiser:
    """Adam with the defaults of Radford et al. 2016, as something a trainer can give to each player.

    Args:
        learning_rate: its rate.
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        fused: one kernel for all weights; faster, and different in the last bits.

    >>> type(adam(1e-3)([torch.zeros(1, requires_grad=True)])).__name__
    'Adam'
    """
    return partial(Adam, lr=learning_rate, betas=(beta1, beta2), fused=fused or None)


DCGAN_ADAM = adam()


class Step(NamedTuple):
    """What one step of a game did: its index from 0, and each player's losses, averaged over the batch."""

    index: int
    tensors: dict[str, dict[str, Tensor]]

    @property
    def losses(self) -> dict[str, dict[str, float]]:
        """Losses by player and term."""
        return {player: {name: t.item() for name, t in terms.items()} for player, terms in self.tensors.items()}


@contextmanager
def _moving(mine: Iterable[nn.Parameter], every: Iterable[nn.Parameter]) -> Iterator[None]:
    """Freeze every weight but mine, so that no gradient is computed for it."""
    try:
        for weight in every:
            weight.requires_grad_(False)
        for weight in mine:
            weight.requires_grad_(True)
        yield
    finally:
        for weight in every:
            weight.requires_grad_(True)


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
        names = [player.name for player in game.players]
        if len(set(names)) < len(names) or any(player.updates < 1 for player in game.players):
            raise ValueError(f"the players are {names}; expected different names, and at least one update each")
        make = optimiser if isinstance(optimiser, Mapping) else dict.fromkeys(names, optimiser)
        if set(make) != set(names) or set(averages or ()) - set(names):
            raise ValueError(f"the players are {names}; optimisers {sorted(make)}, averages {sorted(averages or ())}")
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; expected at least 1")
        check_precision(precision, device)
        self.part = processes.mine()
        if batch_size % self.part.count:
            raise ValueError(
                f"a batch of {batch_size} can't be shared by {self.part.count} processes; pass a multiple of that"
            )
        self.game, self.batches, self.batch_size, self.seed = game, batches, batch_size, seed
        self.schedule, self.device, self.precision = schedule, device, precision
        self.channels_last = channels_last
        self.players = {player.name: player for player in game.players}
        for player in game.players:
            player.network.to(device, memory_format=torch.channels_last if channels_last else None).train()
            if player.memory is not None:
                player.memory.to(device).train()
            if self.part.count > 1:
                prepare_for_processes(player.network)
        # What the caller froze stays frozen. By identity: players may share a network.
        self.weights = {p.name: [w for w in p.network.parameters() if w.requires_grad] for p in game.players}
        self._every_weight = list({id(w): w for weights in self.weights.values() for w in weights}.values())
        self.optimisers = {p.name: make[p.name](p.network.parameters()) for p in game.players}
        self._rates = {name: [g["lr"] for g in o.param_groups] for name, o in self.optimisers.items()}
        self.averages = {name: Average(self.players[name].network, h) for name, h in (averages or {}).items()}
        # After the averages, which are copies and shall be free of it.
        is_mixed = precision == "bf16-mixed"
        self._mixed = MixedPrecision([player.network for player in game.players], device) if is_mixed else None
        self.turns = [player for player in game.players for _ in range(player.updates)]
        self.turn = 0  # updates made so far, by all players: with the seed, all that the future depends on
        self.losses: dict[str, dict[str, Tensor]] = {}

    @property
    def step(self) -> int:
        """How many whole steps have been made."""
        return self.turn // len(self.turns)

    def steps(self, until: int) -> Iterator[Step]:
        """Play on until so many steps have been made since the start, yielding after each.

        Raises:
            NotFiniteError: a loss or gradient is not finite; names it and the step, and leaves the weights alone.
        """
        while self.step < until:
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
        player = self.turns[self.turn % len(self.turns)]
        weights, optimiser = self.weights[player.name], self.optimisers[player.name]
        for group, rate in zip(optimiser.param_groups, self._rates[player.name], strict=True):
            group["lr"] = rate * self.schedule(self.step)
        optimiser.zero_grad(set_to_none=True)
        with _moving(weights, self._every_weight), processes.together(self.part):
            terms = self._terms(player)
            sum(terms.values()).backward(inputs=weights)
        gradients = [w.grad for w in weights if w.grad is not None]
        terms = self._shared(terms, gradients)
        self._check_finite(player, terms, gradients)
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
        if self.channels_last and batch.x.ndim == 4:
            batch = batch._replace(x=batch.x.contiguous(memory_format=torch.channels_last))
        with self._mixed.active() if self._mixed else nullcontext():
            return {name: term.mean() for name, term in player.terms(batch, noise).items()}

    def _shared(self, terms: dict[str, Tensor], gradients: list[Tensor]) -> dict[str, Tensor]:
        """Terms, detached, and in place gradients, averaged over the processes."""
        terms = {name: value.detach() for name, value in terms.items()}
        if self.part.count == 1:
            return terms
        means = iter(processes.averaged([*gradients, *terms.values()], self.part))
        for gradient in gradients:
            gradient.copy_(next(means))
        return dict(zip(terms, means, strict=True))

    def _check_finite(self, player: Player, terms: dict[str, Tensor], gradients: list[Tensor]) -> None:
        # A finite loss may have an infinite slope, e.g. √ at 0; one such step would spoil every weight for good.
        # One question for all of them: on CUDA each one waits for the device.
        if torch.stack([torch.isfinite(x) for x in (*terms.values(), get_total_norm(gradients))]).all():
            return
        for name, value in terms.items():
            if not torch.isfinite(value):
                raise NotFiniteError(f"{player.name}'s term {name!r} is {value.item()} at step {self.step}")
        raise NotFiniteError(f"{player.name}'s gradient is not finite at step {self.step}")
