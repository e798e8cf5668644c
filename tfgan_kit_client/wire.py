"""The messages of TensorFlow Serving's protocol that the client uses, without TensorFlow.

The official stubs import TensorFlow. Here the messages are declared field by field as in tensorflow/serving
`apis/*.proto` and tensorflow `core/framework/*.proto`; fields that are not declared are skipped as unknown.
They have their own descriptor pool, because TensorFlow registers the same names in the default one.
"""

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
    "bool": _FIELD.TYPE_BOOL,
    "float": _FIELD.TYPE_FLOAT,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    # Enums travel as varints; the client compares numbers.
    "enum": _FIELD.TYPE_INT32,
}

# One entry per message, with fields as "number kind name"; `*` is repeated, `map` has string keys.
_MESSAGES = {
    "tensorflow.Dim": "1 int64 size",
    "tensorflow.TensorShapeProto": "2 *tensorflow.Dim dim, 3 bool unknown_rank",
    "tensorflow.TensorProto": (
        "1 enum dtype, 2 tensorflow.TensorShapeProto tensor_shape, 4 bytes tensor_content, "
        "5 *float float_val, 7 *int32 int_val, 8 *bytes string_val, 10 *int64 int64_val"
    ),
    "tensorflow.TensorInfo": ("1 string name, 2 enum dtype, 3 tensorflow.TensorShapeProto tensor_shape"),
    "tensorflow.SignatureDef": (
        "1 map:tensorflow.TensorInfo inputs, 2 map:tensorflow.TensorInfo outputs, 3 string method_name"
    ),
    "tensorflow.serving.ModelSpec": (
        "1 string name, 2 google.protobuf.Int64Value version, 3 string signature_name, 4 string version_label"
    ),
    "tensorflow.serving.PredictRequest": (
        "1 tensorflow.serving.ModelSpec model_spec, 2 map:tensorflow.TensorProto inputs, 3 *string output_filter"
    ),
    "tensorflow.serving.PredictResponse": (
        "1 map:tensorflow.TensorProto outputs, 2 tensorflow.serving.ModelSpec model_spec"
    ),
    "tensorflow.serving.GetModelMetadataRequest": (
        "1 tensorflow.serving.ModelSpec model_spec, 2 *string metadata_field"
    ),
    "tensorflow.serving.GetModelMetadataResponse": (
        "1 tensorflow.serving.ModelSpec model_spec, 2 map:google.protobuf.Any metadata"
    ),
    "tensorflow.serving.SignatureDefMap": "1 map:tensorflow.SignatureDef signature_def",
    "tensorflow.serving.GetModelStatusRequest": "1 tensorflow.serving.ModelSpec model_spec",
    "tensorflow.serving.StatusProto": "1 enum error_code, 2 string error_message",
    "tensorflow.serving.ModelVersionStatus": ("1 int64 version, 2 enum state, 3 tensorflow.serving.StatusProto status"),
    "tensorflow.serving.GetModelStatusResponse": ("1 *tensorflow.serving.ModelVersionStatus model_version_status"),
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="tfgan_kit_client/wire.proto",
        syntax="proto3",
        dependency=["google/protobuf/any.proto", "google/protobuf/wrappers.proto"],
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=_local(name))
        for field in fields.split(", "):
            _add_field(message, *field.split(" "))
    return file


def _local(name: str) -> str:
    return name.replace(".", "_")  # a file has one package; messages carry field numbers, not names


def _add_field(message, number: str, kind: str, name: str) -> None:
    field = message.field.add(name=name, number=int(number), label=_FIELD.LABEL_OPTIONAL)
    if kind.startswith(("*", "map:")):
        field.label = _FIELD.LABEL_REPEATED
    if kind.startswith("map:"):
        entry = message.nested_type.add(name=name.title().replace("_", "") + "Entry")
        entry.options.map_entry = True
        _add_field(entry, "1", "string", "key")
        _add_field(entry, "2", kind.removeprefix("map:"), "value")
        field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".{message.name}.{entry.name}"
        return
    kind = kind.removeprefix("*")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    field.type = _FIELD.TYPE_MESSAGE
    field.type_name = f".{kind if kind.startswith('google.') else _local(kind)}"


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for file in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(file.DESCRIPTOR.serialized_pb)
    pool.Add(_file())
    return pool


_POOL = _pool()


def _message(name: str):
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(_local(name)))


TensorProto = _message("tensorflow.TensorProto")
PredictRequest = _message("tensorflow.serving.PredictRequest")
PredictResponse = _message("tensorflow.serving.PredictResponse")
GetModelMetadataRequest = _message("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _message("tensorflow.serving.GetModelMetadataResponse")
SignatureDefMap = _message("tensorflow.serving.SignatureDefMap")
GetModelStatusRequest = _message("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _message("tensorflow.serving.GetModelStatusResponse")

AVAILABLE = 30  # ModelVersionStatus.State
STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
