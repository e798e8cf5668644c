"""Discriminators with more than one output: heads on the features that another discriminator makes its logit of."""

from tfgan_kit.networks.network import Network, precision

import keras


class DiscriminatorWithHeads(Network):
    """A functional discriminator, with its weights, that returns a dict: its `logits` and what the heads recover.

    A subclass gives the heads: a callable, from `features` (N, F) and `dense`, to their outputs by name. `dense(units,
    name)` makes a layer as the one that makes the logit: with its initializer, its bias, and its spectral
    normalization, if it has one.

    Args:
        discriminator: functional Keras model of images that ends in a dense layer of one unit.
        heads: see above.
        arguments: dict, the subclass's other arguments by name.
        **kwargs: name, trainable; a dtype is the given discriminator's.

    Raises:
        ValueError: another kind of discriminator.
    """

    def __init__(self, discriminator, heads, arguments, **kwargs):
        last = _last(discriminator)
        kwargs.pop("dtype", None)
        with precision(discriminator.dtype_policy) as policy:
            outputs = heads(last.input, lambda units, name: _alike(last, units, name))
        arguments = {"discriminator": discriminator} | arguments
        outputs = {"logits": discriminator.outputs[0]} | outputs
        super().__init__(discriminator.inputs[0], outputs, arguments, policy, **kwargs)

    def get_config(self):
        return {**super().get_config(), "discriminator": keras.saving.serialize_keras_object(self.discriminator)}

    @classmethod
    def from_config(cls, config):
        discriminator = keras.saving.deserialize_keras_object(config["discriminator"])
        return cls(**{**config, "discriminator": discriminator})


def _last(discriminator):
    """The layer that makes a discriminator's logit: the last one with weights."""
    inputs, outputs = (getattr(discriminator, name, None) or () for name in ("inputs", "outputs"))
    layers = [layer for layer in getattr(discriminator, "layers", ()) if layer.weights]
    is_dense = bool(layers) and isinstance(_inner(layers[-1]), keras.layers.Dense) and _inner(layers[-1]).units == 1
    if not (len(inputs) == len(outputs) == 1 and is_dense):
        raise ValueError(
            "Heads are put on a functional discriminator of images alone (without num_classes) that ends in a dense "
            "layer of one unit, such as DCGANDiscriminator or SNGANDiscriminator. Received: "
            f"discriminator={type(discriminator).__name__} of {len(inputs)} inputs and {len(outputs)} outputs, with "
            f"weights last in {layers[-1].name if layers else 'no layer'}"
        )
    return layers[-1]


def _inner(layer):
    return _inner(layer.layer) if isinstance(layer, keras.layers.Wrapper) else layer


def _alike(layer, units, name):
    """A new layer of the same settings with another number of units, which answers in float32."""
    config = layer.get_config() | {"name": name, "dtype": "float32"}
    if isinstance(layer, keras.layers.Wrapper):
        config["layer"] = keras.saving.serialize_keras_object(_alike(layer.layer, units, name))
    else:
        config["units"] = units
    return type(layer).from_config(config)
