"""Image data: every source provides a deterministic, endless, resumable data set of uint8 batches."""

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.open import open_source
from tfgan_kit.data.origins.folder import open_folder
from tfgan_kit.data.origins.tfds import open_tfds
from tfgan_kit.data.pairs import PairSource
from tfgan_kit.data.preparation import prepare
from tfgan_kit.data.source import Source, TrainingData

__all__ = [
    "Source",
    "TrainingData",
    "from_arrays",
    "from_directory",
    "from_pairs",
    "from_tfds",
    "mnist5k",
    "open_source",
    "prepare",
    "training_dataset",
]


def from_tfds(name, split="train", image_size=None, batch_size=64, seed=0, flip=False, data_dir=None):
    """Training data from TensorFlow Datasets: see `open_tfds` and `Source.training`.

    Example::

        dataset = from_tfds("cifar10", batch_size=64)  # uint8 (64, 32, 32, 3), int32 (64,)
    """
    return open_tfds(name, split, image_size, data_dir=data_dir).training(batch_size, seed, flip)


def from_directory(path, image_size=None, batch_size=64, seed=0, flip=False, channels=None):
    """Training data from a folder of images: see `open_folder` and `Source.training`.

    Example::

        dataset = from_directory("/data/cats", image_size=64, flip=True)  # uint8 (64, 64, 64, 3)
    """
    return open_folder(path, image_size, channels).training(batch_size, seed, flip)


def from_arrays(images, labels=None, batch_size=64, seed=0, flip=False):
    """Training data from arrays: see `ArraySource` and `Source.training`.

    Example:
        >>> from_arrays(np.zeros([100, 28, 28], np.uint8), batch_size=10).element_spec.shape
        TensorShape([10, 28, 28, 1])
    """
    return ArraySource("arrays", images, labels).training(batch_size, seed, flip)


def from_pairs(given, wanted, batch_size=1, seed=0, flip=False):
    """Training data of a GAN that translates images, from two arrays: see `PairSource` and `Source.training`.

    Example:
        >>> images = np.zeros([10, 32, 32, 3], np.uint8)
        >>> [part.shape for part in from_pairs(images, images, batch_size=2).element_spec]
        [TensorShape([2, 32, 32, 3]), TensorShape([2, 32, 32, 3])]
    """
    return PairSource("pairs", given, wanted).training(batch_size, seed, flip)


def mnist5k(batch_size=64, seed=0):
    """Training data from 5,000 MNIST digits, fetched with pip: see `Source.training`.

    Example::

        images, labels = next(iter(mnist5k(batch_size=64)))  # uint8 (64, 28, 28, 1), int32 (64,)
    """
    return open_source("mnist5k").training(batch_size, seed)


def training_dataset(source, batch_size, seed=0, flip=False, start_step=0):
    """The training data of a source: see `Source.training`.

    Example:
        >>> training_dataset(source, batch_size=8).steps_per_epoch
        4
    """
    return source.training(batch_size, seed, flip, start_step)
