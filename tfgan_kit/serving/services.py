"""The gRPC services: each method of the protocol handed on to `ModelMethods`."""

from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from tfgan_kit.serving.calls import answers


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict, Classify, Regress, MultiInference and GetModelMetadata.

    Args:
        methods: `ModelMethods`.
        slots: `Slots`, shared with the other services.
    """

    def __init__(self, methods, slots):
        self._methods = methods
        self.slots, self.monitor = slots, methods.monitor

    @answers
    def Predict(self, request, context):  # noqa: N802 (the protocol's name)
        """Runs a signature."""
        return self._methods.predict(request, context.is_active)

    @answers
    def Classify(self, request, context):  # noqa: N802
        """Runs a signature on tf.Examples, for classes."""
        return self._methods.classify(request)

    @answers
    def Regress(self, request, context):  # noqa: N802
        """Runs a signature on tf.Examples, for numbers."""
        return self._methods.regress(request)

    @answers
    def MultiInference(self, request, context):  # noqa: N802
        """Runs several signatures on the same tf.Examples."""
        return self._methods.multi_inference(request)

    @answers
    def GetModelMetadata(self, request, context):  # noqa: N802
        """The signatures of a version."""
        return self._methods.metadata(request)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest.

    Args:
        methods: `ModelMethods`.
        slots: `Slots`, shared with the other services.
    """

    def __init__(self, methods, slots):
        self._methods = methods
        self.slots, self.monitor = slots, methods.monitor

    @answers
    def GetModelStatus(self, request, context):  # noqa: N802
        """The state of every version, or of the one asked for."""
        return self._methods.status(request)

    @answers
    def HandleReloadConfigRequest(self, request, context):  # noqa: N802
        """Replaces the list of models."""
        return self._methods.reload_config(request)
