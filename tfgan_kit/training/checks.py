"""What a GAN cannot be compiled with, or trained on several replicas, is refused before training starts."""

from tfgan_kit.internals.keras import layers_of, strategy_of
from tfgan_kit.penalties import Penalty
from tfgan_kit.training.updates.update import Update


def penalties_of(penalties):
    """A tuple of what `compile` was given as penalties: one, or a list.

    Raises:
        TypeError: something else among them.
    """
    penalties = tuple(penalties) if isinstance(penalties, list | tuple) else (penalties,)
    for penalty in penalties:
        if not isinstance(penalty, Penalty):
            raise TypeError(
                "`penalties` are instances of tfgan_kit.penalties.Penalty, e.g. [R1(gamma=1.0)]. "
                f"Received: {penalty!r} among them"
            )
    return penalties


def check_optimizers(generator_optimizer, discriminator_optimizer):
    """Refuses one optimizer for both players.

    Raises:
        ValueError: the same object twice.
    """
    if generator_optimizer is discriminator_optimizer and not isinstance(generator_optimizer, str):
        raise ValueError(
            "The players need an optimizer each, since an optimizer's state belongs to one "
            f"network's weights. Received the same object twice: {generator_optimizer}"
        )


def check_update(update):
    """Refuses what is no `Update`.

    Raises:
        TypeError: something else.
    """
    if not isinstance(update, Update):
        raise TypeError(
            "`update` is how the players move, an instance of tfgan_kit.updates.Update such as "
            f"tfgan_kit.updates.Alternating(1, 1). Received: update={update!r}"
        )


def check_coupling(gan):
    """Refuses an objective in which rows meet where a loss is computed from some rows alone.

    Raises:
        ValueError: several replicas, or an accumulated gradient.
    """
    replicas = gan.distribute_strategy.num_replicas_in_sync
    parts = gan.update.gradient_accumulation_steps
    if gan.objective.couples_rows and (replicas > 1 or parts > 1):
        raise ValueError(
            "This objective compares each row with the average of the whole batch, which a replica, "
            "or a part of an accumulated gradient, does not see: train on one device without "
            "gradient_accumulation_steps, or take objective='relativistic_pairing'. Received: "
            f"objective={type(gan.objective).__name__}, {replicas} replicas, "
            f"gradient_accumulation_steps={parts}"
        )


def check_replicas(gan):
    """Refuses what several replicas cannot do, with the reason; nothing on one.

    Raises:
        ValueError: see `GAN.compile`.
    """
    strategy = gan.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return
    for name, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        _check_network(strategy, name, network)
    for optimizer in gan.optimizer.optimizers:
        _check_optimizer(strategy, getattr(optimizer, "inner_optimizer", optimizer))
    for weight in gan.adaptive.weights:
        if weight.aggregation == "none":
            raise ValueError(
                "A penalty's variable must be the same on every replica: make it with "
                "add_weight(aggregation='only_first_replica'), and assign what `step.mean` gives, or train on one "
                f"device. Received: {weight.name} with aggregation='none'"
            )
    if gan.jit_compile:
        raise ValueError(
            "Keras cannot compile a step of several replicas with XLA: leave `jit_compile` out, or "
            "train on one device. Received: jit_compile=True"
        )
    if gan.steps_per_execution > 1:
        raise ValueError(
            "Keras runs `steps_per_execution` in a loop of the graph, where replicas cannot meet; "
            f"under several it must be 1. Received: steps_per_execution={gan.steps_per_execution}"
        )


def _check_network(strategy, name, network):
    for weight in network.weights:
        if not strategy.extended.variable_created_in_scope(weight.value):
            raise ValueError(
                f"Build the {name} (and the optimizers, and load checkpoints) under `with "
                f"strategy.scope():`, as the GAN. Received: weight {weight.path} of another scope"
            )
    for layer in layers_of(network):
        if getattr(layer, "synchronized", True) is False:
            raise ValueError(
                "Under several replicas batch normalization must be synchronized, or each keeps "
                "statistics of its own: pass synchronized=True. Received: layer "
                f"{layer.name} of the {name} with synchronized=False"
            )


def _check_optimizer(strategy, optimizer):
    if strategy_of(optimizer) is not strategy:
        raise ValueError(
            "Make the optimizers under `with strategy.scope():` too, or give their names. "
            f"Received: {optimizer.name}, made under another strategy"
        )
    if optimizer.gradient_accumulation_steps:
        raise ValueError(
            "A Keras optimizer cannot accumulate gradients under several replicas (they would have "
            "to meet inside a condition); use update=Alternating(gradient_accumulation_steps=...) "
            "instead. Received: gradient_accumulation_steps="
            f"{optimizer.gradient_accumulation_steps}"
        )
