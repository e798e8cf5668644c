"""The embedded server: TensorFlow Serving's gRPC protocol for laptops, tests and demos."""

from tfgan_kit.serving.models.batching import BatchingParameters
from tfgan_kit.serving.options import ServerOptions
from tfgan_kit.serving.protocol.errors import StartError
from tfgan_kit.serving.server import ModelServer

__all__ = ["BatchingParameters", "ModelServer", "ServerOptions", "StartError"]
