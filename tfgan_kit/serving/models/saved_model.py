"""One version of a model in memory."""

import copy
import pathlib

from tfgan_kit.export.session import GraphSession
from tfgan_kit.serving.batching_parameters import BatchingParameters
from tfgan_kit.serving.models.signature import Signature
from tfgan_kit.serving.options import MOST_ROWS
from tfgan_kit.serving.protocol.errors import RequestError
from tfgan_kit.serving.protocol.memory import Turns

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

_SERVE = ("serve",)  # TensorFlow Serving's --saved_model_tags
_INIT = "__saved_model_init_op"  # in the metadata, but not callable
_COMPILED = "_XlaMustCompile"  # the graph attribute of `tf.function(jit_compile=True)`


class IncompleteVersionError(RequestError):
    """A version's folder lacks files, often because it is still being copied."""

    def __init__(self, message: str):
        super().__init__(grpc.StatusCode.NOT_FOUND, message)


class SavedModel:
    """A loaded version. An incomplete one is refused, which TensorFlow Serving would serve.

    Args:
        path: the version's folder.
        parameters: `BatchingParameters`, or None to run every request alone.
        tags: the exact set of tags of the graph to load. Default `serve`.
        rows: `Turns` of the rows that run unbatched. Default: its own.

    Raises:
        IncompleteVersionError: the folder lacks `saved_model.pb`, or variables that the graph restores.
        tf.errors.OpError, ValueError: TensorFlow cannot load it.
    """

    def __init__(
        self, path: pathlib.Path, parameters: BatchingParameters | None, tags=_SERVE, rows: Turns | None = None
    ):
        self.path = path
        self.version = int(path.name)
        meta_graph = _meta_graph(path, set(tags))
        if meta_graph.saver_def.restore_op_name:  # a frozen graph has no variables
            _check_variables(path)
        # Copies, since a part of a message keeps all of it in memory.
        self.signature_defs = copy.deepcopy(dict(meta_graph.signature_def))
        self._session = GraphSession(path, meta_graph)
        compiled = compiled_signatures(meta_graph)
        rows = rows or Turns(MOST_ROWS)
        self.signatures = {
            name: Signature(name, definition, self._session, parameters, name in compiled, rows)
            for name, definition in self.signature_defs.items()
            if name != _INIT
        }

    def signature(self, name: str) -> Signature:
        """The signature with this name (empty: `serving_default`)."""
        name = name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        if name not in self.signatures:
            raise RequestError(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        return self.signatures[name]

    def close(self) -> None:
        """Frees its memory; it cannot be used afterwards."""
        self._session.close()


def _check_variables(path: pathlib.Path) -> None:
    if not (path / "variables" / "variables.index").is_file():
        raise IncompleteVersionError(f"{path} has no variables/variables.index")
    if not any((path / "variables").glob("variables.data-*")):
        raise IncompleteVersionError(f"{path} has no variables/variables.data-* file")


def _meta_graph(path: pathlib.Path, tags: set):
    if not (path / "saved_model.pb").is_file():
        raise IncompleteVersionError(f"{path} should have a file called `saved_model.pb`")
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    for graph in saved.meta_graphs:
        if set(graph.meta_info_def.tags) == tags:
            return graph
    found = [sorted(graph.meta_info_def.tags) for graph in saved.meta_graphs]
    raise ValueError(f"{path} has no graph tagged {sorted(tags)} (--saved_model_tags); it has {found}")


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
    """The functions in the attributes of these nodes: calls, loops, conditions."""
    values = [value for node in nodes for value in node.attr.values()]
    return {function.name for value in values for function in (value.func, *value.list.func)} - {""}


def _reached(names: set[str], functions) -> set[str]:
    reached, left = set(), set(names)
    while left:
        name = left.pop()
        reached.add(name)
        if name in functions:
            left |= _calls(functions[name].node_def) - reached
    return reached
