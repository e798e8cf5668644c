"""Which TensorFlow ops an exported model may hold."""

# Stateful by TensorFlow's registry, yet harmless in a server: they read weights, call functions,
# loop. Everything else that is stateful (random ops, py_function, files, queues) is refused.
ALLOWED_STATEFUL = frozenset({
    "Assert", "If", "PartitionedCall", "ReadVariableOp", "StatefulPartitionedCall", "StatelessIf",
    "StatelessWhile", "TensorListConcatV2", "TensorListFromTensor", "TensorListGetItem",
    "TensorListReserve", "TensorListSetItem", "TensorListStack", "VarHandleOp", "VarIsInitializedOp",
    "While", "Placeholder", "Identity", "NoOp",
})


def check_operations(signature, function):
    """Refuses a concrete function whose graph could not be served, or not twice alike.

    Raises:
        ValueError: a stateful op that is not in `ALLOWED_STATEFUL`, such as a random op with a
            state, or `tf.py_function`.
    """
    from tensorflow.python.framework import op_def_registry

    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    library = {f.signature.name for f in graph.library.function}
    refused = set()
    for name in {node.op for node in nodes} - library:
        definition = op_def_registry.get(name)
        if definition is None or (definition.is_stateful and name not in ALLOWED_STATEFUL):
            refused.add(name)
    if refused:
        raise ValueError(
            "The generator holds operations that a server cannot run, or that answer the same seed "
            "differently each time. Draw randomness from the latents, and leave py_function and "
            f"custom ops out. Received: {', '.join(sorted(refused))} in signature {signature!r}"
        )
