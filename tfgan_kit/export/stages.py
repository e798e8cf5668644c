"""A generator as the exported signatures call it: from latents to images by one network, or through w by two."""

from tfgan_kit.export import contract as names
from tfgan_kit.export.graph.inference_graph import Emitted, Part, specs_of, trace
from tfgan_kit.export.graph.optimize import optimize, optimize_part
from tfgan_kit.generation.sample import pack
from tfgan_kit.generation.seeds import uniforms_from_seeds
from tfgan_kit.generation.styles import has_styles, own_noise_mode
from tfgan_kit.generation.truncation import truncation_of
from tfgan_kit.layers.row_draws import seeds_of_bits

import tensorflow as tf

RANDOM = "random"


def stages_of(generator, latent_dim, num_classes, profile, directions=None):
    """`OneStage` of a generator, or `TwoStages` of one with styles.

    Args:
        generator: Keras model from latents (N, Z), or `[latents, labels]`, to images.
        latent_dim: int, Z.
        num_classes: int, or None for an unconditional generator.
        profile: `ExportProfile`, of which `optimized`, `precision` and `noise_mode` are used.
        directions: `Directions` of the generator, or None.
    """
    made = TwoStages if has_styles(generator) else OneStage
    return made(generator, latent_dim, num_classes, profile, directions)


class OneStage:
    """Latents, and labels, to images by one network, which all signatures share.

    Args: as of `stages_of`.

    Attributes:
        signatures: names of the signatures that it can answer, apart from `generate` and pictures.
        truncation: the generator's, or None.
        w_shape: the sizes of one row of w; empty without styles.
        variables: list of those that an export must hold.
        report: dict, of the graph's optimization.
    """

    w_shape = ()

    def __init__(self, generator, latent_dim, num_classes, profile, directions):
        self._latent_dim = latent_dim
        self.truncation = truncation_of(generator)
        self.signatures = signatures_of(generator, directions)
        noise_mode_of(generator, profile)
        self._network, self.report = generator, {}
        if profile.optimized or profile.precision != "float32":
            self._network, self.report = optimize(generator, latent_dim, num_classes, profile.precision)
        self._moved = _moved(directions, [None, latent_dim])
        self.variables = [*self._network.variables, *(self._moved.variables if directions else [])]

    def images(self, latents, label=None):
        """Images of latents (N, Z), float (N, H, W, C)."""
        return self._network(pack(latents, label), training=False)

    def truncated(self, latents, seed, truncation_psi, label=None):
        """Images of image seeds and their latents with truncation."""
        uniforms = uniforms_from_seeds(seed, self._latent_dim)
        return self.images(self.truncation.latents(latents, uniforms, truncation_psi), label)

    def edited(self, latents, strengths, label=None):
        """Images of latents that are moved along the directions."""
        return self.images(self._moved([latents, strengths]), label)


class TwoStages:
    """Latents to w, and w to images: the two networks of a StyleGAN, one of each for all signatures.

    The first, a small part of the work, is computed in float32 whatever the precision. Noise, where it is random, is
    drawn from the row's latents (`from_w`: its w), so that a row has the same in any batch.

    Args: as of `stages_of`.

    Attributes: as of `OneStage`.
    """

    def __init__(self, generator, latent_dim, num_classes, profile, directions):
        noise_mode = noise_mode_of(generator, profile)
        self.truncation, self.signatures = truncation_of(generator), signatures_of(generator, directions)
        self._random, self._seeds_of = noise_mode == RANDOM, generator.noise_seeds_of
        self._in_latents = directions is not None and directions.space == "z"
        self.w_shape = (generator.num_ws, generator.w_dim)
        ws = [None, *self.w_shape]
        of_mapping = generator.mapping.variables
        parts = {
            "mapping": (Part(generator.mapping, of_mapping), specs_of((latent_dim,), num_classes)),
            "truncation": (Part(self.truncation.ws, of_mapping), [_floats(ws), _floats([None])]),
            "synthesis": (
                _synthesis(generator, noise_mode),
                [_floats(ws), *([tf.TensorSpec([None], tf.int64)] if self._random else [])],
            ),
        }
        self._parts, self.report = {name: part for name, (part, _) in parts.items()}, {}
        if profile.optimized or profile.precision != "float32":
            for name, (part, specs) in parts.items():
                precision = profile.precision if name == "synthesis" else "float32"
                self._parts[name], self.report[name] = optimize_part(part, specs, precision)
        if directions is not None:
            self._parts["moved"] = _moved(directions, [None, latent_dim] if self._in_latents else ws)
        used = {id(v): v for part in self._parts.values() for v in part.variables}  # both of one mapping
        self.variables = list(used.values())

    def images(self, latents, label=None):
        """Images of latents (N, Z), float (N, H, W, C)."""
        return self._drawn(self._mapped(latents, label), self._seeds_of, latents)

    def truncated(self, latents, seed, truncation_psi, label=None):
        """Images of latents with truncation."""
        ws = self._parts["truncation"]([self._mapped(latents, label), truncation_psi])
        return self._drawn(ws, self._seeds_of, latents)

    def edited(self, latents, strengths, label=None):
        """Images of latents that are moved along the directions, or whose w are."""
        move = self._parts["moved"]
        if self._in_latents:
            return self.images(move([latents, strengths]), label)
        return self._drawn(move([self._mapped(latents, label), strengths]), self._seeds_of, latents)

    def from_w(self, w):
        """Images of w (N, num_ws, W)."""
        return self._drawn(w, seeds_of_bits, w)

    def _mapped(self, latents, label):
        return self._parts["mapping"](pack(latents, label))

    def _drawn(self, ws, seeds_of, source):
        """Images of w, with the noise that belongs to the source."""
        return self._parts["synthesis"]([ws, seeds_of(source)] if self._random else ws)


def signatures_of(generator, directions=None):
    """Names of the signatures that a generator can answer, apart from `generate` and pictures."""
    made = [names.SERVING_DEFAULT, names.FROM_LATENT]
    made += [names.GENERATE_TRUNCATED] if truncation_of(generator) is not None else []
    made += [names.GENERATE_EDITED] if directions is not None else []
    return tuple(made + ([names.FROM_W] if has_styles(generator) else []))


def noise_mode_of(generator, profile):
    """The noise of an exported generator: the profile's, or its own; None where there is none.

    Raises:
        ValueError: the profile names one for a generator without.
    """
    if hasattr(generator, "noise_mode"):
        return profile.noise_mode or generator.noise_mode
    if profile.noise_mode is not None:
        raise ValueError(
            "Only a StyleGAN of the first two kinds adds noise to its layers: leave `noise_mode` (--noise_mode) out. "
            f"Received: noise_mode={profile.noise_mode!r} for {type(generator).__name__}"
        )
    return None


def _synthesis(generator, noise_mode):
    def run(ws, seeds=None):
        return generator.synthesis(ws, noise_mode=noise_mode or own_noise_mode(generator), noise_seeds=seeds)

    return Part(run, generator.synthesis.variables)


def _moved(directions, shape):
    """`directions.moved` of latents or w of a shape, and strengths, its vectors a variable; None without directions."""
    if directions is None:
        return None
    return Emitted(trace(Part(directions.moved, []), [_floats(shape), _floats([None, len(directions)])]))


def _floats(shape):
    return tf.TensorSpec(shape, tf.float32)
