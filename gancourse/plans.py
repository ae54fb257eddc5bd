"""Cheapest transport plans between finite masses; the only module that calls scipy, used by `theory` and `metrics`."""

from __future__ import annotations

import numpy as np


def cheapest_assignment(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The assignment of columns to rows with the least total cost.

    Args:
        cost: [n, m].

    Returns:
        Rows and columns, [min(n, m)] each; rows ascend.

    >>> cheapest_assignment(np.array([[1.0, 5.0], [0.0, 1.0]]))[1].tolist()
    [0, 1]
    """
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(cost)


def cheapest_plan(cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cheapest plan that transports the masses a to the masses b, and the dual potential of b.

    Args:
        cost: [n, m].
        a: masses of the rows, [n].
        b: masses of the columns, [m]; both have the same sum.

    Returns:
        The plan [n, m] and the potential [m].

    Raises:
        RuntimeError: the linear programme could not be solved.

    >>> cheapest_plan(np.array([[1.0, 3.0]]), np.array([1.0]), np.array([0.5, 0.5]))[0].tolist()
    [[0.5, 0.5]]
    """
    from scipy import sparse
    from scipy.optimize import linprog

    n, m = cost.shape
    sums = sparse.vstack([sparse.kron(sparse.eye(n), np.ones((1, m))), sparse.kron(np.ones((1, n)), sparse.eye(m))])
    result = linprog(cost.ravel(), A_eq=sums.tocsc(), b_eq=np.concatenate([a, b]), method="highs")
    if not result.success:
        raise RuntimeError(f"the linear programme of {n} × {m} masses has no solution: {result.message}")
    return result.x.reshape(n, m), result.eqlin.marginals[n:]
