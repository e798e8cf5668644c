"""Convolutions and matrix products in bfloat16; everything else stays in float32."""

from tfgan_kit.export.graph.inference_graph import InferenceGraph

import ml_dtypes
import numpy as np
import tensorflow as tf

_PRODUCTS = frozenset({"BatchMatMulV2", "Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul"})
# Cheap operations on a product's result, which saves writing it in float32.
_FOLLOWING = frozenset(
    {
        "AddV2",
        "BiasAdd",
        "ConcatV2",
        "DepthToSpace",
        "Identity",
        "LeakyRelu",
        "Maximum",
        "Mul",
        "Pad",
        "PadV2",
        "Relu",
        "Relu6",
        "Reshape",
        "Slice",
        "Transpose",
    }
)
_FLOAT, _HALF = tf.float32.as_datatype_enum, tf.bfloat16.as_datatype_enum


def compute_in_bfloat16(graph: InferenceGraph) -> int:
    """Rewrites a float32 graph: products, and cheap operations that follow them, compute in bfloat16.

    Other operations, such as the last tanh, and the images stay in float32.

    Returns:
        The number of products.
    """
    half, nodes, count = set(), {}, 0
    for node in graph.nodes.values():
        product = node.op in _PRODUCTS
        follows = node.op in _FOLLOWING and bool(half & set(node.input))
        if (product or follows) and node.attr["T"].type == _FLOAT:
            node.attr["T"].type = _HALF
            _cast_inputs(graph, nodes, half, node, True)
            half.add(node.name)
            count += product
        elif node.op == "Shape" and node.input[0] in half:
            node.attr["T"].type = _HALF
        else:
            _cast_inputs(graph, nodes, half, node, False)
        nodes[node.name] = node
    graph.nodes = nodes
    if graph.output in half:
        graph.output = _cast(graph, nodes, graph.output, _HALF, _FLOAT)
    graph.prune()
    return count


def _cast_inputs(graph, nodes, half, node, to_half):
    for k, name in enumerate(node.input):
        if name in half and not to_half:
            node.input[k] = _cast(graph, nodes, name, _HALF, _FLOAT)
        elif to_half and name in graph.weights:
            node.input[k] = _halved(graph, name)
        elif to_half and name not in half and graph.dtypes.get(name) == tf.float32:
            node.input[k] = _cast(graph, nodes, name, _FLOAT, _HALF)


def _halved(graph, name):
    value = graph.weights[name]
    if value.dtype != np.float32:
        return name  # a shape, an axis
    graph.weights.setdefault(f"{name}/bfloat16", value.astype(ml_dtypes.bfloat16))
    return f"{name}/bfloat16"


def _cast(graph, nodes, name, source, target):
    suffix = "bfloat16" if target == _HALF else "float32"
    cast = f"{name.replace(':', '_')}/to_{suffix}"
    if cast not in nodes:
        node = nodes[cast] = tf.compat.v1.NodeDef(name=cast, op="Cast", input=[name])
        node.attr["SrcT"].type, node.attr["DstT"].type = source, target
        graph.shapes[cast] = graph.shapes[name]
    return cast
