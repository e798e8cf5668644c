"""Directions in w, or in the latents, along which the images of a trained generator change in one respect."""

import hashlib
import io
import pathlib
import zipfile

from tfgan_kit.files import read_bytes, whole
from tfgan_kit.generation.styles import has_styles, own_noise_mode
from tfgan_kit.generation.truncation import truncation_of

import numpy as np
import tensorflow as tf

SPACES = ("w", "z")
_MOST_BYTES = 2**28


class Directions:
    """Vectors that are added to a row's w, or to its latents, each times a strength of the row.

        w' = w + sum_k strength_k vector_k        (on the rows of w of which `layers` tells)

    `sefa`, `ganspace` and `label_direction` of `direction_finders` find them; `GAN.edit` applies them.

    Args:
        vectors: float32 (K, D), D the width of w or of the latents; a strength of 1 adds a vector once.
        space: "w", of a generator with styles, or "z", of any.
        names: K str; None: "direction 1" and so on.
        layers: ints (K, 2), the first and the last + 1 of the rows of w that each moves; None: all.
        fingerprint: str, `fingerprint_of` the generator; None: of any generator whose shapes fit.

    Raises:
        ValueError: vectors that are not finite or not (K, D), another space, or names or layers that do not fit.

    Example:
        >>> directions = Directions(np.eye(2, 4), "z", names=["hat", "smile"])
        >>> directions.moved(np.zeros((1, 4)), [[2.0, -1.0]]).numpy()
        array([[ 2., -1.,  0.,  0.]], dtype=float32)
    """

    def __init__(self, vectors, space="w", names=None, layers=None, fingerprint=None):
        self.vectors = np.asarray(vectors, np.float32)
        if self.vectors.ndim != 2 or not self.vectors.size or not np.isfinite(self.vectors).all():
            raise ValueError(
                "`vectors` are finite numbers (K, D), a row a direction, K at least 1. Received: vectors of shape "
                f"{self.vectors.shape}, {np.count_nonzero(~np.isfinite(self.vectors))} of them not finite"
            )
        if space not in SPACES:
            raise ValueError(f'`space` is "w" or "z". Received: space={space!r}')
        count = len(self.vectors)
        self.space, self.fingerprint = space, fingerprint or None
        self.names = [f"direction {k + 1}" for k in range(count)] if names is None else [str(name) for name in names]
        self.layers = None if layers is None else _checked_layers(layers, count, space)
        if len(self.names) != count:
            raise ValueError(f"`names` are one a direction. Received: {len(self.names)} names of {count} directions")

    def __len__(self):
        return len(self.vectors)

    def moved(self, x, strengths):
        """Rows moved along the first K' directions, in TensorFlow's operations alone.

        Args:
            x: ws float (N, num_ws, D), or latents float (N, D), whichever `space` says.
            strengths: float (N, K'), K' at most K.

        Returns:
            float32, of the shape of `x`.

        Raises:
            ValueError: more strengths than directions, or `x` of another width.
        """
        x, strengths = tf.cast(x, tf.float32), tf.cast(strengths, tf.float32)
        count = strengths.shape[-1]
        if count is None or count > len(self):
            raise ValueError(
                f"Give a strength for each direction, at most {len(self)}. Received: strengths of shape "
                f"{tuple(strengths.shape)} for {len(self)} directions"
            )
        self._check_width(x.shape[-1])
        vectors = tf.constant(self.vectors[:count])
        if self.space == "z":
            return x + strengths @ vectors
        of_layers = strengths[:, None, :] * tf.constant(self._mask(x.shape[1])[:, :count])  # (N, num_ws, K')
        return x + of_layers @ vectors

    def images(self, generator, inputs, strengths, truncation=None):
        """A generator's images of inputs that are moved, in TensorFlow's operations alone.

        Args:
            generator: Keras model that `check` accepted.
            inputs: latents (N, Z), or `[latents, labels]`, as the generator takes them.
            strengths: float (N, K').
            truncation: `(uniforms float32 (N, Z) in [0, 1), truncation_psi float32 (N,))`, of a family that defines
                it: rows are truncated first, then moved; None: without.

        Returns:
            As the generator: images (N, H, W, C).
        """
        latents, *labels = tf.nest.flatten(inputs)
        if self.space == "w":
            psi = {} if truncation is None else {"truncation_psi": truncation[1]}
            ws = self.moved(generator.mapping(latents, *labels, **psi), strengths)
            noise = generator.noise_seeds_of(latents)
            return generator.synthesis(ws, noise_mode=own_noise_mode(generator), noise_seeds=noise)
        if truncation is not None and has_styles(generator):
            moved = self.moved(latents, strengths)
            return truncation_of(generator).images([moved, *labels], *truncation)
        if truncation is not None:
            latents = truncation_of(generator).latents(latents, *truncation)
        moved = self.moved(latents, strengths)
        return generator([moved, *labels] if labels else moved, training=False)

    def check(self, generator):
        """Refuses a generator that these are not directions of.

        Raises:
            ValueError: other weights than those that the directions were found for, no w, or other shapes.
        """
        found = fingerprint_of(generator)
        if self.fingerprint not in (None, found):
            raise ValueError(
                "These directions were found for another generator, or for other weights of it: find them anew "
                f"(--find_directions). Received: directions of {self.fingerprint}, a generator of {found}"
            )
        if self.space == "z":
            width = getattr(generator, "latent_dim", None)
        else:
            width = getattr(generator, "w_dim", None)
            if not has_styles(generator):
                raise ValueError(
                    "These directions move w, which this generator has none of: find directions in its latents. "
                    f"Received: {type(generator).__name__}"
                )
            self._mask(generator.num_ws)
        if width is not None:
            self._check_width(width)

    def _check_width(self, width):
        if width != self.vectors.shape[1]:
            raise ValueError(
                f"These directions move {self.space} of width {self.vectors.shape[1]}: find directions of this "
                f"generator. Received: {self.space} of width {width}"
            )

    def _mask(self, num_ws):
        """1 where a direction moves a row of w: float32 (num_ws, K)."""
        if self.layers is None:
            return np.ones((num_ws, len(self)), np.float32)
        if self.layers.max() > num_ws:
            raise ValueError(
                f"These directions move rows of w up to {self.layers.max()}: find directions of this generator. "
                f"Received: {num_ws} rows of w"
            )
        rows = np.arange(num_ws)[:, None]
        return ((rows >= self.layers[:, 0]) & (rows < self.layers[:, 1])).astype(np.float32)

    def save(self, path):
        """Writes a `.npz` file, whole or not at all; its name must end so."""
        path = pathlib.Path(path)
        _check_suffix(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        layers = {} if self.layers is None else {"layers": self.layers}
        with whole(path) as temporary, open(temporary, "wb") as file:
            np.savez(
                file, vectors=self.vectors, space=self.space, names=np.array(self.names),
                fingerprint=self.fingerprint or "", **layers,
            )  # fmt: skip

    @classmethod
    def load(cls, path):
        """The directions in a file that `save` wrote; nothing in it is executed.

        Raises:
            ValueError: it cannot be read, or holds no directions.
        """
        path = pathlib.Path(path)
        try:
            content = io.BytesIO(read_bytes(path, _MOST_BYTES))
            with zipfile.ZipFile(content) as archive:
                if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
                    raise ValueError(f"it unpacks to more than {_MOST_BYTES} bytes")
            with np.load(content, allow_pickle=False) as file:
                layers = file["layers"] if "layers" in file else None
                names = file["names"].tolist()
                return cls(file["vectors"], str(file["space"]), names, layers, str(file["fingerprint"]))
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"This file holds no directions ({' '.join(str(error).split())[:200]}); --find_directions writes one. "
                f"Received: directions={path}"
            ) from error


def _checked_layers(layers, count, space):
    layers = np.asarray(layers)
    right = layers.shape == (count, 2) and layers.dtype.kind in "iu" and space == "w"
    if not right or not ((layers[:, 0] >= 0) & (layers[:, 0] < layers[:, 1])).all():
        raise ValueError(
            "`layers` are ints (K, 2), first < last + 1, of directions in w. Received: "
            f"layers={layers.tolist()} of {count} directions in {space}"
        )
    return layers.astype(np.int32)


def _check_suffix(path):
    if path.suffix != ".npz":
        raise ValueError(f"Directions are written as .npz. Received: {path}")


def fingerprint_of(generator):
    """16 hex digits of the SHA-256 of a generator's weights and their shapes."""
    digest = hashlib.sha256()
    for weight in generator.get_weights():
        digest.update(f"{weight.shape}".encode() + np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]


def check_strengths(directions, strengths, count):
    """The strengths of `GAN.generate` as float32 (count, K').

    Raises:
        ValueError: they are not finite, not (K',) or (count, K'), or more than the directions.
    """
    values = np.asarray(strengths)
    shaped = values.ndim == 1 or (values.ndim == 2 and len(values) == count)
    if values.dtype.kind not in "iuf" or not shaped or not 1 <= values.shape[-1] <= len(directions):
        raise ValueError(
            f"`strengths` are numbers, one for each of the first directions, at most {len(directions)}, for all images "
            f"(K,) or for each (N, K). Received: strengths of shape {values.shape}, dtype {values.dtype}, for {count} "
            f"images and {len(directions)} directions"
        )
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"`strengths` are finite numbers. Received: strengths={np.asarray(strengths).tolist()}")
    return np.broadcast_to(values, (count, values.shape[-1]))
