"""InfoGAN (arXiv:1606.03657): latents of which some are codes, and a discriminator that recovers them."""

from tfgan_kit.networks.heads import DiscriminatorWithHeads
from tfgan_kit.networks.network import Network, precision
from tfgan_kit.ranges import check_not_negative, check_sizes

import keras
import tensorflow as tf
from keras import layers

ROOT_OF_2 = 2.0**0.5
LARGEST_CODE = 1.0 - 2.0**-20  # beyond it the inverse of the error function is inaccurate in float32


@keras.saving.register_keras_serializable("tfgan_kit")
class Codes(layers.Layer):
    """Latents from N(0, 1) to codes: one-hot rows, uniform over the categories, and numbers from U(-1, 1).

    The first latents become the categorical codes, K each, as one-hot(argmax), and the next ones the continuous codes,
    one each, as `2 Phi(z) - 1 = erf(z / sqrt(2))`. So a code is determined by the latents, and these by a seed.

    Args:
        categorical: sizes K of the categorical codes.
        continuous: int >= 0, number of continuous codes.
    """

    def __init__(self, categorical, continuous, **kwargs):
        super().__init__(**kwargs)
        self.categorical = tuple(categorical)
        self.continuous = continuous

    @property
    def size(self):
        """Numbers of all codes, and the latents that they are made of."""
        return sum(self.categorical) + self.continuous

    def parts(self, rows):
        """The parts of latents or codes (N, >= size): a list of (N, K) each, (N, continuous), and the rest."""
        *categories, numbers, rest = tf.split(rows, [*self.categorical, self.continuous, -1], axis=1)
        return categories, numbers, rest

    def call(self, latents):
        categories, numbers, _ = self.parts(latents)
        return tf.concat([*map(_one_hot, categories), tf.math.erf(numbers / ROOT_OF_2)], axis=1)

    def get_config(self):
        return {"categorical": self.categorical, "continuous": self.continuous, **super().get_config()}


def _one_hot(scores):
    return tf.one_hot(tf.argmax(scores, axis=1), scores.shape[-1], dtype=scores.dtype)


def _check_codes(categorical, continuous):
    for size in categorical:
        check_sizes(categorical=size)
    check_not_negative(continuous=continuous)
    if not categorical and not continuous:
        raise ValueError(f"At least one code is needed. Received: categorical={categorical}, continuous={continuous}")


@keras.saving.register_keras_serializable("tfgan_kit")
class InfoGANGenerator(Network):
    """A generator whose first latents are codes: categories, uniform, and numbers from U(-1, 1).

    The wrapped generator receives `[codes, other latents]`, as many numbers as before. Latents still come from N(0, 1),
    and the codes are a function of them, so that seeds, averaging, export and servers need not know of codes:
    `codes(latents)` are the codes of latents, `with_codes(latents, codes)` the latents of codes.

    Args:
        generator: Keras model that is built on its inputs, latents (N, Z) -> images; or `[latents, labels]`, then with
            an attribute `num_classes`.
        categorical: list of ints >= 1, the sizes K of the categorical codes.
        continuous: int >= 0, number of continuous codes. Z is at least the sum of all.

    Call arguments:
        inputs: latents float32 (N, Z) from N(0, 1); or `[latents, labels int32 (N,)]`.

    Returns:
        the wrapped generator's images.

    Raises:
        ValueError: no codes, a size out of range, or fewer latents than the codes take.

    Example:
        >>> generator = InfoGANGenerator(gk.networks.MLPGenerator(latent_dim=8, width=4), categorical=[3], continuous=1)
        >>> latents = keras.random.normal((2, 8))
        >>> chosen = generator.with_codes(latents, [[0, 1, 0, 0.5], [0, 0, 1, -0.5]])
        >>> generator.codes(chosen).numpy().round(4).tolist()
        [[0.0, 1.0, 0.0, 0.5], [0.0, 0.0, 1.0, -0.5]]

    Reference: Chen et al., arXiv:1606.03657, section 4. Deviation: codes are drawn by transforming normal latents.
    Through a categorical code no gradient reaches the latents: `GAN.project` finds it among its starts alone.
    """

    def __init__(self, generator, categorical=(10,), continuous=2, **kwargs):
        categorical = list(categorical)
        _check_codes(categorical, continuous)
        latent_dim, num_classes = generator.inputs[0].shape[-1], getattr(generator, "num_classes", None)
        codes = Codes(categorical, continuous, dtype="float32", name="codes")
        if codes.size > latent_dim:
            raise ValueError(
                f"The codes take {codes.size} latents, more than there are; give the generator a larger latent_dim. "
                f"Received: categorical={categorical}, continuous={continuous}, latent_dim={latent_dim}"
            )
        arguments = dict(generator=generator, categorical=categorical, continuous=continuous)
        kwargs.pop("dtype", None)
        with precision(generator.dtype_policy) as policy:
            latents = keras.Input((latent_dim,), name="latents")
            labels = keras.Input((), dtype="int32", name="labels") if num_classes else None
            coded = layers.Concatenate(dtype="float32")([codes(latents), latents[:, codes.size :]])
            images = generator(coded if labels is None else [coded, labels])
        super().__init__(latents if labels is None else [latents, labels], images, arguments, policy, **kwargs)
        self.codes = codes
        self.latent_dim = latent_dim
        self.num_classes = num_classes

    def with_codes(self, latents, codes):
        """Latents that stand for the given codes and are otherwise as they were.

        Of a categorical code, the largest of its latents changes places with the one of the new category; so latents
        from N(0, 1) and uniform codes give latents from N(0, 1).

        Args:
            latents: float (N, Z).
            codes: float (N, K), as `codes` returns them: one-hot rows, then numbers in [-1, 1].

        Returns:
            float32 (N, Z), for `GAN.predict`.

        Raises:
            ValueError: codes of another shape, or numbers outside of [-1, 1].
        """
        latents, codes = (tf.convert_to_tensor(rows, tf.float32) for rows in (latents, codes))
        if codes.shape != (len(latents), self.codes.size) or float(tf.reduce_max(tf.abs(codes))) > 1.0:
            raise ValueError(
                f"Codes are (N, {self.codes.size}), a row for each of latents: one-hot rows, then numbers in [-1, 1]. "
                f"Received: codes {tuple(codes.shape)} for latents {tuple(latents.shape)}"
            )
        scores, _, rest = self.codes.parts(latents)
        one_hots, numbers, _ = self.codes.parts(codes)
        changed = [_with_category(*pair) for pair in zip(scores, one_hots, strict=True)]
        numbers = ROOT_OF_2 * tf.math.erfinv(tf.clip_by_value(numbers, -LARGEST_CODE, LARGEST_CODE))
        return tf.concat([*changed, numbers, rest], axis=1)

    def get_config(self):
        return {**super().get_config(), "generator": keras.saving.serialize_keras_object(self.generator)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "generator": keras.saving.deserialize_keras_object(config["generator"])})


def _with_category(scores, one_hot):
    """Scores (N, K) whose largest changed places with the one of a category, one-hot (N, K); above any equal one."""
    largest = tf.reduce_max(scores, axis=1, keepdims=True)
    there = tf.reduce_sum(scores * one_hot, axis=1, keepdims=True)
    moved = tf.where(_one_hot(scores) > 0.5, there, scores)
    tied = tf.reduce_sum(tf.cast(scores == largest, tf.float32), axis=1, keepdims=True) > 1.0
    return tf.where(one_hot > 0.5, tf.where(tied, largest + 1.0, largest), moved)


@keras.saving.register_keras_serializable("tfgan_kit")
class InfoGANDiscriminator(DiscriminatorWithHeads):
    """A discriminator with a second output: Q, what the codes of an image may have been.

    Train it against an `InfoGANGenerator` of the same codes, with `penalties.MutualInformation` for each player.

    Args:
        discriminator: functional Keras model, images -> logits (N, 1), without labels, which ends in a dense layer, as
            of `ACGANDiscriminator`. Its weights are used.
        categorical: list of ints >= 1, the sizes K of the categorical codes.
        continuous: int >= 0, C, number of continuous codes.
        width: int >= 1, units of Q's hidden layer.

    Call arguments:
        inputs: images float32 (N, H, W, C) in [-1, 1].

    Returns:
        a dict: `logits` float32 (N, 1), and `codes`, a dict of `categorical`, a list of logits float32 (N, K), if there
        are any, and of `mean` and `log_deviation`, float32 (N, C), if C > 0.

    Raises:
        ValueError: no codes, a size out of range, or another kind of discriminator.

    Example:
        >>> inner = gk.networks.MLPDiscriminator(width=4)
        >>> discriminator = InfoGANDiscriminator(inner, categorical=[3], continuous=1)
        >>> discriminator(keras.ops.zeros((2, 2)))["codes"]["mean"].shape
        TensorShape([2, 1])

    Reference: Chen et al., arXiv:1606.03657, section 5 and appendix C.1. Deviation: Q's hidden layer has no batch
    normalization, so that rows stay independent where the discriminator's are.
    """

    def __init__(self, discriminator, categorical=(10,), continuous=2, width=128, **kwargs):
        categorical = list(categorical)
        _check_codes(categorical, continuous)
        check_sizes(width=width)

        def heads(features, dense):
            hidden = layers.LeakyReLU(0.1, dtype="float32")(dense(width, "codes_hidden")(features))
            codes = {}
            if categorical:
                codes["categorical"] = [dense(k, f"category_{n}")(hidden) for n, k in enumerate(categorical)]
            if continuous:
                codes |= {name: dense(continuous, name)(hidden) for name in ("mean", "log_deviation")}
            return {"codes": codes}

        arguments = dict(categorical=categorical, continuous=continuous, width=width)
        super().__init__(discriminator, heads, arguments, **kwargs)
