"""A convolutional classifier with noise in every layer, which is also the discriminator in semi-supervised learning.

Source: Salimans et al. 2016, section 5, and the authors' code: weight normalisation, and Gaussian noise of standard
deviation 0.3 on the input and 0.5 on hidden layers. Their networks for digits are fully connected and see pixels from 0
to 1; this one has the DCGAN's convolutions and sees pixels from −1 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from gancourse.models.blocks import check_shape
from gancourse.models.conditioning import check_classes
from gancourse.models.dcgan import LEAK, SIZE, Generator
from gancourse.models.family import Family, check_images
from gancourse.models.minibatch import MinibatchDiscrimination
from gancourse.models.noise import GaussianNoise
from gancourse.signature import Signature
from gancourse.values import Count, NonNegative, Range

N_FEATURES = 128


class NoisyClassifier(nn.Module):
    """Maps images [batch, channels, 28, 28] to logits [batch, n_classes].

    Args:
        width: channels at 14 × 14.
        channels: of an image.
        n_classes: number of classes.
        input_noise: standard deviation of the noise on the input, in training mode.
        hidden_noise: standard deviation of the noise on each hidden layer, in training mode.
        n_kernels: of minibatch discrimination before the last layer; 0 for none. The logits of a sample then depend on
            its batch, and on the batch's size.

    >>> import torch
    >>> NoisyClassifier(width=4)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        width: int = 32,
        channels: int = 1,
        n_classes: int = 10,
        input_noise: float = 0.3,
        hidden_noise: float = 0.5,
        n_kernels: int = 0,
    ) -> None:
        super().__init__()
        self.channels = channels
        layers: list[nn.Module] = [GaussianNoise(input_noise, 0)]
        for i, (n_in, n_out) in enumerate(pairwise([channels, width, 2 * width, 4 * width]), 1):
            kernel = 4 if i < 3 else 3  # 28 → 14 → 7 → 4
            layers.append(weight_norm(nn.Conv2d(n_in, n_out, kernel, stride=2, padding=1)))
            layers += [nn.LeakyReLU(LEAK), GaussianNoise(hidden_noise, i)]
        layers += [nn.Flatten(), weight_norm(nn.Linear(4 * width * 16, N_FEATURES)), nn.LeakyReLU(LEAK)]
        self.body = nn.Sequential(*layers)
        kernels = [MinibatchDiscrimination(N_FEATURES, n_kernels)] if n_kernels else []
        last = weight_norm(nn.Linear(N_FEATURES + n_kernels, n_classes))
        self.head = nn.Sequential(GaussianNoise(hidden_noise, 4), *kernels, last)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer before its noise, [batch, 128]."""
        check_shape(x, (self.channels, SIZE, SIZE), "x")
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [batch, n_classes]."""
        return self.head(self.features(x))


@dataclass(frozen=True)
class NoisyDCGAN(Family):
    """The DCGAN's generator and the classifier of this file, for 28 × 28 images of any number of channels.

    Args:
        latent_size: numbers in a latent.
        width: channels at 14 × 14.
        input_noise: standard deviation of the noise on the classifier's input.
        hidden_noise: standard deviation of the noise on the classifier's hidden layers.
        n_kernels: of minibatch discrimination before the classifier's last layer; 0 for none.

    >>> NoisyDCGAN(width=8).generator(Signature((1, 28, 28))).latent_size
    64
    """

    image_size: ClassVar[int | None] = SIZE
    latent_size: Count = 64
    width: Count = 32
    input_noise: NonNegative = 0.3
    hidden_noise: NonNegative = 0.5
    n_kernels: Annotated[int, Range(0)] = 0

    def generator(self, fits: Signature) -> Generator:
        """Latents to images.

        Raises:
            ValueError: the data isn't 28 × 28 images.
        """
        return Generator(self.latent_size, self.width, check_images(fits, self))

    def classifying_discriminator(self, fits: Signature) -> NoisyClassifier:
        """Images to logits of the classes.

        Raises:
            ValueError: the data isn't 28 × 28 images, or its y isn't classes.
        """
        channels, n_classes = check_images(fits, self), check_classes(fits, self)
        return NoisyClassifier(self.width, channels, n_classes, self.input_noise, self.hidden_noise, self.n_kernels)
