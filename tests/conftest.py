"""What every test starts from: fixed seeds, and games small enough to train in a moment."""

import collections
import functools
import gc
import os
import pathlib
import random
import signal
import sys
import typing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tfgan_kit as gk

import grpc
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.utils import naming
from tensorflow.python.eager import context
from tensorflow.python.framework import random_seed

pytest_plugins = ["tests.command", "tests.fresh_process"]

# A shell makes what it runs in the background deaf to Ctrl-C, and so the tests of Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Two CPU devices, for the tests of several replicas; it must be said before TensorFlow starts.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

# TensorFlow's and Keras's own objects live as long as the tests do: to look for garbage among them, as often as
# Python does, took a tenth of the time.
gc.freeze()
gc.set_threshold(20_000, 20, 20)

# Python 3.11 gathers a protocol's attributes at every `isinstance`, and TensorFlow asks one for each tensor that it
# converts: a tenth of the time of a trace. From 3.12 on Python keeps them.
if sys.version_info < (3, 12):
    typing._get_protocol_attrs = functools.cache(typing._get_protocol_attrs)

# Each seed, and so each test, has TensorFlow 2.19 to 2.21 throw its kernels away, lest a random one goes on where it
# was: a sixth of the time, to make them again. Here only where one has drawn since; see tests/test_fast.py.
_seed_of_an_operation = random_seed.get_seed
_drawn = []


def _get_seed(seed):
    if not sys._getframe(1).f_globals["__name__"].startswith("tensorflow.python.data."):  # they are no kernels
        _drawn.append(True)
    return _seed_of_an_operation(seed)


def _set_global_seed(self, seed):
    self._seed, self._rng = seed, random.Random(seed)
    if _drawn:
        self.clear_kernel_cache()
        _drawn.clear()


random_seed.get_seed = _get_seed
context.Context._set_global_seed = _set_global_seed

# Tests of whole commands, servers and several processes; others are marked one by one.
THOROUGH_FOLDERS = frozenset({"client", "commands", "distribution", "integration", "serving"})
NOT_FAST = {
    **dict.fromkeys(("socket.bind", "socket.connect"), "opens a socket"),
    **dict.fromkeys(("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"), "starts a process"),
}
_fast = []  # the test that runs now, if it is a fast one


def pytest_collection_modifyitems(items):
    for item in items:
        if THOROUGH_FOLDERS & set(pathlib.Path(item.path).relative_to(pathlib.Path(__file__).parent).parts):
            item.add_marker(pytest.mark.thorough)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Around its fixtures, too: what is not marked is fast, by what it is kept from."""
    _fast[:] = [] if item.get_closest_marker("thorough") or item.get_closest_marker("slow") else [item.nodeid]
    try:
        return (yield)
    finally:
        _fast.clear()


def _refuse(what, fast=_fast):
    if fast:
        pytest.fail(f"{fast[0]} {what}: mark it thorough (a fast test opens no socket, starts no process, fits none)")


def _refused(function, what):
    @functools.wraps(function)
    def guarded(*arguments, **keywords):
        _refuse(what)
        return function(*arguments, **keywords)

    return guarded


def _audit(event, _, told=NOT_FAST, refuse=_refuse):  # its own names: it runs on while Python takes modules apart
    if event in told:
        refuse(told[event])


sys.addaudithook(_audit)
for name in ("server", "insecure_channel", "secure_channel"):  # gRPC's sockets are not Python's
    setattr(grpc, name, _refused(getattr(grpc, name), "opens a socket"))
keras.Model.fit = _refused(keras.Model.fit, "calls fit")

IMAGE_SHAPE = (4, 4, 1)
LATENT_DIM = 3
NUM_CLASSES = 3


@pytest.fixture(scope="session", autouse=True)
def _no_other_kernels():
    """An export tries the version in another process, for 8 s: here in export/verify/test_kernels.py alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfgan_kit.export.verify.kernels._settings", lambda: [])
        yield


@pytest.fixture(scope="session")
def two():
    """Two replicas, one strategy for all tests: a second one of a process would number its sums from
    the first one's beginning again, and TensorFlow 2.21 takes those of one number for the same.
    """
    return gk.distribution.get("mirrored")


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Keras's numbering of names starts anew, too: a variable's name is part of the kernel that makes it."""
    keras.utils.set_random_seed(0)
    naming.reset_uids()


@pytest.fixture
def set_policy():
    """`set_policy(name)`: Keras's dtype policy for the rest of a test."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def mixed_policy(request, set_policy):
    """The name of the policy that a test runs under."""
    set_policy(request.param)
    return request.param


@pytest.fixture
def uint8_images():
    return np.random.default_rng(0).integers(0, 256, (24, *IMAGE_SHAPE), np.uint8)


@pytest.fixture
def labels():
    return np.arange(24, dtype=np.int32) % NUM_CLASSES


@pytest.fixture
def dataset(uint8_images):
    """Three steps an epoch."""
    return gk.data.from_arrays(uint8_images, batch_size=8)


def dense_generator(conditional=False):
    latents = keras.Input((LATENT_DIM,))
    x = latents
    if conditional:
        label = keras.Input((), dtype="int32")
        x = keras.layers.Concatenate()([x, keras.layers.Embedding(NUM_CLASSES, 2)(label)])
    x = keras.layers.Dense(6)(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Dense(16, activation="tanh", dtype="float32")(keras.layers.ReLU()(x))
    images = keras.layers.Reshape(IMAGE_SHAPE, dtype="float32")(x)
    return keras.Model([latents, label] if conditional else latents, images)


def dense_discriminator(conditional=False):
    images = keras.Input(IMAGE_SHAPE)
    x = keras.layers.Flatten()(images)
    if conditional:
        label = keras.Input((), dtype="int32")
        x = keras.layers.Concatenate()([x, keras.layers.Embedding(NUM_CLASSES, 2)(label)])
    x = keras.layers.Dense(6, activation="tanh")(x)
    logits = keras.layers.Dense(1, dtype="float32")(x)
    return keras.Model([images, label] if conditional else images, logits)


@pytest.fixture
def make_gan():
    """`make_gan(conditional=False, ema_decay=0.999, **compile_arguments)`: 4x4 grey images.

    Two GANs that it makes have equal weights.
    """

    def make(conditional=False, ema_decay=0.999, seed=0, **compile_arguments):
        keras.utils.set_random_seed(7)
        gan = gk.GAN(
            dense_generator(conditional),
            dense_discriminator(conditional),
            num_classes=NUM_CLASSES if conditional else None,
            ema_decay=ema_decay,
            seed=seed,
        )
        arguments = {
            "generator_optimizer": keras.optimizers.Adam(1e-2),
            "discriminator_optimizer": keras.optimizers.Adam(2e-2),
        }
        gan.compile(**{**arguments, **compile_arguments})
        return gan

    return make


def state_of(gan):
    """All variables of a compiled GAN and their values, for `put_back`."""
    return [(variable, variable.numpy()) for variable in (*gan.variables, *gan.optimizer.variables)]


def put_back(state):
    for variable, value in state:
        variable.assign(value)


@pytest.fixture(scope="session")
def _reusable():
    return {}


@pytest.fixture
def reuse(_reusable):
    """`reuse(key, make)`: a GAN that `make()` made once for all tests, its variables as they were then.

    Its step is traced once. Not for tests of the trace, nor of data that it refuses (TensorFlow relaxes the shapes of
    a step that has seen several), nor for those that change more of a GAN than its variables.
    """
    taken = collections.Counter()

    def take(key, make):
        place = key, taken[key]
        taken[key] += 1
        if place not in _reusable:
            gan = make()
            _reusable[place] = gan, state_of(gan)
        gan, state = _reusable[place]
        put_back(state)
        gan._trains_here = False  # as long as it was not trained by this test
        return gan

    return take


@pytest.fixture
def reused_gan(reuse, make_gan):
    """`make_gan` for tests that need no GAN of their own: see `reuse`; its arguments are hashable."""

    def take(*arguments, **keywords):
        return reuse((arguments, *sorted(keywords.items())), lambda: make_gan(*arguments, **keywords))

    return take


@pytest.fixture
def weights_of():
    """All numbers that make a GAN: networks, average, optimizers, step, as one vector."""

    def weights(gan):
        variables = [
            *gan.generator.weights,
            *gan.discriminator.weights,
            *gan.ema_generator.weights,
            *gan.optimizer.variables,
            gan.step,
        ]
        return np.concatenate([np.ravel(keras.ops.convert_to_numpy(v)).astype(np.float64) for v in variables])

    return weights


@pytest.fixture
def check_resume(weights_of, tmp_path):
    """`check_resume(make, data)`: saved and loaded after one of three epochs, a GAN ends in the same bits."""

    def check(make, data):
        gan = make()
        start = state_of(gan)
        gan.fit(data, epochs=3, verbose=0)
        expected, images = weights_of(gan), gan.generate(3)
        put_back(start)
        gan.fit(data, verbose=0)
        gan.save(tmp_path / "gan.keras")
        resumed = keras.saving.load_model(tmp_path / "gan.keras")
        np.testing.assert_array_equal(weights_of(resumed), weights_of(gan))
        resumed.fit(data, epochs=2, verbose=0)
        np.testing.assert_array_equal(weights_of(resumed), expected)
        np.testing.assert_array_equal(resumed.generate(3), images)

    return check
