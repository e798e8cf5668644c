"""A client for servers of generators, which runs without TensorFlow."""

from tfgan_kit_client.channel import TLS
from tfgan_kit_client.client import GeneratorClient
from tfgan_kit_client.errors import ServingError
from tfgan_kit_client.images import image_seeds

__all__ = ["GeneratorClient", "ServingError", "TLS", "image_seeds"]
