"""`python -m tfgan_kit.serving --model_name digits --model_base_path $PWD/models/digits`."""

import dataclasses
import os
import sys

from tfgan_kit import command_line
from tfgan_kit.serving.options import ServerOptions, type_of

from absl import app, flags

_CANNOT_START = 255  # the exit code of tensorflow_model_server
_FLAGS = flags.FLAGS


def _define(field: dataclasses.Field) -> None:
    name, kind, text, least = field.name, type_of(field), field.metadata["help"], field.metadata["least"]
    if kind is bool:
        flags.DEFINE_bool(name, field.default, text)
    elif kind is int:
        flags.DEFINE_integer(name, field.default, text, least, field.metadata["most"])
    elif kind is float:
        flags.DEFINE_float(name, field.default, text, least)
    else:
        flags.DEFINE_string(name, field.default, text)


def define_flags():
    for field in dataclasses.fields(ServerOptions):
        _define(field)


def options_of_flags() -> ServerOptions:
    """The options that the flags say. Raises ValueError."""
    options = ServerOptions(**{field.name: _FLAGS[field.name].value for field in dataclasses.fields(ServerOptions)})
    options.check_source()
    if options.model_base_path and not os.path.isabs(options.model_base_path):
        raise ValueError(
            "--model_base_path must be absolute, as TensorFlow Serving requires. "
            f"Received: {options.model_base_path}. Try {os.path.abspath(options.model_base_path)}"
        )
    return options


def main(argv):
    """Serves until SIGTERM or SIGINT; a second one ends it immediately."""
    if len(argv) > 1:
        raise app.UsageError(f"this command takes only flags. Received: {argv[1:]}")
    try:
        command_line.work("serving", options_of_flags())
    except ValueError as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        sys.exit(_CANNOT_START)


if __name__ == "__main__":
    command_line.answer_version()
    define_flags()
    app.run(main)
