"""The GAN of the PyTorch DCGAN tutorial, its last layers fitted to 28 pixels; imports torch, numpy.

Kept: Adam 2e-4 with betas (0.5, 0.999), 100 latents, ngf = ndf = 64, batch 128, batch
normalization, N(0, 0.02) weights, BCE of a sigmoid, real and fake batches apart, one generator pass
for both updates. Fitted as is usual for MNIST: one grey channel, and 4 -> 7 -> 14 -> 28 pixels (a 3x3
kernel makes 7 of 4) instead of 4 -> 8 -> 16 -> 32 -> 64. For speed: channels_last, and images that
wait in memory without worker processes. Frozen: do not tune.
"""

import numpy as np
import torch
from torch import nn

LATENT_DIM, WIDTH, BATCH_SIZE = 100, 64, 128
LEARNING_RATE, BETAS = 2e-4, (0.5, 0.999)
SAMPLING_BATCH = 250


def initialize(module):
    name = type(module).__name__
    if "Conv" in name:
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif "BatchNorm" in name:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def generator():
    return nn.Sequential(
        nn.ConvTranspose2d(LATENT_DIM, WIDTH * 4, 4, 1, 0, bias=False),
        nn.BatchNorm2d(WIDTH * 4),
        nn.ReLU(True),
        nn.ConvTranspose2d(WIDTH * 4, WIDTH * 2, 3, 2, 1, bias=False),  # (N, C, 7, 7)
        nn.BatchNorm2d(WIDTH * 2),
        nn.ReLU(True),
        nn.ConvTranspose2d(WIDTH * 2, WIDTH, 4, 2, 1, bias=False),  # (N, C, 14, 14)
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(True),
        nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1, bias=False),  # (N, 1, 28, 28)
        nn.Tanh(),
    )


def discriminator():
    return nn.Sequential(
        nn.Conv2d(1, WIDTH, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(WIDTH, WIDTH * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(WIDTH * 2),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(WIDTH * 2, WIDTH * 4, 3, 2, 1, bias=False),
        nn.BatchNorm2d(WIDTH * 4),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(WIDTH * 4, 1, 4, 1, 0, bias=False),
        nn.Sigmoid(),
    )


class PyTorchRecipe:
    """The tutorial's training, step by step.

    Args:
        images: uint8 (N, 28, 28, 1).
        labels: not looked at.
        seed: int, of the weights, the latents and the order of the images.
    """

    def __init__(self, images, labels, seed):
        del labels  # unconditional
        torch.manual_seed(seed)
        layout = torch.channels_last  # on CPUs at least twice as fast as the default
        self.generator = generator().apply(initialize).to(memory_format=layout)
        self.discriminator = discriminator().apply(initialize).to(memory_format=layout)
        self.criterion = nn.BCELoss()
        self.d_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=LEARNING_RATE, betas=BETAS)
        self.g_optimizer = torch.optim.Adam(self.generator.parameters(), lr=LEARNING_RATE, betas=BETAS)
        self._images = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())  # uint8 (N, 1, 28, 28)
        self._real = torch.ones(BATCH_SIZE)
        self._fake = torch.zeros(BATCH_SIZE)
        self._order = self._batches()

    def _batches(self):
        while True:
            order = torch.randperm(len(self._images))
            for start in range(0, len(order) - BATCH_SIZE + 1, BATCH_SIZE):
                yield order[start : start + BATCH_SIZE]

    def step(self):
        images = self._images[next(self._order)].float() / 127.5 - 1.0
        self.discriminator.zero_grad()
        loss_of_real = self.criterion(self.discriminator(images).view(-1), self._real)
        loss_of_real.backward()
        fake = self.generator(torch.randn(BATCH_SIZE, LATENT_DIM, 1, 1))
        loss_of_fake = self.criterion(self.discriminator(fake.detach()).view(-1), self._fake)
        loss_of_fake.backward()
        self.d_optimizer.step()

        self.generator.zero_grad()
        loss = self.criterion(self.discriminator(fake).view(-1), self._real)
        loss.backward()
        self.g_optimizer.step()
        return {"d_loss": (loss_of_real + loss_of_fake).item(), "g_loss": loss.item()}

    @torch.no_grad()
    def sample(self, count, seed):
        """uint8 (count, 28, 28, 1) of the generator in evaluation mode."""
        latents = torch.from_numpy(np.random.default_rng(seed).standard_normal((count, LATENT_DIM, 1, 1), np.float32))
        self.generator.eval()
        images = torch.cat([self.generator(rows) for rows in latents.split(SAMPLING_BATCH)])
        self.generator.train()
        levels = ((images + 1.0) * 127.5).round().clamp(0, 255)
        return levels.to(torch.uint8).numpy().transpose(0, 2, 3, 1)
