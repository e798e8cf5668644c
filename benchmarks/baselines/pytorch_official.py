"""The training step of official PyTorch networks, as a process that runs steps when asked.

Started by a Python with torch 2.13; imports nothing of ours. The networks are the classes of the authors' repositories,
which are read from a checkout; a step is what the authors' loop does with them, without logs.

    python pytorch_official.py    then one JSON object a line; each is answered by one:
    {"make": NAME, "family": a name of FAMILIES, "path": CHECKOUT, "generator": {...}, "discriminator": {...},
     "size": 32, "batch_size": 16, "channels_last": bool, "autocast": bool, "state": "x.npz"}
                                               -> {"rate":, "betas":, "decay":, "gamma":}
    {"run": NAME, "steps": N}                  -> {"seconds": of N steps}
    {"generate": NAME, "count": N}             -> {"seconds": of a batch's images, "peak_mib": of this process so far}
    {"look": NAME, "path": "x.npz"}            -> {"done": true}; x.npz: latents, labels, images in; fakes, logits out

`state` takes the parameters of both networks, under "generator." and "discriminator." and their official names.
"""

import copy
import importlib
import json
import math
import os
import pathlib
import resource
import sys
import time
import types

import numpy as np
import torch
from torch.nn import functional

RATE = 2e-4
SETTLED = 20  # passes after which the u and v of spectral norms, drawn at random, are those of a largest singular value


class Family:
    """Networks and losses of one family; a subclass says what its authors' loop does.

    Attributes:
        betas: of both Adams.
        decay: of the average of the generator's weights; None: there is none.
        gamma: of R1 and R2.
        intervals: of lazy regularization, by player.
    """

    betas = (0.0, 0.999)
    decay = 0.999
    gamma = 0.0
    intervals: dict = {}

    def __init__(self, generator, discriminator, num_classes):
        self.generator, self.discriminator, self.num_classes = generator, discriminator, num_classes

    def adam(self, player):
        """Learning rate and betas of a player."""
        share = self.intervals.get(player[0].upper())
        share = 1.0 if share is None else share / (share + 1)
        return RATE * share, tuple(beta**share for beta in self.betas)

    def latents(self, count):
        return torch.randn(count, self.latent_dim)

    def labels(self, count):
        return torch.randint(0, self.num_classes, (count,)) if self.num_classes else None


class R3GAN(Family):
    betas = (0.0, 0.9)
    gamma = 1.0

    @classmethod
    def of(cls, path, generator, discriminator, size):
        del size
        networks = _of_nvidia(path, "training.networks")
        made = cls(networks.Generator(**generator), networks.Discriminator(**discriminator), generator["c_dim"])
        made.latent_dim = generator["NoiseDimension"]
        return made

    def _told(self, labels):
        return None if labels is None else functional.one_hot(labels, self.num_classes).float()

    def imagine(self, latents, labels):
        return self.generator(latents, self._told(labels))

    def judge(self, images, labels):
        return self.discriminator(images, self._told(labels))

    def discriminator_loss(self, real, labels):
        real = real.detach().requires_grad_(True)
        fake = self.imagine(self.latents(len(real)), labels).detach().requires_grad_(True)
        of_real, of_fake = self.judge(real, labels), self.judge(fake, labels)
        penalty = sum(self._squares(logits, images) for logits, images in ((of_real, real), (of_fake, fake)))
        return (functional.softplus(of_fake - of_real) + self.gamma / 2 * penalty).mean()

    @staticmethod
    def _squares(logits, images):
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        return gradient.square().sum([1, 2, 3])

    def generator_loss(self, real, labels):
        fake = self.imagine(self.latents(len(real)), labels)
        return functional.softplus(self.judge(real, labels) - self.judge(fake, labels)).mean()


class BigGAN(Family):
    decay = 0.9999

    @classmethod
    def of(cls, path, generator, discriminator, size):
        sys.path.insert(0, str(path))
        module = importlib.import_module("BigGAN")
        common = {"resolution": size, "no_optim": True, "skip_init": False, "G_lr": RATE, "D_lr": RATE}
        made = cls(
            module.Generator(**common, **generator),
            module.Discriminator(**common, **discriminator),
            generator["n_classes"],
        )
        made.both = module.G_D(made.generator, made.discriminator)
        made.latent_dim = made.generator.dim_z
        return made

    def imagine(self, latents, labels):
        return self.generator(latents, self.generator.shared(labels))

    def judge(self, images, labels):
        return self.discriminator(images, labels)

    def discriminator_loss(self, real, labels):
        fake_labels = self.labels(len(real))
        of_fake, of_real = self.both(self.latents(len(real)), fake_labels, real, labels, train_G=False)
        return functional.relu(1 - of_real).mean() + functional.relu(1 + of_fake).mean()

    def generator_loss(self, real, labels):
        del labels
        return -self.both(self.latents(len(real)), self.labels(len(real)), train_G=True).mean()


class SNGAN(Family):
    betas = (0.0, 0.9)
    decay = None

    @classmethod
    def of(cls, path, generator, discriminator, size):
        root = pathlib.Path(path) / "torch_mimicry"
        # Without their `__init__`, which import the package's training and what that needs.
        for name, folder in (("torch_mimicry", root), ("torch_mimicry.nets", root / "nets")):
            package = types.ModuleType(name)
            package.__path__ = [str(folder)]
            sys.modules[name] = package
        module = importlib.import_module(f"torch_mimicry.nets.sngan.sngan_{size}")
        made = cls(
            getattr(module, f"SNGANGenerator{size}")(**generator),
            getattr(module, f"SNGANDiscriminator{size}")(**discriminator),
            0,
        )
        made.latent_dim = generator["nz"]
        return made

    def imagine(self, latents, labels):
        return self.generator(latents)

    def judge(self, images, labels):
        return self.discriminator(images)

    def discriminator_loss(self, real, labels):
        of_real = self.judge(real, labels)
        of_fake = self.judge(self.imagine(self.latents(len(real)), labels).detach(), labels)
        return functional.relu(1 - of_real).mean() + functional.relu(1 + of_fake).mean()

    def generator_loss(self, real, labels):
        return -self.judge(self.imagine(self.latents(len(real)), labels), labels).mean()


class StyleGAN2(Family):
    """The authors' loss and phases: Gmain, Greg every 4 steps, Dmain, Dreg every 16, one Adam a network."""

    betas = (0.0, 0.99)
    gamma = 1.0
    intervals = {"G": 4, "D": 16}

    @classmethod
    def of(cls, path, generator, discriminator, size):
        del size
        networks = _of_nvidia(path, "training.networks")
        made = cls(networks.Generator(**generator), networks.Discriminator(**discriminator), generator["c_dim"])
        made.latent_dim, made.count = generator["z_dim"], 0
        g, d = made.generator, made.discriminator
        made.loss = importlib.import_module("training.loss").StyleGAN2Loss(
            "cpu", g.mapping, g.synthesis, d, r1_gamma=cls.gamma
        )
        return made

    def imagine(self, latents, labels):
        return self.generator(latents, self._no_labels(latents), noise_mode="const")

    def judge(self, images, labels):
        return self.discriminator(images, self._no_labels(images))

    def moves(self):
        """Player, phase and gain of the moves of a step."""
        for player, interval in self.intervals.items():
            yield player, f"{player}main", 1
            if self.count % interval == 0:
                yield player, f"{player}reg", interval
        self.count += 1

    def accumulate(self, phase, gain, real):
        self.loss.accumulate_gradients(
            phase, real, self._no_labels(real), self.latents(len(real)), self._no_labels(real), sync=True, gain=gain
        )

    @staticmethod
    def _no_labels(rows):
        return torch.zeros(len(rows), 0)


FAMILIES = {"r3gan": R3GAN, "biggan": BigGAN, "sngan": SNGAN, "stylegan2": StyleGAN2}


def _of_nvidia(path, name):
    """A module of a checkout that holds NVIDIA's `torch_utils`."""
    # What these ask of setuptools, which newer ones do not have.
    sys.modules["pkg_resources"] = types.SimpleNamespace(parse_version=_version)
    sys.path.insert(0, str(path))
    return importlib.import_module(name)


def _version(text):
    return tuple(int(part) for part in text.partition("+")[0].split(".") if part.isdigit())


def make(family, path, generator, discriminator, size, batch_size, channels_last, autocast, state):
    """Returns the family, and `step()`: one training step on the same batch of random pixels."""
    torch.manual_seed(0)
    game = FAMILIES[family].of(path, generator, discriminator, size)
    networks = {"generator": game.generator, "discriminator": game.discriminator}
    with torch.no_grad():
        for _ in range(SETTLED):
            labels = game.labels(2)
            game.judge(game.imagine(game.latents(2), labels), labels)
    if state:
        parameters = {
            f"{player}.{name}": tensor.detach().numpy()
            for player, network in networks.items()
            for name, tensor in network.state_dict().items()
        }
        np.savez(state, **parameters)
    pixels = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8)
    if channels_last:
        for network in networks.values():
            network.to(memory_format=torch.channels_last)
        pixels = pixels.to(memory_format=torch.channels_last)
    labels = game.labels(batch_size)
    optimizers = {
        player: torch.optim.Adam(network.parameters(), *game.adam(player)) for player, network in networks.items()
    }
    average = copy.deepcopy(game.generator).requires_grad_(False) if game.decay else None

    def move(player, differentiate):
        for name, network in networks.items():
            network.requires_grad_(name == player)
        optimizers[player].zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            value = differentiate(pixels.float().div_(127.5).sub_(1.0))
        optimizers[player].step()
        return value

    def in_turn():
        for player, loss_of in (("discriminator", game.discriminator_loss), ("generator", game.generator_loss)):

            def differentiate(real, loss_of=loss_of):
                loss = loss_of(real, labels)
                loss.backward()
                return loss.item()

            yield move(player, differentiate)

    def in_phases():
        players = {"G": "generator", "D": "discriminator"}
        for player, phase, gain in game.moves():
            move(players[player], lambda real, phase=phase, gain=gain: game.accumulate(phase, gain, real))
            yield 0.0

    def step():
        losses = list(in_phases() if game.intervals else in_turn())
        if average is not None:
            with torch.no_grad():
                pairs = zip(_floats(average), _floats(game.generator), strict=True)
                torch._foreach_lerp_(*map(list, zip(*pairs, strict=True)), 1 - game.decay)
        return losses

    return game, step


def _floats(network):
    return [tensor for tensor in (*network.parameters(), *network.buffers()) if tensor.is_floating_point()]


def look(game, path):
    """Writes what both networks answer, in inference mode, to the file that holds their inputs."""
    with np.load(path) as stored:
        given = {name: torch.from_numpy(array) for name, array in stored.items()}
    labels = given.get("labels")
    game.generator.eval(), game.discriminator.eval()
    with torch.no_grad():
        fakes = game.imagine(given["latents"], labels)
        logits = game.judge(given["images"].permute(0, 3, 1, 2).contiguous(), labels)
    game.generator.train(), game.discriminator.train()
    np.savez(path, fakes=fakes.permute(0, 2, 3, 1).numpy(), logits=logits.reshape(-1, 1).numpy())


def generate(game, count):
    """A batch's images in inference mode: seconds, and the most memory that this process has had."""
    latents, labels = game.latents(count), game.labels(count)
    game.generator.eval()
    started = time.perf_counter()
    with torch.no_grad():
        game.imagine(latents, labels)
    seconds = time.perf_counter() - started
    game.generator.train()
    return {"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def answer(request, made):
    if "make" in request:
        name = request.pop("make")
        game, _ = made[name] = make(**request)
        return {"rate": RATE, "betas": game.betas, "decay": game.decay, "gamma": game.gamma}
    if "look" in request:
        look(made[request["look"]][0], request["path"])
        return {"done": True}
    if "generate" in request:
        return generate(made[request["generate"]][0], request["count"])
    started = time.perf_counter()
    losses = [made[request["run"]][1]() for _ in range(request["steps"])]
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "finite": all(math.isfinite(loss) for both in losses for loss in both)}


def main():
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a repository prints is no reply
    torch.set_num_threads(os.cpu_count())
    made = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), made)), file=replies, flush=True)


if __name__ == "__main__":
    main()
