"""StyleGAN's mapping of latents and labels to styles w, and truncation among them (arXiv:1812.04948, section 2)."""

import math

from tfgan_kit.distribution import replicas
from tfgan_kit.layers.equalized import EqualizedDense, add_weight, second_moment_normalized
from tfgan_kit.ranges import check_sizes, is_int

import keras
import numpy as np
import tensorflow as tf

MULTIPLIER = 0.01  # of the learning rate: arXiv:1812.04948, appendix C


class LabelEmbedding(keras.layers.Layer):
    """A linear function of one-hot labels with an equalised learning rate, then normalised: int (N,) to (N, D)."""

    rows_are_independent = True

    def __init__(self, num_classes, units, **kwargs):
        super().__init__(**kwargs)
        self._scale = 1.0 / math.sqrt(num_classes)
        self.kernel = add_weight(self, "kernel", (num_classes, units))
        self.bias = add_weight(self, "bias", (units,), 0.0)

    def call(self, labels):
        rows = tf.gather(tf.convert_to_tensor(self.kernel), tf.cast(labels, tf.int32))
        return second_moment_normalized(rows * self._scale + tf.convert_to_tensor(self.bias))


class LabelMapping(keras.layers.Layer):
    """A discriminator's mapping, of labels alone: int32 (N,) to float32 (N, units), always in float32.

    Args:
        num_classes: int >= 1.
        units: int >= 1.
        num_layers: int >= 0.
    """

    rows_are_independent = True

    def __init__(self, num_classes, units, num_layers, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self._units = units
        self.embed = LabelEmbedding(num_classes, units, name="embed", dtype="float32")
        self.dense = _dense_layers(units, units, num_layers)
        self.built = True

    def call(self, labels):
        x = self.embed(labels)
        for dense in self.dense:
            x = dense(x)
        return x

    def compute_output_spec(self, labels):
        return keras.KerasTensor((labels.shape[0], self._units), "float32")


class StyleMapping(keras.layers.Layer):
    """Latents, and labels, to styles: ws (N, num_ws, w_dim), always in float32.

    In training it moves `w_avg`, the moving average of all replicas' w, towards which truncation takes the first
    styles: `w_avg + psi (w - w_avg)`.

    Args:
        latent_dim, w_dim: ints >= 1.
        num_ws: int >= 1, as many copies of w.
        num_classes: int >= 1, or None without labels.
        num_layers: int >= 1.
        decay: float in [0, 1), of `w_avg`.

    Call arguments:
        latents: float32 (N, Z).
        labels: int32 (N,), if there are classes.
        truncation_psi: number, or float32 (N,).
        truncation_cutoff: int in [0, num_ws], how many styles are truncated; None: all.
        training: bool, whether `w_avg` moves.

    Reference: Karras, Laine, Aila, arXiv:1812.04948, section 2 and appendix B; the label as in
    arXiv:2006.06676.
    """

    rows_are_independent = True
    synchronized = True  # a replica's forward pass in training waits for the others

    def __init__(self, latent_dim, w_dim, num_ws, num_classes=None, num_layers=8, decay=0.995, **kwargs):
        check_sizes(latent_dim=latent_dim, w_dim=w_dim, num_ws=num_ws, mapping_layers=num_layers)
        if not 0 <= decay < 1:
            raise ValueError(f"`w_avg_decay` is at least 0 and below 1. Received: w_avg_decay={decay}")
        super().__init__(dtype="float32", **kwargs)
        self.num_ws, self.w_dim, self.num_classes, self._decay = num_ws, w_dim, num_classes, decay
        self.embed = LabelEmbedding(num_classes, w_dim, name="embed", dtype="float32") if num_classes else None
        self.dense = _dense_layers(latent_dim + (w_dim if num_classes else 0), w_dim, num_layers)
        self.w_avg = self.add_weight(
            name="w_avg", shape=(w_dim,), initializer="zeros", trainable=False, aggregation="only_first_replica"
        )
        self.built = True

    def call(self, latents, labels=None, truncation_psi=1.0, truncation_cutoff=None, training=False):
        if isinstance(latents, list | tuple):  # as the whole generator takes them
            latents, labels = latents
        w = self._styles(latents, labels)
        if training:
            self._move(w)
        ws = tf.repeat(w[:, None], self.num_ws, axis=1)  # (N, num_ws, D)
        return self.truncated(ws, truncation_psi, truncation_cutoff)

    def _styles(self, latents, labels):
        if (labels is None) != (self.embed is None):
            wanted = "no labels: leave them out" if self.embed is None else "labels int32 (N,), too"
            raise ValueError(
                f"A mapping of {self.num_classes or 'no'} classes takes latents and {wanted}. "
                f"Received: labels={'None' if labels is None else 'a tensor'}"
            )
        x = second_moment_normalized(tf.cast(latents, tf.float32))
        if labels is not None:
            x = tf.concat([x, self.embed(labels)], axis=1)  # (N, Z + D)
        for dense in self.dense:
            x = dense(x)
        return x

    def _move(self, w):
        total, count = tf.reduce_sum(w, axis=0), tf.cast(tf.shape(w)[0], tf.float32)
        if replicas.several_replicas():
            total, count = replicas.sum_over_replicas([total, count])
        mean = total / tf.maximum(count, 1.0)
        before = tf.convert_to_tensor(self.w_avg)
        moved = mean + self._decay * (before - mean)
        self.w_avg.assign(tf.where(count > 0, moved, before))  # no rows have no mean

    def truncated(self, ws, psi, cutoff=None):
        """ws closer to `w_avg`, the arguments as of a call."""
        cutoff = self._checked_cutoff(cutoff)
        if isinstance(psi, int | float) and psi == 1:
            return ws
        psi = _checked_psi(psi, ws.shape[0])
        average = tf.convert_to_tensor(self.w_avg)
        if cutoff == self.num_ws:
            return average + psi * (ws - average)
        return tf.concat([average + psi * (ws[:, :cutoff] - average), ws[:, cutoff:]], axis=1)

    def _checked_cutoff(self, cutoff):
        if cutoff is None:
            return self.num_ws
        if not is_int(cutoff, 0, self.num_ws):
            raise ValueError(
                f"`truncation_cutoff` is how many of the {self.num_ws} styles are truncated: an integer from 0 to "
                f"{self.num_ws}, or None for all. Received: truncation_cutoff={cutoff!r}"
            )
        return cutoff

    def compute_output_spec(self, latents, *args, **kwargs):
        rows = latents[0] if isinstance(latents, list | tuple) else latents
        return keras.KerasTensor((rows.shape[0], self.num_ws, self.w_dim), "float32")


def checked_ws(ws, num_ws, w_dim):
    """The styles that a synthesis is given, float32 (N, num_ws, w_dim).

    Raises:
        ValueError: another shape.
    """
    ws = tf.cast(tf.convert_to_tensor(ws), tf.float32)
    if tuple(ws.shape[1:]) != (num_ws, w_dim):
        raise ValueError(
            f"This synthesis takes styles ws of shape (N, {num_ws}, {w_dim}). Received: ws of shape {tuple(ws.shape)}"
        )
    return ws


def _checked_psi(psi, count):
    """psi so that it broadcasts over ws (N, num_ws, D)."""
    psi = tf.cast(tf.convert_to_tensor(psi if tf.is_tensor(psi) else np.asarray(psi, np.float32)), tf.float32)
    if len(psi.shape) == 0:
        return psi
    if len(psi.shape) > 1 or None not in (psi.shape[0], count) and psi.shape[0] != count:
        raise ValueError(
            "`truncation_psi` is one number, or one a row: a tensor of shape () or (N,). "
            f"Received: truncation_psi of shape {tuple(psi.shape)} for {count or 'N'} rows"
        )
    return psi[:, None, None]


def _dense_layers(width, units, num_layers):
    """Leaky ReLU layers of a width to `units`, built."""
    made = []
    for k in range(num_layers):
        dense = EqualizedDense(units, "leaky_relu", MULTIPLIER, name=f"dense{k}", dtype="float32")
        dense.build((None, width if k == 0 else units))
        made.append(dense)
    return made
