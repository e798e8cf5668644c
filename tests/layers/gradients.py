"""What two layers that should be alike are compared by."""

import tensorflow as tf


def value_and_gradients(layer, x, loss, jit_compile=False):
    """A layer's outputs, and the gradients of `loss(outputs)` in x and in the layer's weights.

    Args:
        layer: a built Keras layer.
        x: float32 array.
        loss: callable, float32 outputs -> scalar.
        jit_compile: bool, whether XLA compiles it.

    Returns:
        list of float32 arrays: outputs, then the gradients.
    """

    @tf.function(jit_compile=jit_compile)
    def run(x):
        sources = [x, *(w.value for w in layer.trainable_variables)]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            outputs = layer(x, training=True)
            value = loss(tf.cast(outputs, tf.float32))
        return [outputs, *tape.gradient(value, sources)]

    return [tf.cast(value, tf.float32).numpy() for value in run(tf.constant(x))]
