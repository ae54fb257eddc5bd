"""Energy-based objectives, as functions of scores: score = −energy, so that a high score still means real.

In the papers the energy is an autoencoder's reconstruction error, so scores are ≤ 0; these losses take any scores.
BEGAN, whose losses change with the balance of the two players, is a game: `gancourse.games.BoundaryEquilibrium`.
"""

from __future__ import annotations

from torch.nn.functional import relu

from gancourse.objectives.losses import Objective


def _margin_game(name: str, margin: float, source: str) -> Objective:
    if not 0 < margin < float("inf"):
        raise ValueError(f"margin is {margin}; expected a positive number, in units of the energy")
    return Objective(name, lambda real, fake: relu(margin + fake) - real, lambda fake: -fake, source)


def ebgan(margin: float = 10.0) -> Objective:
    """Energy-based GAN: D lowers the energy of data and raises that of generated samples up to a margin.

    D minimises E(x) + max(0, m − E(G(z))), G minimises E(G(z)).

    Args:
        margin: energy above which D no longer raises the energy of generated samples.

    Raises:
        ValueError: the margin is not positive and finite.

    Source: Zhao, Mathieu, LeCun 2017, eqs 1 and 2; margins of 1 to 80 in their experiments.
    """
    return _margin_game("ebgan", margin, "Zhao et al. 2017, eqs 1 and 2")


def magan(margin: float) -> Objective:
    """Margin-adaptation GAN at one value of its margin: the losses are `ebgan`'s.

    The paper adds a schedule: after an epoch, the margin is lowered to the mean energy of the data if that is below the
    margin and the energies of data and generated samples meet the paper's conditions. Make a new objective for each
    margin.

    Args:
        margin: the current margin.

    Raises:
        ValueError: the margin is not positive and finite.

    Source: Wang, Cully, Chang, Demiris 2017.
    """
    return _margin_game("magan", margin, "Wang et al. 2017 (MAGAN)")
