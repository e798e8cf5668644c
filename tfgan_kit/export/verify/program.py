"""A version's program: everything in its `saved_model.pb`, checked before any of it is loaded.

TensorFlow runs parts of a SavedModel when it loads it (the init operation, the functions that create and fill
resources), and a server runs the rest for callers. So not only what the signatures reach is checked, but every node
of every function, called or not.

Reference: tensorflow/tensorflow, `python/saved_model/load.py` and `cc/saved_model/loader.cc`.
"""

import pathlib
import re

from tfgan_kit.export.graph.operations import ALLOWED, COMPILED
from tfgan_kit.files import read_bytes

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

MOST_BYTES = 2**25  # parsed, its messages may take sixty times as much memory
MOST_NODES = 250_000  # the export of a network of a hundred convolutions has 3,000

# What the functions that save and restore the variables may hold, each beside ALLOWED.
_SAVING = frozenset({
    "DisableCopyOnRead", "MergeV2Checkpoints", "SaveV2", "ShardedFilename", "StaticRegexFullMatch", "StringJoin",
})  # fmt: skip
_RESTORING = frozenset({"AssignVariableOp", "RestoreV2"})
_INIT = "saved_model_main_op"  # the only collection that TensorFlow 2 writes: the name of the init operation
# Kinds of objects of which loading only makes variables, constants and functions: no resource, no file.
_OBJECTS = frozenset({"bare_concrete_function", "captured_tensor", "constant", "function", "user_object", "variable"})
_TYPES = frozenset({"_generic_user_object", "signature_map", "trackable_list_wrapper", "trackable_dict_wrapper",
                    "trackable_tuple_wrapper"})  # fmt: skip
_LOCAL = re.compile(
    r"(/job:localhost)?(/replica:0)?(/task:0)?(/(device:)?(CPU|GPU|TPU|XLA_\w+):(\d+|\*))?", re.IGNORECASE
)


def check_program(version):
    """Checks that a version's `saved_model.pb` holds nothing but a computation; loads and runs none of it.

    Args:
        version: path of the version.

    Raises:
        ValueError: an operation that is not in `ALLOWED`, in whatever part; saving or restoring that something
            but a server's own loader can reach, or that reads a file of its own choice; a resource, an asset or
            another object that is made by running something; a device of another machine; a second graph; a file
            that cannot be parsed or is larger than 32 MiB.
    """
    path = pathlib.Path(version) / "saved_model.pb"
    found = sorted(set(_faults(_parsed(path))))
    if found:
        raise ValueError(
            f"{path} holds what no export holds, so it was not loaded: a SavedModel is a program, and this one could "
            "read or write files, or reach other machines. Delete it, unless you know who made it. "
            f"Received: {'; '.join(found)}"
        )


def _parsed(path):
    try:
        return saved_model_pb2.SavedModel.FromString(read_bytes(path, MOST_BYTES))
    except (OSError, ValueError, DecodeError) as error:
        raise ValueError(f"{path} cannot be read; copy the version again, or export again: {error}") from error


def _faults(saved):
    """What an export does not hold, in words."""
    if len(saved.meta_graphs) != 1:
        yield f"{len(saved.meta_graphs)} graphs"
    for graph in saved.meta_graphs:
        count = len(graph.graph_def.node) + sum(len(f.node_def) for f in graph.graph_def.library.function)
        if count > MOST_NODES:
            yield f"{count} operations, where at most {MOST_NODES} are looked at"
            return
        yield from _faults_of_nodes(graph)
        yield from _faults_of_files(graph)
        for node in graph.object_graph_def.nodes:
            if node.WhichOneof("kind") not in _OBJECTS:
                yield f"an object of the kind {node.WhichOneof('kind')}"
            if node.registered_name or node.user_object.identifier not in (_TYPES | {""}):
                yield f"an object of the class {node.registered_name or node.user_object.identifier}"


def _faults_of_nodes(graph):
    """Operations, compiled functions and devices, of the graph itself and of every function."""
    beside = _io_functions(graph)
    parts = [("", graph.graph_def.node), *((f.signature.name, f.node_def) for f in graph.graph_def.library.function)]
    for name, nodes in parts:
        allowed = ALLOWED | beside.get(name, frozenset())
        yield from (node.op for node in nodes if node.op not in allowed)
        yield from (f"the device {node.device}" for node in nodes if not _LOCAL.fullmatch(node.device))
        yield from ("jit_compile=True" for node in nodes if COMPILED in node.attr and node.attr[COMPILED].b)
    for function in graph.graph_def.library.function:
        if COMPILED in function.attr and function.attr[COMPILED].b:
            yield "jit_compile=True"


def _io_functions(graph):
    """The functions that the saver names, a dict name -> operations that they may hold beside `ALLOWED`."""
    nodes = {node.name: node for node in graph.graph_def.node}
    saver, found = graph.saver_def, {}
    for name, operations in ((saver.save_tensor_name, _SAVING), (saver.restore_op_name, _RESTORING)):
        node = nodes.get(_node(name))
        if node is not None:
            found[node.attr["f"].func.name] = operations
    found.pop("", None)
    return found


def _faults_of_files(graph):
    """Files that could be read or written by anything but the loader, with the file that it names."""
    io, saver = _io_functions(graph), graph.saver_def
    own = {_node(name) for name in (saver.save_tensor_name, saver.restore_op_name)} - {""}
    for node in graph.graph_def.node:
        if node.name not in own and (set(_called(node)) & set(io) or own & {_node(name) for name in node.input}):
            yield f"{node.name}, which calls or follows the saving or restoring"
    for function in graph.graph_def.library.function:
        if any(set(_called(node)) & set(io) for node in function.node_def):
            yield f"{function.signature.name}, which calls the saving or restoring"
        if function.signature.name in io and "api_implements" in function.attr:  # for Grappler
            yield f"{function.signature.name}, which may take another function's place"
        arguments = {argument.name for argument in function.signature.input_arg}
        for node in function.node_def:
            if node.op == "RestoreV2" and node.input[:1] and node.input[0] not in arguments:
                yield "RestoreV2 of a file that the loader did not name"
    if set(graph.object_graph_def.concrete_functions) & set(io):
        yield "an object that calls the saving or restoring"
    for name, signature in graph.signature_def.items():
        if own & {_node(info.name) for info in (*signature.inputs.values(), *signature.outputs.values())}:
            yield f"the signature {name}, which calls the saving or restoring"
    if graph.asset_file_def:
        yield f"the asset {graph.asset_file_def[0].filename}"
    for name, collection in graph.collection_def.items():
        if name != _INIT or own & {_node(value) for value in collection.node_list.value}:
            yield f"the collection {name}"


def _node(name):
    """The node of a tensor's or an input's name: `^x`, `x`, `x:0`."""
    return name.removeprefix("^").partition(":")[0]


def _called(node):
    """The functions in a node's attributes."""
    return [function.name for value in node.attr.values() for function in (value.func, *value.list.func)]
