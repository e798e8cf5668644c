"""What the networks share: one layout and precision for all layers, and a configuration that makes them again."""

import contextlib

from tfgan_kit.ranges import is_int

import keras


@contextlib.contextmanager
def precision(dtype):
    """Within it layers are made channels-last and with a dtype policy, unless they name their own; gives that policy.

    What `keras.json` says of the layout and of `floatx` has no part in it.

    Args:
        dtype: name or `keras.DTypePolicy`; None: Keras's global one, or float32 where that is only `floatx`.

    Example:
        >>> with precision("mixed_bfloat16"):
        ...     layer = keras.layers.Dense(4)
        >>> layer.compute_dtype
        'bfloat16'
    """
    config = keras.config
    before, layout, floatx = config.dtype_policy(), config.image_data_format(), config.floatx()
    policy = keras.dtype_policies.get("float32" if dtype is None and before.name == floatx else dtype)
    config.set_floatx("float32")  # of inputs
    config.set_image_data_format("channels_last")
    config.set_dtype_policy(policy)
    try:
        yield policy
    finally:
        config.set_floatx(floatx)
        config.set_image_data_format(layout)
        config.set_dtype_policy(before)


def as_listed(image_size):
    """As a configuration holds it: an int, or a list of two; anything else stays, and is refused later."""
    if isinstance(image_size, list | tuple):
        return [int(side) if is_int(side, 0, 2**31) else side for side in image_size]
    return int(image_size) if is_int(image_size, 0, 2**31) else image_size


class Network(keras.Model):
    """A functional model whose constructor's arguments are its attributes and its configuration.

    Args:
        inputs, outputs: symbolic tensors.
        arguments: dict, the subclass's constructor arguments by name.
        policy: the `keras.DTypePolicy` of its layers.
        **kwargs: name, trainable.
    """

    def __init__(self, inputs, outputs, arguments, policy, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.dtype_policy = policy  # Keras 3.15: a functional model forgets it
        self._arguments = tuple(arguments)
        for name, value in arguments.items():
            setattr(self, name, value)

    def __call__(self, inputs, *args, **kwargs):
        given = len(inputs) if isinstance(inputs, list | tuple) else 1
        if given > len(self.inputs) == 1:
            raise ValueError(
                f"This network is unconditional, so it takes {self.inputs[0].name} alone: leave labels out, or make it "
                f"with `num_classes`. Received: {given} inputs of {self.name}"
            )
        return super().__call__(inputs, *args, **kwargs)

    def get_config(self):
        return {
            **{name: getattr(self, name) for name in self._arguments},
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }
