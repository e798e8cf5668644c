"""The flags of a command that talks to a server: which server, which model, which certificates."""

import shlex
import sys

from absl import flags

from tfgan_kit_client.channel import TLS

_FLAGS = flags.FLAGS
_CERTIFICATES = ("root_certificates", "client_key", "client_certificate", "server_name")


def define_flags():
    """Defines --target, --model_name, --model_version and the flags of TLS."""
    _define_flags_of_the_model()
    define_tls_flags()


def _define_flags_of_the_model():
    flags.DEFINE_string("target", "localhost:8500", "host:port of the server's gRPC.")
    flags.DEFINE_string("model_name", "default", "Name that the model is served under.")
    flags.DEFINE_string("model_version", None, "A version's number, or its label, such as canary; default: the newest.")


def define_tls_flags():
    """Defines --tls and the certificates only, for a command that defines its own --target."""
    flags.DEFINE_bool("tls", False, "Encrypt the connection; any of the next four implies it.")
    flags.DEFINE_string(
        "root_certificates", None, "PEM file of the authorities that the server's certificate is "
        "checked against; default: those that gRPC ships with."
    )  # fmt: skip
    flags.DEFINE_string("client_key", None, "PEM file, for a server that requires a client certificate.")
    flags.DEFINE_string("client_certificate", None, "PEM file that belongs to --client_key.")
    flags.DEFINE_string("server_name", None, "Name in the server's certificate, if not --target's.")
    for flag in _FLAGS.flags_by_module_dict().get(__name__, []):
        _FLAGS.register_key_flag_for_module(sys.argv[0], flag)


def tls() -> TLS | None:
    """The certificates that the flags name; None: not encrypted. Raises ValueError for half a pair."""
    names = [_FLAGS[name].value for name in _CERTIFICATES]
    return TLS(*names) if _FLAGS.tls or any(names) else None


def given_tls() -> list[str]:
    """The names of the TLS flags that were given, for a message."""
    return [name for name in ("tls", *_CERTIFICATES) if _FLAGS[name].present]


def version() -> int | str | None:
    """--model_version as `GeneratorClient` takes it."""
    given = _FLAGS.model_version
    return int(given) if given and given.isdecimal() else given


def again() -> str:
    """The flags of the connection that were given, for the next command to suggest."""
    given = [
        f"--{name}={_FLAGS[name].value}"
        for name in ("target", "model_name", "model_version", *_CERTIFICATES)
        if _FLAGS[name].present
    ]
    return shlex.join(["--tls"] * (_FLAGS["tls"].present and _FLAGS.tls) + given)
