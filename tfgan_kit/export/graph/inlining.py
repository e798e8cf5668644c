"""Keras's XLA-compiled convolutions as plain ones, which a server without XLA can run.

Keras 3.15 computes a grouped convolution by a function with `jit_compile=True`, which older TensorFlows needed
on a CPU (keras/src/backend/tensorflow/nn.py, `_conv_xla`). TensorFlow Serving refuses such a function.
TensorFlow 2.21's own kernel supports groups on a CPU, and the certificate compares its images.
"""

import tensorflow as tf

_KERAS = "__inference__conv_xla_"


def inline_convolutions(concrete):
    """A function with the calls of Keras's compiled convolutions replaced by their bodies.

    Args:
        concrete: a concrete function with one output.

    Returns:
        A concrete function with the same inputs, captures and output; `concrete` itself if it calls no
        such convolution.
    """
    definition = concrete.graph.as_graph_def()
    bodies = {f.signature.name: f for f in definition.library.function if f.signature.name.startswith(_KERAS)}
    if not bodies:
        return concrete
    nodes = [inner for node in definition.node for inner in _inlined(node, bodies)]
    library = tf.compat.v1.GraphDef(library=definition.library).library
    del library.function[:]
    library.function.extend(f for f in definition.library.function if f.signature.name not in bodies)
    return _again(concrete, nodes, library, definition.versions)


def _inlined(node, bodies):
    """The nodes that replace one node; the last has its name."""
    body = bodies.get(node.attr["f"].func.name) if "f" in node.attr else None
    if body is None:
        return [node]
    given = [name for name in node.input if not name.startswith("^")]
    names = dict(zip((arg.name for arg in body.signature.input_arg), given, strict=True))
    names |= {inner.name: f"{node.name}/{inner.name}" for inner in body.node_def}
    nodes = [_renamed(inner, names) for inner in body.node_def]
    (result,) = body.ret.values()
    nodes.append(tf.compat.v1.NodeDef(name=node.name, op="Identity", input=[_reference(result, names)]))
    nodes[-1].attr["T"].type = body.signature.output_arg[0].type
    nodes[-1].input.extend(name for name in node.input if name.startswith("^"))
    return nodes


def _renamed(inner, names):
    node = tf.compat.v1.NodeDef()
    node.CopyFrom(inner)
    node.name = names[inner.name]
    node.input[:] = [_reference(name, names) for name in inner.input]
    return node


def _reference(name, names):
    """Translates `node:output:0`, as inputs in functions are written, or `^node`; these nodes have one output."""
    if name.startswith("^"):
        return f"^{names[name[1:]]}"
    return names[name.partition(":")[0]]


def _again(concrete, nodes, library, versions):
    """The concrete function of a changed graph."""
    inputs, output = concrete.graph.inputs, concrete.graph.outputs[0].name
    captured = {inner.name: outer for outer, inner in concrete.graph.captures}
    own = [tensor for tensor in inputs if tensor.name not in captured]
    replaced = {tensor.op.name for tensor in inputs}
    kept = tf.compat.v1.GraphDef(
        node=[node for node in nodes if node.name not in replaced], library=library, versions=versions
    )

    @tf.function(input_signature=[tf.TensorSpec(t.shape, t.dtype) for t in own], autograph=False)
    def run(*given):
        graph = tf.compat.v1.get_default_graph()
        taken = {name: graph.capture(value) for name, value in captured.items()}
        taken |= {tensor.name: value for tensor, value in zip(own, given, strict=True)}
        return tf.graph_util.import_graph_def(kept, taken, [output], name="")[0]

    return run.get_concrete_function()
