"""Games: lists of players, each with something it may change and something it minimises."""

from gancourse.games.game import GAN, Classification, Game, Penalty, Player, View

__all__ = ["GAN", "Classification", "Game", "Penalty", "Player", "View"]
