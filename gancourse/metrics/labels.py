"""Names of measured values that include their protocol."""

from __future__ import annotations


def label(metric: str, extractor: str, *sizes: int, protocol: str = "") -> str:
    """Name of a measured value: the metric, the feature extractor and the numbers of samples.

    Args:
        metric: "fid", "kid", "precision", …
        extractor: name of the feature extractor.
        sizes: number of real and of generated samples; of generated samples only if no real ones are used.
        protocol: what else decides the value, such as "10 splits".

    Raises:
        ValueError: the extractor isn't a string, there is no size, or one isn't a positive integer.

    >>> label("fid", "digits-classifier", 10_000, 10_000), label("is", "digits-classifier", 500)
    ('fid(digits-classifier, 10k/10k)', 'is(digits-classifier, 500)')
    """
    if not isinstance(extractor, str):
        raise ValueError(
            f"the name of the extractor is {extractor!r}; expected label(metric, extractor, n_real, n_generated)"
        )
    if not sizes or any(not isinstance(n, int) or n < 1 for n in sizes):
        raise ValueError(f"sizes are {sizes}; expected label(metric, extractor, n_real, n_generated)")

    def short(n: int) -> str:
        return f"{n // 1000}k" if n % 1000 == 0 else str(n)

    return f"{metric}({extractor}, {'/'.join(map(short, sizes))}{protocol and ', '}{protocol})"
