"""Whether a StyleGAN finds its own images again from the mean of w, and how close.

    python -m benchmarks.quality.projection --ckpt runs/clothes --output /tmp/projection

The images of 16 seeds are searched by each distance in each space; beside them stand the PSNR of the mean image, from
which the search begins, and of the closest of 1,000 other images of the same generator. Asked are 30 dB at the median
in w.
"""

import itertools
import time

from tfgan_kit import command_line
from tfgan_kit.files import write_json
from tfgan_kit.generation.latent_search import decibels
from tfgan_kit.generation.projection import Search, pixels, project_styles
from tfgan_kit.generation.seeds import image_seeds
from tfgan_kit.metrics.features.perceptual import feature_maps
from tfgan_kit.pixels import to_float
from tfgan_kit.runs.checkpoints import load_gan

import numpy as np
from absl import flags

from tfgan_kit_client.pictures import tile, write_png

FLAGS = flags.FLAGS
flags.DEFINE_string("ckpt", None, "A .keras file, or a run folder, of a StyleGAN.", required=True)
flags.DEFINE_string("output", None, "Folder of results.json, table.md and a page of images.", required=True)
flags.DEFINE_list("spaces", ["w", "w+"], "Where to search.")
flags.DEFINE_list("distances", ["pixels", "lite0"], "What is minimised.")
flags.DEFINE_list("noises", ["own", "searched"], "Whether the generator's own noise is kept, or searched, too.")
flags.DEFINE_integer("num_images", 16, "Images to find.", lower_bound=1)
flags.DEFINE_integer("steps", 1000, "Steps of a search.", lower_bound=1)
flags.DEFINE_integer("draws", 1000, "Other images, of which the closest is quoted.", lower_bound=1)

TARGETS, OTHERS = 1, 2  # seeds


def best_of_draws(images, others):
    """PSNR of the closest of other images to each, in dB: float64 (N,)."""
    others = to_float(others).numpy().reshape(len(others), -1)
    errors = [
        np.square(others - image).mean(axis=1).min() for image in to_float(images).numpy().reshape(len(images), -1)
    ]
    return decibels(np.array(errors))


def quartiles(psnr):
    low, median, high = np.percentile(psnr, [25, 50, 75])
    return f"{median:.1f} ({low:.1f} to {high:.1f})"


def main():
    output = command_line.writable_folder(FLAGS.output)
    gan = load_gan(FLAGS.ckpt)
    images = gan.generate(FLAGS.num_images, seed=TARGETS)
    labels = gan.labels_of(image_seeds(TARGETS, FLAGS.num_images))
    closest = best_of_draws(images, gan.generate(FLAGS.draws, seed=OTHERS))
    rows, results, pages, mean = [], [], [images], None
    for space, distance, noise in itertools.product(FLAGS.spaces, FLAGS.distances, FLAGS.noises):
        features = pixels if distance == "pixels" else feature_maps(distance)
        search, begun = Search(space, FLAGS.steps, search_noise=noise == "searched"), time.monotonic()
        found = project_styles(gan, images, labels, features, search)
        seconds = (time.monotonic() - begun) / len(images)
        mean = found.mean_psnr
        results.append({"space": space, "distance": distance, "noise": noise, "psnr": found.psnr.tolist()})
        rows.append([space, distance, noise, quartiles(found.psnr), f"{found.psnr.min():.1f}", f"{seconds:.1f}"])
        pages.append(found.images)
        print(rows[-1], flush=True)
        write_json(output / "results.json", {"step": gan.steps_trained, "searches": results, "steps": FLAGS.steps})
    rows = [
        ["the mean image", "", "own", quartiles(mean), f"{mean.min():.1f}", ""],
        [f"the closest of {FLAGS.draws} draws", "", "own", quartiles(closest), f"{closest.min():.1f}", ""],
        *rows,
    ]
    head = ["found in", "distance", "noise", "PSNR in dB, median (quartiles)", "least", "seconds an image"]
    text = "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows])
    (output / "table.md").write_text(text + "\n")
    write_png(output / "images.png", tile(np.concatenate(pages), columns=len(images)))
    print(text)


if __name__ == "__main__":
    command_line.run(main)
