"""Networks, one published family per file."""

from gancourse.models import (
    biggan,
    conditional_dcgan,
    conditional_mlp,
    dcgan,
    denoising_mlp,
    mlp,
    progan,
    resnet,
    spectral,
    stylegan,
    stylegan2,
    unet,
)
from gancourse.models.attention import SelfAttention
from gancourse.models.autoencoder import AutoencoderCritic, ConvolutionalVAE, ImageEncoder
from gancourse.models.batch_statistics import MinibatchStd
from gancourse.models.biggan import BigGAN
from gancourse.models.classifier import Classifier, SmallClassifier
from gancourse.models.conditional_dcgan import AuxiliaryDCGAN, ConditionalDCGAN
from gancourse.models.conditional_mlp import AuxiliaryMLP, ConditionalMLP
from gancourse.models.conditioning import (
    Concatenation,
    ConditionalBatchNorm,
    ConditionalChain,
    Projection,
    Unconditional,
    label_channels,
)
from gancourse.models.dcgan import DCGAN
from gancourse.models.denoising_mlp import DenoisingMLP
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
from gancourse.models.noise import GaussianNoise
from gancourse.models.noisy_classifier import NoisyClassifier, NoisyDCGAN
from gancourse.models.progan import ProGAN
from gancourse.models.regressor import FactorRegressor, SmallRegressor
from gancourse.models.resnet import ResNet
from gancourse.models.sagan import SAGAN
from gancourse.models.stylegan import StyleGAN
from gancourse.models.stylegan2 import StyleGAN2
from gancourse.models.stylegan3 import StyleGAN3
from gancourse.models.time_embedding import TimeEmbedding
from gancourse.models.truncation import TruncatedLatents, truncated
from gancourse.models.unet import UNet
from gancourse.models.virtual_batch_norm import VirtualBatchNorm, WithReference

__all__ = [
    "DCGAN",
    "LAPGAN",
    "MLP",
    "SAGAN",
    "AutoencoderCritic",
    "AuxiliaryDCGAN",
    "AuxiliaryMLP",
    "BigGAN",
    "Cascade",
    "Classifier",
    "Concatenation",
    "ConditionalBatchNorm",
    "ConditionalChain",
    "ConditionalDCGAN",
    "ConditionalMLP",
    "ConvolutionalVAE",
    "DenoisingMLP",
    "Dropout",
    "EnergyMLP",
    "FactorRegressor",
    "Family",
    "FlattenedLinear",
    "GaussianNoise",
    "ImageEncoder",
    "MinibatchDiscrimination",
    "MinibatchStd",
    "NoisyClassifier",
    "NoisyDCGAN",
    "PooledConvolution",
    "ProGAN",
    "ProjectedConvolution",
    "Projection",
    "ResNet",
    "SelfAttention",
    "SmallClassifier",
    "SmallRegressor",
    "StyleGAN",
    "StyleGAN2",
    "StyleGAN3",
    "ThinConvolution",
    "ThinInputConvolution",
    "TimeEmbedding",
    "TransposedConvolution",
    "TruncatedLatents",
    "UNet",
    "Unconditional",
    "UpsampledConvolution",
    "VirtualBatchNorm",
    "WithReference",
    "biggan",
    "conditional_dcgan",
    "conditional_mlp",
    "dcgan",
    "denoising_mlp",
    "fold_if_possible",
    "folded",
    "label_channels",
    "mlp",
    "progan",
    "resnet",
    "spectral",
    "stylegan",
    "stylegan2",
    "stylegan3",
    "styles",
    "truncated",
    "unet",
    "unfolded",
]
