"""Loads and warms up a version from its folder."""

import pathlib
import time

from tfgan_kit.serving.batching_parameters import BatchingParameters
from tfgan_kit.serving.config_files import read_batching_parameters
from tfgan_kit.serving.models.saved_model import SavedModel
from tfgan_kit.serving.models.warmup import warm_up
from tfgan_kit.serving.protocol.errors import status_of
from tfgan_kit.serving.protocol.memory import Turns

import grpc

_BATCHING_FILE = "batching_params.pbtxt"


class Loader:
    """Loads a version, with the batching parameters of the server or the version, and warms it up.

    Args:
        batching: `BatchingParameters`, or None to run every request alone.
        options: `ServerOptions`.
        monitor: `Monitor` that counts loads and warmups.
    """

    def __init__(self, batching: BatchingParameters | None, options, monitor):
        self._batching = batching
        self._options = options
        self._monitor = monitor
        self._rows = Turns(options.max_request_rows)

    def __call__(self, path: pathlib.Path) -> SavedModel:
        """The loaded version of a folder. Any exception means that it cannot be served."""
        began, status = time.monotonic(), "fail"
        try:
            model = SavedModel(path, self._parameters(path), self._options.tags(), self._rows)
            status = "success"
        finally:
            self._monitor.load(path, status, time.monotonic() - began)
        if self._options.enable_model_warmup:
            self._warm_up(model)
        return model

    def _warm_up(self, model: SavedModel) -> None:
        began, code, records = time.monotonic(), grpc.StatusCode.OK, 0
        try:
            records = warm_up(model, max(1, self._options.num_request_iterations_for_warmup))
        except Exception as error:
            code, _ = status_of(error)
            raise
        finally:
            self._monitor.warmup(model.path, code.name, records, time.monotonic() - began)

    def _parameters(self, path: pathlib.Path) -> BatchingParameters | None:
        if self._batching is None or not self._options.enable_per_model_batching_parameters:
            return self._batching
        file = path / _BATCHING_FILE
        return read_batching_parameters(file) if file.is_file() else None
