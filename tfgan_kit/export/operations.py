"""Which TensorFlow ops an exported model may hold."""

import tensorflow as tf

# Stateful by TensorFlow's registry, yet harmless in a server: they read weights, call functions,
# branch, loop, check. Everything else that is stateful (random ops, queues, files) is refused.
ALLOWED_STATEFUL = frozenset({
    "Assert", "If", "ReadVariableOp", "StatefulPartitionedCall", "VarHandleOp", "VarIsInitializedOp",
    "While",
})
# Stateless by the registry, yet they run Python, or read a file that the server may not have.
REFUSED = frozenset({"MatchingFiles", "PyFunc", "PyFuncStateless", "ReadFile"})
COMPILED = "_XlaMustCompile"  # TensorFlow Serving answers "XLA compilation disabled" by default


def check_operations(signature, function):
    """Refuses a concrete function whose graph could not be served, or not twice alike.

    Raises:
        ValueError: an op that TensorFlow itself does not ship, a stateful one that is not in
            `ALLOWED_STATEFUL`, such as a random op with a state or `tf.py_function`, one that is
            `REFUSED`, or a function with `jit_compile=True`.
    """
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    library = {f.signature.name for f in graph.library.function}
    refused = {name for name in {node.op for node in nodes} - library if not _may_be_served(name)}
    if any(item.attr[COMPILED].b for item in (*nodes, *graph.library.function) if COMPILED in item.attr):
        refused.add("jit_compile=True")
    if refused:
        raise ValueError(
            "The generator holds operations that a server cannot run, or that answer the same seed "
            "differently each time. Draw randomness from the latents, and leave py_function, "
            "files, custom ops and jit_compile out. "
            f"Received: {', '.join(sorted(refused))} in signature {signature!r}"
        )


def _may_be_served(name):
    from tensorflow.python.framework import op_def_registry

    if name in REFUSED or not hasattr(tf.raw_ops, name):  # raw_ops has what TensorFlow ships
        return False
    return not op_def_registry.get(name).is_stateful or name in ALLOWED_STATEFUL
