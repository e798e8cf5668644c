"""Standing statistics of batch normalization (arXiv:1809.11096): averaged over fresh batches at fixed weights."""

import contextlib

from tfgan_kit.generation.adapter import in_our_order
from tfgan_kit.generation.sample import pack
from tfgan_kit.generation.seeds import image_seeds, labels_from_seeds, latents_from_seeds
from tfgan_kit.internals.keras import layers_of
from tfgan_kit.ranges import check_sizes

import keras


def standing_statistics(generator, num_batches=16, batch_size=64, seed=0):
    """Sets the statistics that a generator's batch normalizations use at inference, and nothing else.

    They become the means over `num_batches` batches of generated images, by the weights as they are. Those that a
    generator has gathered while it was trained are of the weights that it had then; and those of an averaged generator
    are an average of others' statistics.

    Args:
        generator: Keras model of latents (N, Z), or `[latents, labels]`, with attributes `latent_dim` and
            `num_classes` where its inputs do not tell them; such as `gan.ema_generator`.
        num_batches: int >= 1; the paper has 100, the authors' code 16.
        batch_size: int >= 1, images a batch: that of training is best.
        seed: int; batch b has the image seeds from `image_seeds(seed, n)[b * batch_size]` on, which determine latents
            and labels.

    Raises:
        ValueError: a size below 1, a generator without batch normalization, or whose latents' size is not known.

    Example:
        >>> standing_statistics(gan.ema_generator, num_batches=2, batch_size=8)

    Reference: Brock, Donahue, Simonyan, arXiv:1809.11096, appendix B ("standing statistics").
    """
    check_sizes(num_batches=num_batches, batch_size=batch_size)
    layers = [layer for layer in layers_of(generator) if isinstance(layer, keras.layers.BatchNormalization)]
    if not layers:
        raise ValueError(
            "Standing statistics are those of batch normalization, which this generator has none of: leave it as it "
            f"is. Received: generator={generator.name!r}"
        )
    latent_dim, num_classes = (getattr(generator, name, None) for name in ("latent_dim", "num_classes"))
    taken, width, num_classes = in_our_order(generator, latent_dim, num_classes)
    if (latent_dim or width) is None:
        raise ValueError(
            "The latents' size cannot be read from the generator: give it an attribute `latent_dim`. Received: "
            f"generator={generator.name!r}"
        )
    statistics = [value for layer in layers for value in (layer.moving_mean, layer.moving_variance)]
    seeds = image_seeds(seed, num_batches * batch_size).reshape(num_batches, batch_size)
    with _own_batches_alone(layers):
        sums = [0.0] * len(statistics)
        for rows in seeds:
            labels = None if num_classes is None else labels_from_seeds(rows, num_classes)
            inputs = pack(latents_from_seeds(rows, latent_dim or width), labels)
            sums = [total + value for total, value in zip(sums, _after(taken, inputs, statistics), strict=True)]
    for variable, total in zip(statistics, sums, strict=True):
        variable.assign(total / num_batches)


@contextlib.contextmanager
def _own_batches_alone(layers):
    """Within it a pass in training mode leaves the batch's own statistics, in frozen layers, too."""
    before = [(layer.momentum, layer.trainable) for layer in layers]
    try:
        for layer in layers:
            layer.momentum, layer.trainable = 0.0, True
        yield
    finally:
        for layer, settings in zip(layers, before, strict=True):
            layer.momentum, layer.trainable = settings


def _after(generator, inputs, variables):
    """The values of variables after a pass in training mode, which assigns none."""
    with keras.StatelessScope() as scope:
        generator(inputs, training=True)
        return [scope.get_current_value(variable) for variable in variables]
