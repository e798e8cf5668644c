"""What a server answers, as a `Generator` to be measured, and how far it is from a checkpoint's images."""

from typing import NamedTuple

from tfgan_kit.export.certificate import MOST_MEAN_LEVELS
from tfgan_kit.export.comparison import MOST_LEVELS
from tfgan_kit.metrics.image_set import Generator

import numpy as np

from tfgan_kit_client import ServingError, contract

COMPARED = 16  # images that are asked of the server and of the checkpoint


def images_served(client):
    """The `Generator` of a server's model, of which no more is known than that a server answers it.

    Neither model name nor version are facts of the protocol: two versions are there to be compared.
    """
    conditional = contract.GENERATE in client.metadata().signatures

    def generate(seeds_start, count, labels):
        try:
            return client.generate(seeds=np.arange(seeds_start, seeds_start + count), labels=labels)
        except ServingError as error:
            raise ValueError(f"The server did not answer: {error}") from error

    return Generator(generate, conditional, {"generator": "a server's"})


class Difference(NamedTuple):
    """How far two batches of images are apart, in levels of 255."""

    largest: int
    mean: float

    @property
    def alike(self):
        """Whether they are one model's, by what an export's certificate allows in float32."""
        return self.largest <= MOST_LEVELS["float32"]

    def warning(self):
        """What the difference of a server's images from a checkpoint's may come from, in words."""
        if self.largest <= MOST_LEVELS["bfloat16"]:
            reason = "it rounds otherwise, e.g. as an export in bfloat16, or serves a step close by"
        elif self.mean <= MOST_MEAN_LEVELS:
            reason = "it serves an export in bfloat16, or another model or step: `export --check` tells"
        else:
            reason = "it serves another model, or another step"
        return (
            f"the server's images differ from the checkpoint's by up to {self.largest} levels of 255, "
            f"{self.mean:.2g} in the mean: {reason}"
        )


def difference(images, others):
    """The `Difference` of two batches of uint8 images; ValueError where their shapes are not the same."""
    if images.shape != others.shape:
        raise ValueError(
            "The server's model and the checkpoint make images of different shapes: give the checkpoint that is "
            f"served, or none. Received: {images.shape} and {others.shape}"
        )
    levels = np.abs(images.astype(int) - others.astype(int))
    return Difference(int(levels.max()), float(levels.mean()))
