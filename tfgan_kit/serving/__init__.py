"""The embedded server: TensorFlow Serving's gRPC protocol for a laptop, a test, a demo."""

from tfgan_kit.serving.batching import BatchingParameters
from tfgan_kit.serving.server import ModelServer, StartError

__all__ = ["BatchingParameters", "ModelServer", "StartError"]
