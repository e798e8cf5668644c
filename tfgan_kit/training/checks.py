"""Checks of `GAN.compile`, and of what several replicas support, before training starts."""

from tfgan_kit.internals.keras import inner_optimizer, layers_of, strategy_of
from tfgan_kit.penalties import Penalty
from tfgan_kit.training.updates.update import Update

import keras


def penalties_of(penalties):
    """The penalties of `compile`, one or a list, as a tuple.

    Raises:
        TypeError: an element that is no `Penalty`.
    """
    penalties = tuple(penalties) if isinstance(penalties, list | tuple) else (penalties,)
    for penalty in penalties:
        if not isinstance(penalty, Penalty):
            raise TypeError(
                "`penalties` are instances of tfgan_kit.penalties.Penalty, e.g. [R1(gamma=1.0)]. "
                f"Received: {penalty!r} among them"
            )
    return penalties


def check_update(update):
    """Refuses an update rule of the wrong type.

    Raises:
        TypeError: not an `Update`.
    """
    if not isinstance(update, Update):
        raise TypeError(
            "`update` is the update rule, an instance of tfgan_kit.updates.Update such as "
            f"tfgan_kit.updates.Alternating(1, 1). Received: update={update!r}"
        )


def check_coupling(gan):
    """Refuses an objective that couples the rows of a batch where a loss sees only some of them.

    Raises:
        ValueError: such an objective under several replicas, or with an accumulated gradient.
    """
    replicas = gan.distribute_strategy.num_replicas_in_sync
    parts = gan.update.gradient_accumulation_steps
    if gan.objective.couples_rows and (replicas > 1 or parts > 1):
        raise ValueError(
            "This objective compares each row with the average of the whole batch, which a replica, "
            "or a part of an accumulated gradient, does not see: train on one device without "
            "gradient_accumulation_steps, or use objective='relativistic_pairing'. Received: "
            f"objective={type(gan.objective).__name__}, {replicas} replicas, "
            f"gradient_accumulation_steps={parts}"
        )


def check_augment(gan):
    """Refuses augmentation where images are translated: the given one would have to be changed alike.

    Raises:
        ValueError: see `GAN.compile`.
    """
    if gan.condition_shape:
        raise ValueError(
            "Augmentation would change the translated images and not the given ones: leave `augment` out, and crop and "
            f"mirror pairs in the data set. Received: augment={type(gan.augment).__name__}"
        )


def check_scopes(gan, optimizers):
    """Refuses networks and optimizers of another scope than the replicas', before anything is built.

    Raises:
        ValueError: see `GAN.compile`.
    """
    strategy = gan.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return
    for name, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        _check_network(strategy, name, network)
    for optimizer in optimizers:
        if isinstance(optimizer, keras.optimizers.Optimizer):
            _check_optimizer(strategy, inner_optimizer(optimizer))


def check_replicas(gan):
    """Refuses what is not supported under several replicas, with the reason.

    Raises:
        ValueError: see `GAN.compile`.
    """
    if gan.distribute_strategy.num_replicas_in_sync == 1:
        return
    for weight in gan.adaptive.weights:
        if weight.aggregation == "none":
            raise ValueError(
                "A penalty's or augmentation's variable must be the same on every replica: create it with "
                "add_weight(aggregation='only_first_replica'), and assign the result of `step.mean`, or train on one "
                f"device. Received: {weight.name} with aggregation='none'"
            )
    if gan.jit_compile:
        raise ValueError(
            "Keras cannot compile a step of several replicas with XLA: leave `jit_compile` out, or "
            "train on one device. Received: jit_compile=True"
        )
    if gan.steps_per_execution > 1:
        raise ValueError(
            "Keras runs `steps_per_execution` in a loop of the graph, where replicas cannot synchronize; "
            f"under several it must be 1. Received: steps_per_execution={gan.steps_per_execution}"
        )


def _check_network(strategy, name, network):
    for weight in network.weights:
        if not strategy.extended.variable_created_in_scope(weight.value):
            raise ValueError(
                f"Build the {name} (and the optimizers, and load checkpoints) under `with "
                f"strategy.scope():`, like the GAN. Received: weight {weight.path} of another scope"
            )
    for layer in layers_of(network):
        if getattr(layer, "synchronized", True) is False:
            raise ValueError(
                "Under several replicas batch normalization must be synchronized, or each keeps "
                "its own statistics: pass synchronized=True. Received: layer "
                f"{layer.name} of the {name} with synchronized=False"
            )


def _check_optimizer(strategy, optimizer):
    if strategy_of(optimizer) is not strategy:
        raise ValueError(
            "Create the optimizers under `with strategy.scope():` too, or give their names. "
            f"Received: {optimizer.name}, created under another strategy"
        )
    if optimizer.gradient_accumulation_steps:
        raise ValueError(
            "A Keras optimizer cannot accumulate gradients under several replicas (they would have "
            "to synchronize inside a condition); use update=Alternating(gradient_accumulation_steps=...) "
            "instead. Received: gradient_accumulation_steps="
            f"{optimizer.gradient_accumulation_steps}"
        )
