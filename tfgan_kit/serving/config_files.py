"""The files of `tensorflow_model_server`'s flags: protocol buffers in text format.

`ModelServerConfig` is in the wheel tensorflow-serving-api; the others are not, and are declared here with the fields of
tensorflow/serving `config/*.proto` and `servables/tensorflow/session_bundle_config.proto`, in a separate descriptor
pool.
"""

import pathlib

from tfgan_kit.serving.batching_parameters import BatchingParameters

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config import model_server_config_pb2

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {"string": _FIELD.TYPE_STRING, "bool": _FIELD.TYPE_BOOL, "int64": _FIELD.TYPE_INT64}
_WRAPPED = "google.protobuf.{}Value"

# One line per message: its fields as "number kind name"; `*` is repeated, a capital letter is a message.
_MESSAGES = {
    "SSLConfig": "1 string server_key, 2 string server_cert, 3 string custom_ca, 4 bool client_verify",
    "PrometheusConfig": "1 bool enable, 2 string path",
    "MonitoringConfig": "1 PrometheusConfig prometheus_config",
    "BatchingParameters": (
        "1 Int64 max_batch_size, 2 Int64 batch_timeout_micros, 3 Int64 max_enqueued_batches, "
        "4 Int64 num_batch_threads, 5 String thread_pool_name, 6 *int64 allowed_batch_sizes, "
        "7 bool pad_variable_length_inputs, 8 Bool enable_large_batch_splitting, "
        "9 Int64 max_execution_batch_size"
    ),
}
_KEPT = ("max_batch_size", "batch_timeout_micros", "num_batch_threads", "max_enqueued_batches")
_NOT_OFFERED = ("pad_variable_length_inputs", "enable_large_batch_splitting", "max_execution_batch_size")


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="tfgan_kit/serving/text_protos.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields.split(", "):
            _add_field(message, *field.split(" "))
    pool.Add(file)
    return pool


def _add_field(message, number: str, kind: str, name: str) -> None:
    field = message.field.add(name=name, number=int(number), label=_FIELD.LABEL_OPTIONAL)
    if kind.startswith("*"):
        field.label, kind = _FIELD.LABEL_REPEATED, kind[1:]
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    ours = kind in _MESSAGES
    field.type = _FIELD.TYPE_MESSAGE
    field.type_name = f".tensorflow.serving.{kind}" if ours else f".{_WRAPPED.format(kind)}"


_POOL = _pool()


def _read(path, message):
    try:
        text = pathlib.Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    try:
        return text_format.Parse(text, message)
    except text_format.ParseError as error:  # its text has line and column
        kind = message.DESCRIPTOR
        raise ValueError(
            f"{path} is not a {kind.name} as text: {f'{error}'.rstrip('.')}. "
            f"Its fields are {', '.join(field.name for field in kind.fields)}"
        ) from error


def _new(name: str):
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"tensorflow.serving.{name}"))()


def read_model_config(path) -> model_server_config_pb2.ModelServerConfig:
    """The file of `--model_config_file`. Raises a ValueError with the line number."""
    config = _read(path, model_server_config_pb2.ModelServerConfig())
    if not config.HasField("model_config_list"):
        raise ValueError(f"{path} has no model_config_list {{ config {{ ... }} }}")
    return config


def read_ssl_config(path):
    """The file of `--ssl_config_file`, an `SSLConfig`. Raises ValueError."""
    config = _read(path, _new("SSLConfig"))
    for name in ("server_key", "server_cert"):
        if not getattr(config, name):
            raise ValueError(f"{path} lacks {name}, the PEM text itself, not a file's name")
    if config.client_verify and not config.custom_ca:
        raise ValueError(f"{path}: client_verify needs custom_ca, which signs the clients")
    return config


def read_monitoring_config(path):
    """The file of `--monitoring_config_file`, a `MonitoringConfig`. Raises ValueError."""
    return _read(path, _new("MonitoringConfig"))


def read_batching_parameters(path) -> BatchingParameters:
    """The file of `--batching_parameters_file`, or a version's `batching_params.pbtxt`.

    Missing fields have TensorFlow Serving's defaults; `thread_pool_name` only names threads.

    Raises:
        ValueError: a syntax error, a number out of range, or a feature that this server does not have.
    """
    message = _read(path, _new("BatchingParameters"))
    given = {field.name: value for field, value in message.ListFields()}
    for name in _NOT_OFFERED:
        if getattr(given.get(name), "value", given.get(name)):
            raise ValueError(f"{path}: this server has no {name}. Remove it, or set it to false")
    arguments = {name: given[name].value for name in _KEPT if name in given}
    if "allowed_batch_sizes" in given:
        arguments["allowed_batch_sizes"] = tuple(given["allowed_batch_sizes"])
    try:
        return BatchingParameters(**arguments)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
