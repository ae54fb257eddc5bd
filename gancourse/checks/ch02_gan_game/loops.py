"""Training steps as people write them: the usual one, and the ways in which it goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from gancourse.checks.ch02_gan_game.player_losses import (
    D_LOSSES,
    G_LOSSES,
    discriminator_loss,
    entropy,
    generator_loss,
)


class Players(NamedTuple):
    """The two networks and their optimisers."""

    generator: nn.Module
    discriminator: nn.Module
    optimiser_g: Optimizer
    optimiser_d: Optimizer

    def networks(self) -> dict[str, nn.Module]:
        """Both networks by name."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def weights(self) -> dict[str, list[Tensor]]:
        """Copies of what training changes, by network."""
        return {name: [p.detach().clone() for p in net.parameters()] for name, net in self.networks().items()}


Step = Callable[[Players, Tensor, Tensor, Tensor], None]
"""One update of each player: from real data, D's latents and G's latents."""


@dataclass(frozen=True, kw_only=True)
class UsualStep:
    """The usual step with .backward(), and switches that break it; by default it equals `step.right_step`."""

    zero_d: bool = True
    zero_g: str = "late"
    detach: bool = True
    swap_order: bool = False
    z: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = lambda z_d, z_g: (z_d, z_g)
    loss_d: Callable[[Tensor, Tensor], Tensor] = discriminator_loss
    loss_g: Callable[[Tensor], Tensor] = generator_loss
    also_step_d: bool = False
    eval_g: bool = False
    skip: str = ""
    clear_after: bool = False

    def __call__(self, players: Players, real: Tensor, z_d: Tensor, z_g: Tensor) -> None:
        """Update both players."""
        latent_d, latent_g = self.z(z_d, z_g)
        updates = [lambda: self._update_d(players, real, latent_d), lambda: self._update_g(players, latent_g)]
        for update in reversed(updates) if self.swap_order else updates:
            update()

    def _update_d(self, players: Players, real: Tensor, latent: Tensor) -> None:
        if self.zero_d:
            players.optimiser_d.zero_grad()
        if self.zero_g == "early":
            players.optimiser_g.zero_grad()
        players.generator.train(not self.eval_g)
        fake = players.generator(latent)
        players.generator.train()
        if self.detach:
            fake = fake.detach()
        self.loss_d(players.discriminator(real), players.discriminator(fake)).backward()
        if self.skip != "discriminator":
            players.optimiser_d.step()
        if self.clear_after:
            players.optimiser_d.zero_grad()

    def _update_g(self, players: Players, latent: Tensor) -> None:
        if self.zero_g == "late":
            players.optimiser_g.zero_grad()
        self.loss_g(players.discriminator(players.generator(latent))).backward()
        if self.skip != "generator":
            players.optimiser_g.step()
        if self.also_step_d:
            players.optimiser_d.step()
        if self.clear_after:
            players.discriminator.zero_grad()
            players.optimiser_g.zero_grad()


MISTAKES: list[tuple[Step, str]] = [
    (
        UsualStep(swap_order=True),
        "You update the generator before the discriminator. The algorithm moves D first: G's gradient comes from a D "
        "that has just learned.",
    ),
    (
        UsualStep(zero_d=False),
        "D's gradients aren't cleared: .grad still holds what D's last update and G's last backward pass left there, "
        "and .backward() adds to it. Call optimiser_d.zero_grad() before D's backward pass.",
    ),
    (
        UsualStep(zero_g="never"),
        "G's gradients aren't cleared: .backward() adds to those of the last step. Call optimiser_g.zero_grad() before "
        "G's backward pass.",
    ),
    (
        UsualStep(zero_d=False, zero_g="never"),
        "Neither player's gradients are cleared: .backward() adds to .grad, step after step. Call zero_grad() before "
        "each backward pass.",
    ),
    (
        UsualStep(zero_d=False, zero_g="never", detach=False),
        "Neither player's gradients are cleared, and D's loss reaches into G besides: zero_grad() before each backward "
        "pass, and .detach() the generated data in D's update.",
    ),
    (
        UsualStep(detach=False, zero_g="early"),
        "D's loss has left its gradient on G, and G's step follows it: G is moved to make D's task easier. Generate "
        "under torch.no_grad(), or .detach(), in D's update.",
    ),
    (
        UsualStep(detach=False, zero_g="never"),
        "D's loss has left its gradient on G, where nothing clears it: .detach() the generated data in D's update, and "
        "call optimiser_g.zero_grad() before G's.",
    ),
    (
        UsualStep(z=lambda z_d, z_g: (z_d, z_d)),
        "Both updates use z_d; the generator's update has its own latents, z_g.",
    ),
    (
        UsualStep(z=lambda z_d, z_g: (z_g, z_g)),
        "Both updates use z_g; the discriminator's update has its own latents, z_d.",
    ),
    (UsualStep(z=lambda z_d, z_g: (z_g, z_d)), "The latents are swapped: z_d is for D's update, z_g for G's."),
    (
        UsualStep(also_step_d=True),
        "D takes a second step after G's backward pass, which has left gradients of G's loss on D's weights: a player "
        "changes its own network only. Drop the second optimiser_d.step().",
    ),
    *[(UsualStep(loss_g=loss), message) for loss, message in G_LOSSES],
    *[(UsualStep(loss_d=loss), message) for loss, message in D_LOSSES],
    (
        UsualStep(zero_d=False, zero_g="never", clear_after=True),
        "Gradients are cleared at the end of each step, but not before its first .backward(): what the networks bring "
        "along from elsewhere is added to the first update. Call zero_grad() before each backward pass.",
    ),
    (
        UsualStep(
            loss_d=lambda real, fake: entropy(real, 1.0, "sum") + entropy(fake, 0.0, "sum"),
            loss_g=lambda fake: entropy(fake, 1.0, "sum"),
        ),
        "The losses are summed over the batch; take the mean, or the learning rate depends on the batch size.",
    ),
    (
        UsualStep(eval_g=True),
        "G is in eval mode while D learns: its BatchNorm then uses running averages, and D trains on other data than "
        "G generates in training. Leave both networks in train mode.",
    ),
    (
        UsualStep(skip="generator"),
        "The generator's weights never change: its samples are detached (or generated under no_grad) in its own "
        "update, or optimiser_g.step() is missing.",
    ),
    (UsualStep(skip="discriminator"), "The discriminator's weights never change: is optimiser_d.step() missing?"),
]
