"""Exported models and servers, which generate as a `GenerativeModel` does: for shards."""

import contextlib

from tfgan_kit.export import contract
from tfgan_kit.export.verify.check import check_version
from tfgan_kit.generation.seeds import image_seeds, labels_from_seeds

import numpy as np
import tensorflow as tf

from tfgan_kit_client.errors import ServingError

_BATCH = 64  # as `GenerativeModel.generate` runs its own


class ExportedModel:
    """An exported version, checked by its own record, then run in this process.

    Args:
        folder: path of a version, or of a model, whose newest version it is.

    Attributes:
        image_shape: (H, W, C).
        num_classes: int, or None of an unconditional model.
        identity: str, which changes with the version's content.

    Raises:
        ValueError: it is not what was exported, see `check_version`.

    Example:
        >>> version = gk.export_generator(gan, "models/shards", profile=gk.export.ExportProfile(try_kernels=False))
        >>> ExportedModel(version).generate(4, seed=1).shape
        (4, 8, 8, 1)
    """

    def __init__(self, folder):
        checked = check_version(folder)
        self._loaded = checked.loaded  # its variables live as long as it does
        self._signatures = dict(checked.loaded.signatures)
        model = checked.lineage["model"]
        self.image_shape, self.num_classes = tuple(model["image_shape"]), model["num_classes"]
        self.identity = f"exported {checked.sha256}"

    def generate(self, num_images=None, seed=0, labels=None, seeds=None, truncation_psi=None):
        """Images, uint8 (N, H, W, C); the arguments are those of `GenerativeModel.generate`."""
        seeds, inputs = _seeds_and_inputs(num_images, seed, labels, seeds, truncation_psi)
        if labels is not None and self.num_classes is None:
            raise ValueError("This model is unconditional: leave `labels` out. Received: labels were given.")
        if self.num_classes is not None and contract.LABEL not in inputs:
            inputs[contract.LABEL] = self.labels_of(seeds)
        self._check_labels(inputs.get(contract.LABEL))
        run = self._signature(inputs)
        parts = [
            run(**{name: tf.constant(value[start : start + _BATCH]) for name, value in inputs.items()})
            for start in range(0, len(seeds), _BATCH)
        ]
        return np.concatenate([part[contract.IMAGES].numpy() for part in parts])

    def labels_of(self, seeds):
        """The labels that the model draws for int64 seeds (N,): int32 (N,), or None."""
        return None if self.num_classes is None else labels_from_seeds(seeds, self.num_classes).numpy()

    def _check_labels(self, labels):
        if labels is not None and not (0 <= labels.min() and labels.max() < self.num_classes):
            raise ValueError(f"Labels are from 0 to {self.num_classes - 1}. Received: {labels.min()} to {labels.max()}")

    def _signature(self, inputs):
        """The signature of seeds, and of what else is given."""
        truncated, labelled = contract.TRUNCATION_PSI in inputs, contract.LABEL in inputs
        name = contract.GENERATE if labelled else contract.SERVING_DEFAULT
        name = contract.GENERATE_TRUNCATED if truncated else name
        if name not in self._signatures:
            raise ValueError(
                f"This version was exported without {name!r}, which these arguments need: export it with that "
                f"signature. Received: {', '.join(sorted(self._signatures))}"
            )
        return self._signatures[name]


class ServedModel:
    """A server's model, by one version: each worker asks by a connection of its own.

    Args:
        client: `GeneratorClient`, of one version.
        identity: str, the model's name and version.

    Attributes:
        image_shape: (H, W, C).
        identity: as given.

    Raises:
        ValueError: the server does not answer.

    Example::

        with GeneratorClient("localhost:8500", "digits", version=3) as client:
            write_shards(ServedModel(client, "digits 3"), "shards", 1000, labels=range(10))
    """

    runs_here = False  # the server's processor decides the last bits

    def __init__(self, client, identity):
        self._client, self.identity = client, identity
        with _answered():
            self._is_conditional = contract.GENERATE in client.metadata().signatures
        self.image_shape = self.generate(1, labels=[0] if self._is_conditional else None).shape[1:]

    def generate(self, num_images=None, seed=0, labels=None, seeds=None, truncation_psi=None):
        """Images, uint8 (N, H, W, C); the arguments are those of `GenerativeModel.generate`, with labels if any."""
        if self._is_conditional and labels is None:
            raise ValueError(
                "A server does not tell which labels it draws, by which shards name their images: give --labels. "
                "Received: labels=None"
            )
        seeds, _ = _seeds_and_inputs(num_images, seed, labels, seeds, truncation_psi)
        with _answered():
            return self._client.generate(seeds=seeds, labels=labels, truncation_psi=truncation_psi)

    def labels_of(self, seeds):
        """None: a server does not tell."""


def _seeds_and_inputs(num_images, seed, labels, seeds, truncation_psi):
    """int64 seeds, and the inputs of a signature as arrays by name."""
    if seeds is None:
        seeds = image_seeds(seed, len(labels) if num_images is None else num_images)
    seeds = np.asarray(seeds, np.int64)
    inputs = {contract.SEED: seeds}
    if labels is not None:
        inputs[contract.LABEL] = np.broadcast_to(np.asarray(labels, np.int32), seeds.shape)
    if truncation_psi is not None:
        inputs[contract.TRUNCATION_PSI] = np.full(seeds.shape, truncation_psi, np.float32)
    return seeds, inputs


@contextlib.contextmanager
def _answered():
    """A context in which a server's errors are a user's."""
    try:
        yield
    except ServingError as error:
        raise ValueError(f"The server did not answer: {error}") from error
