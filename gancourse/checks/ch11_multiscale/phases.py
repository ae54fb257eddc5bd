"""Level and α of a growing GAN, right and as people get them wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

Place = tuple[float, float]
Answer = Callable[[int, int, int, int], Place]


def growth_place(images_seen: int, fade_images: int, stable_images: int, n_levels: int) -> Place:
    """The right answer, phase by phase."""
    start = stable_images
    for level in range(1, n_levels):
        if images_seen < start:
            return level - 1, 1.0
        if images_seen < start + fade_images:
            return level, (images_seen - start) / fade_images
        start += fade_images + stable_images
    return n_levels - 1, 1.0


def _phases(n: int, fade: int, stable: int) -> tuple[int, int]:
    """How many fades have begun, and images since the last one began (negative before the first)."""
    return (0, n - stable) if n < stable else ((n - stable) // (fade + stable) + 1, (n - stable) % (fade + stable))


def _changed(change: Callable[[int, float], Place]) -> Answer:
    return lambda n, fade, stable, levels: change(*growth_place(n, fade, stable, levels))


def _share(alpha: Callable[[int, int], float]) -> Answer:
    """The right answer with another α during fades: a function of the images since it began and of its length."""

    def answer(n: int, fade: int, stable: int, levels: int) -> Place:
        level, _ = growth_place(n, fade, stable, levels)
        begun, since = _phases(n, fade, stable)
        return level, min(alpha(since, fade), 1.0) if 0 < begun < levels else 1.0

    return answer


def _level_late(n: int, fade: int, stable: int, levels: int) -> Place:
    level, alpha = growth_place(n, fade, stable, levels)
    return (level if alpha == 1 else level - 1), alpha


def _unclamped(n: int, fade: int, stable: int, levels: int) -> Place:
    begun, since = _phases(n, fade, stable)
    return (0, 1.0) if not begun else (min(begun, levels - 1), since / fade)


def _first_fades(n: int, fade: int, stable: int, levels: int) -> Place:
    begun, since = divmod(n, fade + stable)
    return (begun, min(since / fade, 1.0)) if begun < levels else (levels - 1, 1.0)


def _beyond(n: int, fade: int, stable: int, levels: int) -> Place:
    begun, since = _phases(n, fade, stable)
    return (0, 1.0) if not begun else (begun, min(since / fade, 1.0))


def _fades_at_the_end(n: int, fade: int, stable: int, levels: int) -> Place:
    begun, since = _phases(n, fade, stable)
    return (0, 1.0) if not begun else (min(begun, levels - 1), min(since / fade, 1.0))


def _stable_first(n: int, fade: int, stable: int, levels: int) -> Place:
    """No stable phase at the first level."""
    return growth_place(n + stable, fade, stable, levels)


def _through_both(n: int, fade: int, stable: int, levels: int) -> Place:
    begun, since = _phases(n, fade, stable)
    if not begun or begun > levels - 1:
        return (0, 1.0) if not begun else (levels - 1, 1.0)
    return begun, since / (fade + stable)


def _only_once(n: int, fade: int, stable: int, levels: int) -> Place:
    """Fades follow each other, without stable phases after the first."""
    if n < stable:
        return 0, 1.0
    begun, since = divmod(n - stable, fade)
    return (begun + 1, since / fade) if begun + 1 < levels else (levels - 1, 1.0)


MISTAKES: list[tuple[Answer, str]] = [
    (
        _changed(lambda level, alpha: (level, float(int(alpha)))),
        "α is rounded down to a whole number, so it is 0 until the end of the fade: divide by /, without int or //",
    ),
    (
        _changed(lambda level, alpha: (level, alpha if alpha == 1 else 1 - alpha)),
        "α is reversed: it is the share of the *new* level and rises from 0 to 1",
    ),
    (_changed(lambda level, alpha: (level, 1.0)), "Nothing fades: α is 1 from the first image of a level on"),
    (
        _changed(lambda level, alpha: (alpha, level)),
        "Level and α are swapped: return the level first",
    ),
    (
        _changed(lambda level, alpha: (level + 1, alpha)),
        "The level is one too high: the first one, 4 × 4, is 0",
    ),
    (
        _changed(lambda level, alpha: (4 * 2**level, alpha)),
        "That is the resolution; the level counts doublings of 4 × 4, from 0",
    ),
    (
        _level_late,
        "The level rises when the fade is over: while α grows from 0 to 1, the level is the *new* one, of which α is "
        "the share; with the old one there is nothing to fade in",
    ),
    (
        _first_fades,
        "Level 0 fades in, but there is nothing below it to fade from: the first stable_images images are at (0, 1.0)",
    ),
    (_unclamped, "α goes on beyond 1 in the stable phase; it stays 1 there"),
    (_beyond, "The level rises beyond n_levels − 1; there it stays, with α = 1"),
    (_fades_at_the_end, "The last level fades in again and again; at the end α stays 1"),
    (_stable_first, "The stable phase of level 0 is missing, or is shorter than stable_images"),
    (
        lambda n, fade, stable, levels: growth_place(n, stable, fade, levels),
        "fade_images and stable_images are swapped",
    ),
    (
        lambda n, fade, stable, levels: growth_place(max(n - 1, 0), fade, stable, levels),
        "That is one image late: after stable_images images the fade has begun, with α = 0",
    ),
    (
        lambda n, fade, stable, levels: growth_place(n + 1, fade, stable, levels),
        "That is one image early: after stable_images images the fade begins, with α = 0",
    ),
    (
        lambda n, fade, stable, levels: (
            (level - 1, 1.0)
            if (place := growth_place(n, fade, stable, levels))[1] == 0 and (level := int(place[0]))
            else place
        ),
        "At the first image of a fade the level is still the old one. It looks the same, but here the level is the new "
        "one, with α = 0: its layers get weights and an optimiser from this image on",
    ),
    (
        _changed(lambda level, alpha: (level, alpha if level else 0.0)),
        "α is 0 at level 0; there is nothing below it, so its share is 1",
    ),
    (
        lambda n, fade, stable, levels: growth_place(n, fade, stable, max(levels - 1, 1)),
        "The last level is missing: with n_levels levels the last one is n_levels − 1",
    ),
    (
        lambda n, fade, stable, levels: growth_place(max(n - fade, 0), fade, stable, levels),
        "Level 0 has fade_images + stable_images images; it doesn't fade, so it has stable_images",
    ),
    (_through_both, "α rises through the stable phase as well: divide by fade_images alone, and stop at 1"),
    (
        _changed(lambda level, alpha: (level, 100 * alpha)),
        "α is in percent; it is a share, from 0 to 1",
    ),
    (
        _changed(lambda level, alpha: (level, (1 - math.cos(math.pi * alpha)) / 2)),
        "α rises like a cosine; it rises linearly",
    ),
    (
        lambda n, fade, stable, levels: growth_place(n - (n == stable), fade, stable, levels),
        "The first fade begins one image late: after stable_images images, with ≥, the level is 1",
    ),
    (
        _share(lambda since, fade: since / max(fade - 1, 1)),
        "α reaches 1 within the fade: it is the images since the fade began divided by fade_images, not by one less",
    ),
    (
        _share(lambda since, fade: (since + 1) / fade),
        "α is that of one image later: it is 0 at the first image of a fade",
    ),
    (
        lambda n, fade, stable, levels: growth_place(n, fade, stable, levels + 1),
        "There is one level too many: the last one is n_levels − 1",
    ),
    (_only_once, "The fades follow each other at once; after each one there are stable_images images with α = 1"),
]
