"""A generator made ready for inference: what training needed is computed once and left out."""

from tfgan_kit.export.graph.bfloat16 import compute_in_bfloat16
from tfgan_kit.export.graph.folding import fold
from tfgan_kit.export.graph.inference_graph import Emitted, NotRewritable, trace
from tfgan_kit.export.graph.portable import make_portable
from tfgan_kit.export.graph.subpixel import spread_thin_convolutions


def optimize(generator, latent_dim, num_classes=None, precision="float32"):
    """The same images by fewer operations, from fewer weights.

    Values that do not depend on the inputs are computed once (a spectral norm, a variance's root);
    batch normalizations are folded into the layer before them, and conditional ones to one scale
    and shift a class. Any Keras model will do, subclassed ones too; it is not changed.

    Args:
        generator: Keras model, latents (N, Z), or `[latents, labels]`, to images.
        latent_dim: int, Z.
        num_classes: int, or None for an unconditional generator.
        precision: `"float32"`; or `"bfloat16"`: convolutions, products and what follows them.

    Returns:
        `(function, report)`: `function(inputs, training=False)` with `variables`, to be called in a
        `tf.function`; the report, a dict, goes into the certificate. A model that cannot be
        rewritten is returned itself, with the reason under `left_as_it_is`.

    Raises:
        ValueError: an unknown precision.

    Example:
        >>> function, report = optimize(gan.ema_generator, 100)
        >>> report["folded_scales"]
        4

    Reference: Jacob et al., arXiv:1712.05877, section 3.2.
    """
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"`precision` is 'float32' or 'bfloat16'. Received: precision={precision!r}")
    try:
        graph = trace(generator, (latent_dim,), num_classes)
    except NotRewritable as reason:
        if precision != "float32":
            raise ValueError(
                f"This model cannot be exported in bfloat16, since {reason}; export it in float32. "
                f"Received: precision={precision!r}, generator={generator.name!r}"
            ) from reason
        return generator, {"left_as_it_is": str(reason)}
    report = {
        "folded_scales": fold(graph),
        "made_portable": make_portable(graph),
        "spread_convolutions": spread_thin_convolutions(graph),
    }
    if precision == "bfloat16":
        report["bfloat16_products"] = compute_in_bfloat16(graph)
    return Emitted(graph), report


def portable(discriminator, image_shape, num_classes=None):
    """A discriminator of operations that every processor computes: itself, where it holds no others.

    Args:
        discriminator: Keras model, images (N, H, W, C), or `[images, labels]`, to logits.
        image_shape: (H, W, C).
        num_classes: int, or None for an unconditional discriminator.
    """
    try:
        graph = trace(discriminator, image_shape, num_classes)
    except NotRewritable:
        return discriminator
    return Emitted(graph) if make_portable(graph) else discriminator
