"""Minibatch standard deviation (arXiv:1710.10196): a discriminator sees how much the images of a group vary."""

from tfgan_kit.ranges import check_sizes, require

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_kit")
class MinibatchDeviation(keras.layers.Layer):
    """Appends the standard deviation over a group of rows, averaged over pixels and channels, as further channels.

    It lets a discriminator see that a generator's images are too alike; the last block of a StyleGAN's has it. With a
    batch of N and G = min(group, N), the rows k, k + N/G, k + 2 N/G, ... are a group. Of C channels, each of `channels`
    parts of C / channels gives one number a group:

        mean over the part and all pixels of sqrt(variance over the group + 1e-8)

    Rows depend on each other, so real and generated images take passes of their own; with several replicas a group
    holds rows of one. An exported `discriminate` would answer by the batch, and is refused.

    Args:
        group: int >= 1, G, rows of a group; in a batch of fewer, all of them.
        channels: int >= 1, channels that are appended; it divides C.

    Call arguments:
        inputs: float (N, H, W, C); G divides N.

    Returns:
        (N, H, W, C + channels), in the compute dtype; the statistics are computed in float32.

    Raises:
        ValueError: a size below 1, channels that do not divide, or a batch that the group does not divide.

    Example:
        >>> MinibatchDeviation()(keras.ops.zeros((8, 4, 4, 16))).shape
        TensorShape([8, 4, 4, 17])

    Reference: Karras et al., arXiv:1710.10196, section 3; groups as in arXiv:1912.04958.
    """

    rows_are_independent = False

    def __init__(self, group=4, channels=1, **kwargs):
        check_sizes(group=group, channels=channels)
        super().__init__(**kwargs)
        self.group = group
        self.channels = channels

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] % self.channels:
            raise ValueError(
                "Minibatch deviation takes images (N, H, W, C), and `channels` that divide C. "
                f"Received: {tuple(input_shape)}, channels={self.channels}"
            )
        super().build(input_shape)

    def call(self, inputs):
        depth, (count, *pixels, _) = inputs.shape[-1], tf.unstack(tf.shape(inputs))
        group = tf.minimum(self.group, count)
        with tf.control_dependencies([self._divides(count)]):
            x = tf.identity(tf.cast(inputs, tf.float32))  # a cast to the same type is no operation, and waits for none
        parts = [self.channels, depth // self.channels]
        x = tf.reshape(x, [group, count // group, *pixels, *parts])  # (G, N/G, H, W, F, C/F)
        x = tf.sqrt(tf.math.reduce_variance(x, axis=0) + 1e-8)  # (N/G, H, W, F, C/F)
        x = tf.reduce_mean(x, axis=[1, 2, 4])  # (N/G, F)
        x = tf.tile(x[:, None, None, :], [group, *pixels, 1])  # (N, H, W, F)
        return tf.concat([inputs, tf.cast(x, inputs.dtype)], axis=-1)

    def _divides(self, count):
        """Refuses a batch that the group does not divide, at once if its size is known."""
        rule = f"The group of a MinibatchDeviation, {self.group} rows, must divide the batch, or hold all of it."
        known = tf.get_static_value(count)
        if known is not None and known > self.group and known % self.group:
            raise ValueError(f"{rule} Received: a batch of {known}")
        return require((count <= self.group) | (count % self.group == 0), rule, "a batch of", count)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.channels)

    def get_config(self):
        return {"group": self.group, "channels": self.channels, **super().get_config()}
