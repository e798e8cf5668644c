"""Consensus optimization (arXiv:1705.10461): simultaneous descent that also minimises the norm of its gradients."""

from tfgan_kit.distribution import replicas
from tfgan_kit.training.updates.update import Update

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_kit")
class Consensus(Update):
    """Both players descend simultaneously along `v + gamma J^T v`, v the gradient field and J its Jacobian.

    `J^T v` is the gradient of `|v|^2 / 2`, which both players then minimise: where J has eigenvalues
    near the imaginary axis (the players rotate around each other) it adds convergence; on the
    bilinear game the rate is sqrt((1 - h gamma)^2 + h^2) per step. Each optimizer receives the sum
    as its gradient. `gamma=0` is simultaneous gradient descent.

    The second-order pass makes a step cost about twice as much, and needs the memory of both passes.
    The gradients must be exact: penalties are computed in every step, and
    float16 networks, whose gradients are scaled, are refused.

    Args:
        gamma: float >= 0. It has no default: a loss twice as large needs half of it.

    Raises:
        ValueError: a negative `gamma`; (in training, for gamma > 0) a penalty with an interval
            above 1, or an optimizer with a loss scale.

    Example:
        >>> gan.compile("adam", "adam", update=Consensus(gamma=1.0))

    Reference: Mescheder, Nowozin, Geiger, arXiv:1705.10461, algorithm 2.
    """

    def __init__(self, gamma):
        if not gamma >= 0:
            raise ValueError(f"`gamma` must not be negative. Received: gamma={gamma}")
        self.gamma = gamma

    def step(self, game, batch):
        latents = game.latents(batch)
        if self.gamma == 0:
            of_discriminator, of_generator, logs = game.gradient_field(batch, latents)
        else:
            _check(game)
            of_discriminator, of_generator, logs = self._with_consensus(game, batch, latents)
        game.discriminator.update(of_discriminator)
        game.generator.update(of_generator)
        return logs

    def _with_consensus(self, game, batch, latents):
        networks = game.discriminator.network, game.generator.network
        weights = [variable.value for network in networks for variable in network.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            of_discriminator, of_generator, logs = game.gradient_field(batch, latents)
            # An embedding's gradient is sparse, and cannot be differentiated in that form.
            field = [
                None if gradient is None else tf.convert_to_tensor(gradient)
                for gradient in (*of_discriminator, *of_generator)
            ]
        # A replica's gradients are its share of v; its share of J^T v takes the whole of v.
        whole = replicas.sum_over_replicas(field)
        known = [k for k, gradient in enumerate(field) if gradient is not None]
        agreement = tape.gradient(
            [field[k] for k in known], weights, output_gradients=[whole[k] for k in known],
        )  # fmt: skip
        moves = [_sum(v, a, self.gamma) for v, a in zip(field, agreement, strict=True)]
        split = len(of_discriminator)
        return moves[:split], moves[split:], logs

    def get_config(self):
        return {"gamma": self.gamma}


def _sum(gradient, agreement, gamma):
    """`gradient + gamma * agreement`, where None is zero; None if both are."""
    if agreement is None:
        return gradient
    agreement = gamma * tf.convert_to_tensor(agreement)
    return agreement if gradient is None else gradient + agreement


def _check(game):
    for penalty in game.penalties:
        if penalty.interval > 1:
            raise ValueError(
                "Consensus squares the gradients, so that a lazy penalty would not average out over "
                f"the steps: give it interval=1. Received: {penalty.name} with "
                f"interval={penalty.interval}"
            )
    for optimizer in (game.discriminator.optimizer, game.generator.optimizer):
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if scaled or optimizer.loss_scale_factor:
            raise ValueError(
                "Consensus squares the gradients, which a loss scale has multiplied: train in "
                f"float32 or mixed_bfloat16. Received: optimizer {optimizer.name} with a loss scale"
            )
