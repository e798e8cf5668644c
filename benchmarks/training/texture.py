"""One photograph of a surface becomes a surface of any size: `SpatialGenerator` on its crops.

    pip download --no-deps scikit-image==0.26.0 && unzip -o -j scikit_image*.whl skimage/data/gravel.png
    python -m benchmarks.training.texture --image gravel.png --output texture.png

The picture shows the photograph and, at the same scale, twice as much of the generator's in tiles of 96
pixels; printed is the sliced Wasserstein distance of crops, and that of the photograph's own halves.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tfgan_kit as gk
from tfgan_kit.generation.tiles import tiles
from tfgan_kit.metrics.measures.sliced_wasserstein import image_sliced_wasserstein

import keras
import numpy as np
from absl import app, flags
from PIL import Image

FLAGS = flags.FLAGS
flags.DEFINE_string("image", None, "A photograph of a surface, more than 128 pixels a side.", required=True)
flags.DEFINE_string("output", None, "Where the picture goes.", required=True)
flags.DEFINE_integer("steps", 2000, "Training steps.", lower_bound=1)
flags.DEFINE_integer("width", 16, "Of both networks.", lower_bound=1)

SIDE, TILE, COUNT = 64, 96, 2000


def crops(image, count, seed):
    """uint8 (count, SIDE, SIDE, C) from anywhere in the image."""
    random = np.random.default_rng(seed)
    corners = random.integers(0, np.array(image.shape[:2]) - SIDE + 1, (count, 2))
    return np.stack([image[top : top + SIDE, left : left + SIDE] for top, left in corners])


def main(argv):
    del argv
    image = np.asarray(Image.open(FLAGS.image).reduce(2))
    image = image.reshape(*image.shape[:2], -1)
    channels = image.shape[-1]
    keras.utils.set_random_seed(0)
    gan = gk.GAN(
        gk.networks.SpatialGenerator(SIDE, channels, width=FLAGS.width),
        gk.networks.PatchDiscriminator(channels, FLAGS.width),
    )
    adam = keras.optimizers.Adam
    gan.compile(adam(4e-4, 0.5, 0.99), adam(4e-4, 0.5, 0.99), penalties=[gk.penalties.R1(1.0, interval=16)])
    gan.fit(
        gk.data.from_arrays(crops(image, 20_000, 0), batch_size=32),
        steps_per_epoch=max(1, FLAGS.steps // 10),
        epochs=10,
        verbose=2,
    )
    height, width = image.shape[0], 2 * image.shape[1]
    made = np.empty((height, width, channels), np.uint8)
    for top, left, tile in tiles(gan.ema_generator, height, width, tile_size=TILE):
        made[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    Image.fromarray(np.concatenate([image, made], axis=1).squeeze()).save(FLAGS.output)

    left, right = np.split(image, [image.shape[1] // 2], axis=1)
    floor = image_sliced_wasserstein(crops(left, COUNT, 1), crops(right, COUNT, 2), 0).value
    value = image_sliced_wasserstein(crops(image, COUNT, 1), crops(made, COUNT, 2), 0).value
    print(f"Sliced Wasserstein distance of {SIDE}-pixel crops: {value:.1f}; of the photograph's halves: {floor:.1f}")
    print(f"Wrote {FLAGS.output}: the photograph, then {height}x{width} pixels of the generator's")


if __name__ == "__main__":
    app.run(main)
