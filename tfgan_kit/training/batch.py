"""The images of a training step, and their rows in the whole batch."""

import typing

from tfgan_kit.distribution import replicas
from tfgan_kit.ranges import require

import tensorflow as tf


class Batch(typing.NamedTuple):
    """Images of one move, an update of one player: all of them, or the rows that this replica holds.

    The random draws and the weight of a row depend only on its index in the whole batch, so that two
    replicas with half a batch each, or a batch in two parts, compute what one device computes with
    the whole batch.

    Attributes:
        images: float32 (N, ...) in [-1, 1].
        condition: None, labels int32 (N,), images, or a structure of tensors with one row per image.
        rows: int32 (N,), the index of each row in the whole batch; None: these are all.
        total: int32 scalar, rows of the whole batch.
        stride: int, from one row to the next, over all replicas: 1, or that of a part.
    """

    images: typing.Any
    condition: typing.Any
    rows: typing.Any
    total: typing.Any
    stride: int = 1

    @classmethod
    def of(cls, images, condition=None):
        """The batch of a training step, as this replica receives it."""
        return cls(images, condition, *replicas.rows_of_this_replica(tf.shape(images)[0]))

    def mean(self, value):
        """This part's share of a mean over the whole batch, from the mean over its own rows.

        The shares of all replicas and parts add up to the mean.
        """
        if self.rows is None:
            return value
        return value * tf.cast(tf.size(self.rows), tf.float32) / tf.cast(self.total, tf.float32)

    def normal(self, seed, shape):
        """Draws from N(0, 1) by (seed, row): float32 (N, *shape)."""
        return self._draw(tf.random.stateless_normal, seed, shape)

    def uniform(self, seed, shape):
        """Draws from [0, 1) by (seed, row): float32 (N, *shape)."""
        return self._draw(tf.random.stateless_uniform, seed, shape)

    def _draw(self, law, seed, shape):
        # Philox draws the same on CPU and GPU; under XLA TensorFlow draws other numbers from it.
        draws = law([self.total, *shape], seed, alg="philox")
        return draws if self.rows is None else tf.gather(draws, self.rows)

    def move(self, k, moves):
        """The rows of the k-th of `moves` updates: k, k + moves, ... of the whole batch, numbered from 0."""
        if moves == 1:
            return self
        if self.rows is None:
            part = self._every(k, moves, None)
            return part._replace(total=tf.shape(part.images)[0])
        part = self._at(tf.where(self.rows % moves == k)[:, 0])
        return part._replace(rows=part.rows // moves, total=(self.total - k + moves - 1) // moves)

    def parts(self, count):
        """`count` batches that together are this one: rows k, k + count, ... of the whole batch."""
        if count == 1:
            return [self]
        if self.rows is None:
            parts = [self._every(k, count, tf.range(k, self.total, count)) for k in range(count)]
        else:
            parts = [self._at(tf.where(self.rows % count == k)[:, 0]) for k in range(count)]
        return [part._replace(stride=count) for part in parts]

    def every(self, k):
        """Every k-th row of this batch or part, counted over all replicas; each keeps its draws.

        Raises:
            ValueError: a replica that has none of them, which TensorFlow's convolutions do not all compute.
        """
        if self.rows is None:
            return self._every(0, k, tf.range(0, self.total, k))
        places = tf.where(self.rows // self.stride % k == 0)[:, 0]
        count = tf.size(self.rows)
        rule = f"One row in {k} is used, so every replica, and each part of its batch, must hold {k} or more."
        with tf.control_dependencies([require(tf.size(places) > 0, rule, "rows", count)]):
            return self._at(tf.identity(places))

    def _every(self, k, count, rows):
        part = self._rows(lambda tensor: tensor[k::count])
        return part._replace(rows=rows)

    def _at(self, places):
        part = self._rows(lambda tensor: tf.gather(tensor, places))
        return part._replace(rows=tf.gather(self.rows, places))

    def _rows(self, take):
        condition = None if self.condition is None else tf.nest.map_structure(take, self.condition)
        return self._replace(images=take(self.images), condition=condition)
