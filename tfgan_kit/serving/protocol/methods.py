"""The methods of the protocol, which the gRPC services and the REST gateway call."""

import functools

from tfgan_kit.serving.prometheus import Monitor
from tfgan_kit.serving.protocol import classify_regress
from tfgan_kit.serving.protocol.errors import RequestError, invalid
from tfgan_kit.serving.protocol.predict import predict

import grpc
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_management_pb2, model_pb2

_SIGNATURE_DEF = "signature_def"


class ModelMethods:
    """PredictionService and ModelService without their transport.

    Each method takes and returns TensorFlow Serving's messages of its name, and raises `RequestError` or
    `tf.errors.OpError`, which `errors.status_of` turns into a code and a text.

    Args:
        models: `Models`. Several `ModelMethods` may share them.
        as_content: writes tensors of an answer as `tensor_content`, which is faster to write and to read; otherwise as
            typed fields (`int_val` ...), as TensorFlow Serving does. Default False.
        monitor: `Monitor` that counts runs of the graph; None: a new one.
    """

    def __init__(self, models, as_content: bool = False, monitor: Monitor | None = None):
        self._models = models
        self._as_content = as_content
        self.monitor = monitor or Monitor()

    def predict(self, request, is_cancelled=lambda: False):
        """Runs a signature; once the caller has disconnected, `is_cancelled()` is True and the work is dropped."""
        with self.hold(request.model_spec) as model:
            return self.run(model, request, is_cancelled)

    def hold(self, model_spec):
        """A context with the model for `run`, which is not unloaded within it. Raises RequestError."""
        return self._models.use(model_spec)

    def run(self, model, request, is_cancelled=lambda: False):
        """`predict` on a held model, even if a newer version is loaded by now."""
        ran = functools.partial(self.monitor.runtime, request.model_spec.name, "Predict")
        return predict(model, request, self._as_content, is_cancelled, ran)

    def classify(self, request):
        """Runs a signature from tf.Examples to classes, scores or both."""
        with self._models.use(request.model_spec) as model:
            return classify_regress.classify(model, request)

    def regress(self, request):
        """Runs a signature from tf.Examples to one number for each."""
        with self._models.use(request.model_spec) as model:
            return classify_regress.regress(model, request)

    def multi_inference(self, request):
        """Classifies and regresses the same tf.Examples with signatures of one model."""
        spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
        with self._models.use(spec) as model:
            return classify_regress.multi_inference(model, request)

    def metadata(self, request):
        """The signatures of a version, packed in the protocol's messages."""
        if set(request.metadata_field) != {_SIGNATURE_DEF}:
            raise invalid(f"metadata_field must be {_SIGNATURE_DEF!r}. Received: {list(request.metadata_field)}")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self._models.use(request.model_spec) as model:
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = model.version
            packed = get_model_metadata_pb2.SignatureDefMap(signature_def=model.signature_defs)
        response.metadata[_SIGNATURE_DEF].Pack(packed)
        return response

    def status(self, request):
        """The state of every version, or of the requested one; labels are ignored."""
        spec = request.model_spec
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        statuses = self._models.statuses(spec.name)
        if spec.HasField("version"):
            statuses = [status for status in statuses if status.version == spec.version.value]
        if not statuses:
            which = f"version {spec.version.value}" if spec.HasField("version") else "any versions"
            raise RequestError(grpc.StatusCode.NOT_FOUND, f"Could not find {which} of model {spec.name}")
        return get_model_status_pb2.GetModelStatusResponse(model_version_status=statuses)

    def reload_config(self, request):
        """Replaces the list of models by the request's; returns once every model has been tried."""
        self._models.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response
