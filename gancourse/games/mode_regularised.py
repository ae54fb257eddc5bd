"""Mode-regularised GAN: an encoder maps real samples to latents, and the generator reconstructs them."""

from __future__ import annotations

from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.games.game import Player, TwoNetworks, conditioned
from gancourse.games.wrapper import Wrapper, check_weight, merged, player_of, replaced
from gancourse.rng import Noise


class ModeRegularised(Wrapper):
    """An encoder E is added; it and the generator also minimise the error and the loss of reconstructions G(E(x)).

    Real samples of a rare mode then give the generator a gradient; its own samples don't once the mode is lost. With
    the non-saturating objective the two terms are reconstruction · ‖x − G(E(x))‖² and −mode · log D(G(E(x))): the
    *minimised* term has a minus before the logarithm, since G(E(x)) should have a high score.

    Args:
        game: the inner game.
        encoder: maps data [batch, ...] to latents [batch, latent_size]; (data, y) if it is `conditional`.
        reconstruction: weight λ₁ of the squared error, summed over a sample's numbers.
        mode: weight λ₂ of the generator's loss at reconstructions. The paper uses λ₁ = 0.2 and λ₂ = 0.4 for MNIST.

    Raises:
        ValueError: a weight is negative or not finite, the game has no generator or objective, its samples aren't
            like data, or it has an encoder already; during training, if G(E(x)) doesn't have the shape of x.

    Source: Che et al. 2017, section 3.2.
    """

    def __init__(self, game: TwoNetworks | Wrapper, encoder: nn.Module, reconstruction: float, mode: float) -> None:
        super().__init__(game)
        check_weight(reconstruction, "the reconstruction")
        check_weight(mode, "the mode term")
        if any(player.name == "encoder" for player in game.players):
            raise ValueError("the game has a player named 'encoder' already; use one encoder")
        if getattr(game, "objective", None) is None:
            raise ValueError(
                f"the mode term is the objective's loss of G(E(x)), but {type(game).__name__} has no objective; "
                "pass a GAN, or wrappers of one"
            )
        if not getattr(game, "makes_data", True):
            raise ValueError(
                f"reconstructions are compared with data, but samples of {type(game).__name__} have noise; pass "
                "another game"
            )
        self.encoder, self.reconstruction, self.mode = encoder, reconstruction, mode
        self.player = player_of(game.players, "generator")
        player = self.player._replace(terms=self.generator_terms)
        self.players = (*replaced(game.players, player), Player("encoder", encoder, self.encoder_terms))

    def encoder_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The reconstruction error and the mode term, one value per sample (per pack, where samples are packed)."""
        samples = self.sample(batch, noise, conditioned(self.encoder, batch.y)(batch.x))
        if samples.x.shape != batch.x.shape:
            raise ValueError(
                f"G(E(x)) is {tuple(samples.x.shape)} but x is {tuple(batch.x.shape)}; they must agree: pass an "
                "encoder for this generator and data"
            )
        real, fake = self.seen(batch, samples, noise, "generator")
        scores = self.critic(fake)(fake.x)
        relative = (self.critic(real)(real.x),) if self.objective.relative else ()
        return {
            "reconstruction": self.reconstruction * (samples.x - batch.x).square().flatten(1).sum(1),
            "mode": self.mode * self.objective.generator(scores, *relative),
        }

    def generator_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The inner game's terms and the encoder's."""
        return merged(self.player.terms(batch, noise), self.encoder_terms(batch, noise))
