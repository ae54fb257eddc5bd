"""Networks, one published family per file."""

from gancourse.models import dcgan, mlp, progan, resnet, spectral
from gancourse.models.autoencoder import AutoencoderCritic, ConvolutionalVAE, ImageEncoder
from gancourse.models.batch_statistics import MinibatchStd
from gancourse.models.classifier import Classifier, SmallClassifier
from gancourse.models.dcgan import DCGAN
from gancourse.models.dropout import Dropout
from gancourse.models.family import Family
from gancourse.models.folding import fold_if_possible, folded, unfolded
from gancourse.models.folds import (
    FlattenedLinear,
    PooledConvolution,
    ProjectedConvolution,
    ThinConvolution,
    ThinInputConvolution,
    TransposedConvolution,
    UpsampledConvolution,
)
from gancourse.models.lapgan import LAPGAN, Cascade
from gancourse.models.minibatch import MinibatchDiscrimination
from gancourse.models.mlp import MLP, EnergyMLP
from gancourse.models.progan import ProGAN
from gancourse.models.regressor import FactorRegressor, SmallRegressor
from gancourse.models.resnet import ResNet
from gancourse.models.virtual_batch_norm import VirtualBatchNorm, WithReference

__all__ = [
    "DCGAN",
    "LAPGAN",
    "MLP",
    "AutoencoderCritic",
    "Cascade",
    "Classifier",
    "ConvolutionalVAE",
    "Dropout",
    "EnergyMLP",
    "FactorRegressor",
    "Family",
    "FlattenedLinear",
    "ImageEncoder",
    "MinibatchDiscrimination",
    "MinibatchStd",
    "PooledConvolution",
    "ProGAN",
    "ProjectedConvolution",
    "ResNet",
    "SmallClassifier",
    "SmallRegressor",
    "ThinConvolution",
    "ThinInputConvolution",
    "TransposedConvolution",
    "UpsampledConvolution",
    "VirtualBatchNorm",
    "WithReference",
    "dcgan",
    "fold_if_possible",
    "folded",
    "mlp",
    "progan",
    "resnet",
    "spectral",
    "unfolded",
]
