"""Generators with styles: a mapping from latents to w, and a synthesis from w to images."""

from tfgan_kit.generation.inputs import check_seeds
from tfgan_kit.generation.seeds import latents_from_seeds
from tfgan_kit.layers import style_convolution
from tfgan_kit.ranges import is_int

import numpy as np

_COARSE = 7  # the first ws, 0 to 6: the authors' `style_mixing.py` copies these


def has_styles(generator):
    """Whether a generator is a StyleGAN: it has `mapping`, `synthesis`, `num_ws` and `w_dim`."""
    return all(hasattr(generator, name) for name in ("mapping", "synthesis", "num_ws", "w_dim"))


def check_styles(generator):
    """Refuses a generator without styles.

    Raises:
        ValueError: it names the class.
    """
    if not has_styles(generator):
        raise ValueError(
            "Only a StyleGAN has styles w; of another generator use the latents. Received: generator of type "
            f"{type(generator).__name__}"
        )


def own_noise_mode(generator):
    """The noise of a StyleGAN's layers at inference; "none" of one that has none, a StyleGAN3."""
    return getattr(generator, "noise_mode", "none")


def check_noise_mode(generator, noise_mode):
    """Refuses a noise mode that is unknown, or of a generator without noise.

    Raises:
        ValueError: it lists the modes, or names the class.
    """
    if not has_styles(generator) or not hasattr(generator, "noise_mode"):
        raise ValueError(
            "This generator adds no noise inside of the network (StyleGAN2's do): leave `noise_mode` out. Received: "
            f"noise_mode={noise_mode} for {type(generator).__name__}"
        )
    style_convolution.check_noise_mode(noise_mode)


def style_mixing(model, rows, columns, layers=None, labels=None, truncation_psi=1.0):
    """The table of images whose styles are the row's in some layers and the column's in the others.

        w[r, c] = w(column c) in `layers`, w(row r) in all others

    Coarse layers (the first) hold pose and shape, fine ones (the last) colour and texture.

    Args:
        model: `GenerativeModel` of a StyleGAN, or its `GAN`.
        rows, columns: int64 image seeds (R,) and (C,), as `generate(seeds=...)` takes them.
        layers: integers, the ws that are the column's; None: the authors' 0 to 6, of fewer than 14 ws the first half.
        labels: int, the class of all images of a conditional model; None draws each from its seed.
        truncation_psi: float in [-2, 2], 1 without truncation.

    Returns:
        uint8 (R + 1, C + 1, H, W, C): the columns' own images in row 0, the rows' own in column 0, black in the corner.

    Raises:
        ValueError: no StyleGAN, no seed, a layer that it does not have, or labels that are no class.

    Example:
        >>> style_mixing(style_model, rows=[3, 7], columns=[11, 12, 13], layers=range(4)).shape
        (3, 4, 16, 16, 3)

    Reference: Karras, Laine, Aila, arXiv:1812.04948, section 3.1 and figure 3.
    """
    model = model.generative_model
    check_styles(model.generator)
    layers = _checked(layers, model.generator.num_ws)
    row_seeds, column_seeds = (check_seeds(None, 0, None, np.asarray(seeds)) for seeds in (rows, columns))
    row_ws, column_ws = (_ws_of(model, seeds, labels, truncation_psi) for seeds in (row_seeds, column_seeds))
    table = np.zeros((len(rows) + 1, len(columns) + 1, *model.image_shape), np.uint8)
    table[0, 1:], table[1:, 0] = model.images_of_w(column_ws), model.images_of_w(row_ws)
    for row, w in enumerate(row_ws, 1):
        mixed = np.repeat(w[None], len(columns), axis=0)  # (C, num_ws, w_dim)
        mixed[:, layers] = column_ws[:, layers]
        table[row, 1:] = model.images_of_w(mixed)
    return table


def _ws_of(model, seeds, labels, truncation_psi):
    labels = model.labels_of(seeds) if labels is None else np.full(len(seeds), labels)
    return model.latents_to_w(latents_from_seeds(seeds, model.latent_dim), labels, truncation_psi)


def _checked(layers, num_ws):
    layers = list(range(min(_COARSE, num_ws // 2)) if layers is None else layers)
    if not layers or not all(is_int(layer, 0, num_ws - 1) for layer in layers):
        raise ValueError(
            f"`layers` are integers from 0 to {num_ws - 1}, at least one: this generator takes {num_ws} ws. "
            f"Received: layers={layers}"
        )
    return layers
