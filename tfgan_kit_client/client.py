"""GeneratorClient: seeds in, images out, over gRPC."""

import os
import time
from collections.abc import Sequence

import grpc
import numpy as np

from tfgan_kit_client import contract
from tfgan_kit_client.arguments import LARGEST_INT64, check_int, check_seconds, check_text, check_version
from tfgan_kit_client.channel import TLS
from tfgan_kit_client.class_names import ids_of, read_class_names
from tfgan_kit_client.connection import Connection
from tfgan_kit_client.errors import ServingError
from tfgan_kit_client.images import ImageRequest
from tfgan_kit_client.pictures import to_pil
from tfgan_kit_client.pipeline import BatchSize

_POLL_SECONDS = 0.1
# A server's codes for a request that was made for a version which has since been replaced.
_OF_ANOTHER_VERSION = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)
_NOT_YET = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)


class GeneratorClient:
    """Images from a generator behind TensorFlow Serving or the embedded server.

    It reads the model's metadata and sends what that version expects; if the model is replaced meanwhile,
    it reads the metadata again and continues. Every image has a seed, and the same seeds give the same
    images in any batch. UNAVAILABLE and RESOURCE_EXHAUSTED are retried, with growing pauses, within a
    call's deadline. Make one client and keep it: it holds one connection and is thread-safe.

    Args:
        target: "host:port" of gRPC.
        model_name: the name it is served under.
        timeout: float in (0, 1e9], seconds that one call may take, retries included.
        batch_size: int >= 1, images per call; larger requests become several calls, some of them in
            parallel. It is reduced if the server accepts less.
        tls: `TLS`, the certificates; None: neither encrypted nor authenticated.
        version: int >= 1, a version; or str, a version's label such as "canary"; None: the newest.
        class_names: what `labels` may name: a list, by id, or the path of a file that has them, see
            `tfgan_kit_client.class_names.read_class_names`. No server tells them. None: labels are ids.

    Raises:
        ValueError: an argument of another type or outside its range; certificates or names that cannot be read.

    With a server of a conditional model `digits`:

        with GeneratorClient("localhost:8500", "digits") as client:
            images = client.generate(labels=range(10))  # uint8 (10, 28, 28, 1)
    """

    def __init__(
        self,
        target: str = "localhost:8500",
        model_name: str = "default",
        timeout: float = 10.0,
        batch_size: int = 16,
        tls: TLS | None = None,
        version: int | str | None = None,
        class_names: Sequence[str] | str | os.PathLike | None = None,
    ):
        self._class_names = None if class_names is None else read_class_names(class_names)
        rows = check_int("batch_size", batch_size, 1, LARGEST_INT64)
        self._connection = Connection(
            check_text("target", target, "localhost:8500"), check_text("model_name", model_name, "digits"),
            check_seconds("timeout", timeout), tls, check_version(version),
        )  # fmt: skip
        self._batch_size = BatchSize(rows)
        self._metadata = None  # of the version that answered last, if known

    @property
    def target(self) -> str:
        """The server's address."""
        return self._connection.target

    @property
    def batch_size(self) -> int:
        """Images per call; less than was given once the server has named a lower limit."""
        return self._batch_size.rows

    def close(self):
        """Closes the connection; running calls end as CANCELLED."""
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def metadata(self) -> contract.Metadata:
        """The version that is currently served, and its signatures with their inputs and outputs."""
        self._metadata = metadata = self._connection.metadata()
        return metadata

    def generate(
        self, num_images=None, seed=0, labels=None, seeds=None, latents=None, truncation_psi=None,
        signature=None, strengths=None,
    ) -> np.ndarray:  # fmt: skip
        """Images, uint8 (N, H, W, C), all of one version of the model.

        Args:
            num_images: int; None: as many as seeds, labels or latents, or 16.
            seed: int32; image k has the image seed `image_seeds(seed, num_images)[k]`.
            labels: one class id per image, for a conditional model, or the name of one of `class_names`;
                None: the model draws them.
            seeds: int64 image seeds, instead of `num_images` and `seed`.
            latents: float (N, Z), instead of seeds.
            truncation_psi: float, or one per image, if the version has it; None leaves it out. What a number does
                is the family's: StyleGAN's, from -2 to 2, is 1 without truncation; BigGAN's is a threshold for latents.
            signature: str, the signature to call; None: the one that fits the arguments.
            strengths: floats, how far to move along each of the first directions that the version was exported with,
                for all images (K,), or for each (N, K); None leaves them out.

        Raises:
            ValueError: arguments that do not fit the model; nothing has been sent then.
            ServingError: the server did not answer, or refused the request.
        """
        request = self._request(num_images, seed, labels, seeds, latents, truncation_psi, strengths)
        return np.concatenate(self._of_one_version(request, signature, contract.IMAGES))

    def from_w(self, w, signature=None, png=False):
        """The images of a StyleGAN's w, from its mapping or a projection.

        Args:
            w: float (N, num_ws, W).
            signature: as of `generate`.
            png: bool, whether the server encodes them.

        Returns:
            uint8 (N, H, W, C); with `png` a list of PNG files, bytes.

        Raises:
            As `generate`.
        """
        output = contract.PNG_BYTES if png else contract.IMAGES
        batches = self._of_one_version(ImageRequest(w=w), signature, output)
        return [one for batch in batches for one in batch] if png else np.concatenate(batches)

    def generate_png(
        self, num_images=None, seed=0, labels=None, seeds=None, latents=None, truncation_psi=None,
        signature=None, strengths=None,
    ) -> list[bytes]:  # fmt: skip
        """The same images as PNG files, encoded by the model's `_png` signatures."""
        request = self._request(num_images, seed, labels, seeds, latents, truncation_psi, strengths)
        batches = self._of_one_version(request, signature, contract.PNG_BYTES)
        return [png for batch in batches for png in batch]

    def generate_pil(
        self, num_images=None, seed=0, labels=None, seeds=None, latents=None, truncation_psi=None,
        signature=None, strengths=None,
    ) -> list:  # fmt: skip
        """The same images as `PIL.Image.Image`s; needs Pillow."""
        images = self.generate(num_images, seed, labels, seeds, latents, truncation_psi, signature, strengths)
        return [to_pil(image) for image in images]

    def stream(
        self, num_images=None, seed=0, labels=None, seeds=None, latents=None, truncation_psi=None,
        signature=None, strengths=None,
    ):  # fmt: skip
        """Yields the same images one by one, uint8 (H, W, C), however many.

        Only a few batches are in memory at a time. All images are of one version of the model: if it is
        unloaded meanwhile, ServingError ABORTED says how many images were yielded.
        """
        request = self._request(num_images, seed, labels, seeds, latents, truncation_psi, strengths)
        return self._stream(request, signature, contract.IMAGES)

    def stream_png(
        self, num_images=None, seed=0, labels=None, seeds=None, latents=None, truncation_psi=None,
        signature=None, strengths=None,
    ):  # fmt: skip
        """Yields the same images as PNG files, bytes, one by one; otherwise like `stream`."""
        request = self._request(num_images, seed, labels, seeds, latents, truncation_psi, strengths)
        return self._stream(request, signature, contract.PNG_BYTES)

    def wait_until_ready(self, timeout: float = 60.0) -> int:
        """Waits until a version is AVAILABLE, and returns it; raises ServingError if none becomes so.

        Args:
            timeout: float > 0, seconds to wait.
        """
        deadline = time.monotonic() + check_seconds("timeout", timeout)
        while True:
            left = max(deadline - time.monotonic(), 1e-3)
            try:
                return self._connection.available(left)
            except ServingError as error:
                if error.code not in _NOT_YET:
                    raise
                if time.monotonic() + _POLL_SECONDS > deadline:
                    text = f"not ready after {timeout} s: {error}"
                    raise ServingError(error.code, text) from error
            time.sleep(_POLL_SECONDS)

    def _request(self, num_images, seed, labels, seeds, latents, truncation_psi, strengths):
        labels = ids_of(labels, self._class_names)
        return ImageRequest(num_images, seed, labels, seeds, latents, truncation_psi, strengths)

    def _of_one_version(self, request, signature, output):
        batches = list(self._batches(request, signature, output))
        versions = sorted({batch.version for batch in batches}, reverse=True)
        for version in versions:  # the newest, or an older one after a rollback
            late = [batch for batch in batches if batch.version != version]
            if not late:
                return self._images(batches, output)
            rows = range(late[0].start, late[-1].stop)
            try:
                again = list(self._pinned(request, signature, output, rows, version))
            except ServingError as error:
                if error.code is not grpc.StatusCode.NOT_FOUND:
                    raise
                continue
            before = [batch for batch in batches if batch.stop <= rows.start]
            after = [batch for batch in batches if batch.start >= rows.stop]
            return self._images(before + again + after, output)
        raise self._swapped(
            f"(versions {', '.join(map(str, versions))}), and none of these is served any more, so "
            "the images would be of different models. Ask again"
        )

    def _images(self, batches, output):
        self._connection.check_alike(output, batches)
        return [batch.images for batch in batches]

    def _stream(self, request, signature, output):
        version = None
        for batch in self._batches(request, signature, output):
            version = version or batch.version
            if batch.version == version:
                yield from batch.images
                continue
            try:
                rows = range(batch.start, batch.stop)
                for again in self._pinned(request, signature, output, rows, version):
                    yield from again.images
            except ServingError as error:
                if error.code is not grpc.StatusCode.NOT_FOUND:
                    raise
                raise self._swapped(
                    f"(versions {version}, {batch.version}): {batch.start} images of version "
                    f"{version} were given, the rest would be of another model. Ask again, for the "
                    "rest or for all"
                ) from error

    def _pinned(self, request, signature, output, rows, version):
        """The batches of some rows, from one version."""
        chosen = self._connection.metadata(version).choose(signature, request.inputs, output)
        return self._connection.ask(request, chosen, output, rows, self._batch_size, version)

    def _swapped(self, how):
        name = self._connection.model_name
        return ServingError(grpc.StatusCode.ABORTED, f"model {name!r} was replaced while it answered {how}")

    def _batches(self, request, signature, output):
        """The batches of a request, each from the version that is served at the time."""
        start = 0
        metadata, chosen = self._plan(request, signature, output)
        answered, pause = time.monotonic(), 0.0
        while start < request.num_images:
            rows = range(start, request.num_images)
            try:
                for batch in self._connection.ask(request, chosen, output, rows, self._batch_size):
                    if batch.version != metadata.version:
                        self._metadata = None  # the new version may have other signatures
                    yield batch
                    start, answered, pause = batch.stop, time.monotonic(), 0.0
            except ServingError as error:
                self._metadata = None  # it may be out of date
                if error.code not in _OF_ANOTHER_VERSION:
                    raise
                newer, chosen = self._plan(request, signature, output)
                if newer.version == metadata.version or time.monotonic() + pause > answered + self._connection.timeout:
                    raise
                metadata = newer
                time.sleep(pause)
                pause = max(2 * pause, _POLL_SECONDS)  # a version that was replaced is asked for again at once

    def _plan(self, request, signature, output):
        """The metadata, and the signature for a request; reads them again before it refuses the request."""
        known = self._metadata
        if known is not None:
            try:
                return known, known.choose(signature, request.inputs, output)
            except ValueError:
                pass
        metadata = self.metadata()
        return metadata, metadata.choose(signature, request.inputs, output)
