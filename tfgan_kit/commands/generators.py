"""What images come from, as it is shipped to whoever makes them: this process, or an actor on another machine."""

import contextlib
import dataclasses
import pathlib
import tempfile

from tfgan_kit import command_line
from tfgan_kit.export.generators import ExportedModel, ServedModel
from tfgan_kit.export.verify.check import check_version
from tfgan_kit.generation.styles import check_noise_mode
from tfgan_kit.runs import keras_file
from tfgan_kit.runs.checkpoints import load_generative_model, resolve

from absl import flags

from tfgan_kit_client import GeneratorClient, ServingError, connection_flags

FLAGS = flags.FLAGS


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint with its content, so that other machines need not see its file.

    name: str, the path, for messages.
    content: bytes of the `.keras` file.
    modules: the names of `--import_module`.
    noise_mode: str of a StyleGAN2's noise, or None.
    """

    name: str
    content: bytes
    modules: tuple = ()
    noise_mode: str | None = None

    def __call__(self):
        """The generative model."""
        command_line.import_modules(self.modules)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, pathlib.Path(self.name).name)
            path.write_bytes(self.content)
            return with_noise(load_generative_model(path), self.noise_mode)


@dataclasses.dataclass(frozen=True)
class Export:
    """An exported version with its files, a tuple of (path inside it, bytes)."""

    number: str
    files: tuple

    def __call__(self):
        """The `ExportedModel`, checked where it is opened."""
        with tempfile.TemporaryDirectory() as folder:
            version = pathlib.Path(folder, "model", self.number)
            for name, content in self.files:
                (version / name).parent.mkdir(parents=True, exist_ok=True)
                (version / name).write_bytes(content)
            return ExportedModel(version)


@dataclasses.dataclass(frozen=True)
class Server:
    """A version of a server's model; `tls` as `tfgan_kit_client.TLS`, whose files each machine has, or None."""

    target: str
    model_name: str
    version: int | None
    tls: object = None

    def __call__(self):
        """The `ServedModel`, by a connection that lives as long as it does."""
        client = GeneratorClient(self.target, self.model_name, tls=self.tls, version=self.version, batch_size=64)
        return ServedModel(client, f"served {self.model_name} {self.version}")


def chosen():
    """What the flags name: a `Checkpoint`, an `Export` or a `Server`; calling it opens it.

    Raises:
        ValueError: there is none.
    """
    if FLAGS.target is not None:
        return of_server()
    if FLAGS.exported_model is None:
        return of_checkpoint(FLAGS.noise_mode)
    version = check_version(FLAGS.exported_model).version
    files = sorted(path for path in version.rglob("*") if path.is_file())
    return Export(version.resolve().name, tuple((str(p.relative_to(version)), p.read_bytes()) for p in files))


def of_checkpoint(noise_mode=None):
    """The `Checkpoint` of the flags."""
    path = resolve(FLAGS.ckpt, FLAGS.which)
    keras_file.check(path)
    return Checkpoint(str(path), path.read_bytes(), tuple(FLAGS.import_module), noise_mode)


def of_server(version=None):
    """The `Server` of the flags, by a version; None: the newest one now."""
    where, tls = (FLAGS.target, FLAGS.model_name), connection_flags.tls()
    if version:
        return Server(*where, version, tls)
    try:
        with contextlib.closing(GeneratorClient(*where, tls=tls)) as client:
            return Server(*where, client.metadata().version or None, tls)  # 0: the server does not tell
    except ServingError as error:
        raise ValueError(f"The server did not answer: {error}") from error


def with_noise(gan, noise_mode):
    """The model, whose generator this process alone has, with the noise that is asked for; None: its own."""
    if noise_mode is not None:
        generator = gan.generative_model.generator
        check_noise_mode(generator, noise_mode)
        generator.noise_mode = noise_mode
    return gan
