"""What the functional networks share: one precision for all layers, and a configuration that makes them again."""

import contextlib

import keras


@contextlib.contextmanager
def precision(dtype):
    """Within it layers are made with a dtype policy, unless they name their own; gives that policy.

    Args:
        dtype: name or `keras.DTypePolicy`; None: Keras's global one.

    Example:
        >>> with precision("mixed_bfloat16"):
        ...     layer = keras.layers.Dense(4)
        >>> layer.compute_dtype
        'bfloat16'
    """
    before, policy = keras.config.dtype_policy(), keras.dtype_policies.get(dtype)
    keras.config.set_dtype_policy(policy)
    try:
        yield policy
    finally:
        keras.config.set_dtype_policy(before)


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

    def get_config(self):
        return {
            **{name: getattr(self, name) for name in self._arguments},
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }
