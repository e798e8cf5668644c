"""Transposed convolutions to few channels, such as a generator's last, as plain convolutions.

oneDNN's transposed convolution to 3 channels costs as much as one to 64. With stride s the same sums are a
convolution of stride 1 to s * s times the channels, whose result is rearranged into s x s blocks of
pixels (Shi et al., arXiv:1609.05158 and arXiv:1609.07009, section 3).

With a kernel W of size k and `before` pixels of padding, input i contributes to output o with the weight
`W[o - s i + before]`. Write `o = s q + a - before`, 0 <= a < s: then input `q - d` has the weight
`W[s d + a]`, so that there are ceil(k / s) values of d, and q runs from 0 to `(s h - 1 + before) // s`.
"""

from tfgan_kit.export.graph.inference_graph import InferenceGraph

import numpy as np
import tensorflow as tf

_MOST_CHANNELS = 8  # benchmarks/README.md, "Export": from 16 on, oneDNN's own is as fast


def spread_thin_convolutions(graph: InferenceGraph) -> int:
    """Rewrites every strided transposed convolution to at most 8 channels.

    Returns:
        The number of convolutions that were rewritten.
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
        kernel.shape[2] <= _MOST_CHANNELS
        and not dilated
        and not other_layout
        and node.attr["padding"].s == b"SAME"
        and strides[1] == strides[2] > 1
        and min(kernel.shape[:2]) >= strides[1]
        and [strides[1] * size for size in source[1:3]] == list(target[1:3])
    )


def _spread(graph, node):
    """Pads, convolves, rearranges, crops: a dict name -> NodeDef; the last has the old one's name."""
    stride = node.attr["strides"].list.i[1]
    kernel, sides = graph.weights[node.input[1]], graph.shapes[node.input[2]][1:3]
    before = [(k - stride) // 2 for k in kernel.shape[:2]]
    # Rows and columns beyond the border of the input that some q reads.
    margins = [
        (-(-k // stride) - 1, (stride * side - 1 + b) // stride - (side - 1))
        for k, side, b in zip(kernel.shape[:2], sides, before, strict=True)
    ]
    size = [-1, *graph.shapes[node.name][1:]]

    def build(_sizes, _kernel, x, spread):
        x = tf.pad(x, [(0, 0), *margins, (0, 0)])
        x = tf.nn.conv2d(x, spread, 1, "VALID")  # (N, H + m, W + m, s * s * C)
        return tf.slice(tf.nn.depth_to_space(x, stride), [0, *before, 0], size)

    return graph.replacement(node, build, [_spread_kernel(kernel, stride)])


def _spread_kernel(kernel, stride):
    """(k, k, out, in) of a transposed convolution -> (m, m, in, s * s * out), m = ceil(k / s)."""
    height, width, out, channels = kernel.shape
    m, n = -(-height // stride), -(-width // stride)
    padded = np.zeros((m * stride, n * stride, out, channels), kernel.dtype)
    padded[:height, :width] = kernel
    blocks = padded.reshape(m, stride, n, stride, out, channels)[::-1, :, ::-1]  # input q - d: the last d first
    return blocks.transpose(0, 2, 5, 1, 3, 4).reshape(m, n, channels, stride * stride * out)
