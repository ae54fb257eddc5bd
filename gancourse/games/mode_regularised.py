"""Mode-regularised GAN: an encoder tells the generator where each real sample would come from."""

from __future__ import annotations

from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.games.game import GAN, Player
from gancourse.games.wrapper import Wrapper, check_weight, player_of, replaced
from gancourse.rng import Noise


class ModeRegularised(Wrapper):
    """An encoder E joins; it and the generator also make G(E(x)) equal to x, and believed by the discriminator.

    Real samples of a rare mode now pull on the generator, which its own samples never do once the mode is lost. With
    the non-saturating objective the two terms are reconstruction · ‖x − G(E(x))‖² and −mode · log D(G(E(x))): what is
    *minimised* carries a minus before the logarithm, since G(E(x)) should look real.

    Args:
        game: the inner game.
        encoder: maps data [batch, ...] to latents [batch, latent_size].
        reconstruction: weight λ₁ of the squared error, summed over a sample's numbers.
        mode: weight λ₂ of the generator's loss at reconstructions. The paper uses λ₁ = 0.2 and λ₂ = 0.4 for MNIST.

    Raises:
        ValueError: a weight is negative or no number, the game lacks a generator, or has an encoder already; when
            playing, if the generator doesn't make what the encoder was given.

    Source: Che et al. 2017, section 3.2.
    """

    def __init__(self, game: GAN | Wrapper, encoder: nn.Module, reconstruction: float, mode: float) -> None:
        super().__init__(game)
        check_weight(reconstruction, "the reconstruction")
        check_weight(mode, "the mode term")
        if any(player.name == "encoder" for player in game.players):
            raise ValueError("the game has a player named 'encoder' already; one is enough")
        self.encoder, self.reconstruction, self.mode = encoder, reconstruction, mode
        self.player = player_of(game.players, "generator")
        changed = self.player._replace(terms=self.generator_terms)
        self.players = (*replaced(game.players, changed), Player("encoder", encoder, self.encoder_terms))

    def encoder_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The reconstruction error and the mode term, one value per sample (per pack, where samples are packed)."""
        made = self.generator(self.encoder(batch.x))
        if made.shape != batch.x.shape:
            raise ValueError(f"G(E(x)) is {tuple(made.shape)} but x is {tuple(batch.x.shape)}; they must agree")
        real, fake = self.seen(batch.x, made, noise, "generator")
        scores = self.discriminator(fake)
        relative = (self.discriminator(real),) if self.objective.relative else ()
        return {
            "reconstruction": self.reconstruction * (made - batch.x).square().flatten(1).sum(1),
            "mode": self.mode * self.objective.generator(scores, *relative),
        }

    def generator_terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The inner game's terms and the encoder's."""
        return self.player.terms(batch, noise) | self.encoder_terms(batch, noise)
