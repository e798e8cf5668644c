"""Blurred digits made sharp: pix2pix against the same generator trained by its L1 alone, and against the blurred ones.

    python -m benchmarks.quality.translation --output /tmp/translation

Of the 5,000 digits of `mnist5k`, 4,000 are trained on, blurred by a Gaussian of --sigma pixels and with noise on them;
the other 1,000 are translated. Quoted are the distance to the truth (L1 in levels, PSNR) and the Frechet distance of
lite0's features between the translations and the true images, and a page of digits: given, L1 alone, pix2pix, true.
"""

import time

from tfgan_kit import command_line, data
from tfgan_kit.files import write_json
from tfgan_kit.metrics.features.published import open_extractor
from tfgan_kit.metrics.measures.frechet import frechet_distance, gaussian_statistics
from tfgan_kit.networks import PatchGANDiscriminator, ResNetGenerator
from tfgan_kit.penalties import Reconstruction
from tfgan_kit.training.gan import GAN

import keras
import numpy as np
from absl import flags
from scipy.ndimage import gaussian_filter

from tfgan_kit_client.pictures import tile, write_png

FLAGS = flags.FLAGS
flags.DEFINE_string("output", None, "Folder of results.json, table.md and digits.png.", required=True)
flags.DEFINE_float("sigma", 2.0, "Of the blur, in pixels.", lower_bound=0.1)
flags.DEFINE_integer("steps", 3000, "Training steps of either.", lower_bound=1)
flags.DEFINE_integer("batch_size", 16, "Pairs a step.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Of weights and order.", lower_bound=0)

TRAINED, SHOWN = 4000, 16


def blurred(images):
    """What is given: uint8, of the size of the images."""
    noise = np.random.default_rng(1).normal(0.0, 20.0, images.shape)
    soft = gaussian_filter(images.astype(float), (0, FLAGS.sigma, FLAGS.sigma, 0))
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


def networks(size):
    return (
        ResNetGenerator(size, 1, width=16, num_blocks=4),
        PatchGANDiscriminator(size, 1, width=32, num_layers=1, normalization="instance", condition_channels=1),
    )


def pix2pix(given, wanted):
    """A function that translates, and seconds."""
    keras.utils.set_random_seed(FLAGS.seed)
    gan = GAN(*networks(given.shape[1]), seed=FLAGS.seed)
    gan.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), penalties=[Reconstruction(100.0)])
    pairs = data.from_pairs(given, wanted, FLAGS.batch_size, FLAGS.seed)
    started = time.perf_counter()
    gan.fit(pairs, steps_per_epoch=FLAGS.steps // 10, epochs=10, verbose=2)
    return gan.translate, time.perf_counter() - started


def l1_alone(given, wanted):
    """Likewise, of the same generator, average and batches."""
    keras.utils.set_random_seed(FLAGS.seed)
    generator = networks(given.shape[1])[0]
    generator.compile(keras.optimizers.Adam(2e-4, beta_1=0.5, use_ema=True, ema_momentum=0.999), "mae")
    pairs = data.from_pairs(given, wanted, FLAGS.batch_size, FLAGS.seed)
    floats = pairs.map(lambda x, y: (scaled(x), scaled(y)))
    started = time.perf_counter()
    generator.fit(floats, steps_per_epoch=FLAGS.steps // 10, epochs=10, verbose=2)
    generator.optimizer.finalize_variable_values(generator.trainable_variables)

    def translate(images):
        values = generator.predict(np.float32(scaled(images)), verbose=0)
        return np.round(127.5 * (values + 1)).clip(0, 255).astype(np.uint8)

    return translate, time.perf_counter() - started


def scaled(images):
    return keras.ops.cast(images, "float32") / 127.5 - 1.0


def measured(found, true, extractor, reference):
    """Distances of translations from the true images."""
    difference = found.astype(float) - true
    return {
        "l1": float(np.abs(difference).mean()),
        "psnr": float(np.mean(10 * np.log10(255**2 / np.square(difference).mean(axis=(1, 2, 3))))),
        "fd_lite0": float(frechet_distance(gaussian_statistics(features(extractor, found)), reference)),
    }


def features(extractor, images):
    return np.concatenate([extractor(images[k : k + 64]).features for k in range(0, len(images), 64)])


def main():
    output = command_line.writable_folder(FLAGS.output)
    source = data.open_source("mnist5k")
    order = np.random.default_rng(0).permutation(source.num_images)
    wanted = np.concatenate([batch[0] for batch in source.ordered(500, order).as_numpy_iterator()])
    given = blurred(wanted)
    true, extractor = wanted[TRAINED:], open_extractor("lite0")
    reference = gaussian_statistics(features(extractor, true))
    translations, seconds = {"given": given[TRAINED:]}, {"given": 0.0}
    for name, train in (("l1", l1_alone), ("pix2pix", pix2pix)):
        translate, seconds[name] = train(given[:TRAINED], wanted[:TRAINED])
        translations[name] = translate(given[TRAINED:])
    results = {
        name: measured(images, true, extractor, reference) | {"seconds": seconds[name]}
        for name, images in translations.items()
    }
    rows = np.concatenate([images[:SHOWN] for images in (*translations.values(), true)])
    write_png(output / "digits.png", tile(rows, SHOWN))
    write_json(output / "results.json", results)
    lines = ["| | L1, levels | PSNR, dB | fd_lite0 | seconds |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {r['l1']:.2f} | {r['psnr']:.2f} | {r['fd_lite0']:.1f} | {r['seconds']:.0f} |"
        for name, r in results.items()
    ]
    (output / "table.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    command_line.run(main)
