"""A SavedModel's graph in its own session, whose memory is released when it is closed.

Reference: tensorflow/tensorflow `cc/saved_model/loader.cc`, by which TensorFlow Serving loads models.
"""

import pathlib
import threading

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

_VARIABLES = pathlib.Path("variables", "variables")
_INIT = "__saved_model_init_op"  # a signature that TensorFlow 2 writes
_MOST_CALLABLES = 128  # callers choose which outputs to fetch, and every choice is compiled
_OLD_INITS = ("saved_model_main_op", "legacy_init_op")  # collections that TensorFlow 1 writes


class GraphSession:
    """Runs a graph whose variables, tables and assets are restored.

    `tf.saved_model.load` is not used because the eager runtime keeps what it compiled for the batch op
    after a version is unloaded (TensorFlow 2.21: 0.7 MB per swap of two signatures; a session 0.03 MB),
    and takes 0.1 ms more per call.

    Args:
        path: the version's folder.
        meta_graph: `MetaGraphDef`, the version's graph to run.

    Attributes:
        graph: `tf.Graph`. Nothing may be added to it after the first `run`.

    Raises:
        tf.errors.OpError, ValueError: TensorFlow cannot load it.
    """

    def __init__(self, path: pathlib.Path, meta_graph):
        self.graph = tf.Graph()
        with self.graph.as_default():
            stripped = meta_graph.meta_info_def.stripped_op_list
            tf.import_graph_def(meta_graph.graph_def, name="", producer_op_list=stripped)
        config = tf.compat.v1.ConfigProto(allow_soft_placement=True)  # so that an export made on a GPU runs on a CPU
        self._session = tf.compat.v1.Session(graph=self.graph, config=config)
        self._callables = {}
        self._making = threading.Lock()
        try:
            self._restore(path, meta_graph)
        except BaseException:
            self.close()
            raise

    def _restore(self, path, meta_graph) -> None:
        assets = {asset.tensor_info.name: str(path / "assets" / asset.filename) for asset in meta_graph.asset_file_def}
        saver = meta_graph.saver_def
        if saver.restore_op_name:
            files = {saver.filename_tensor_name: str(path / _VARIABLES), **assets}
            self._session.run(self.graph.get_operation_by_name(saver.restore_op_name), files)
        init = _init_op(meta_graph)
        if init:
            self._session.run(self.graph.get_operation_by_name(init), assets)

    def run(self, fetches: tuple[str, ...], feeds: dict) -> list:
        """The values of tensors; may be called from several threads at once.

        Args:
            fetches: names of tensors, such as `StatefulPartitionedCall:0`.
            feeds: arrays by names of tensors, always in the same order.

        Returns:
            An array for each of `fetches`; a scalar may be a NumPy scalar or `bytes`.

        Raises:
            tf.errors.OpError: running the graph failed.
        """
        return self._callable(fetches, tuple(feeds))(*feeds.values())

    def _callable(self, fetches, names):
        # Not `Session.run`, which parses every feed and fetch again: 0.1 ms per call.
        key = fetches, names
        made = self._callables.get(key)
        return self._make(key) if made is None else made

    def _make(self, key):
        with self._making:
            if key not in self._callables:
                options = config_pb2.CallableOptions(fetch=key[0], feed=key[1])
                made = self._session._make_callable_from_options(options)
                while len(self._callables) >= _MOST_CALLABLES:
                    del self._callables[next(iter(self._callables))]
                self._callables[key] = made
            return self._callables[key]

    def close(self) -> None:
        """Releases the graph, its variables and its threads. No call may be running."""
        self._callables.clear()
        if self._session is not None:
            self._session.close()
            self._session = self.graph = None  # a closed session keeps its variables until it is deleted


def reason(error: tf.errors.OpError) -> str:
    """What TensorFlow says went wrong when a graph ran: one line, without node names and stack traces."""
    lines = [line.strip() for line in error.message.splitlines()]
    said = [line for line in lines if line and not line.startswith(("[[", "<stack", "Detected at", "Graph execution"))]
    return (said or lines or [""])[-1].partition(" [[")[0][:300]


def _init_op(meta_graph) -> str | None:
    signatures, collections = meta_graph.signature_def, meta_graph.collection_def
    if _INIT in signatures:
        return signatures[_INIT].outputs[_INIT].name.removesuffix(":0")
    for name in _OLD_INITS:
        if name in collections:
            return collections[name].node_list.value[0].removesuffix(":0")
    return None
