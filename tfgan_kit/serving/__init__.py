"""The embedded server: TensorFlow Serving's gRPC protocol for laptops, tests and demos."""

from tfgan_kit.internals import start_up
from tfgan_kit.serving.batching_parameters import BatchingParameters
from tfgan_kit.serving.options import ServerOptions

if not start_up.is_parsing():
    from tfgan_kit.serving.protocol.errors import StartError
    from tfgan_kit.serving.server import ModelServer

__all__ = ["BatchingParameters", "ModelServer", "ServerOptions", "StartError"]
