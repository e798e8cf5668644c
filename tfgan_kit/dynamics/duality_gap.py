"""Duality gap (arXiv:1811.05512): what each player could gain while the other is fixed."""

import typing

from tfgan_kit.dynamics.gradient_field import at_weights, batch_of
from tfgan_kit.internals.keras import copied, inner_optimizer, leave_the_sum_to_us

import keras
import numpy as np
import tensorflow as tf


class DualityGap(typing.NamedTuple):
    """The duality gap, and the values M = -L_D of the game from which it is computed.

    Attributes:
        gap: float, `best_discriminator - best_generator`.
        value: float, M of the two players.
        best_discriminator: float, M of the generator against its worst opponent, above `value`.
        best_generator: float, M of the discriminator against its worst opponent, below `value`.

    Example:
        >>> value = duality_gap(gan, images, steps=2).best_generator
    """

    gap: float
    value: float
    best_discriminator: float
    best_generator: float


def duality_gap(gan, images, labels=None, steps=50, batch_size=64, seed=0):
    """`max_D' M(G, D') - min_G' M(G', D)`, M = -L_D without penalties: zero only in equilibrium.

    Both best responses are found from copies of the players, by `steps` updates of each on its own loss,
    penalties included, with a copy of its optimizer (with state and learning rate); the GAN itself
    does not change. Even rows of `images` train them, odd rows measure M, in training mode. So few
    steps do not reach the maximum: the number is a lower estimate, comparable between checkpoints at
    the same `steps`, and unbounded where the objective is (Wasserstein). The cost is 2 `steps`
    updates, one trace for each player, and three passes over the odd rows.

    Args:
        gan: compiled `GAN`, on one device.
        images: uint8 or float32 (N, ...), N >= 4; held-out ones if available.
        labels: int (N,), for a conditional GAN.
        steps: int >= 1, updates of each player.
        batch_size: int >= 1, rows per update, drawn from the even ones; at most all of them.
        seed: int, determines the rows and the latents.

    Returns:
        `DualityGap`.

    Raises:
        ValueError: `steps` or `batch_size` below 1, or fewer than 4 images.

    Example:
        >>> gap = duality_gap(gan, images, steps=2).gap

    Reference: Grnarova et al., arXiv:1811.05512, eq. 2 and section 3.
    """
    if steps < 1 or batch_size < 1 or len(images) < 4:
        raise ValueError(
            "A best response needs at least one update, of at least one row, and half of the images, 2 "
            f"or more. Received: steps={steps}, batch_size={batch_size}, {len(images)} images"
        )
    half = [None if x is None else np.asarray(x)[0::2] for x in (images, labels)]
    rest = [None if x is None else np.asarray(x)[1::2] for x in (images, labels)]
    discriminator, generator = (
        _best_response(gan, player, _batches(gan, *half, steps, min(batch_size, len(half[0])), seed))
        for player in ("discriminator", "generator")
    )
    measured = batch_of(gan, *rest)
    latents = _latents(gan, len(rest[0]), seed, steps)
    mine = [
        [variable.value for variable in network.trainable_variables] for network in (gan.discriminator, gan.generator)
    ]
    value = _value(gan, measured, latents, *mine)
    best_discriminator = _value(gan, measured, latents, discriminator, mine[1])
    best_generator = _value(gan, measured, latents, mine[0], generator)
    return DualityGap(best_discriminator - best_generator, value, best_discriminator, best_generator)


def _batches(gan, images, labels, steps, size, seed):
    random = np.random.default_rng(seed)
    for k in range(steps):
        rows = random.choice(len(images), size, replace=False)
        batch = batch_of(gan, images[rows], None if labels is None else labels[rows])
        yield batch, _latents(gan, size, seed, k)


def _latents(gan, rows, seed, k):
    return tf.random.stateless_normal([rows, gan.latent_dim], [seed, k], alg="philox")


def _best_response(gan, player, batches):
    """The weights that a copy of one player reaches while the other is fixed."""
    mine = getattr(gan, player).trainable_variables
    # From NumPy arrays: a Keras variable made from a TensorFlow variable shares it.
    copies = [keras.Variable(variable.numpy(), name=variable.name) for variable in mine]
    optimizer = _copy_optimizer(getattr(gan, f"{player}_optimizer"), copies)
    gradients_of = _discriminator_gradients if player == "discriminator" else _generator_gradients
    step = tf.constant(gan.steps_trained, tf.int64)

    @tf.function
    def move(batch, latents):
        weights = {"discriminator": gan.discriminator, "generator": gan.generator}
        weights = {name: [v.value for v in net.trainable_variables] for name, net in weights.items()}
        weights[player] = [tf.identity(copy.value) for copy in copies]
        with at_weights(gan, *weights.values(), step):
            gradients = gradients_of(gan, batch, latents)
        optimizer.apply(gradients, copies)

    for batch, latents in batches:
        move(batch, latents)
    return [copy.value for copy in copies]


def _copy_optimizer(optimizer, variables):
    optimizer = inner_optimizer(optimizer)  # losses are not scaled here
    copy = leave_the_sum_to_us(copied(optimizer))
    copy.build(variables)
    for mine, theirs in zip(copy.variables, optimizer.variables, strict=True):
        mine.assign(theirs.value)
    return copy


def _discriminator_gradients(gan, batch, latents):
    fake = gan.game.generator(latents, batch.condition)
    with gan.game.discriminator.tape() as tape:
        loss, _ = gan.game.discriminator_loss(batch, fake, latents, lazy=False)
    return tape.gradients(loss)


def _generator_gradients(gan, batch, latents):
    with gan.game.generator.tape() as tape:
        fake = gan.game.generator(latents, batch.condition)
        loss, _ = gan.game.generator_loss(batch, fake, latents, lazy=False)
    return tape.gradients(loss)


def _value(gan, batch, latents, discriminator_weights, generator_weights):
    """M = -L_D with these weights: float."""
    step = tf.constant(gan.steps_trained, tf.int64)
    with at_weights(gan, discriminator_weights, generator_weights, step):
        real_logits = gan.game.logits(batch.images, batch.condition)
        fake_logits = gan.game.logits(gan.game.generator(latents, batch.condition), batch.condition)
    return -float(gan.objective.discriminator_loss(real_logits, fake_logits))
