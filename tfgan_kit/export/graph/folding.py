"""Batch normalization folded into the convolution or matrix product before it.

At inference `y = s * conv(x, W) + t` with `s = gamma / sqrt(variance + epsilon)` and
`t = beta - mean * s`, which is `conv(x, s * W) + t` (Jacob et al., arXiv:1712.05877, section 3.2).
"""

from tfgan_kit.export.graph.inference_graph import InferenceGraph

import numpy as np
import tensorflow as tf

_KERNELS = {  # which input is the kernel, and the axis of its output channels
    "MatMul": (1, 1),
    "Conv2D": (1, 3),
    "Conv2DBackpropInput": (1, 2),  # a transposed convolution: the forward one's input channels
}
_BYTES_OF_A_KERNEL = 4  # at least; a bfloat16 kernel would be rounded a second time
_ADDITIONS = frozenset({"AddV2", "BiasAdd"})


def fold(graph: InferenceGraph) -> int:
    """Folds constant scales per channel into kernels, and joins constant shifts.

    Returns:
        The number of scales that were folded, one per batch normalization.
    """
    count = 0
    for node in list(graph.nodes.values()):
        if node.op == "Mul":
            count += _fold_scale(graph, node)
        elif node.op == "AddV2" and not _join_shifts(graph, node):
            _shift_by_class(graph, node)
    graph.prune()
    return count


def _fold_scale(graph, node):
    operands = _with_constant(graph, node)
    if operands is None or not _push(graph, operands[0], operands[1]):
        return False
    _forward(node, operands[0])
    return True


def _with_constant(graph, node):
    """`(name, values)` of `tensor * values` or `tensor + values`, one value per channel; or None."""
    if _other_layout(node):
        return None
    for name, other in (node.input[:2], node.input[1::-1]):
        shape = graph.shapes.get(name)
        if other in graph.weights and shape is not None and shape.rank and shape[-1] is not None:
            value = graph.weights[other]
            if value.ndim <= shape.rank and value.size in (1, shape[-1]) and value.size == max((1, *value.shape[-1:])):
                return name, np.broadcast_to(value.reshape(-1), shape[-1:])
    return None


def _push(graph, name, scale):
    """Scales a tensor's channels by changing the weights it is computed from; False if that is impossible."""
    node = graph.nodes.get(name)
    if node is None or graph.uses(name) != 1:
        return False
    if node.op == "Identity" or node.op == "Cast" and _between_floats(node):
        return _push(graph, node.input[0], scale)
    if node.op == "Reshape":
        return _push_reshaped(graph, node, scale)
    if node.op in _ADDITIONS:
        operands = _with_constant(graph, node)
        if operands is None or not _push(graph, operands[0], scale):
            return False
        _set_operands(graph, node, operands[0], operands[1] * scale)
        return True
    return _scale_kernel(graph, node, scale)


def _between_floats(node):
    """True for a cast between floats; one to integers rounds, so that a scale cannot be moved before it."""
    return all(tf.as_dtype(node.attr[key].type).is_floating for key in ("SrcT", "DstT"))


def _push_reshaped(graph, node, scale):
    """Through a reshape (N, ..., K) -> (N, ..., C), which makes channel k of K channel k mod C."""
    before, after = graph.shapes.get(node.input[0]), graph.shapes[node.name]
    if before is None or not before.rank or not after.rank or before[-1] is None or before[-1] % len(scale):
        return False
    return _push(graph, node.input[0], np.tile(scale, before[-1] // len(scale)))


def _scale_kernel(graph, node, scale):
    transposed = "transpose_b" in node.attr and node.attr["transpose_b"].b
    if node.op not in _KERNELS or _other_layout(node) or transposed:
        return False
    position, axis = _KERNELS[node.op]
    kernel = graph.weights.get(node.input[position])
    if kernel is None or kernel.dtype.itemsize < _BYTES_OF_A_KERNEL or kernel.shape[axis] != len(scale):
        return False
    along = [-1 if k == axis else 1 for k in range(kernel.ndim)]
    scaled = (kernel.astype(np.float64) * scale.reshape(along)).astype(kernel.dtype)
    # A new weight: another layer may share the old one.
    node.input[position] = graph.add_weight(f"{node.name}/kernel", scaled)
    return True


def _other_layout(node):
    # Reading a missing key of `node.attr` would add it, and make the graph invalid.
    return "data_format" in node.attr and node.attr["data_format"].s != b"NHWC"


def _join_shifts(graph, node):
    """`(x + a) + b -> x + (a + b)`, which also leaves a convolution with one bias."""
    outer = _with_constant(graph, node)
    if outer is None:
        return False
    inner = graph.nodes.get(_skip_identities(graph, outer[0]))
    if inner is None or inner.op not in _ADDITIONS or graph.uses(inner.name) != 1:
        return False
    operands = _with_constant(graph, inner)
    if operands is None:
        return False
    _set_operands(graph, node, operands[0], operands[1] + outer[1])
    return True


def _shift_by_class(graph, node):
    """`(x + t) * G[label] + B[label] -> x * G[label] + (B + t G)[label]`: one pass over x less."""
    for product, shift in (node.input[:2], node.input[1::-1]):
        scaled, shifts = graph.nodes.get(product), _table(graph, shift)
        if scaled is None or scaled.op != "Mul" or shifts is None or graph.uses(product) != 1:
            continue
        for x, factor in (scaled.input[:2], scaled.input[1::-1]):
            scales, inner = _table(graph, factor), graph.nodes.get(_skip_identities(graph, x))
            if scales is None or inner is None or inner.op not in _ADDITIONS or graph.uses(inner.name) != 1:
                continue
            operands = _with_constant(graph, inner)
            if operands is None or not _alike(graph, scales.input[1], shifts.input[1]):
                continue
            table, gammas = (graph.weights[t.input[0]] for t in (shifts, scales))
            if not table.shape == gammas.shape == (len(table), len(operands[1])):
                continue
            if not _is_only_reader(graph, shift, shifts.name):
                continue
            shifts.input[0] = graph.add_weight(f"{shifts.name}/table", table + operands[1] * gammas)
            scaled.input[:] = [operands[0], factor]
            return True
    return False


def _table(graph, name):
    """The gather from a constant table (K, C), one row per label, behind a tensor (N, 1.., C); or None."""
    node = graph.nodes.get(_skip_identities(graph, name))
    if node is not None and node.op == "Reshape":
        shape = graph.shapes[node.name]
        if not shape.rank or any(size != 1 for size in shape[1:-1]):
            return None
        node = graph.nodes.get(_skip_identities(graph, node.input[0]))
    if node is None or node.op != "GatherV2" or graph.weights.get(node.input[2], np.ones(1)).any():
        return None
    table = graph.weights.get(node.input[0])
    return node if table is not None and table.ndim == 2 else None


def _is_only_reader(graph, name, source):
    """True if nothing else reads a tensor, or the tensors between it and `source`."""
    while graph.uses(name) == 1 and name != source:
        name = graph.nodes[name].input[0]
    return graph.uses(name) == 1


def _alike(graph, a, b):
    """True if two tensors are results of the same operations on the same values."""
    if a == b:
        return True
    if a in graph.weights and b in graph.weights:
        return np.array_equal(graph.weights[a], graph.weights[b])
    one, other = graph.nodes.get(a), graph.nodes.get(b)
    return (
        one is not None
        and other is not None
        and one.op == other.op
        and one.attr == other.attr
        and one.op != "Placeholder"
        and len(one.input) == len(other.input)
        and all(_alike(graph, *pair) for pair in zip(one.input, other.input, strict=True))
    )


def _skip_identities(graph, name):
    while name in graph.nodes and graph.nodes[name].op == "Identity" and graph.uses(name) == 1:
        name = graph.nodes[name].input[0]
    return name


def _set_operands(graph, node, tensor, values):
    old = next(name for name in node.input if name in graph.weights)
    del node.input[:2]
    value = values.astype(graph.weights[old].dtype)
    node.input[:] = [tensor, graph.add_weight(f"{node.name}/shift", value), *node.input]


def _forward(node, name):
    """Turns a node into the identity of one of its inputs."""
    node.op = "Identity"
    node.input[:] = [name, *(i for i in node.input if i.startswith("^"))]
