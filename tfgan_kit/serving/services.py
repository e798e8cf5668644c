"""The gRPC services: which model a request means, and the answer that is not a picture."""

import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from tfgan_kit.serving.calls import RequestError, answers
from tfgan_kit.serving.predict import predict

_SIGNATURE_DEF = "signature_def"
_INVALID = grpc.StatusCode.INVALID_ARGUMENT


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the other methods answer UNIMPLEMENTED.

    Args:
        models: `Versions` by model name.
        slots: `Slots`, shared with the other services.
        as_content: see `predict`.
    """

    def __init__(self, models: dict, slots, as_content: bool):
        self._models = models
        self.slots = slots
        self._as_content = as_content

    @answers
    def Predict(self, request):  # noqa: N802 (the protocol's name)
        """Runs a signature."""
        _check_given(request)
        with _versions(self._models, request.model_spec).use(request.model_spec) as model:
            return predict(model, request, self._as_content)

    @answers
    def GetModelMetadata(self, request):  # noqa: N802
        """The signatures of a version."""
        _check_given(request)
        _check_metadata_fields(request.metadata_field)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with _versions(self._models, request.model_spec).use(request.model_spec) as model:
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, definition in model.signature_defs.items():
                signatures.signature_def[name].CopyFrom(definition)
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = model.version
        response.metadata[_SIGNATURE_DEF].Pack(signatures)
        return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; HandleReloadConfigRequest answers UNIMPLEMENTED.

    Args:
        models: `Versions` by model name.
        slots: `Slots`, shared with the other services.
    """

    def __init__(self, models: dict, slots):
        self._models = models
        self.slots = slots

    @answers
    def GetModelStatus(self, request):  # noqa: N802
        """The state of every version, or of the one asked for; labels are not looked at."""
        _check_given(request)
        spec = request.model_spec
        statuses = self._models[spec.name].statuses() if spec.name in self._models else []
        unknown = f"Could not find any versions of model {spec.name}"
        if spec.HasField("version"):
            statuses = [status for status in statuses if status.version == spec.version.value]
            unknown = f"Could not find version {spec.version.value} of model {spec.name}"
        if not statuses:
            raise RequestError(grpc.StatusCode.NOT_FOUND, unknown)
        return get_model_status_pb2.GetModelStatusResponse(model_version_status=statuses)


def _check_given(request) -> None:
    if not request.HasField("model_spec"):
        raise RequestError(_INVALID, "Missing ModelSpec")


def _check_metadata_fields(fields) -> None:
    if not fields:
        raise RequestError(
            _INVALID, "GetModelMetadataRequest must specify at least one metadata_field"
        )
    for field in fields:
        if field != _SIGNATURE_DEF:
            raise RequestError(_INVALID, f"Metadata field {field} is not supported")


def _versions(models: dict, spec):
    if not spec.name:
        raise RequestError(_INVALID, "ModelSpec has no name specified.")
    if spec.HasField("version_label"):  # no label can be set yet
        raise RequestError(
            _INVALID, f"Unrecognized servable version label: {spec.version_label}"
        )
    if spec.name not in models:
        named = spec.HasField("version")
        which = f"Specific({spec.name}, {spec.version.value})" if named else f"Latest({spec.name})"
        raise RequestError(
            grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {which}"
        )
    return models[spec.name]
