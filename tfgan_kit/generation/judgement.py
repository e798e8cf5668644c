"""What a discriminator is given and returns: the logits, and what else it recovers from an image."""

import typing

LOGITS, CLASSES, CODES = "logits", "classes", "codes"  # keys of a discriminator's outputs


class Judgement(typing.NamedTuple):
    """A discriminator's outputs.

    Attributes:
        logits: float32 (N, 1).
        heads: dict, its other outputs by name: `classes`, logits (N, K); `codes`, see `InfoGANDiscriminator`. Empty for
            a discriminator that returns a tensor.
    """

    logits: typing.Any
    heads: dict

    @classmethod
    def of(cls, outputs):
        """Of what a discriminator returned: logits, or a dict that holds them as `logits`."""
        if not isinstance(outputs, dict):
            return cls(outputs, {})
        return cls(outputs[LOGITS], {name: output for name, output in outputs.items() if name != LOGITS})


def takes_labels(discriminator):
    """Whether a class-conditional GAN gives its discriminator the labels: one that recovers them sees images alone.

    A functional model shows by its one input and its output `classes` that it does; another states it in an attribute
    `takes_labels = False`.
    """
    known = getattr(discriminator, "takes_labels", None)
    if known is not None:
        return known
    outputs = getattr(discriminator, "output", None)
    return not (isinstance(outputs, dict) and CLASSES in outputs and len(discriminator.inputs) == 1)
