"""BigGAN's orthogonal regularization (arXiv:1809.11096): the rows of a generator's weights are kept apart."""

from tfgan_kit.internals.keras import layers_of
from tfgan_kit.penalties.penalty import Penalty, register
from tfgan_kit.ranges import check_not_negative

import keras
import tensorflow as tf


@register
class OrthogonalRegularization(Penalty):
    """`weight / 2 * sum over W of |W W^T - diag(W W^T)|^2`: pairs of filters are pushed to be orthogonal.

    It is the generator's, over each of its trainable weights with two axes or more, as a matrix W (outputs, rest), of
    an embedding (classes, rest); raw, where they are spectrally normalized. It makes a generator amenable to
    truncation: latents that are rare in training then still give whole images. The norms of the rows stay free.

    Args:
        weight: float >= 0.
        exclude: names of layers that are left out; BigGAN's shared embedding is called "shared".
        interval: int >= 1, see `Penalty`.

    Raises:
        ValueError: a negative `weight`, an `interval` below 1.

    Example:
        >>> gan.compile(objective="hinge", penalties=[OrthogonalRegularization(weight=1e-4)])

    Reference: Brock, Donahue, Simonyan, arXiv:1809.11096, eq. 3. The factor 1/2 gives the gradient of the authors'
    code at the same weight; its launch scripts leave it at 0.
    """

    player = "generator"
    name = "orthogonal"
    uses_fake_images = False

    def __init__(self, weight=1e-4, exclude=("shared",), interval=1):
        super().__init__(interval)
        check_not_negative(weight=weight)
        self.weight = weight
        self.exclude = list(exclude)

    def value(self, step):
        squares = [_off_diagonal(matrix) for matrix in _matrices(step.generator.network, self.exclude)]
        return 0.5 * self.weight * tf.add_n(squares) if squares else tf.constant(0.0)

    def get_config(self):
        return {"weight": self.weight, "exclude": self.exclude, **super().get_config()}


def _matrices(network, exclude):
    """The trainable weights with two axes or more, as float32 (outputs, rest)."""
    transposed = {id(layer.kernel) for layer in layers_of(network) if isinstance(layer, keras.layers.Conv2DTranspose)}
    for variable in network.trainable_variables:
        rank = len(variable.shape)
        if rank < 2 or not set(exclude).isdisjoint(variable.path.split("/")):
            continue
        if variable.name != "kernel":  # a table
            axis = 0
        else:
            axis = rank - (2 if id(variable) in transposed else 1)
        order = [axis, *(k for k in range(rank) if k != axis)]
        weight = tf.transpose(tf.cast(tf.convert_to_tensor(variable), tf.float32), order)
        yield tf.reshape(weight, (variable.shape[axis], -1))


def _off_diagonal(matrix):
    """`|W W^T - diag(W W^T)|^2`, by the smaller of W W^T and W^T W, whose squares have the same sum."""
    rows, columns = matrix.shape
    gram = tf.matmul(matrix, matrix, transpose_a=rows > columns, transpose_b=rows <= columns)
    norms = tf.reduce_sum(tf.square(matrix), axis=1)  # the diagonal
    if rows > columns:
        return tf.reduce_sum(tf.square(gram)) - tf.reduce_sum(tf.square(norms))
    return tf.reduce_sum(tf.square(tf.linalg.set_diag(gram, tf.zeros_like(norms))))
