"""The PyTorch DCGAN step as its users write it, as a process that runs steps when asked.

Started by a Python with torch 2.13; imports nothing of ours. Frozen: do not tune.

    python pytorch_dcgan.py    then one JSON object a line; each is answered by one:
    {"make": NAME, "shared": bool, "channels_last": bool, "autocast": bool, "image_size": 32,
     "width": 64, "batch_size": 64}            -> {"ready": NAME, "seconds": of the first step}
    {"run": NAME, "steps": N}                  -> {"seconds": of N steps}
    {"matmul": "float32" | "bfloat16", "size": S, "repeats": R} -> {"seconds": [of each product]}
    {"memory": true}                           -> {"mib": resident, "peak_mib": at most so far}

Two steps are usual. `shared` is that of the official tutorial ("DCGAN Tutorial", pytorch.org): the
fake images of the discriminator's update serve the generator's too, detached in the first.
Otherwise the generator's update draws new latents and makes new images, as in WGAN code, the
Keras guide and most GAN collections. Both: binary cross entropy from logits (the tutorial's
sigmoid and BCELoss in one, which autocast asks for), Adam(2e-4, 0.5, 0.999), and an exponential
moving average of weights and statistics by `torch._foreach_lerp_`, PyTorch's fastest.
"""

import copy
import json
import os
import sys
import time

import torch
from torch import nn

LATENT_DIM, DECAY, SLOPE = 100, 0.999, 0.2


def channels(width, stage):
    return width * min(2**stage, 8)


class Generator(nn.Module):
    """Dense, then transposed 4x4 convolutions of stride 2 with batch normalization and ReLU."""

    def __init__(self, image_size, width):
        super().__init__()
        n = image_size.bit_length() - 3
        self.first = channels(width, n - 1)
        self.dense = nn.Linear(LATENT_DIM, 16 * self.first, bias=False)
        layers = [nn.BatchNorm2d(self.first), nn.ReLU(True)]
        before = self.first
        for stage in reversed(range(n - 1)):
            after = channels(width, stage)
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
                       nn.BatchNorm2d(after), nn.ReLU(True)]  # fmt: skip
            before = after
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(before, 3, 4, 2, 1), nn.Tanh())

    def forward(self, latents):
        return self.layers(self.dense(latents).view(-1, self.first, 4, 4))


class Discriminator(nn.Module):
    def __init__(self, image_size, width):
        super().__init__()
        layers, before = [], 3
        for stage in range(image_size.bit_length() - 3):
            after = channels(width, stage)
            layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=stage == 0))
            layers += [nn.BatchNorm2d(after)] if stage else []
            layers.append(nn.LeakyReLU(SLOPE, inplace=True))
            before = after
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * before, 1))

    def forward(self, images):
        return self.layers(images)


def initialize(module):
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)


def make(shared, channels_last, autocast, image_size, width, batch_size):
    """Returns `step()`, one training step on the same batch of random pixels."""
    torch.manual_seed(0)
    generator, discriminator = Generator(image_size, width), Discriminator(image_size, width)
    generator.apply(initialize), discriminator.apply(initialize)
    pixels = torch.randint(0, 256, (batch_size, 3, image_size, image_size), dtype=torch.uint8)
    if channels_last:
        generator.to(memory_format=torch.channels_last)
        discriminator.to(memory_format=torch.channels_last)
        pixels = pixels.to(memory_format=torch.channels_last)
    average = copy.deepcopy(generator).requires_grad_(False)
    pairs = [
        [list(network.parameters()), [b for b in network.buffers() if b.is_floating_point()]]
        for network in (average, generator)
    ]
    averages, sources = ([tensor for group in groups for tensor in group] for groups in pairs)
    optimizers = [torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999))
                  for network in (generator, discriminator)]  # fmt: skip
    criterion, count = nn.BCEWithLogitsLoss(), 0
    ones, zeros = torch.ones(batch_size), torch.zeros(batch_size)

    def judge(images, labels):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits = discriminator(images)
        return criterion(logits.float().view(-1), labels)

    def imagine():
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            return generator(torch.randn(batch_size, LATENT_DIM))

    def step():
        nonlocal count
        images = pixels.float().div_(127.5).sub_(1.0)
        discriminator.zero_grad()
        real_loss = judge(images, ones)
        real_loss.backward()
        fake = imagine()
        fake_loss = judge(fake.detach(), zeros)
        fake_loss.backward()
        optimizers[1].step()
        generator.zero_grad()
        # The tutorial lets this also compute the discriminator's weight gradients, which nobody
        # uses; switching them off is every careful user's first step.
        discriminator.requires_grad_(False)
        g_loss = judge(fake if shared else imagine(), ones)
        g_loss.backward()
        discriminator.requires_grad_(True)
        optimizers[0].step()
        count += 1
        with torch.no_grad():
            torch._foreach_lerp_(averages, sources, 1 - min(DECAY, (1 + count) / (10 + count)))
        return real_loss.item() + fake_loss.item(), g_loss.item()

    return step


def matmul(dtype, size, repeats):
    a, b = (torch.randn(size, size).to(getattr(torch, dtype)) for _ in range(2))
    seconds = []
    for _ in range(repeats + 2):
        started = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - started)
    return seconds[2:]


def memory():
    with open("/proc/self/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return {name: int(fields[key].split()[0]) / 1024 for name, key in (("mib", "VmRSS"), ("peak_mib", "VmHWM"))}


def answer(request, steps):
    if "make" in request:
        name = request.pop("make")
        steps[name] = make(**request)
        started = time.perf_counter()
        steps[name]()
        return {"ready": name, "seconds": time.perf_counter() - started}
    if "matmul" in request:
        return {"seconds": matmul(request["matmul"], request["size"], request["repeats"])}
    if "memory" in request:
        return memory()
    started = time.perf_counter()
    for _ in range(request["steps"]):
        steps[request["run"]]()
    return {"seconds": time.perf_counter() - started}


def main():
    torch.set_num_threads(os.cpu_count())
    steps = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), steps)), flush=True)


if __name__ == "__main__":
    main()
