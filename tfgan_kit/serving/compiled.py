"""Which signatures need XLA: TensorFlow Serving has it disabled unless its start line says otherwise."""

_COMPILED = "_XlaMustCompile"  # what `tf.function(jit_compile=True)` leaves in the graph


def compiled_signatures(meta_graph) -> set[str]:
    """The names of the signatures that run a function with `jit_compile=True`.

    Args:
        meta_graph: `MetaGraphDef`.
    """
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    functions = {function.signature.name: function for function in meta_graph.graph_def.library.function}
    compiled = {
        name
        for name, function in functions.items()
        if any(_COMPILED in one.attr and one.attr[_COMPILED].b for one in (function, *function.node_def))
    }
    return {
        name
        for name, definition in meta_graph.signature_def.items()
        if compiled & _reached(_calls(_sources(definition, nodes)), functions)
    }


def _sources(definition, nodes) -> list:
    names = [info.name.split(":")[0] for info in definition.outputs.values()]
    return [nodes[name] for name in names if name in nodes]


def _calls(nodes) -> set[str]:
    """The functions that these nodes name: to call, to loop over, to choose from."""
    values = [value for node in nodes for value in node.attr.values()]
    return {
        function.name for value in values for function in (value.func, *value.list.func)
    } - {""}


def _reached(names: set[str], functions) -> set[str]:
    reached, left = set(), set(names)
    while left:
        name = left.pop()
        reached.add(name)
        if name in functions:
            left |= _calls(functions[name].node_def) - reached
    return reached
