"""A generator optimized for inference: what only training needs is computed once and folded."""

from tfgan_kit.export.graph.bfloat16 import compute_in_bfloat16
from tfgan_kit.export.graph.folding import fold
from tfgan_kit.export.graph.inference_graph import Emitted, NotRewritable, specs_of, trace
from tfgan_kit.export.graph.portable import make_portable
from tfgan_kit.export.graph.subpixel import spread_thin_convolutions


def optimize(generator, latent_dim, num_classes=None, precision="float32"):
    """The same images from fewer operations and weights.

    Values that do not depend on the inputs are computed once (a spectral norm, the root of a variance);
    batch normalizations are folded into the layer before them, conditional ones into one scale and shift
    per class. It works for any Keras model, also a subclassed one, and does not change it.

    Args:
        generator: Keras model from latents (N, Z), or `[latents, labels]`, to images.
        latent_dim: int, Z.
        num_classes: int, or None for an unconditional generator.
        precision: `"float32"`; or `"bfloat16"`, for convolutions, products and cheap operations after them.

    Returns:
        `(function, report)`: `function(inputs, training=False)` has `variables` and is to be called in a
        `tf.function`; the report, a dict, is recorded in the lineage. A model that cannot be rewritten is
        returned itself, with the reason under `left_as_it_is`.

    Raises:
        ValueError: an unknown precision, or a model that cannot be rewritten with `"bfloat16"`.

    Example:
        >>> function, report = optimize(gan.ema_generator, gan.latent_dim)
        >>> report["folded_scales"]  # of its one batch normalization
        1

    Reference: Jacob et al., arXiv:1712.05877, section 3.2.
    """
    return optimize_part(generator, specs_of((latent_dim,), num_classes), precision)


def optimize_part(model, specs, precision="float32"):
    """`optimize` of a Keras model, or a `Part` of one, whose inputs are of these `tf.TensorSpec`s."""
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"`precision` must be 'float32' or 'bfloat16'. Received: precision={precision!r}")
    try:
        graph = trace(model, specs)
    except NotRewritable as reason:
        if precision != "float32":
            raise ValueError(
                f"This model cannot be exported in bfloat16, since {reason}; export it in float32. "
                f"Received: precision={precision!r}, generator={getattr(model, 'name', 'a part of it')!r}"
            ) from reason
        return model, {"left_as_it_is": str(reason)}
    report = {
        "folded_scales": fold(graph),
        "made_portable": make_portable(graph),
        "spread_convolutions": spread_thin_convolutions(graph),
    }
    if precision == "bfloat16":
        report["bfloat16_products"] = compute_in_bfloat16(graph)
    return Emitted(graph), report


def portable(discriminator, image_shape, num_classes=None):
    """A discriminator rewritten to operations that every processor has; unchanged if it holds no others.

    Args:
        discriminator: Keras model from images (N, H, W, C), or `[images, labels]`, to logits.
        image_shape: (H, W, C).
        num_classes: int, or None for an unconditional discriminator.
    """
    try:
        graph = trace(discriminator, specs_of(image_shape, num_classes))
    except NotRewritable:
        return discriminator
    return Emitted(graph) if make_portable(graph) else discriminator
