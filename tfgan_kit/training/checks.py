"""What several replicas cannot do is refused before training starts."""


def check(gan):
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
    if gan.adaptive.weights:
        raise ValueError(
            "A penalty that keeps variables of its own would keep others on each replica: leave it "
            f"out, or train on one device. Received: {gan.adaptive.weights[0].name}"
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
    for layer in network._flatten_layers():
        if getattr(layer, "synchronized", True) is False:
            raise ValueError(
                "Under several replicas batch normalization must be synchronized, or each keeps "
                "statistics of its own: pass synchronized=True. Received: layer "
                f"{layer.name} of the {name} with synchronized=False"
            )


def _check_optimizer(strategy, optimizer):
    if optimizer._distribution_strategy is not strategy:
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
