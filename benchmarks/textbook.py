"""Training loops as in textbooks, to which the course's trainer is compared.

The loops are neither tuned nor slowed down. The caller passes the networks, so that both sides of a comparison have the
same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

LATENT_SIZE = 100


class Generator(nn.Module):
    """Latents [batch, 100] to images [batch, 1, 28, 28], through 256 × 7 × 7 and 128 × 14 × 14."""

    latent_size = LATENT_SIZE

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(LATENT_SIZE, 256 * 7 * 7),
            nn.Unflatten(1, (256, 7, 7)),
            nn.ConvTranspose2d(256, 128, 4, stride=2, padding=1),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.ConvTranspose2d(128, 1, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Images in [−1, 1]."""
        return self.layers(z)


class Discriminator(nn.Module):
    """Images [batch, 1, 28, 28] to scores [batch], through 64 × 14 × 14 and 128 × 7 × 7; no sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(1, 64, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, 128, 4, stride=2, padding=1),
            nn.BatchNorm2d(128),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(128 * 7 * 7, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        return self.down(x).squeeze(1)


def loader(images: Dataset, batch_size: int) -> DataLoader:
    """Shuffled batches of a torchvision data set with its transforms, loaded in the training process."""
    return DataLoader(images, batch_size=batch_size, shuffle=True, drop_last=True)


def epochs(batches: DataLoader, device: torch.device) -> Iterator[Tensor]:
    """Images of one epoch after another, without end."""
    while True:
        for images, _ in batches:
            yield images.to(device)


Penalty = Callable[[nn.Module, Tensor], Tensor]


def steps(
    generator: nn.Module,
    discriminator: nn.Module,
    images: Iterator[Tensor],
    penalty: Penalty | None = None,
    hinge: bool = False,
    reuse: bool = False,
) -> Iterator[int]:
    """The usual loop: one discriminator update on real and detached generated images, one generator update.

    Each update draws latents of its own, as in algorithm 1 of Goodfellow et al. 2014.

    Args:
        generator: maps latents [batch, latent_size] to images.
        discriminator: maps images to scores [batch].
        images: real images, batch by batch.
        penalty: maps (discriminator, real) to a number that is added to the discriminator's loss.
        hinge: the hinge loss instead of binary cross-entropy of sigmoids.
        reuse: whether the generator's update uses the images of the discriminator's update, as in some loops.
    """
    criterion = nn.BCELoss()
    optimiser_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimiser_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    for step, real in enumerate(images):
        optimiser_d.zero_grad()
        fake = generator(torch.randn(len(real), generator.latent_size, device=real.device))
        real_scores, fake_scores = discriminator(real), discriminator(fake.detach())
        if hinge:
            loss = torch.relu(1 - real_scores).mean() + torch.relu(1 + fake_scores).mean()
        else:
            loss = criterion(torch.sigmoid(real_scores), torch.ones_like(real_scores))
            loss = loss + criterion(torch.sigmoid(fake_scores), torch.zeros_like(fake_scores))
        if penalty is not None:
            loss = loss + penalty(discriminator, real)
        loss.backward()
        optimiser_d.step()

        optimiser_g.zero_grad()
        if not reuse:
            fake = generator(torch.randn(len(real), generator.latent_size, device=real.device))
        scores = discriminator(fake)
        loss = -scores.mean() if hinge else criterion(torch.sigmoid(scores), torch.ones_like(scores))
        loss.backward()
        optimiser_g.step()
        yield step


class UpsamplingGenerator(nn.Module):
    """Latents [batch, 100] to images [batch, 1, 32, 32]: nearest-neighbour upsampling before 3 × 3 convolutions."""

    latent_size = LATENT_SIZE

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Linear(LATENT_SIZE, 128 * 8 * 8)
        self.up = nn.Sequential(
            nn.BatchNorm2d(128),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 128, 3, padding=1),
            nn.BatchNorm2d(128),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, 1, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Images in [−1, 1]."""
        return self.up(self.start(z).view(-1, 128, 8, 8))


class StridedDiscriminator(nn.Module):
    """Images [batch, 1, 32, 32] to scores [batch]: four 3 × 3 convolutions with stride two, with dropout."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in ((1, 16), (16, 32), (32, 64), (64, 128)):
            layers += [nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
            layers += [nn.BatchNorm2d(n_out)] if n_in > 1 else []
        self.down = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 2 * 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        return self.down(x).squeeze(1)


class Pictures(Dataset):
    """Bytes [n, channels, height, width] as a torchvision data set: PIL images with transforms."""

    def __init__(self, images: Tensor, size: int) -> None:
        from torchvision import transforms

        self.images = [transforms.functional.to_pil_image(image) for image in images]
        channels = images.shape[1]
        self.transform = transforms.Compose(
            [
                *([] if images.shape[2] == size else [transforms.Resize(size)]),
                transforms.ToTensor(),
                transforms.Normalize([0.5] * channels, [0.5] * channels),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One image, float [channels, size, size] in [−1, 1], and a label."""
        return self.transform(self.images[index]), 0
