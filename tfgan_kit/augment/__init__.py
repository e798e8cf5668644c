"""Augmentation of what the discriminator sees, for training on little data; `get` is the only look-up by string."""

from tfgan_kit.augment.ada import ADA
from tfgan_kit.augment.apa import APA
from tfgan_kit.augment.augmentation import Augmentation
from tfgan_kit.augment.diff_augment import DiffAugment

AUGMENTATIONS = {"ada": ADA, "apa": APA, "diff_augment": DiffAugment}


def get(augment):
    """An `Augmentation` from its name or from itself; None from None.

    Raises:
        ValueError: a name that is not in `AUGMENTATIONS`.
        TypeError: neither None, a name nor an `Augmentation`.

    Example:
        >>> get("diff_augment").get_config()
        {'policy': ['color', 'translation', 'cutout']}
    """
    if augment is None or isinstance(augment, Augmentation):
        return augment
    if not isinstance(augment, str):
        raise TypeError(
            "An augmentation is a name or an instance of a subclass of tfgan_kit.augment.Augmentation. "
            f"Received: augment={augment!r}"
        )
    if augment not in AUGMENTATIONS:
        raise ValueError(f"Unknown augmentation; known are {', '.join(AUGMENTATIONS)}. Received: augment={augment!r}")
    return AUGMENTATIONS[augment]()


__all__ = ["ADA", "APA", "AUGMENTATIONS", "Augmentation", "DiffAugment", "get"]
