"""Transposed convolutions to few channels, such as a generator's last, as plain convolutions.

oneDNN's transposed convolution to 3 channels costs as much as one to 64. With stride s the same sums are
a convolution of stride 1 to s * s times the channels, whose result is then spread over s x s blocks
of pixels (Shi et al., arXiv:1609.05158 and 1609.07009, section 3).

With kernel W of k places and `before` pixels of padding, output o reads inputs i by
`W[o - s i + before]`. Write `o = s q + a - before`, 0 <= a < s: then `W[s d + a]` meets input `q - d`,
so that ceil(k / s) places d make all of it, and q runs from 0 to `(s h - 1 + before) // s`.
"""

import numpy as np
import tensorflow as tf

from tfgan_kit.export.inference_graph import InferenceGraph

_MOST_CHANNELS = 8  # benchmarks/README.md, "Export": from 16 on, oneDNN's own is as fast


def spread_thin_convolutions(graph: InferenceGraph) -> int:
    """Rewrites every strided transposed convolution to at most 8 channels.

    Returns:
        How many there were.
    """
    nodes, count = {}, 0
    for name, node in graph.nodes.items():
        if node.op == "Conv2DBackpropInput" and _is_thin(graph, node):
            nodes |= _spread(graph, node)
            count += 1
        else:
            nodes[name] = node
    graph.nodes = nodes
    graph.prune()
    return count


def _is_thin(graph, node):
    kernel, source = graph.weights.get(node.input[1]), graph.shapes.get(node.input[2])
    target, strides = graph.shapes[node.name], list(node.attr["strides"].list.i)
    if kernel is None or source is None or None in source[1:] or None in target[1:]:
        return False
    dilated = "dilations" in node.attr and set(node.attr["dilations"].list.i) != {1}
    other_layout = "data_format" in node.attr and node.attr["data_format"].s != b"NHWC"
    return (
        kernel.shape[2] <= _MOST_CHANNELS and not dilated and not other_layout
        and node.attr["padding"].s == b"SAME" and strides[1] == strides[2] > 1
        and min(kernel.shape[:2]) >= strides[1]
        and [strides[1] * size for size in source[1:3]] == list(target[1:3])
    )


def _spread(graph, node):
    """Pad, convolve, spread, cut: dict name -> NodeDef; the last has the old one's name."""
    stride = node.attr["strides"].list.i[1]
    kernel, sides = graph.weights[node.input[1]], graph.shapes[node.input[2]][1:3]
    before = [(k - stride) // 2 for k in kernel.shape[:2]]
    # Input rows above the first, and below the last, that some q reads.
    margins = [
        (-(-k // stride) - 1, (stride * side - 1 + b) // stride - (side - 1))
        for k, side, b in zip(kernel.shape[:2], sides, before, strict=True)
    ]
    constants = {
        "margins": np.array([(0, 0), *margins, (0, 0)], np.int32),
        "kernel": _spread_kernel(kernel, stride),
        "begin": np.array([0, *before, 0], np.int32),
        "size": np.array([-1, *graph.shapes[node.name][1:]], np.int32),
    }
    given = {key: f"{node.name}/{key}" for key in constants}
    graph.weights |= {given[key]: value for key, value in constants.items()}
    steps = [
        _step(graph, node, "Pad", node.input[2], given["margins"]),
        _step(graph, node, "Conv2D", f"{node.name}/Pad", given["kernel"]),
        _step(graph, node, "DepthToSpace", f"{node.name}/Conv2D"),
        _step(graph, node, "Slice", f"{node.name}/DepthToSpace", given["begin"], given["size"]),
    ]
    steps[1].attr["strides"].list.i.extend([1, 1, 1, 1])
    steps[1].attr["padding"].s = b"VALID"
    steps[2].attr["block_size"].i = stride
    steps[3].name = node.name
    return {step.name: step for step in steps}


def _step(graph, node, op, *inputs):
    """One operation on numbers of the old one's type; its integers are int32."""
    step = tf.compat.v1.NodeDef(name=f"{node.name}/{op}", op=op, input=inputs)
    step.attr["T"].type = node.attr["T"].type
    integers = {"Pad": "Tpaddings", "Slice": "Index"}
    if op in integers:
        step.attr[integers[op]].type = tf.int32.as_datatype_enum
    graph.shapes[step.name], graph.dtypes[step.name] = tf.TensorShape(None), graph.dtypes[node.name]
    return step


def _spread_kernel(kernel, stride):
    """(k, k, out, in) of a transposed convolution -> (m, m, in, s * s * out), m = ceil(k / s)."""
    height, width, out, channels = kernel.shape
    m, n = -(-height // stride), -(-width // stride)
    padded = np.zeros((m * stride, n * stride, out, channels), kernel.dtype)
    padded[:height, :width] = kernel
    blocks = padded.reshape(m, stride, n, stride, out, channels)[::-1, :, ::-1]  # place q - d: last d first
    return blocks.transpose(0, 2, 5, 1, 3, 4).reshape(m, n, channels, stride * stride * out)
