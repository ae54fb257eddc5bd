"""An example of everything that `gancourse.games` exports, in one place: what is added there is added here.

The tests hold each to the same promises: see test_every_game.py and, for several processes, tests/training.
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from gancourse import data, games, models, objectives, processes
from gancourse.batch import Batch, Batches
from gancourse.diffusion import RectifiedFlow, VariancePreserving
from gancourse.games.students import OneStep
from gancourse.games.wrapper import merged
from gancourse.models import conditional_mlp, mlp
from gancourse.signature import Codes, States

RING = data.ring(std=0.1)
DESCRIBED = data.Samples(RING.first(64).x, RING.first(64).x.sigmoid())  # points and two factors of each
N_CLASSES = 8
HIDDEN, DEPTH, LATENT_SIZE = 8, 1, 3  # small, as eigenvalues of every game's field are taken


class Example(NamedTuple):
    """One game.

    Args:
        of: names of `gancourse.games` that it is an example of.
        make: makes it; called within `initialised_from`.
        batches: the data.
    """

    of: tuple[str, ...]
    make: Callable[[], games.Game]
    batches: Batches = RING


def new_generator(n_classes=0, latent_size=LATENT_SIZE):
    return mlp.Generator(latent_size, HIDDEN, DEPTH, activation=nn.Tanh, n_classes=n_classes)


def gan(*terms, generator=None, objective=objectives.non_saturating, m=1, n_classes=0, **options):
    """The small GAN that wrappers are put around."""
    critic = mlp.Discriminator(HIDDEN, DEPTH, 2 * m, n_classes=n_classes, n_labels=m)
    return games.GAN(generator or new_generator(n_classes), critic, objective, terms, **options)


class Reader(nn.Module):
    """Reads two factors of points: one of three classes, and a number."""

    n_classes = (3, 0)

    def __init__(self):
        super().__init__()
        self.layers = mlp.Encoder(4, HIDDEN, DEPTH)

    def forward(self, x):
        return self.layers(x)

    def readings(self, x):
        y = self(x)
        return [y[:, :3], y[:, 3]]


class Levels(nn.Module):
    """A network whose second half fades in: its output is inner(x) + level · outer(x)."""

    def __init__(self, inner, outer):
        super().__init__()
        self.inner, self.outer = inner, outer
        self.register_buffer("level", torch.zeros(()))
        if hasattr(inner, "latent_size"):
            self.latent_size = inner.latent_size

    def forward(self, x):
        return self.inner(x) + self.level * self.outer(x)


def levelled():
    networks = (Levels(make(), make()) for make in (new_generator, lambda: mlp.Discriminator(HIDDEN, DEPTH)))
    return games.GAN(*networks, objectives.non_saturating)


def rising(step):
    return min(step / 3, 1.0)


class Spread(nn.Module):
    """A term that remembers how far apart samples have been."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.ones(()))

    def forward(self, turn):
        squares = turn.fake.square().sum(1)
        before = self.mean.clone()
        if self.training:
            self.mean.lerp_(processes.mean(squares.detach().mean()), 0.2)
        return (squares - before).square()


def with_terms():
    spread = Spread()
    return gan(
        games.penalty(objectives.r1, 0.1, every=2),
        games.Term("spread", "generator", spread, 0.1, memory=spread),
        games.Term("orthogonality", "generator", lambda turn: objectives.off_diagonal(turn.generator), 0.01, every=3),
    )


class StyledPoints(models.styles.StyleGenerator):
    """A generator of points of two styles, the second with noise."""

    def __init__(self):
        super().__init__(models.styles.Mapping(LATENT_SIZE, 1, multiplier=1.0), 2, (1,), mixing=0.5)
        self.inner, self.outer = nn.Linear(LATENT_SIZE, HIDDEN), nn.Linear(LATENT_SIZE + HIDDEN + 1, 2)

    def synthesis(self, w, noise=None):
        noise = w.new_zeros(len(w), 1) if noise is None else noise
        return self.outer(torch.cat([self.inner(w[:, 0]).tanh(), w[:, 1], noise], 1))


def styled(**options):
    """A style-based GAN whose path lengths are evened out, by a term that begins at the second update."""
    return gan(games.path_length(0.1, every=2, decay=0.5, since=2, **options), generator=StyledPoints())


def equilibrium():
    critic = models.AutoencoderCritic(mlp.Encoder(2, HIDDEN, DEPTH), new_generator(latent_size=2), 1)
    return games.BoundaryEquilibrium(new_generator(), critic, rate=0.1, gamma=0.9)


def auxiliary(**options):
    """An AC-GAN of labels of the ring."""
    condition = RING.signature.condition
    generator = conditional_mlp.Generator(LATENT_SIZE, HIDDEN, DEPTH, condition=condition)
    head = nn.Linear(HIDDEN, N_CLASSES)
    return games.ACGAN(
        generator, conditional_mlp.Discriminator(HIDDEN, DEPTH), head, objectives.non_saturating, **options
    )


CODES = Codes(3, 2)


def information(generator=None, **options):
    """An InfoGAN of three categories and two numbers."""
    generator = generator or conditional_mlp.Generator(LATENT_SIZE, HIDDEN, DEPTH, condition=CODES)
    head = nn.Linear(HIDDEN, 3 + 2 * 2)
    critic = conditional_mlp.Discriminator(HIDDEN, DEPTH)
    return games.InfoGAN(generator, critic, head, CODES, objectives.non_saturating, **options)


STEPS = VariancePreserving("continuous", 3)


def stepping(generator=None, **options):
    """A denoising GAN of three steps."""
    condition = States((2,), STEPS.n_times)
    generator = generator or conditional_mlp.Generator(LATENT_SIZE, HIDDEN, DEPTH, condition=condition)
    critic = conditional_mlp.Discriminator(HIDDEN, DEPTH, condition=condition, how="concatenation")
    return games.DenoisingGAN(generator, critic, STEPS, objectives.non_saturating, **options)


class SmallDenoiser(nn.Module):
    """A denoiser of points of few weights, with labels if there are classes."""

    def __init__(self, n_classes=0):
        super().__init__()
        self.n_classes, self.conditional = n_classes, n_classes > 0
        self.layers = mlp.Generator(3, HIDDEN, DEPTH, activation=nn.Tanh, n_classes=n_classes and n_classes + 1)

    def forward(self, x, time, y=None):
        return self.layers(torch.cat([x, time[:, None] / 1000], 1), y)


def student():
    """A GAN whose generator is a flow's denoiser, which also learns from another one."""
    flow = RectifiedFlow(), "velocity"
    generator = OneStep(SmallDenoiser(), *flow, (2,))
    return gan(games.distillation(SmallDenoiser(), *flow, weight=0.5, end=0.1, updates=3), generator=generator)


def paired_student():
    """A GAN whose generator is a flow's denoiser, which also learns pairs of noise and sample."""
    generator = OneStep(SmallDenoiser(), RectifiedFlow(), "velocity", (2,))
    return gan(games.distillation_of_pairs(torch.ones(9, 2), torch.zeros(9, 2), updates=3), generator=generator)


FEW = data.few_labels(RING, 16)


def semi_supervised(**options):
    """A classifier of the ring's labels that is a discriminator too."""
    classifier = mlp.Encoder(N_CLASSES, HIDDEN, DEPTH)
    return games.SemiSupervised(new_generator(), classifier, **options)


def features(game):
    """Of what the discriminator sees, called as it is; its own hidden layer where it has one."""
    return getattr(getattr(game, "discriminator", None), "features", lambda x, *y: x)


def several(game):
    """The game, and a second discriminator for its generator."""
    if not hasattr(game, "generator"):
        return games.Several([game])
    if getattr(game.generator, "condition", None) == CODES:
        return games.Several([game, information(generator=game.generator)], temper=1.0)
    if getattr(game.generator, "condition", None) == States((2,), STEPS.n_times):
        return games.Several([game, stepping(game.generator)], temper=1.0)
    of_images = hasattr(game.generator, "n_levels")
    critic = copy.deepcopy(game.discriminator) if of_images else mlp.Discriminator(HIDDEN, DEPTH)
    return games.Several([game, games.GAN(game.generator, critic, objectives.non_saturating)], temper=1.0)


class FirstTwo(nn.Module):
    """An encoder that reads two numbers of a sample: both of a point, the first ones of an image."""

    def __init__(self, latent_size=LATENT_SIZE):
        super().__init__()
        self.layers = mlp.Encoder(latent_size, HIDDEN, DEPTH)

    def forward(self, x):
        return self.layers(x.flatten(1)[:, :2])


def regularised(game):
    two_latents = getattr(getattr(game, "generator", None), "latent_size", None) == 2
    return games.ModeRegularised(game, FirstTwo(2) if two_latents else FirstTwo(), 0.1, 0.1)


class Band(nn.Module):
    """A network of small images under the condition of others, of one 3 × 3 kernel."""

    conditional = True

    def __init__(self, size, is_critic):
        super().__init__()
        self.latent_size, self.size, self.is_critic = size * size, size, is_critic
        self.layer = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x, low):
        out = self.layer(torch.cat([x.view_as(low), low], 1)).tanh()
        return out.flatten(1).sum(1) if self.is_critic else out


class Top(nn.Module):
    """A generator of one row of two pixels, and with `is_critic` a discriminator of it."""

    latent_size = 2

    def __init__(self, is_critic):
        super().__init__()
        self.layer, self.is_critic = nn.Linear(4, 1) if is_critic else nn.Linear(2, 4), is_critic

    def forward(self, x):
        out = self.layer(x.flatten(1)).tanh()
        return out[:, 0] if self.is_critic else out.view(-1, 1, 2, 2)


def small_images(noise):
    """Images of 4 × 4 pixels."""
    return Batch(noise.normal("x", 1, 4, 4).cumsum(3).tanh())


def eight_pixels(noise):
    """Images of 8 × 8 pixels."""
    return Batch(noise.normal("x", 1, 8, 8).cumsum(3).tanh())


def growing_with_images():
    """A small ProGAN; its level rises from 0 after eight images, by one in a hundred."""
    generator, critic = models.progan.Generator(LATENT_SIZE, [1, 1], 1), models.progan.Discriminator([1, 1], 1)
    penalties, views = [games.penalty(objectives.gradient_penalty, 1.0)], [games.at_resolution(critic)]
    inner = games.GAN(generator, critic, objectives.wasserstein, penalties, n_critic=2, views=views)
    return games.Growing(inner, games.phases(2, fade_kimg=0.1, stable_kimg=0.008), in_images=True)


def pyramid_of_gans():
    top, bottom = (Top(False), Top(True)), (Band(4, False), Band(4, True))
    lazy = games.penalty(objectives.r1, 0.1, every=2)
    return games.LaplacianGAN(
        [games.GAN(*top, objectives.non_saturating), games.GAN(*bottom, objectives.non_saturating, [lazy], n_critic=2)]
    )


WRAPPERS: dict[str, Callable[[Any], games.Wrapper]] = {
    "Wrapper": games.Wrapper,
    "Consensus": lambda game: games.Consensus(game, 0.1),
    "FeatureMatching": lambda game: games.FeatureMatching(game, features(game), replace=False),
    "Growing": lambda game: games.Growing(game, rising),
    "HistoricalAveraging": lambda game: games.HistoricalAveraging(game, 1.0),
    "ModeRegularised": regularised,
    "OneBatch": games.OneBatch,
    "OneForward": games.OneForward,
    "PullAway": lambda game: games.PullAway(game, features(game), 0.1),
    "Several": several,
    "Unrolled": lambda game: games.Unrolled(game, 2, 0.05),
}
"""How each wrapper is put around any game."""

EXAMPLES: dict[str, Example] = {
    "GAN": Example(("GAN", "Game", "Player", "Samples"), gan),
    "GAN with terms": Example(("Term", "Turn", "penalty"), with_terms),
    "WGAN, clipped": Example(
        ("weight_clipping",),
        lambda: gan(objective=objectives.wasserstein, n_critic=2, constraint=games.weight_clipping(0.3)),
    ),
    "relativistic GAN, noisy, flipped": Example(
        ("View", "annealed", "instance_noise", "label_flipping"),
        lambda: gan(
            objective=objectives.relativistic_pairing,
            views=[games.instance_noise(games.annealed(0.5, 0.1, 4)), games.label_flipping(0.2)],
        ),
    ),
    "packed GAN": Example(("packing",), lambda: gan(m=2, views=[games.packing(2)])),
    "conditional GAN": Example(("GAN",), lambda: gan(n_classes=N_CLASSES)),
    "conditional relativistic GAN with terms, packed": Example(
        ("GAN", "packing", "penalty"),
        lambda: gan(
            games.penalty(objectives.gradient_penalty, 1.0),
            objective=objectives.relativistic_average,
            m=2,
            n_classes=N_CLASSES,
            views=[games.label_flipping(0.2), games.packing(2)],
        ),
    ),
    "GAN of levels": Example(("GAN",), levelled),
    "pyramid of GANs": Example(("LaplacianGAN",), pyramid_of_gans, small_images),
    "boundary equilibrium": Example(("BoundaryEquilibrium",), equilibrium),
    "VAE": Example(
        ("VAE", "gaussian_kl"), lambda: games.VAE(mlp.Encoder(2 * LATENT_SIZE, HIDDEN, DEPTH), new_generator(), 0.3)
    ),
    "AC-GAN": Example(("ACGAN",), auxiliary),
    "AC-GAN with a penalty, noisy, flipped": Example(
        ("ACGAN",),
        lambda: auxiliary(
            terms=[games.penalty(objectives.r1, 0.1)], views=[games.instance_noise(0.1), games.label_flipping(0.2)]
        ),
    ),
    "classification": Example(
        ("Classification", "class_losses"), lambda: games.Classification(mlp.Encoder(N_CLASSES, HIDDEN, DEPTH))
    ),
    "diffusion": Example(("Diffusion",), lambda: games.Diffusion(SmallDenoiser(), VariancePreserving())),
    "flow with some labels": Example(
        ("Diffusion", "without_labels"),
        lambda: games.Diffusion(SmallDenoiser(N_CLASSES), RectifiedFlow(), "velocity", 0.3),
    ),
    "denoising GAN": Example(("DenoisingGAN", "states", "step_back"), stepping),
    "denoising GAN in steps, with a penalty, noisy, flipped": Example(
        ("DenoisingGAN",),
        lambda: stepping(
            terms=[games.penalty(objectives.r1, 0.1)],
            views=[games.instance_noise(0.1), games.label_flipping(0.2)],
            random_latents=False,
        ),
    ),
    "GAN of diffused samples": Example(
        ("diffused",), lambda: gan(views=[games.diffused(VariancePreserving(n_times=50), 0.5, 0.25)])
    ),
    "packed GAN of diffused samples": Example(
        ("diffused",), lambda: gan(m=2, views=[games.packing(2), games.diffused(VariancePreserving(n_times=50))])
    ),
    "one step with a teacher": Example(("distillation",), student),
    "one step with pairs": Example(("distillation_of_pairs",), paired_student),
    "pairs alone": Example(
        ("PairDistillation",),
        lambda: games.PairDistillation(new_generator(), torch.ones(9, LATENT_SIZE), torch.zeros(9, 2)),
    ),
    "consistency distillation": Example(
        ("ConsistencyDistillation",),
        lambda: games.ConsistencyDistillation(SmallDenoiser(), SmallDenoiser(), VariancePreserving(), "v", 5),
    ),
    "factor regression": Example(("FactorRegression",), lambda: games.FactorRegression(Reader()), DESCRIBED),
    "consensus": Example(("Consensus",), lambda: WRAPPERS["Consensus"](gan())),
    "conditional feature matching": Example(
        ("FeatureMatching",), lambda: WRAPPERS["FeatureMatching"](gan(n_classes=N_CLASSES))
    ),
    "growing": Example(("Growing",), lambda: WRAPPERS["Growing"](levelled())),
    "growing with images": Example(("Growing", "at_resolution", "phases"), growing_with_images, eight_pixels),
    "historical averaging": Example(("HistoricalAveraging",), lambda: WRAPPERS["HistoricalAveraging"](with_terms())),
    "InfoGAN": Example(("InfoGAN", "code_losses", "draw_codes"), information),
    "InfoGAN with a penalty, noisy": Example(
        ("InfoGAN",),
        lambda: information(
            terms=[games.penalty(objectives.r1, 0.1)], views=[games.instance_noise(0.1), games.label_flipping(0.2)]
        ),
    ),
    "mode-regularised": Example(("ModeRegularised",), lambda: regularised(gan(n_classes=N_CLASSES))),
    "one batch": Example(("OneBatch",), lambda: games.OneBatch(gan(games.penalty(objectives.r2, 0.1)))),
    "one forward": Example(("OneForward",), lambda: games.OneForward(gan(n_classes=N_CLASSES))),
    "pull-away": Example(("PullAway", "pull_away"), lambda: WRAPPERS["PullAway"](gan())),
    "path length": Example(("path_length",), styled),
    "path length of a part": Example(("path_length",), lambda: styled(divisor=2)),
    "semi-supervised": Example(("SemiSupervised", "real_logit"), semi_supervised, FEW),
    "semi-supervised by features, noisy": Example(
        ("SemiSupervised",),
        lambda: games.FeatureMatching(semi_supervised(views=[games.instance_noise(0.1)]), lambda x: x),
        FEW,
    ),
    "several": Example(("Several",), lambda: several(gan())),
    "transport": Example(
        ("transport",),
        lambda: gan(games.transport(0.5, 0.1, updates=3), generator=new_generator(latent_size=2)),
    ),
    "unrolled": Example(("Unrolled",), lambda: WRAPPERS["Unrolled"](gan(n_classes=N_CLASSES))),
    "the wrapper that changes nothing": Example(("Wrapper",), lambda: games.Wrapper(gan())),
}


class OwnRows(games.PullAway):
    """Wrong with several processes: each compares the samples of its own part of the batch only."""

    def generator_terms(self, batch, noise):
        _, fake = self.seen(batch, self.sample(batch, noise), noise, "generator")
        term = games.pull_away(self.critic(fake, self.features)(fake.x)).expand(len(fake.x))
        return merged(self.player.terms(batch, noise), {"pull_away": self.weight * term})


class Forgetful(games.Wrapper):
    """Wrong after a checkpoint: what it remembers is in no memory."""

    def __init__(self, game):
        super().__init__(game)
        self.count = 0
        self.players = tuple(p._replace(terms=self.heavier(p)) for p in game.players)

    def heavier(self, player):
        def terms(batch, noise):
            self.count += 1
            return {name: self.count * term for name, term in player.terms(batch, noise).items()}

        return terms


class Detached(games.Wrapper):
    """Wrong in a vector field: its discriminator's terms don't say how they depend on the generator's weights."""

    def __init__(self, game):
        super().__init__(game)
        self.players = (game.players[0]._replace(terms=self.discriminator_terms), *game.players[1:])

    def discriminator_terms(self, batch, noise):
        samples = self.sample(batch, noise)
        return self.inner.discriminator_terms(batch, noise, samples=samples._replace(x=samples.x.detach()))


class Idle(games.Wrapper):
    """Wrong in a training: its generator minimises what doesn't depend on it."""

    def __init__(self, game):
        super().__init__(game)
        self.players = (game.players[0], game.players[1]._replace(terms=self.nothing))

    def nothing(self, batch, noise):
        return {"nothing": 0 * self.sample(batch, noise).x.sum(1)}


WRONG = {
    "own rows": Example((), lambda: OwnRows(gan(), lambda x: x, 1.0)),
    "forgetful": Example((), lambda: Forgetful(gan())),
    "detached": Example((), lambda: Detached(gan())),
    "idle": Example((), lambda: Idle(gan())),
}
"""Planted wrong wrappers, each of which one of the tests must catch."""
