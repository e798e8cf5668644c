"""What `gan.project` and `gan.refine` reach on a trained model.

    make demo && python -m benchmarks.training.latent_search --ckpt demo/run

`project`: PSNR of generated images found again from their pixels, and of real held-out ones. `refine`:
`fd_domain` before and after, on the same number of images, by the classifier of one split.
"""

from tfgan_kit import command_line, data, metrics
from tfgan_kit.generation.seeds import image_seeds, latents_from_seeds
from tfgan_kit.metrics.image_set import gather, real_batches
from tfgan_kit.pixels import to_uint8
from tfgan_kit.runs.checkpoints import load_gan, resolve
from tfgan_kit.runs.run import Run

import numpy as np
from absl import flags

FLAGS = flags.FLAGS
command_line.define_ckpt()
flags.mark_flag_as_required("ckpt")
flags.DEFINE_integer("projected", 64, "Images of each kind that are projected.", lower_bound=1)
flags.DEFINE_integer("starts", 8, "Latents to descend from, an image.", lower_bound=1)
flags.DEFINE_integer("project_steps", 500, "Descent steps.", lower_bound=1)
flags.DEFINE_list("refine_steps", ["20", "50", "100", "200"], "Langevin steps.")
flags.DEFINE_list("step_sizes", ["0.003", "0.01", "0.03"], "Langevin step sizes.")


def quartiles(values):
    return "least {:.1f}, quartiles {:.1f} {:.1f} {:.1f} dB".format(values.min(), *np.percentile(values, [25, 50, 75]))


def project(gan, source, rows):
    seeds = image_seeds(7, FLAGS.projected)
    options = dict(starts=FLAGS.starts, steps=FLAGS.project_steps)
    found = gan.project(gan.generate(seeds=seeds), gan.labels_of(seeds), **options)
    print(f"{FLAGS.projected} generated images found again: {quartiles(found.psnr)}")
    real = gather(real_batches(source, rows[: FLAGS.projected]))
    found = gan.project(real.samples, None if gan.num_classes is None else real.labels, **options)
    print(f"{FLAGS.projected} real held-out images: {quartiles(found.psnr)}")


def refine(gan, source):
    split = metrics.split_indices(source.num_images, with_classifier=True, seed=0)
    classifier = metrics.domain_classifier(source, split.classifier, 0)
    reference = gather(real_batches(source, split.reference), classifier, 0)
    statistics = metrics.gaussian_statistics(reference.features)
    count = len(split.reference)
    seeds = image_seeds(0, count)
    latents, labels = latents_from_seeds(seeds, gan.latent_dim).numpy(), gan.labels_of(seeds)

    def distance(z):
        images = to_uint8(gan.predict(z if labels is None else [z, labels], verbose=0)).numpy()
        features, _ = classifier(images)
        return metrics.frechet_distance(statistics, metrics.gaussian_statistics(features))

    print(f"fd_domain of {count} images, before: {distance(latents):.4f}")
    for step_size in map(float, FLAGS.step_sizes):
        for steps in map(int, FLAGS.refine_steps):
            value = distance(gan.refine(latents, labels, steps, step_size))
            print(f"{steps} steps of {step_size}: {value:.4f}", flush=True)


def main():
    path = resolve(FLAGS.ckpt, FLAGS.which)
    gan = load_gan(path)
    config = Run(path.parent.parent).read_config()
    source = data.open_source(config["dataset"]["name"], gan.image_shape[0], gan.image_shape[2])
    split = metrics.split_indices(source.num_images, with_classifier=True, seed=0)
    project(gan, source, split.test)
    refine(gan, source)


if __name__ == "__main__":
    command_line.run(main)
