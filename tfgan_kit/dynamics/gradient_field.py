"""The simultaneous gradient field of a two-player game, and products with its Jacobian."""

from tfgan_kit.generation import inputs
from tfgan_kit.training.batch import Batch

import keras
import numpy as np
import tensorflow as tf

MOST_DENSE = 2000  # 32 MB of float64, and 2,000 products


class GradientField:
    """`v(w) = (grad_a L_a, grad_b L_b)` of two players a and b, w = (a, b), and its Jacobian J.

    Gradient descent of both is the flow dw/dt = -v(w), a GAN's with a the discriminator and b the
    generator. J is not symmetric: `S = (J + J^T) / 2` contracts or expands, `A = (J - J^T) / 2`
    rotates. Near a point where v is zero, descent converges for small steps if all eigenvalues of J
    have positive real parts. Only `dense` forms an n x n matrix: a product costs a few passes
    through the networks, and their memory.

    Created by `of_losses` (any two scalar functions) or `of_gan`. A point w is a vector of n numbers,
    the first player's first; None always means the current variables. Nothing is assigned.

    Args:
        gradients: callable, two lists of tensors -> their gradients, likewise (None: zero).
        first, second: lists of variables or arrays of one float dtype, the players.

    Raises:
        ValueError: no variables, or of several dtypes; (in the methods) a vector of another size.

    Example:
        >>> field = GradientField.of_losses(             # min_a max_b ab
        ...     lambda a, b: a[0] * b[0],
        ...     lambda a, b: -a[0] * b[0], [1.0], [2.0])
        >>> field()
        array([ 2., -1.], dtype=float32)
        >>> field.dense()
        array([[ 0.,  1.],
               [-1.,  0.]])

    Reference: Mescheder, Nowozin, Geiger, arXiv:1705.10461; Balduzzi et al., arXiv:1802.05642.
    """

    def __init__(self, gradients, first, second):
        self._gradients = gradients
        self._variables = [*first, *second]
        self._split = len(first)
        leaves = [tf.convert_to_tensor(variable) for variable in self._variables]
        dtypes = {leaf.dtype for leaf in leaves}
        if not 0 < self._split < len(leaves) or len(dtypes) > 1 or not leaves[0].dtype.is_floating:
            raise ValueError(
                "Each of two players has variables, and all are of one float dtype. Received: "
                f"{self._split} and {len(leaves) - self._split} of {sorted(d.name for d in dtypes)}"
            )
        self.dtype = leaves[0].dtype
        self._shapes = [tuple(leaf.shape) for leaf in leaves]
        self._sizes = [int(np.prod(shape)) for shape in self._shapes]
        self.sizes = (sum(self._sizes[: self._split]), sum(self._sizes[self._split :]))
        self._compiled = [tf.function(f) for f in (self._field, self._forward, self._reverse)]

    @classmethod
    def of_losses(cls, first_loss, second_loss, first, second):
        """The field of two losses, each a function of both players' lists of tensors.

        Args:
            first_loss, second_loss: callable, (first, second) -> scalar, which its player minimises.
            first, second: lists of variables or arrays.
        """

        def gradients(a, b):
            with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
                tape.watch([a, b])
                losses = first_loss(a, b), second_loss(a, b)
            return tape.gradient(losses[0], a), tape.gradient(losses[1], b)

        return cls(gradients, first, second)

    @classmethod
    def of_gan(cls, gan, images, labels=None, latents=None):
        """The field of a compiled GAN on one batch: objective, penalties, weight regularizers.

        The networks run in training mode. Lazy penalties enter with their mean over the
        steps; what a step would change (statistics, an adaptive penalty) does not change, and loss
        scales are left out. After the GAN is compiled again, the field must be created again.

        Args:
            gan: `GAN`, on one device.
            images: uint8 or float32 (N, ...), as for `fit`.
            labels: int (N,), for a conditional GAN.
            latents: float32 (N, Z); None: those that the GAN's next step would draw.

        Raises:
            ValueError: a GAN that is not compiled, or is on several replicas.
        """
        batch = batch_of(gan, images, labels)
        drawn = gan.game.latents(batch) if latents is None else tf.convert_to_tensor(latents)
        step = tf.constant(gan.steps_trained, tf.int64)

        def gradients(discriminator_weights, generator_weights):
            with at_weights(gan, discriminator_weights, generator_weights, step):
                return gan.game.gradient_field(batch, drawn, lazy=False)[:2]

        players = gan.discriminator.trainable_variables, gan.generator.trainable_variables
        return cls(gradients, *players)

    def position(self):
        """The current variables: float (n,)."""
        leaves = [tf.reshape(tf.convert_to_tensor(variable), [-1]) for variable in self._variables]
        return tf.concat(leaves, axis=0).numpy()

    def __call__(self, w=None):
        """v(w), float (n,): the gradient of each player."""
        return self._run(0, w)

    def jvp(self, u, w=None):
        """J u, float (n,): forward over reverse mode, at about twice the cost of v."""
        return self._run(1, w, u)

    def vjp(self, u, w=None):
        """J^T u, float (n,): reverse over reverse mode, at about twice the cost of v."""
        return self._run(2, w, u)

    def symmetric(self, u, w=None):
        """S u = (J u + J^T u) / 2, float (n,)."""
        return 0.5 * (self.jvp(u, w) + self.vjp(u, w))

    def antisymmetric(self, u, w=None):
        """A u = (J u - J^T u) / 2, float (n,)."""
        return 0.5 * (self.jvp(u, w) - self.vjp(u, w))

    def dense(self, w=None):
        """J as float64 (n, n), computed column by column, for n up to 2,000.

        Raises:
            ValueError: a larger n.
        """
        n = sum(self.sizes)
        if n > MOST_DENSE:
            raise ValueError(
                f"A Jacobian of more than {MOST_DENSE} x {MOST_DENSE} is not formed: use jvp, vjp, or "
                f"dynamics.eigenvalues. Received: a game of {n} variables"
            )
        return np.stack([self.jvp(u, w) for u in np.eye(n)], axis=1).astype(np.float64)

    def _run(self, which, *vectors):
        return self._compiled[which](*(self._vector(x) for x in vectors)).numpy()

    def _vector(self, x):
        x = np.asarray(self.position() if x is None else x)
        if x.shape != (sum(self.sizes),):
            raise ValueError(
                "A point, or a direction, of this game is a vector of "
                f"{self.sizes[0]} + {self.sizes[1]} numbers. Received: shape {x.shape}"
            )
        return tf.constant(x, self.dtype)

    def _field(self, w):
        pieces = tf.split(w, self._sizes)
        leaves = [tf.reshape(p, shape) for p, shape in zip(pieces, self._shapes, strict=True)]
        first, second = self._gradients(leaves[: self._split], leaves[self._split :])
        gradients = [
            tf.zeros_like(leaf) if gradient is None else tf.convert_to_tensor(gradient)
            for leaf, gradient in zip(leaves, [*first, *second], strict=True)
        ]
        return tf.concat([tf.reshape(gradient, [-1]) for gradient in gradients], axis=0)

    def _forward(self, w, u):
        with tf.autodiff.ForwardAccumulator(w, u) as accumulator:
            field = self._field(w)
        return accumulator.jvp(field, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def _reverse(self, w, u):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(w)
            field = self._field(w)
        return tape.gradient(field, w, u, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def batch_of(gan, images, labels):
    """A batch for a GAN that can be analysed: compiled, on one device.

    Raises:
        ValueError: it is not, or the images or labels do not match it.
    """
    if not gan.compiled:
        raise ValueError("`compile` sets the losses: call gan.compile(...) first. Received: a GAN that is not compiled")
    replicas = gan.distribute_strategy.num_replicas_in_sync
    if replicas > 1:
        raise ValueError(
            "The game is analysed on one device: save the GAN, and load it outside of the "
            f"strategy's scope. Received: a GAN on {replicas} replicas"
        )
    images = inputs.prepare_images(images, gan.image_shape)
    return Batch.of(images, inputs.prepare_labels(labels, gan.num_classes))


def at_weights(gan, discriminator_weights, generator_weights, step):
    """A scope in which the GAN's weights have these values and assignments are discarded."""
    variables = [*gan.discriminator.trainable_variables, *gan.generator.trainable_variables]
    values = [*discriminator_weights, *generator_weights]
    mapping = [*zip(variables, values, strict=True), (gan.step, step)]
    for optimizer in gan.optimizer.optimizers:
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            mapping.append((optimizer.dynamic_scale, tf.constant(1.0)))
    return keras.StatelessScope(state_mapping=mapping)
