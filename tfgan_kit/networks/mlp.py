"""Multi-layer perceptrons for points in the plane: mixtures, toy games, quick experiments."""

from tfgan_kit.layers import FourierFeatures
from tfgan_kit.networks.network import Network, precision
from tfgan_kit.ranges import check_sizes

import keras
from keras import layers


def _hidden(x, width, depth, negative_slope=0.0):
    for _ in range(depth):
        x = layers.Dense(width, kernel_initializer="he_normal")(x)
        x = layers.LeakyReLU(negative_slope)(x)
    return x


@keras.saving.register_keras_serializable("tfgan_kit")
class MLPGenerator(Network):
    """Latents to points by `depth` ReLU layers and a linear one.

    Args:
        output_dim: int >= 1, D, dimension of the points.
        latent_dim: int >= 1, Z.
        width: int >= 1, units of a hidden layer.
        depth: int >= 1, number of hidden layers.

    Call arguments:
        inputs: latents float32 (N, Z) from N(0, 1).

    Returns:
        points float32 (N, D), unbounded.

    Raises:
        ValueError: a size below 1.

    Example:
        >>> MLPGenerator()(keras.random.normal((4, 2))).shape
        TensorShape([4, 2])

    Reference: the toy pair of Gulrajani et al., arXiv:1704.00028 (3 layers of 512 units, as in the
    authors' gan_toy.py).
    """

    def __init__(self, output_dim=2, latent_dim=2, width=512, depth=3, **kwargs):
        arguments = dict(output_dim=output_dim, latent_dim=latent_dim, width=width, depth=depth)
        check_sizes(**arguments)
        with precision(kwargs.pop("dtype", None)) as policy:
            latents = keras.Input((latent_dim,), name="latents")
            points = layers.Dense(output_dim, dtype="float32", name="points")(_hidden(latents, width, depth))
        super().__init__(latents, points, arguments, policy, **kwargs)


@keras.saving.register_keras_serializable("tfgan_kit")
class MLPDiscriminator(Network):
    """Points to logits by `depth` ReLU layers and a linear one, without normalization.

    Args:
        input_dim: int >= 1, D, dimension of the points.
        width: int >= 1, units of a hidden layer.
        depth: int >= 1, number of hidden layers.
        num_frequencies: int >= 0; above 0 the points go through `FourierFeatures` first, so that the
            discriminator sees finer structure than a few ReLU layers can represent.
        negative_slope: float >= 0, of the leaky ReLUs. At 0, as in the paper, all units of a penalized
            discriminator may die at a high learning rate, which leaves it constant.

    Call arguments:
        inputs: points float32 (N, D).

    Returns:
        logits float32 (N, 1).

    Raises:
        ValueError: a size below 1.

    Example:
        >>> MLPDiscriminator()(keras.ops.zeros((4, 2))).shape
        TensorShape([4, 1])

    Reference: the authors' code of arXiv:1704.00028, gan_toy.py.
    """

    def __init__(self, input_dim=2, width=512, depth=3, num_frequencies=0, negative_slope=0.0, **kwargs):
        sizes = dict(input_dim=input_dim, width=width, depth=depth)
        check_sizes(**sizes)
        arguments = {**sizes, "num_frequencies": num_frequencies, "negative_slope": negative_slope}
        with precision(kwargs.pop("dtype", None)) as policy:
            points = keras.Input((input_dim,), name="points")
            x = FourierFeatures(num_frequencies)(points) if num_frequencies else points
            x = _hidden(x, width, depth, negative_slope)
            logits = layers.Dense(1, dtype="float32", name="logits")(x)
        super().__init__(points, logits, arguments, policy, **kwargs)
