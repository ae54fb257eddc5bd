"""How samples that were generated for a class are judged by a classifier."""

from __future__ import annotations

from torch import Tensor

from gancourse import metrics
from gancourse.batch import Batch
from gancourse.data import Source
from gancourse.zoo.extractors import Extractor


def classes_by(
    features: Extractor,
    logits: Extractor,
    source: Source,
    samples: Tensor,
    labels: Tensor,
    anonymous: bool,
    test: Batch,
) -> dict[str, float]:
    """Metrics of samples and their classes by a classifier; each name carries its protocol.

    Args:
        features: what distances within classes are computed from.
        logits: of the classes, or their probabilities, by the classifier.
        source: the data, whose first samples each class is compared with, as many as there are samples.
        samples: [n, ...].
        labels: classes that they were generated for, integers [n].
        anonymous: whether the classes are codes of an unknown order; they are then assigned to the data's, one to one.
        test: samples of the data and their classes, which give the data's own agreement.

    Returns:
        Agreement, beside that of test data; means over the classes of the Fréchet distance and of the recall with k = 3
        within the class. Of codes, the purity in place of the agreement; where a code or class is left over, only that.
    """
    n_classes, name, values = source.signature.condition.size, logits.name, {}
    if anonymous:
        n_codes = int(labels.max()) + 1
        purity = metrics.code_purity(labels, logits(samples).argmax(1), n_codes, n_classes)
        values[metrics.label("purity", name, len(samples))] = purity.share
        if n_codes != n_classes:
            return values
        labels = purity.classes[labels]
    else:
        for what, x, y in (("agreement", samples, labels), ("agreement of test data", test.x, test.y)):
            share = metrics.label_agreement(logits(x).argmax(1), y, n_classes).share
            values[metrics.label(what, name, len(x))] = share
    return values | within_classes(features, source, samples, labels)


def within_classes(extract: Extractor, source: Source, samples: Tensor, labels: Tensor) -> dict[str, float]:
    """Means over the classes of the Fréchet distance and the recall within the class, by name; empty if one is small.

    Args:
        extract: makes the features.
        source: the data, of which as many samples are compared.
        samples: [n, ...].
        labels: their classes, integers [n].
    """
    real = source.first(len(samples))
    sides = extract(real.x), real.y, extract(samples), labels
    if min(labels.bincount(minlength=source.signature.condition.size).amin(), real.y.bincount().amin()) <= 3:
        return {}
    distances = metrics.intra_class_frechet(*sides)
    recalls = [values.recall for values in metrics.intra_class_precision_recall(*sides).values()]
    values = {
        "fid within classes": sum(distances.values()) / len(distances),
        "recall@3 within classes": sum(recalls) / len(recalls),
    }
    return {metrics.label(what, extract.name, len(real.x), len(samples)): value for what, value in values.items()}
