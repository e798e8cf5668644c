"""A Keras model's forward pass as plain data: the operations that depend on the inputs, and weights.

Everything else, such as the root of a variance or a kernel divided by its spectral norm, is computed once,
here (partial evaluation: Jones, Gomard, Sestoft, 1993). It works on TensorFlow's graph, and so for
functional, sequential and subclassed models alike.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from tfgan_kit.export.graph.inlining import inline_convolutions
from tfgan_kit.export.graph.operations import ALLOWED

import numpy as np
import tensorflow as tf

# Shape inference must see constant shapes, so only larger values become variables.
_MOST_CONSTANT = 1024
_READS = frozenset({"ReadVariableOp", "ResourceGather", "ResourceGatherNd"})


class NotRewritable(Exception):
    """A model's graph cannot be rewritten, for this reason."""


@dataclasses.dataclass
class InferenceGraph:
    """One forward pass.

    Attributes:
        nodes: dict name -> NodeDef, in an order in which they can run; an input is the name of a node
            (followed by ":1" for its second output) or of a weight.
        weights: dict name -> numpy array, the nodes' inputs that do not depend on the model's inputs.
        resources: dict name -> `tf.Variable` that a node, e.g. a gather, reads itself.
        shapes, dtypes: dicts name of a node's output -> `tf.TensorShape`, `tf.DType`.
        inputs: names of the placeholders of the model's inputs.
        output: name of the output, e.g. the images.
        library: the functions that nodes call, e.g. branches.
        versions: the graph's versions.
        source: the concrete function that was traced; TensorFlow drops the library's functions when it is
            garbage collected.
    """

    nodes: dict
    weights: dict
    resources: dict
    shapes: dict
    dtypes: dict
    inputs: list
    output: str
    library: object
    versions: object
    source: object

    def uses(self, name):
        """How often a tensor's values are read, by nodes or as the output; not counting its shape."""
        readers = (node for node in self.nodes.values() if node.op != "Shape")
        return sum(list(node.input).count(name) for node in readers) + (name == self.output)

    def shape(self, name):
        """The `tf.TensorShape` of a node's output or of a weight."""
        return tf.TensorShape(self.weights[name].shape) if name in self.weights else self.shapes[name]

    def add_weight(self, name, value):
        """Adds an array under a unique name, which is returned."""
        while name in self.weights or name in self.nodes:
            name += "_"
        self.weights[name] = np.ascontiguousarray(value)
        return name

    def replacement(self, node, build, weights=()):
        """The nodes that compute a Python function, to replace one node.

        Args:
            node: NodeDef with one output.
            build: callable of symbolic tensors, the node's inputs and then `weights`, to one tensor.
            weights: arrays, which become weights of the graph.

        Returns:
            A dict name -> NodeDef; the last has the node's name.
        """
        given = [name for name in node.input if not name.startswith("^")]
        given += [self.add_weight(f"{node.name}/weight", value) for value in weights]
        with tf.Graph().as_default() as scratch:
            inputs = [tf.compat.v1.placeholder(self._dtype(name), self.shape(name)) for name in given]
            output = tf.identity(build(*inputs))
        names = {op.name: f"{node.name}/{op.name}" for op in scratch.get_operations()}
        names |= {tensor.op.name: name for tensor, name in zip(inputs, given, strict=True)}
        names[output.op.name] = node.name
        made = {}
        for op in scratch.get_operations():
            if op.type != "Placeholder":
                one = made[names[op.name]] = _renamed(op.node_def, names)
                self.shapes |= {_output(one.name, k): tensor.shape for k, tensor in enumerate(op.outputs)}
                self.dtypes |= {_output(one.name, k): tensor.dtype for k, tensor in enumerate(op.outputs)}
        made[node.name].input.extend(name for name in node.input if name.startswith("^"))
        return made

    def specs(self):
        """The inputs, a list of `tf.TensorSpec`."""
        return [tf.TensorSpec(self.shapes[name], self.dtypes[name]) for name in self.inputs]

    def _dtype(self, name):
        return tf.as_dtype(self.weights[name].dtype) if name in self.weights else self.dtypes[name]

    def prune(self):
        """Drops nodes and weights that the output does not need."""
        needed, waiting = set(), [self.output, *self.inputs]
        while waiting:
            name = waiting.pop().lstrip("^")
            if name not in needed:
                needed.add(name)
                owner = self.nodes.get(name) or self.nodes.get(name.partition(":")[0])
                waiting += [] if owner is None else [owner.name, *owner.input]
        self.nodes = {name: node for name, node in self.nodes.items() if name in needed}
        self.weights = {name: value for name, value in self.weights.items() if name in needed}
        self.resources = {name: value for name, value in self.resources.items() if name in needed}

    def graph_def(self):
        """The GraphDef; inputs, weights and resources are to be given in the `input_map` of its import."""
        nodes = [node for name, node in self.nodes.items() if name not in self.inputs]
        definition = tf.compat.v1.GraphDef(node=nodes, library=self.library, versions=self.versions)
        for part in (definition.node, *(function.node_def for function in definition.library.function)):
            for node in part:
                # A custom gradient may capture a tensor of the model's graph, and could not be saved then.
                node.attr.pop("_gradient_op_type", None)
        return definition


class Emitted:
    """An `InferenceGraph` that can be called like the Keras model that it was traced from.

    Args:
        graph: an `InferenceGraph`.

    Attributes:
        variables: list of all `tf.Variable`s that a SavedModel of it must hold.
    """

    def __init__(self, graph):
        self._graph_def, self._resources, self._source = graph.graph_def(), graph.resources, graph.source
        self._inputs, self._output = graph.inputs, graph.output
        self._weights = {
            name: tf.Variable(value, trainable=False, name=name) if value.size > _MOST_CONSTANT else value
            for name, value in graph.weights.items()
        }
        # One concrete function for all signatures, since a tf.function traces its first two calls; besides,
        # import_graph_def fails under tf.control_dependencies.
        self._run = tf.function(self._import, autograph=False, input_signature=graph.specs()).get_concrete_function()

    @property
    def variables(self):
        held = [w for w in self._weights.values() if isinstance(w, tf.Variable)]
        return [*held, *self._resources.values()]

    def __call__(self, inputs, training=False):
        inputs = inputs if isinstance(inputs, list) else [inputs]
        return self._run(*(tf.convert_to_tensor(value) for value in inputs))

    def _import(self, *inputs):
        given = {name: tf.convert_to_tensor(value) for name, value in self._weights.items()}
        given |= {name: _captured(variable.handle) for name, variable in self._resources.items()}
        given |= dict(zip(self._inputs, inputs, strict=True))
        (images,) = tf.graph_util.import_graph_def(
            self._graph_def,
            input_map={f"{name}:0": value for name, value in given.items()},
            return_elements=[self._output if ":" in self._output else f"{self._output}:0"],
            name="",
        )
        return images


class Part(NamedTuple):
    """A function that is called, and rewritten, like a Keras model, such as a generator's mapping or synthesis.

    run: callable of one tensor, or of several.
    variables: the variables that it reads.
    """

    run: Callable
    variables: list

    def __call__(self, inputs, training=False):
        return self.run(*inputs) if isinstance(inputs, list) else self.run(inputs)


def specs_of(shape, num_classes):
    """The inputs of a network: rows of a shape, (Z,) or (H, W, C), and labels if there are classes."""
    labels = [] if num_classes is None else [tf.TensorSpec([None], tf.int32)]
    return [tf.TensorSpec([None, *shape], tf.float32), *labels]


def trace(model, specs):
    """The forward pass of a Keras model at inference, an `InferenceGraph`.

    Args:
        model: Keras model of one tensor, or of a list of them, to one tensor; or a `Part`.
        specs: list of `tf.TensorSpec`, its inputs.

    Raises:
        NotRewritable: it writes to variables, holds one that Keras does not track, or its output does not
            depend on its inputs.
    """

    @tf.function(input_signature=specs, autograph=False)
    def run(*inputs):
        return tf.identity(model(inputs[0] if len(inputs) == 1 else list(inputs), training=False))

    concrete = inline_convolutions(run.get_concrete_function())
    operations = concrete.graph.get_operations()
    given = concrete.graph.inputs[: len(specs)]
    varying = _varying(operations, {tensor.op.name for tensor in given})
    output = concrete.graph.outputs[0]
    if output.op.name not in varying:
        raise NotRewritable("its output does not depend on its inputs")
    varying |= _expanding(operations, varying)
    kept = [op for op in operations if op.name in varying]
    frontier = {t.name: t for op in kept for t in op.inputs if t.op.name not in varying}
    weights = {name: _weight_name(tensor) for name, tensor in frontier.items()}
    definition = concrete.graph.as_graph_def()
    graph = InferenceGraph(
        nodes={op.name: _node(op, varying, weights) for op in kept},
        weights={},
        resources=_resources(frontier, concrete, model),
        shapes={_name(t): t.shape for op in kept for t in op.outputs},
        dtypes={_name(t): t.dtype for op in kept for t in op.outputs},
        inputs=[tensor.op.name for tensor in given],
        output=_name(output),
        library=definition.library,
        versions=definition.versions,
        source=concrete,
    )
    graph.prune()
    wanted = [t for t in frontier.values() if t.dtype != tf.resource and graph.uses(weights[t.name])]
    graph.weights = {weights[name]: value for name, value in _evaluated(wanted, concrete, definition).items()}
    return graph


def _varying(operations, roots):
    """Names of the operations whose results depend on the inputs, or on state other than weights."""
    varying = set()
    for op in operations:
        needs = {tensor.op.name for tensor in op.inputs} | {o.name for o in op.control_inputs}
        stateful = op.op_def.is_stateful and op.type not in _READS
        no_array = any(tensor.dtype == tf.variant for tensor in op.outputs)  # a list of tensors, as in an RNN
        if op.type.startswith("Assign"):
            raise NotRewritable(f"it writes to a variable at inference ({op.name})")
        if op.name in roots or needs & varying or stateful or no_array or op.type not in ALLOWED:
            varying.add(op.name)
    return varying


def _expanding(operations, varying):
    """Names of the operations on weights that are left to run, since their results would be larger to store.

    Such as a StyleGAN's noise (H, W, 1) plus a bias (C,), which of 1024 pixels are 134 MB for 4.
    """
    left, readers = set(), [op for op in operations if op.name in varying]
    while readers:
        op = readers.pop()
        for tensor in op.inputs:
            made = tensor.op
            if made.name not in varying | left and made.inputs and made.type not in _READS and _is_larger(tensor):
                left.add(made.name)
                readers.append(made)
    return left


def _is_larger(tensor):
    """Whether a tensor holds more than twice the numbers that it is computed from."""
    sizes = [one.shape.num_elements() for one in (tensor, *tensor.op.inputs)]
    return None not in sizes and sizes[0] > max(_MOST_CONSTANT, 2 * sum(sizes[1:]))


def _node(op, varying, weights):
    """The operation's NodeDef, with inputs named as in `InferenceGraph`."""
    node = tf.compat.v1.NodeDef()
    node.CopyFrom(op.node_def)
    del node.input[:]
    node.input.extend(weights.get(tensor.name) or _name(tensor) for tensor in op.inputs)
    node.input.extend(f"^{o.name}" for o in op.control_inputs if o.name in varying)
    return node


def _renamed(node_def, names):
    """A copy of a node with its own name and its inputs' names translated."""
    node = tf.compat.v1.NodeDef()
    node.CopyFrom(node_def)
    node.name = names[node.name]
    for k, name in enumerate(node.input):
        mark, (source, _, number) = "^" * name.startswith("^"), name.removeprefix("^").partition(":")
        node.input[k] = mark + _output(names[source], int(number or 0))
    return node


def _output(name, number):
    return f"{name}:{number}" if number else name


def _name(tensor):
    return tensor.name.removesuffix(":0")


def _weight_name(tensor):
    """A valid name of a node: a weight may be the second output of a split."""
    return _name(tensor).replace(":", "/part_")


def _resources(frontier, concrete, model):
    owners = {id(v.handle): v for v in map(_variable, model.variables)}
    outer = {inner.name: outer for outer, inner in concrete.graph.captures}
    if any(value.dtype == tf.resource and id(value) not in owners for value in outer.values()):
        # No .keras file holds it, so its value may not be the trained one.
        raise NotRewritable("it holds a variable that Keras does not track")
    return {_name(t): owners[id(outer[t.name])] for t in frontier.values() if t.dtype == tf.resource}


def _variable(variable):
    """TensorFlow's variable of Keras's, or itself."""
    return variable if isinstance(variable, tf.Variable) else variable.value


def _evaluated(tensors, concrete, definition):
    """The values of tensors that depend on no input: a dict name of a tensor -> numpy array."""
    given = {inner.name: outer for outer, inner in concrete.graph.captures}
    part = tf.compat.v1.GraphDef(library=definition.library, versions=definition.versions)
    needed = _before(tensors)
    part.node.extend(n for n in definition.node if n.name in needed and f"{n.name}:0" not in given)

    @tf.function(autograph=False)
    def evaluate():
        inputs = {n: _captured(value) for n, value in given.items() if n.removesuffix(":0") in needed}
        return tf.graph_util.import_graph_def(part, inputs, [t.name for t in tensors], name="")

    values = evaluate.get_concrete_function()()
    return {
        t.name: np.array(value.numpy(), dtype=object if t.dtype == tf.string else None)
        for t, value in zip(tensors, values, strict=True)
    }


def _before(tensors):
    """Names of the operations that tensors depend on."""
    found, waiting = set(), [tensor.op for tensor in tensors]
    while waiting:
        op = waiting.pop()
        if op.name not in found:
            found.add(op.name)
            waiting += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    return found


def _captured(value):
    """An outer tensor, captured by the graph that is being built."""
    return tf.compat.v1.get_default_graph().capture(value)
