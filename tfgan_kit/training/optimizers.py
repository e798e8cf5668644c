"""The two players' optimizers, built for their networks, and as one attribute for Keras's callbacks."""

from tfgan_kit.distribution import replicas

import keras


class OptimizerPair:
    """What `gan.optimizer` is: both optimizers under the name that Keras's callbacks look for.

    `LearningRateScheduler`, `ReduceLROnPlateau` and `TensorBoard` act on each of `optimizers`, as
    they do for `keras.optimizers.MultiOptimizer`; that class itself would apply all gradients at
    once, where a game's players move in turn.
    """

    built = True

    def __init__(self, generator_optimizer, discriminator_optimizer):
        self.optimizers = [generator_optimizer, discriminator_optimizer]

    @property
    def variables(self):
        return [variable for optimizer in self.optimizers for variable in optimizer.variables]

    @property
    def iterations(self):
        """Updates of the generator so far."""
        return self.optimizers[0].iterations


def prepare(optimizer, network, player):
    """An optimizer, built for `network`'s weights, with loss scaling where float16 needs it.

    Keras's `compile` would wrap only `model.optimizer`; a GAN has two.

    Raises:
        ValueError: not something `keras.optimizers.get` understands.
    """
    try:
        found = keras.optimizers.get(optimizer)
    except ValueError:
        found = None
    if found is None:
        raise ValueError(
            f"`{player}_optimizer` must be a keras.optimizers.Optimizer, or the name of one. "
            f"Received: {player}_optimizer={optimizer!r}"
        )
    optimizer = found
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if inner.use_ema:
        raise ValueError(
            "The average of the weights is the GAN's: use GAN(ema_decay=...) instead of the "
            f"optimizer's. Received: {player}_optimizer with use_ema=True"
        )
    half = network.dtype_policy.compute_dtype == "float16" or any(
        layer.dtype_policy.compute_dtype == "float16" for layer in network._flatten_layers()
    )
    if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    if replicas.several_replicas():
        # Keras 3.15 sums over the replicas after it has clipped, and after the loss scale has
        # looked for overflow on each alone. The game sums first; once is enough.
        inner._all_reduce_sum_gradients = list
    if not optimizer.built:  # a loss scale would make its variables twice
        optimizer.build(network.trainable_variables)
    return optimizer
