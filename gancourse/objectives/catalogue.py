"""Every objective by name. MAGAN and BEGAN are not included: their margin and k change during training."""

from __future__ import annotations

from gancourse.names import lookup
from gancourse.objectives.energy import ebgan
from gancourse.objectives.f_divergences import DUALS, f_gan
from gancourse.objectives.losses import (
    Objective,
    hinge,
    label_smoothing,
    least_squares,
    minimax,
    non_saturating,
    wasserstein,
)
from gancourse.objectives.relativistic import (
    relativistic_average,
    relativistic_average_hinge,
    relativistic_average_least_squares,
    relativistic_pairing,
)
from gancourse.objectives.reweighted import boundary_seeking, softmax

objectives = {
    o.name: o
    for o in (
        minimax,
        non_saturating,
        least_squares,
        hinge,
        wasserstein,
        *(f_gan(name, trick) for name in DUALS for trick in (False, True)),
        boundary_seeking,
        softmax,
        ebgan(),
        ebgan(1.0)._replace(name="ebgan-margin-1"),
        label_smoothing()._replace(name="label-smoothing"),
        relativistic_pairing,
        relativistic_average,
        relativistic_average_least_squares,
        relativistic_average_hinge,
    )
}
"""Every objective by name."""


def objective(name: str) -> Objective:
    """Objective of that name.

    Raises:
        ValueError: there is none; the message suggests the nearest.

    >>> objective("hinge").source
    'Lim and Ye 2017; Miyato et al. 2018, eqs 16 and 17'
    """
    return lookup(objectives, name, "objective")
