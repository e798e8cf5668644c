"""Measures what half precision gains or loses on this machine, which depends on the processor.

A processor without bfloat16 instructions (AVX512_BF16, AMX) converts to float32 and back, and takes several
times as long as in float32 (benchmarks/README.md).
"""

import time

from tfgan_kit import layers, processor

import numpy as np
import tensorflow as tf

_TURNS = 5


def gain(in_half, in_float32):
    """Times two callables alternately.

    Args:
        in_half, in_float32: callables without arguments that wait for their result.

    Returns:
        {"float32_ms", "half_ms": medians of 5 calls, after one that is not timed; "times_as_fast": their
        ratio, above 1 where half precision gains; "instruction_set", "onednn": of the processor}.
    """
    seconds = []
    for _ in range(_TURNS + 1):
        for run in (in_float32, in_half):
            started = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - started)
    float32, half = (float(np.median(seconds[k + 2 :: 2])) for k in (0, 1))
    times = {"float32_ms": 1e3 * float32, "half_ms": 1e3 * half, "times_as_fast": float32 / half}
    return times | processor.record()


def in_words(found, what):
    """The result of `gain` as a clause: `what` takes k times as long, or is k times as fast, as in float32."""
    times = found["times_as_fast"]
    told = f"is {times:.2g} times as fast as" if times >= 1.0 else f"takes {1.0 / times:.2g} times as long as"
    return f"{what} {told} in float32 here ({processor.describe(found)}; measured)"


def expectation(policy):
    """A sentence on the speed of a dtype policy on this machine; None in float32, or on a GPU.

    Times a convolution of DCGAN's size, with its gradients, for about a second.

    Args:
        policy: str, the name of a Keras dtype policy.

    Example:
        >>> expectation("float32") is None
        True
    """
    if policy in ("float32", "float64") or tf.config.list_logical_devices("GPU"):
        return None
    found = gain(_step(policy), _step("float32"))
    advice = "" if found["times_as_fast"] >= 1.0 else "; for speed, use float32 on this machine"
    return f"{policy}: {in_words(found, 'a convolution with its gradients')}{advice}."


def _step(policy):
    """16 images of 16x16x64 to 8x8x128 and back: a middle layer of `dcgan_64`'s discriminator."""
    layer = layers.Conv2D(128, 4, strides=2, padding="same", dtype=policy)
    images = tf.zeros((16, 16, 16, 64))
    layer.build(images.shape)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(tf.cast(layer(images), tf.float32))
        return tape.gradient(total, [images, layer.kernel.value])

    return lambda: [gradient.numpy() for gradient in step()]
