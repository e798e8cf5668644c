"""Extragradient (arXiv:1802.10551): a step from the current weights along the gradients of extrapolated ones."""

from tfgan_kit.training.updates.update import Update

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_kit")
class Extragradient(Update):
    """Both players extrapolate, `w' = w - h v(w)`, then step from the old weights, `w - h v(w')`.

    v is the simultaneous gradient field, both gradients at the same weights. On the bilinear game
    min_x max_y xy plain descent spirals out; extragradient converges at the rate
    sqrt((1 - h^2)^2 + h^2) per step. A step costs two of simultaneous descent, and the memory of one
    more copy of the weights.

    Each player's Keras optimizer is applied twice, first to extrapolate, then to step from w, and
    keeps its state between the two. With Adam that is ExtraAdam, algorithm 4 of the paper: both
    gradients enter the moments, and the bias corrections count half steps: an optimizer's `iterations`
    advances by two per training step. Weight decay and constraints act in both.

    Both gradients use the same images and latents, where the paper's algorithm 2 draws new ones
    for the second: with the same sample the extrapolation predicts the step that follows (Mishchenko
    et al., arXiv:1905.11373). Batch statistics, and the variables of adaptive penalties, are updated
    once, in the first pass. A lazy penalty is computed in both passes of a step, or in neither. If a
    loss scale skips the extrapolation, the step is taken from w with the gradient there.

    Example:
        >>> gan.compile(keras.optimizers.Adam(2e-4), keras.optimizers.Adam(2e-4), update=Extragradient())

    Reference: Gidel et al., arXiv:1802.10551, algorithm 4; Korpelevich, 1976.
    """

    discriminator_steps = generator_steps = 2

    def step(self, game, batch):
        latents = game.latents(batch)
        networks = game.discriminator.network, game.generator.network
        weights = [weight for network in networks for weight in network.trainable_variables]
        here = [tf.identity(weight.value) for weight in weights]
        of_discriminator, of_generator, logs = game.gradient_field(batch, latents)
        game.discriminator.update(of_discriminator)
        game.generator.update(of_generator)
        with keras.StatelessScope():  # this pass's updates of statistics are discarded
            of_discriminator, of_generator, _ = game.gradient_field(batch, latents)
        for weight, value in zip(weights, here, strict=True):
            weight.assign(value)
        game.discriminator.update(of_discriminator)
        game.generator.update(of_generator)
        return logs
