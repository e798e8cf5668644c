"""The list of models that a server is given: what TensorFlow Serving refuses in it, in its words."""

import os

from tfgan_kit.serving.calls import RequestError

import grpc
from tensorflow_serving.config import model_server_config_pb2 as config_pb2

_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_TENSORFLOW = "tensorflow"


def one_model(name: str, base_path) -> config_pb2.ModelServerConfig:
    """The config that `--model_name` and `--model_base_path` stand for."""
    config = config_pb2.ModelServerConfig()
    config.model_config_list.config.add(
        name=name, base_path=str(base_path), model_platform=_TENSORFLOW
    )
    return config


def check(config, old) -> None:
    """Raises RequestError for a config that no server takes.

    Args:
        config: `ModelServerConfig`.
        old: `ModelConfigList` that it replaces.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise RequestError(
            _INVALID,
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported",
        )
    models = config.model_config_list.config
    _check_names(models)
    _check_paths(models)
    platforms = {model.name: _platform(model) for model in old.config}
    for model in models:
        _check_platform(model, platforms.get(model.name))


def _check_names(models) -> None:
    seen = set()
    for model in models:
        if model.name in seen:
            raise RequestError(
                _INVALID, f"Illegal to list model {model.name} multiple times in config list"
            )
        seen.add(model.name)


def _check_paths(models) -> None:
    for model in models:
        if not os.path.isabs(model.base_path):
            raise RequestError(
                _INVALID,
                f"Expected model {model.name} to have an absolute path or URI; "
                f"got base_path()={model.base_path}",
            )


def _check_platform(model, old: str | None) -> None:
    platform = _platform(model)
    if old not in (None, platform):
        raise RequestError(
            _INVALID,
            f"Illegal to change a model's platform. For model {model.name} platform was {old} "
            f"and new platform requested is {platform}",
        )
    if platform != _TENSORFLOW:
        raise RequestError(
            _INVALID, f"Model {model.name} requests unsupported platform {platform}"
        )


def _platform(model) -> str:
    if model.model_platform:
        return model.model_platform
    if model.model_type == config_pb2.TENSORFLOW:  # how old configs say it
        return _TENSORFLOW
    raise RequestError(
        _INVALID,
        "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
        f"ModelServerConfig::model_platform, model name is {model.name}",
    )
