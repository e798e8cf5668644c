"""The connection to a server: its options, its retries, its certificates.

Retries are gRPC's own (gRFC A6): measured with grpcio 1.85, it waits about 0.1, 0.2, 0.4 and 0.8 s (with 20 %
of jitter) between at most five attempts, and a call's deadline covers all of them. Every attempt has the same
seeds, so that a retry gives the same images.
"""

import dataclasses
import json
import pathlib

import grpc

from tfgan_kit_client import wire

_PREDICTION = "tensorflow.serving.PredictionService"
PREDICT = f"/{_PREDICTION}/Predict"
_RETRIES = {
    "methodConfig": [
        {
            "name": [{"service": _PREDICTION}],  # not GetModelStatus: `wait_until_ready` polls it
            "retryPolicy": {
                "maxAttempts": 5,  # gRPC allows no more
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
            },
        }
    ]
}
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),  # no limit; the default, 4 MB, is 21 images of 256x256x3
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),  # so that a server is found soon after it starts
)
_RETRY_OPTIONS = (
    ("grpc.service_config", json.dumps(_RETRIES)),
    ("grpc.per_rpc_retry_buffer_size", 2**24),  # a longer request is not retried; 256 kB by default
)


@dataclasses.dataclass(frozen=True)
class TLS:
    """The certificates of an encrypted connection, as PEM files.

    Args:
        root_certificates: path of the certificates of the authorities that the server's certificate is
            checked against; None: those that gRPC ships with.
        key: path of the client's private key, for a server that requires a client certificate.
        certificate: path of the client's certificate (chain), given together with `key`.
        server_name: the name that the server's certificate must have, if it is not the target's, e.g.
            through a tunnel or a forwarded port. None: the target's.

    Raises:
        ValueError: a key without its certificate, or the reverse.

    Example:
        >>> TLS("ca.pem", server_name="images.example.org").root_certificates
        'ca.pem'
    """

    root_certificates: str | None = None
    key: str | None = None
    certificate: str | None = None
    server_name: str | None = None

    def __post_init__(self):
        if (self.key is None) != (self.certificate is None):
            raise ValueError(
                "A client's key and certificate belong together: give both or neither. "
                f"Received: key={self.key}, certificate={self.certificate}"
            )

    def credentials(self) -> grpc.ChannelCredentials:
        """Reads the files. Raises ValueError for one that cannot be read or is not PEM."""
        return grpc.ssl_channel_credentials(
            _pem("root_certificates", self.root_certificates),
            _pem("key", self.key),
            _pem("certificate", self.certificate),
        )


def _pem(name: str, path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"A PEM file for TLS cannot be read ({error.strerror}). Received: {name}={path}") from error
    if b"-----BEGIN " not in content:  # gRPC would only say that the handshake failed
        raise ValueError(f"TLS needs PEM files, which have a line -----BEGIN ...-----. Received: {name}={path}")
    return content


def open_channel(target: str, tls: TLS | None = None, retries: bool = True) -> grpc.Channel:
    """A channel, which connects at the first call and reconnects whenever the connection is lost.

    Args:
        target: "host:port" of gRPC, or another name that gRPC can resolve.
        tls: the certificates; None: neither encrypted nor authenticated.
        retries: bool, whether UNAVAILABLE and RESOURCE_EXHAUSTED are retried. False, for measurements, also
            gives the channel a connection of its own.
    """
    options = _OPTIONS + (
        _RETRY_OPTIONS if retries else (("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1))
    )
    if tls is None:
        return grpc.insecure_channel(target, options)
    if tls.server_name is not None:
        options += (("grpc.ssl_target_name_override", tls.server_name),)
    return grpc.secure_channel(target, tls.credentials(), options)


class Methods:
    """TensorFlow Serving's calls that the client uses, over one channel."""

    def __init__(self, channel: grpc.Channel):
        self.predict = _method(channel, PREDICT, wire.PredictResponse)
        self.get_metadata = _method(channel, f"/{_PREDICTION}/GetModelMetadata", wire.GetModelMetadataResponse)
        self.get_status = _method(
            channel, "/tensorflow.serving.ModelService/GetModelStatus", wire.GetModelStatusResponse
        )


def _method(channel, path, response):
    return channel.unary_unary(path, lambda request: request.SerializeToString(), response.FromString)
