"""Networks, one published family per file."""

from gancourse.models import dcgan, mlp, resnet, spectral
from gancourse.models.autoencoder import AutoencoderCritic, ImageEncoder
from gancourse.models.classifier import Classifier
from gancourse.models.dropout import Dropout
from gancourse.models.folding import fold_if_possible, folded, unfolded
from gancourse.models.folds import (
    FlattenedLinear,
    PooledConvolution,
    ProjectedConvolution,
    ThinConvolution,
    TransposedConvolution,
    UpsampledConvolution,
)
from gancourse.models.minibatch import MinibatchDiscrimination
from gancourse.models.virtual_batch_norm import VirtualBatchNorm, WithReference

__all__ = [
    "AutoencoderCritic",
    "Classifier",
    "Dropout",
    "FlattenedLinear",
    "ImageEncoder",
    "MinibatchDiscrimination",
    "PooledConvolution",
    "ProjectedConvolution",
    "ThinConvolution",
    "TransposedConvolution",
    "UpsampledConvolution",
    "VirtualBatchNorm",
    "WithReference",
    "dcgan",
    "fold_if_possible",
    "folded",
    "mlp",
    "resnet",
    "spectral",
    "unfolded",
]
