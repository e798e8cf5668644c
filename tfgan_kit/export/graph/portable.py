"""Convolutions and poolings for which only some processors have a kernel, rewritten to portable ones.

On a CPU without oneDNN, TensorFlow 2.21 has no kernel for a grouped convolution into which Grappler has fused a
bias ("Fused conv implementation does not support grouped convolutions"), for grouped or dilated transposed
convolutions, for dilated depthwise or 3D ones, or for channels first. With oneDNN it has: a version that was
exported on one machine would fail every request on another.

- Groups: the channels are split, each group is convolved by a plain convolution, and the results concatenated.
- Dilation d: a kernel of size k becomes one of size d (k - 1) + 1 with zeros in between.
- Channels first: transposed to channels last, and back.
"""

from tfgan_kit.export.graph.inference_graph import InferenceGraph

import tensorflow as tf

_IMAGES = {  # which input is the images, by name and position; a kernel is input 1
    "AvgPool": ("value", 0),
    "Conv2D": ("input", 0),
    "Conv2DBackpropInput": ("out_backprop", 2),
    "Conv3D": ("input", 0),
    "Conv3DBackpropInputV2": ("out_backprop", 2),
    "DepthwiseConv2dNative": ("input", 0),
    "MaxPool": ("input", 0),
}
_POOLINGS = frozenset({"AvgPool", "MaxPool"})
_DILATED = frozenset({"Conv2DBackpropInput", "Conv3D", "Conv3DBackpropInputV2", "DepthwiseConv2dNative"})
_GROUPED = frozenset({"Conv2D", "Conv2DBackpropInput"})
_LISTS = ("strides", "ksize", "dilations", "explicit_paddings")
_TO_LAST, _TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def make_portable(graph: InferenceGraph) -> int:
    """Rewrites the operations for which TensorFlow has a kernel on some CPUs only.

    Returns:
        The number of operations that were rewritten.
    """
    nodes, count = {}, 0
    for name, node in graph.nodes.items():
        made = _rewritten(graph, node)
        nodes |= made or {name: node}
        count += made is not None
    graph.nodes = nodes
    graph.prune()
    return count


def _rewritten(graph, node):
    """The nodes that replace one, a dict name -> NodeDef; None if every processor has a kernel for it."""
    if node.op not in _IMAGES:
        return None
    first = "data_format" in node.attr and node.attr["data_format"].s == b"NCHW"
    attributes = {key: list(node.attr[key].list.i) for key in _LISTS if key in node.attr}
    if first:
        attributes = {key: _channels_last(values) for key, values in attributes.items()}
    rates, groups = attributes.get("dilations", [])[1:-1], _groups(graph, node, first)
    dilated = node.op in _DILATED and set(rates) != {1}
    if not (first or dilated or groups > 1):
        return None
    if dilated:
        attributes["dilations"] = [1] * (len(rates) + 2)
    attributes["padding"] = node.attr["padding"].s.decode()

    def kernels(kernel):
        kernel = _with_zeros(kernel, rates) if dilated else kernel
        return tf.split(kernel, groups, axis=3) if groups > 1 else [kernel]

    constant = None if node.op in _POOLINGS else graph.weights.get(node.input[1])
    weights = [] if constant is None else [part.numpy() for part in kernels(tf.constant(constant))]

    def build(*inputs):
        given, parts = inputs[: len(inputs) - len(weights)], inputs[len(inputs) - len(weights) :]
        if not parts:
            parts = [None] if node.op in _POOLINGS else kernels(given[1])
        return _computed(node.op, given, parts, attributes, first)

    return graph.replacement(node, build, weights)


def _channels_last(values):
    """A list with one number, or one pair, per axis: channels first to channels last."""
    size = len(values) // 4
    return [number for axis in _TO_LAST for number in values[axis * size : (axis + 1) * size]]


def _groups(graph, node, first):
    """The number of groups of a convolution, whose kernel is (k, k, C / groups, ...)."""
    if node.op not in _GROUPED:
        return 1
    channels = graph.shape(node.input[0] if node.op == "Conv2D" else node.name)[1 if first else -1]
    width = graph.shape(node.input[1])[2]
    return channels // width if channels and width else 1


def _with_zeros(kernel, rates):
    """A dilated kernel written out: (k, ...) -> (d (k - 1) + 1, ...) along each dilated axis."""
    for axis, rate in enumerate(rates):
        shape = list(kernel.shape)
        spread = tf.stack([kernel] + [tf.zeros_like(kernel)] * (rate - 1), axis=axis + 1)
        spread = tf.reshape(spread, [*shape[:axis], rate * shape[axis], *shape[axis + 1 :]])
        shape[axis] = rate * (shape[axis] - 1) + 1
        kernel = tf.slice(spread, [0] * len(shape), shape)
    return kernel


def _computed(op, inputs, kernels, attributes, first):
    """The operation, group by group, with channels last."""
    name, position = _IMAGES[op]
    images = tf.transpose(inputs[position], _TO_LAST) if first else inputs[position]
    width = images.shape[-1] // len(kernels) if len(kernels) > 1 else None
    answers = []
    for k, kernel in enumerate(kernels):
        given = {name: images}
        if width:  # not tf.split: the rewriting for bfloat16 follows operations of one output
            given = {name: tf.slice(images, [0, 0, 0, k * width], [-1, -1, -1, width])}
        if kernel is not None:
            given["filter"] = kernel
        if position == 2:
            given["input_sizes"] = _sizes(inputs[0], kernel, first, bool(width))
        answers.append(getattr(tf.raw_ops, op)(**given, **attributes))
    answer = tf.concat(answers, axis=-1) if width else answers[0]
    return tf.transpose(answer, _TO_FIRST) if first else answer


def _sizes(sizes, kernel, first, grouped):
    """The output shape of a transposed convolution of one group, channels last."""
    if sizes.shape[0] == 2:  # height and width alone
        return sizes
    sizes = tf.gather(sizes, _TO_LAST) if first else sizes
    return tf.concat([sizes[:3], [kernel.shape[2]]], axis=0) if grouped else sizes
