"""ADA (arXiv:2006.06676): adaptive discriminator augmentation."""

import functools

from tfgan_kit.augment.ada_pipe import SETS, TRANSFORMATIONS, PipeDraws, pipe
from tfgan_kit.augment.adaptive import Adaptive
from tfgan_kit.augment.augmentation import check_colours, register


@register
class ADA(Adaptive):
    """Changes every real and generated image by transformations that happen with probability p each.

    As long as p stays below about 0.8 they do not leak into the generated images, and p is adapted to the data, so it
    is safe with much data, too, at the cost of the transformations; `DiffAugment` is fixed and cheaper. In the paper's
    order, each times its multiplier: mirroring, quarter turns, shifts by whole pixels; scaling, rotation, scaling of
    one axis against the other, shifts; brightness, contrast, inverted luma, hue, saturation; the gains of four
    frequency bands, noise, cutout.

    Args:
        transformations: name of a set, or a dict of multipliers in [0, 1] by transformation. The sets are "blit",
            "geom", "color", "filter", "noise", "cutout", "bg" (blit and geom), "bgc" (with color; the paper's
            choice), "bgcf", "bgcfn", "bgcfnc", and "r3gan" ("bg", colours half as often, cutout). The transformations
            are "xflip", "rotate90", "xint", "scale", "rotate", "aniso", "xfrac", "brightness", "contrast",
            "lumaflip", "hue", "saturation", "imgfilter", "noise" and "cutout".
        p: None adapts it, beginning at 0 (see `augment_p` and `augment_sign` in the logs); or a float in [0, 1], or a
            `keras.optimizers.schedules.LearningRateSchedule` of training steps, whose values are clipped to it.
        target: float in (-1, 1), the mean sign of real logits above which p grows.
        interval: int >= 1, steps between two changes of p.
        speed: float > 0, thousands of images in which p gets from 0 to 1.

    Raises:
        ValueError: an argument out of range, an unknown name; when a GAN of points is compiled, or one of images with
            colour transformations and neither 1, 3 nor 4 channels (of RGBA, the colours change and alpha does not).
        TypeError: a `p` of another type.

    Example:
        >>> gan.compile("adam", "adam", augment=ADA("bg", target=0.5))

    Reference: Karras et al., arXiv:2006.06676, section 3 and appendix B, with the constants of the authors' code. There
    p has no upper bound, and is lost when training is resumed; here it is at most 1, and saved with the GAN.
    """

    def __init__(self, transformations="bgc", p=None, target=0.6, interval=4, speed=500.0):
        super().__init__(p, target, interval, speed)
        self.transformations = transformations
        self._multipliers = _multipliers(transformations)

    def check(self, image_shape):
        super().check(image_shape)
        if any(self._multipliers.get(name) for name in (*SETS["color"], "noise")):
            check_colours(image_shape)

    def draw(self, uniform, image_shape, step):
        draws = PipeDraws(uniform, image_shape, self._multipliers, self.probability(step))
        return functools.partial(pipe, draws=draws)

    def get_config(self):
        return {"transformations": self.transformations, **super().get_config()}


def _multipliers(transformations):
    if isinstance(transformations, str) and transformations in SETS:
        return SETS[transformations]
    if not isinstance(transformations, dict) or not transformations.keys() <= set(TRANSFORMATIONS):
        raise ValueError(
            f"`transformations` is one of the sets {', '.join(SETS)}, or a dict of multipliers by transformation: "
            f"{', '.join(TRANSFORMATIONS)}. Received: transformations={transformations!r}"
        )
    for name, multiplier in transformations.items():
        if not 0.0 <= multiplier <= 1.0:
            raise ValueError(f"The multiplier of a probability must be in [0, 1]. Received: {name}={multiplier}")
    return transformations
