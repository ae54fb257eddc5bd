"""Right and wrong ways of DDIM's step: what follows, the estimate of the data, the new state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import tolerant
from gancourse.checks.engine.comparison import Mistake, single_precision

Predictor = Callable[[Tensor, object], Tensor]
Following = Callable[[int, Sequence[int], Tensor], Tensor]
"""ᾱ to step to: of an index into the times, the times and the table."""
Move = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
"""The next state: of ᾱ now and next, x, ε and the estimate of the data."""


def _number(t: object) -> float:
    return float(t.flatten()[0]) if isinstance(t, Tensor) else float(t)


def always_one(x: Tensor, t: object) -> Tensor:
    """Predicts noise of 1."""
    return torch.ones_like(x)


def wavy(x: Tensor, t: object) -> Tensor:
    """Predicts noise that depends on state and time in no simple way."""
    return torch.sin(1.3 * x + 0.37 * _number(t)) + 0.4 * x


def proportional(x: Tensor, t: object) -> Tensor:
    """Predicts noise in proportion to the state."""
    return (0.4 + 0.05 * _number(t) % 0.3) * x


def _next_of(i: int, times: Sequence[int], alpha_bars: Tensor) -> Tensor:
    return alpha_bars[times[i + 1]] if i + 1 < len(times) else torch.ones_like(alpha_bars[0])


def _estimate(now: Tensor, x: Tensor, e: Tensor) -> Tensor:
    return (x - (1 - now).sqrt() * e) / now.sqrt()


def _move(now: Tensor, s: Tensor, x: Tensor, e: Tensor, x0: Tensor) -> Tensor:
    return s.sqrt() * x0 + (1 - s).sqrt() * e


def _run(
    predict_noise: Predictor,
    x: Tensor,
    times: Sequence[int],
    alpha_bars: Tensor,
    following: Following = _next_of,
    move: Move = _move,
    estimate: Callable[[Tensor, Tensor, Tensor], Tensor] = _estimate,
    n_left: int = 0,
) -> Tensor:
    """Sampling with another part; the last `n_left` steps are left out."""
    state, table = x.double(), alpha_bars.double()
    for i, t in enumerate(times[: len(times) - n_left]):
        now, s = table[t], following(i, times, table)
        e = predict_noise(state, t)
        state = move(now, s, state, e, estimate(now, state, e))
    return state.to(x.dtype)


def ddim(predict_noise: Predictor, x: Tensor, times: Sequence[int], alpha_bars: Tensor) -> Tensor:
    """The right answer."""
    return _run(predict_noise, x, times, alpha_bars)


def _by(**parts: object) -> Callable[..., Tensor]:
    return tolerant(lambda predict_noise, x, times, alpha_bars: _run(predict_noise, x, times, alpha_bars, **parts))


def _one_less(end: Callable[[Tensor], Tensor]) -> Following:
    return lambda i, times, a: a[times[i] - 1] if times[i] else end(a)


def _with_end(end: Callable[[Sequence[int], Tensor], Tensor]) -> Following:
    return lambda i, times, a: a[times[i + 1]] if i + 1 < len(times) else end(times, a)


def _stride(end: Callable[[Tensor], Tensor]) -> Following:
    """The time t − T/n, for n times, as schedulers step."""

    def following(i: int, times: Sequence[int], a: Tensor) -> Tensor:
        s = times[i] - len(a) // len(times)
        return a[s] if s >= 0 else end(a)

    return following


def _as_alphas(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The table taken for that of α, whose products are taken again."""
    return lambda predict_noise, x, times, alpha_bars: function(predict_noise, x, times, alpha_bars.cumprod(0))


def _posterior_mean(now: Tensor, s: Tensor, x: Tensor, e: Tensor, x0: Tensor) -> Tensor:
    alpha = now / s
    return (s.sqrt() * (1 - alpha) * x0 + alpha.sqrt() * (1 - s) * x) / (1 - now)


def _once(predict_noise: Predictor, x: Tensor, times: Sequence[int], alpha_bars: Tensor) -> Tensor:
    first = predict_noise(x.double(), times[0])
    return _run(lambda state, t: first, x, times, alpha_bars)


def _first_state(predict_noise: Predictor, x: Tensor, times: Sequence[int], alpha_bars: Tensor) -> Tensor:
    return _run(lambda state, t: predict_noise(x.double(), t), x, times, alpha_bars)


def _last_estimate(predict_noise: Predictor, x: Tensor, times: Sequence[int], alpha_bars: Tensor) -> Tensor:
    return _run(predict_noise, x, times[:1], alpha_bars)


def _path(predict_noise: Predictor, x: Tensor, times: Sequence[int], alpha_bars: Tensor) -> Tensor:
    states = [_run(predict_noise, x, times, alpha_bars, n_left=n) for n in range(len(times))]
    return torch.stack(states[::-1])


ONE = torch.ones((), dtype=torch.float64)
ONE_LESS = (
    "Each step goes to ᾱ of the time t − 1: over a sub-sequence that takes away one step's noise where many are due. "
    "Take ᾱ of the *next element* of the list"
)
MISTAKES = [
    Mistake(_by(following=_one_less(lambda a: ONE)), f"{ONE_LESS}."),
    Mistake(_by(following=_one_less(lambda a: a[-1])), f"{ONE_LESS}; at time 0, the index −1 is even the last."),
    Mistake(_by(following=_one_less(lambda a: a[0])), f"{ONE_LESS}; and after the last there is data, ᾱ = 1."),
    Mistake(
        _by(following=lambda i, ts, a: a[max(ts[i] - 1, 0)] if i + 1 < len(ts) else ONE),
        f"{ONE_LESS}. (After the last element it is right.)",
    ),
    Mistake(_by(following=_stride(lambda a: ONE)), "Each step goes to t − T/n; take the next element of the list."),
    Mistake(_by(following=_stride(lambda a: a[0])), "Each step goes to t − T/n, and to ᾱ_0 at the end."),
    Mistake(
        _by(following=_with_end(lambda ts, a: a[0])),
        "After the last element ᾱ is ᾱ_0, the table's first: noise is left in the samples. There is data, ᾱ = 1.",
    ),
    Mistake(
        _by(following=_with_end(lambda ts, a: a[-1])),
        "After the last element the table's *last* ᾱ is used: the samples are nearly noise again. There ᾱ is 1.",
    ),
    Mistake(
        _by(following=_with_end(lambda ts, a: a[ts[-1]])),
        "After the last element its own ᾱ is used again, or the last step is left out: noise is left. There ᾱ is 1.",
    ),
    Mistake(
        _by(following=_with_end(lambda ts, a: a[ts[0]])),
        "After the last element comes the first one again: an index went round. There ᾱ is 1.",
    ),
    Mistake(
        _by(following=_with_end(lambda ts, a: a[max(ts[-1] - 1, 0)])),
        "After the last element ᾱ is that of one time less. There ᾱ is 1.",
    ),
    Mistake(_by(following=_with_end(lambda ts, a: 0 * ONE)), "After the last element ᾱ is 0, noise; it is 1, data."),
    Mistake(
        _by(following=lambda i, ts, a: a[ts[i - 1]]),
        "Each step goes to the element before, with more noise: take the next one.",
    ),
    Mistake(
        _by(following=lambda i, ts, a: a[ts[i - 1]] if i else ONE),
        "Each step goes to the element before, with more noise, or to 1 at first: take the next one.",
    ),
    Mistake(
        _by(following=lambda i, ts, a: a[len(ts) - 2 - i] if i + 1 < len(ts) else ONE),
        "The next ᾱ is looked up by the position in the list; look it up by the time that stands there.",
    ),
    Mistake(_by(following=lambda i, ts, a: a[i + 1]), "The next ᾱ is alpha_bars[i + 1]; it is that of times[i + 1]."),
    Mistake(
        _by(following=lambda i, ts, a: ONE), "Each step goes to ᾱ = 1, all the way to data; only the last one does."
    ),
    Mistake(_as_alphas(ddim), "The product of the table is taken again; `alpha_bars` are products already."),
    Mistake(
        _by(move=lambda now, s, x, e, x0: s.sqrt() * x0 + (1 - now).sqrt() * e),
        "The noise keeps its level: its factor is √(1 − ᾱ_s), of the next element, not of t.",
    ),
    Mistake(
        _by(move=lambda now, s, x, e, x0: now.sqrt() * x0 + (1 - s).sqrt() * e),
        "The estimate's factor is √ᾱ_t; it is √ᾱ_s, of the next element.",
    ),
    Mistake(
        _by(move=lambda now, s, x, e, x0: now.sqrt() * x0 + (1 - now).sqrt() * e),
        "The state stays as it came: both factors are those of t, or the new state isn't what is returned.",
    ),
    Mistake(_by(move=lambda now, s, x, e, x0: s * x0 + (1 - s) * e), "The roots are missing in the new state."),
    Mistake(_by(move=lambda now, s, x, e, x0: s.sqrt() * x0 + (1 - s) * e), "The root of 1 − ᾱ_s is missing."),
    Mistake(_by(move=lambda now, s, x, e, x0: s * x0 + (1 - s).sqrt() * e), "The root of ᾱ_s is missing."),
    Mistake(_by(move=lambda now, s, x, e, x0: s.sqrt() * x0 - (1 - s).sqrt() * e), "The noise is subtracted again."),
    Mistake(
        _by(move=lambda now, s, x, e, x0: s.sqrt() * x0),
        "The noise isn't added back: the new state is that of time s, which has some.",
    ),
    Mistake(_by(move=lambda now, s, x, e, x0: x0 + (1 - s).sqrt() * e), "The estimate isn't multiplied by √ᾱ_s."),
    Mistake(_by(move=lambda now, s, x, e, x0: x0), "Each state is the estimate of the data; only the last one is."),
    Mistake(
        _by(move=lambda now, s, x, e, x0: s.sqrt() * x0 + (1 - s).sqrt() * x),
        "The state x is in the place of ε: the noise that is added back is the predicted one.",
    ),
    Mistake(
        _by(move=_posterior_mean), "That is the mean of DDPM's posterior, without its noise; DDIM has another step."
    ),
    Mistake(
        _by(estimate=lambda now, x, e: x - (1 - now).sqrt() * e), "The estimate of the data isn't divided by √ᾱ_t."
    ),
    Mistake(
        _by(estimate=lambda now, x, e: (x - (1 - now).sqrt() * e) / now), "The estimate is divided by ᾱ_t, not √ᾱ_t."
    ),
    Mistake(_by(estimate=lambda now, x, e: (x - (1 - now) * e) / now.sqrt()), "In the estimate 1 − ᾱ_t has no root."),
    Mistake(_by(estimate=lambda now, x, e: (x - (1 - now) * e) / now), "In the estimate both roots are missing."),
    Mistake(
        _by(estimate=lambda now, x, e: (x + (1 - now).sqrt() * e) / now.sqrt()), "In the estimate the noise is added."
    ),
    Mistake(
        _by(estimate=lambda now, x, e: now.sqrt() * x - (1 - now).sqrt() * e),
        "The estimate treats the prediction as v; it is ε.",
    ),
    Mistake(
        _by(estimate=lambda now, x, e: _estimate(now, x, e).clamp(-1, 1)),
        "The estimate of the data is clipped to ±1; here it isn't.",
    ),
    Mistake(
        _by(
            estimate=lambda now, x, e: _estimate(now, x, e).clamp(-1, 1),
            move=lambda now, s, x, e, x0: s.sqrt() * x0 + (1 - s).sqrt() * (x - now.sqrt() * x0) / (1 - now).sqrt(),
        ),
        "The estimate of the data is clipped to ±1, and ε computed anew; here nothing is clipped.",
    ),
    Mistake(tolerant(_once), "The network's first prediction is used at all times."),
    Mistake(tolerant(_first_state), "The network sees the first x at each time; it should see the state of that time."),
    Mistake(tolerant(_last_estimate), "That is the estimate of the data at the first time; the other times change it."),
    Mistake(tolerant(_path), "All states are returned; the last one is asked for."),
    single_precision(ddim),
]
