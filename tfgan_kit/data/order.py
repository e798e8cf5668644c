"""The order of the training data: a function of (seed, position), so there is no state to save."""

import numpy as np
import tensorflow as tf

# Seeds (seed, epoch) with epoch >= 0 order the images; (seed, _FLIP_STREAM) is left for the flips.
_FLIP_STREAM = -1
_FLIP_RANGE = 2**62
# What tf.random.experimental.index_shuffle puts before the two words of its seed.
_FIRST_WORD = 498247692


def positions_to_indices(positions, seed, num_images):
    """Which image stands at each position of the endless training order.

    Position p is image `tf.random.experimental.index_shuffle(p % N, seed=[seed, p // N],
    max_index=N - 1)`: every epoch is a permutation of its own, and nothing has to be stored or
    replayed to start anywhere.

    Args:
        positions: int64 [B], counted from 0 at the start of training.
        seed: Python int, -2**63 to 2**63 - 1.
        num_images: N, Python int, at least 1.

    Returns:
        int64 [B] in [0, N).

    Example:

        positions = tf.range(6, dtype=tf.int64)
        positions_to_indices(positions, seed=0, num_images=3)  # 0..2 in some order, then another
    """
    epochs = positions // num_images
    seeds = tf.stack([tf.fill(tf.shape(epochs), np.int64(seed)), epochs], axis=1)  # (B, 2)
    return _index_shuffle(positions % num_images, seeds, num_images - 1)


def positions_to_flips(positions, seed):
    """Whether the image at each position is mirrored: a fair coin from (seed, position) alone.

    The coin is the last bit of the position after a pseudorandom permutation of [0, 2**62), because
    a stateless draw with a seed a row cannot be vectorised.

    Args:
        positions: int64 [B].
        seed: Python int, -2**63 to 2**63 - 1.

    Returns:
        bool [B].
    """
    stream = tf.constant([seed, _FLIP_STREAM], tf.int64)
    seeds = tf.broadcast_to(stream, [tf.size(positions), 2])  # (B, 2)
    return _index_shuffle(positions, seeds, _FLIP_RANGE - 1) % 2 == 1


def _index_shuffle(indices, seeds, max_index):
    # tf.random.experimental.index_shuffle puts a fixed first word before the seed, but in
    # TensorFlow 2.21 pads the batch axis in its place when there is one; hence the raw op. Same
    # numbers: a test compares the two row by row.
    seeds = tf.pad(seeds, [[0, 0], [1, 0]], constant_values=_FIRST_WORD)  # (B, 3)
    return tf.raw_ops.RandomIndexShuffle(
        index=indices, seed=seeds, max_index=tf.constant(max_index, tf.int64), rounds=4
    )
