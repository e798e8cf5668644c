"""PacGAN's GAN on its mixtures (1712.04086, section 4.1), as presets for `--import_module`.

Generator: four layers of 400 units without bias, batch normalization, ReLU; discriminator: three linear
maxout layers of 200 units and 5 pieces, no batch normalization; weights from N(0, 0.02^2), biases 0;
both players move at once by Adam (1e-4, beta_1 0.8), non-saturating; batches of 100, 400 epochs of
100,000 points. Batch statistics for generating are averages with a rate of 0.05 a step. `pacgan2` to
`pacgan4` pack 2 to 4 points.

Deviation: one fixed set of 100,000 points for all seeds, where the paper draws one a run.
"""

from tfgan_kit import presets
from tfgan_kit.networks import PackedDiscriminator
from tfgan_kit.training.updates import Consensus

import keras

WIDTH, PIECES, UNITS = 400, 5, 200


@keras.saving.register_keras_serializable("pacgan")
class Maxout(keras.layers.Layer):
    """The largest of each unit's pieces: (N, pieces * units) -> (N, units).

    The units of a piece lie side by side: a maximum over the last axis costs 3.7 times as much.
    """

    rows_are_independent = True

    def call(self, inputs):
        pieces = keras.ops.reshape(inputs, (-1, PIECES, inputs.shape[-1] // PIECES))
        return keras.ops.max(pieces, axis=1)


def _dense(units, **arguments):
    return keras.layers.Dense(units, kernel_initializer=keras.initializers.RandomNormal(stddev=0.02), **arguments)


def generator(dim):
    layers = [keras.Input((2,))]
    for _ in range(4):
        layers += [
            _dense(WIDTH, use_bias=False),
            keras.layers.BatchNormalization(momentum=0.95, epsilon=1e-4, synchronized=True),
            keras.layers.ReLU(),
        ]
    return keras.Sequential([*layers, _dense(dim)])


def discriminator(dim, packing):
    layers = [keras.Input((packing * dim,))]
    for _ in range(3):
        layers += [_dense(UNITS * PIECES), Maxout()]
    inner = keras.Sequential([*layers, _dense(1)])
    return inner if packing == 1 else PackedDiscriminator(inner, packing)


def _networks(packing):
    return lambda image_shape, num_classes: (generator(*image_shape), discriminator(*image_shape, packing))


for packing in (1, 2, 3, 4):
    presets.register(
        f"pacgan{packing}",
        presets.Preset(
            _networks(packing),
            dataset="grid25",
            batch_size=100 * packing,
            steps=400_000,
            generator_learning_rate=1e-4,
            discriminator_learning_rate=1e-4,
            beta_1=0.8,
            update=Consensus(gamma=0.0),
            ema_decay=0.0,
        ),
    )
