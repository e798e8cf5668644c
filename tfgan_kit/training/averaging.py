"""The exponential moving average of the generator."""

import keras

_NO_COPY = (
    "{} cannot be copied from its configuration, which {} need: register its classes with "
    "keras.saving.register_keras_serializable, give them get_config, and use layers instead of "
    "Lambda. Keras says: "
)


def copy_generator(generator, inputs):
    """A second generator with the same weights, not trainable, to hold their average.

    Raises:
        ValueError: it cannot be made again from its configuration.
    """
    try:
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(generator))
        copy(inputs)
    except (ValueError, TypeError) as error:
        raise ValueError(_NO_COPY.format("The generator", "averaging and saving") + str(error)[:300]) from error
    copy.set_weights(generator.get_weights())
    copy.trainable = False
    return copy
