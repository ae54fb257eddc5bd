"""Networks, one published family per file."""

from gancourse.models import dcgan, mlp, spectral
from gancourse.models.autoencoder import AutoencoderCritic, ImageEncoder
from gancourse.models.classifier import Classifier
from gancourse.models.dropout import Dropout
from gancourse.models.minibatch import MinibatchDiscrimination
from gancourse.models.virtual_batch_norm import VirtualBatchNorm, WithReference

__all__ = [
    "AutoencoderCritic",
    "Classifier",
    "Dropout",
    "ImageEncoder",
    "MinibatchDiscrimination",
    "VirtualBatchNorm",
    "WithReference",
    "dcgan",
    "mlp",
    "spectral",
]
