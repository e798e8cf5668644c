"""An optimised generator makes the same images by less work, whatever kind of Keras model it was."""

import gc

import tfgan_kit as gk
from tfgan_kit.export.graph.inference_graph import NotRewritable, specs_of, trace
from tfgan_kit.export.graph.operations import check_operations
from tfgan_kit.export.graph.optimize import optimize
from tfgan_kit.export.module import GeneratorModule
from tfgan_kit.export.profile import ExportProfile
from tfgan_kit.export.verify.check import check_version
from tfgan_kit.generation import adapter

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.twins import twins

Z = 4


def trained(model):
    """Statistics, scales and shifts as training leaves them: none at its initial value."""
    random = np.random.default_rng(0)
    for variable in model.variables:
        if "variance" in variable.name:
            variable.assign(random.uniform(0.5, 2.0, variable.shape))
        elif variable.name in ("gamma", "beta", "moving_mean", "bias"):
            variable.assign(0.3 + random.standard_normal(variable.shape))
    return model


def transposed():
    x = latents = keras.Input((Z,))
    x = layers.Reshape((3, 3, 16))(layers.Dense(144, use_bias=False)(x))
    x = layers.LeakyReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(32, 5, 2, "same", use_bias=False)(x)
    x = layers.ReLU()(gk.layers.BatchNormalization(scale=False)(x))
    return keras.Model(latents, layers.Conv2DTranspose(3, 4, 2, "same", activation="tanh")(x))


def upsampling():
    return keras.Sequential(
        [
            keras.Input((Z,)),
            layers.Dense(72),
            layers.BatchNormalization(),
            layers.Reshape((3, 3, 8)),
            layers.UpSampling2D(2),
            layers.Conv2D(32, 3, padding="same"),
            layers.BatchNormalization(center=False),
            layers.ReLU(),
            layers.Conv2D(1, 3, padding="same", activation="tanh"),
        ]
    )


class Subclassed(keras.Model):
    """Residual, one kernel used twice, a batch normalization that follows no single layer."""

    def __init__(self):
        super().__init__()
        self.first, self.shared = layers.Dense(72), layers.Conv2D(8, 3, padding="same")
        self.one, self.other, self.last = (layers.BatchNormalization() for _ in range(3))
        self.out = layers.Conv2DTranspose(1, 4, 2, "same", activation="tanh")

    def call(self, latents, training=False):
        x = tf.reshape(self.first(latents), (-1, 3, 3, 8))
        y = tf.nn.relu(self.one(self.shared(x), training=training))
        y = x + self.other(self.shared(y), training=training)
        return self.out(self.last(y, training=training))


def subclassed():
    model = Subclassed()
    model(tf.zeros((1, Z)))
    return model


def spectral():
    return keras.Sequential(
        [
            keras.Input((Z,)),
            layers.Dense(72),
            layers.Reshape((3, 3, 8)),
            layers.SpectralNormalization(layers.Conv2D(4, 3, padding="same")),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Conv2D(1, 3, activation="tanh"),
        ]
    )


def dcgan():
    return gk.networks.DCGANGenerator(14, 1, latent_dim=Z, width=8)


def mixed():
    return gk.networks.DCGANGenerator(14, 1, latent_dim=Z, width=8, dtype="mixed_bfloat16")


MODELS = {  # how many scales there are to fold
    transposed: 2,
    upsampling: 2,
    subclassed: 2,
    spectral: 1,
    dcgan: 1,
}
LATENTS = np.random.default_rng(1).standard_normal((7, Z)).astype("float32")


def called(function, inputs=LATENTS):
    return tf.function(function)(inputs).numpy()


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_images_are_the_models(make):
    model = trained(make())
    optimized, _ = optimize(model, Z)
    # 1e-5 is a thousandth of a level of 255; float32 rounds at 6e-8.
    np.testing.assert_allclose(called(optimized), model(LATENTS, training=False), atol=1e-5)


@pytest.mark.parametrize("make, count", MODELS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_every_batch_normalization_after_one_layer_is_folded(make, count):
    assert optimize(trained(make()), Z)[1]["folded_scales"] == count


def operations(function, *specs):
    graph = tf.function(function, input_signature=specs).get_concrete_function().graph.as_graph_def()
    return [node.op for nodes in (graph.node, *(f.node_def for f in graph.library.function)) for node in nodes]


def test_of_a_batch_normalization_only_an_addition_is_left():
    ops = operations(optimize(trained(dcgan()), Z)[0], tf.TensorSpec([None, Z]))
    assert "Mul" not in ops and "Rsqrt" not in ops
    assert ops.count("AddV2") + ops.count("BiasAdd") == 2  # the normalization's shift, the last bias


def after_a_convolution(function):
    return keras.Sequential(
        [keras.Input((Z,)), layers.Dense(64), layers.Reshape((4, 4, 4)), layers.Conv2D(4, 1), layers.Lambda(function)]
    )


def counted_in_integers(x):
    return tf.cast(tf.cast(10.0 * x, tf.int32), tf.float32) * tf.constant([0.3, 0.7, 1.1, 0.5])


def shifted_along_height(x):
    """A bias a row, where the channels are said to come first."""
    return tf.nn.bias_add(x, [0.1, 0.5, -0.5, 0.9], data_format="NCHW") * tf.constant([1.0, 2.0, 3.0, 0.5])


@pytest.mark.parametrize("function", [counted_in_integers, shifted_along_height], ids=lambda f: f.__name__)
def test_what_does_not_commute_with_a_scale_a_channel_stays(function):
    model = trained(after_a_convolution(function))
    np.testing.assert_allclose(called(optimize(model, Z)[0]), model(LATENTS), atol=1e-5)


class Parts(keras.layers.Layer):
    """Weights that are used in parts."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 48), name="kernel")
        self.rows = self.add_weight(shape=(2, 4, 24), name="rows")

    def call(self, x):
        one, other = tf.split(self.kernel, 2, axis=1)
        first, second = tf.unstack(self.rows)
        return tf.matmul(x, one) * tf.sigmoid(tf.matmul(x, other)) + tf.matmul(x, first) - tf.matmul(x, second)


def recurrent(cell):
    return [layers.RepeatVector(4), cell(6, return_sequences=True), layers.Flatten()]


@pytest.mark.parametrize(
    "middle",
    [[Parts()], recurrent(layers.LSTM), recurrent(layers.GRU), [layers.Lambda(lambda x: tf.map_fn(tf.tanh, x))]],
    ids=["parts", "LSTM", "GRU", "map_fn"],
)
@pytest.mark.parametrize("precision, most", [("float32", 1e-5), ("bfloat16", 0.05)])
def test_any_layer_of_keras_may_be_in_it(middle, precision, most):
    model = keras.Sequential([keras.Input((Z,)), *middle, layers.Dense(16, activation="tanh")])
    optimized, report = optimize(model, Z, precision=precision)
    assert "left_as_it_is" not in report
    np.testing.assert_allclose(called(optimized), model(LATENTS), atol=most)


def test_a_layer_whose_output_is_also_read_elsewhere_is_not_folded():
    latents = keras.Input((Z,))
    x = layers.Dense(16)(latents)
    x = layers.Add()([x, layers.BatchNormalization()(x)])
    model = trained(keras.Model(latents, layers.Reshape((4, 4, 1))(x)))
    optimized, report = optimize(model, Z)
    assert report["folded_scales"] == 0
    np.testing.assert_allclose(called(optimized), model(LATENTS, training=False), atol=1e-5)


class Noise(keras.layers.Layer):
    def call(self, x):
        return x + tf.random.normal([Z])


def test_random_operations_are_not_computed_once():
    """They depend on no input, and the check of the operations has to see them."""
    model = keras.Sequential([keras.Input((Z,)), Noise()])
    assert "RandomStandardNormal" in operations(optimize(model, Z)[0], tf.TensorSpec([None, Z]))


@pytest.fixture
def conditional():
    return trained(gk.networks.DCGANGenerator(14, 1, latent_dim=Z, width=8, num_classes=3))


def test_conditional_normalization_is_one_scale_and_one_shift_a_class(conditional):
    labels = np.array([0, 1, 2, 0, 1, 2, 1], np.int32)
    optimized, report = optimize(conditional, Z, 3)
    np.testing.assert_allclose(
        tf.function(optimized)([LATENTS, labels]), conditional([LATENTS, labels], training=False), atol=1e-5
    )
    specs = [tf.TensorSpec([None, Z]), tf.TensorSpec([None], tf.int32)]
    ops = operations(lambda latents, labels: optimized([latents, labels]), *specs)
    # Keras's class look-up adds once a table, for labels below 0; then one shift, and the last bias.
    assert report["folded_scales"] == 1 and ops.count("Mul") == 1
    assert ops.count("AddV2") + ops.count("BiasAdd") == 2 + 1 + 1


def conditional_model(build):
    """`build(x, tables of scales, of shifts)` over a normalised convolution's 3x3x4 output, 3 classes."""
    latents, label = keras.Input((Z,)), keras.Input((), dtype="int32")
    x = layers.Reshape((3, 3, 4))(layers.Dense(36)(latents))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
    return trained(keras.Model([latents, label], layers.Conv2D(1, 3, padding="same")(build(x, label))))


def table(label, channels=4):
    rows = layers.Embedding(3, channels, embeddings_initializer="normal")(label)
    return layers.Reshape((1, 1, channels))(rows)


def shift_that_is_read_again(x, label):
    scale, shift = table(label), table(label)
    return layers.ReLU()(x * scale + shift) + shift


def scale_that_is_the_shift(x, label):
    both = table(label)
    return x * both + both


def one_number_a_class(x, label):
    return x * table(label, 1) + table(label, 1)


@pytest.mark.parametrize(
    "build", [shift_that_is_read_again, scale_that_is_the_shift, one_number_a_class], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("precision, most", [("float32", 1e-5), ("bfloat16", 0.05)])
def test_a_table_of_shifts_changes_only_for_its_one_reader(build, precision, most):
    model, labels = conditional_model(build), np.array([0, 1, 2, 0, 1, 2, 1], np.int32)
    optimized, _ = optimize(model, Z, 3, precision)
    expected = model([LATENTS, labels], training=False)
    assert np.std(expected) > 0.05  # of which 0.05 would be much, were it less
    np.testing.assert_allclose(tf.function(optimized)([LATENTS, labels]), expected, atol=most)


@pytest.mark.thorough
def test_a_wrong_rewriting_is_not_published_in_bfloat16(tmp_path, monkeypatch):
    """A mistake of the rewriting, put in here."""
    latents, label = keras.Input((Z,)), keras.Input((), dtype="int32")
    x = layers.Reshape((3, 3, 4))(layers.BatchNormalization()(layers.Dense(36)(latents)))
    x = scale_that_is_the_shift(layers.Conv2D(4, 3, padding="same", bias_initializer="ones")(x), label)
    model = keras.Model([latents, label], layers.Conv2D(1, 3, padding="same", activation="tanh")(x))
    profile = ExportProfile(precision="bfloat16", signatures=("generate",))
    version = gk.export_generator(model, tmp_path, num_classes=3, profile=profile)
    assert gk.export.read_lineage(version)["certificate"]["generate"]["float32_max_difference"] <= 1.0
    monkeypatch.setattr("tfgan_kit.export.graph.folding._is_only_reader", lambda *_: True)
    with pytest.raises(ValueError, match="even when computed in float32"):
        gk.export_generator(model, tmp_path, num_classes=3, profile=profile)


def test_the_callers_model_is_not_changed():
    model = trained(transposed())
    before = [w.copy() for w in model.get_weights()]
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    called(optimize(model, Z, precision="bfloat16")[0])
    assert nodes == [len(layer._inbound_nodes) for layer in model.layers]
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_an_optimised_model_keeps_the_weights_it_was_made_with():
    model = trained(transposed())
    optimized, _ = optimize(model, Z)
    before = called(optimized)
    for variable in model.variables:
        variable.assign(variable + 1.0)
    np.testing.assert_array_equal(called(optimized), before)


def test_no_training_only_variable_is_left():
    model = trained(spectral())
    held = sum(v.shape.num_elements() for v in optimize(model, Z)[0].variables)
    assert held <= sum(w.size for w in model.get_weights() if w.ndim > 1)


class NoiseAndBias(keras.layers.Layer):
    """A StyleGAN's: noise a pixel, and a bias a channel."""

    def build(self, shape):
        self.noise = self.add_weight(shape=(40, 40), initializer="random_normal", name="noise")
        self.bias = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="bias")

    def call(self, x):
        return x + (tf.convert_to_tensor(self.noise)[..., None] + self.bias)


def test_a_sum_that_is_larger_than_its_parts_is_not_stored():
    model = keras.Sequential([keras.Input((Z,)), layers.Dense(8), layers.Reshape((1, 1, 8)), NoiseAndBias()])
    optimized, _ = optimize(model, Z)
    assert sum(v.shape.num_elements() for v in optimized.variables) == 40 * 40
    np.testing.assert_allclose(called(optimized), model(LATENTS), atol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "side, kernel, stride",
    [(1, 2, 2), (2, 3, 2), (5, 4, 2), (1, 5, 2), (5, 5, 2), (2, 6, 2), (1, 7, 2), (5, 7, 2), (2, 4, 3), (5, 6, 3)]
    + [(1, 4, 4), (5, 4, 4)],
)
def test_a_spread_transposed_convolution_is_the_same_sum(side, kernel, stride):
    model = keras.Sequential(
        [
            keras.Input((side * 3 * 2,)),
            layers.Reshape((side, 3, 2)),
            layers.Conv2DTranspose(3, kernel, stride, "same", bias_initializer="normal"),
        ]
    )
    optimized, report = optimize(model, side * 6)
    latents = np.random.default_rng(0).standard_normal((2, side * 6)).astype("float32")
    assert report["spread_convolutions"] == 1
    np.testing.assert_allclose(called(optimized, latents), model(latents), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{"padding": "valid"}, {"output_padding": 0}, {"strides": 1}, {"dilation_rate": 2, "strides": 1}, {"filters": 9}],
    ids=str,
)
def test_other_transposed_convolutions_stay_as_they_are(options):
    options = {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"} | options
    model = keras.Sequential([keras.Input((12,)), layers.Reshape((2, 3, 2)), layers.Conv2DTranspose(**options)])
    optimized, report = optimize(model, 12)
    latents = np.ones((2, 12), "float32")
    assert report["spread_convolutions"] == 0
    np.testing.assert_allclose(called(optimized, latents), adapter.called(model, latents), atol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("make", [*MODELS, mixed], ids=lambda make: make.__name__)
def test_bfloat16_images_are_float32_and_near(make):
    model = trained(make())
    images = called(optimize(model, Z, precision="bfloat16")[0])
    assert images.dtype == np.float32
    # Some ten roundings of relative size 2^-9, of values that tanh has seen around 1.
    assert np.abs(images - model(LATENTS, training=False)).mean() < 10 * 2**-9


def test_bfloat16_products_take_and_give_bfloat16():
    optimized, report = optimize(trained(dcgan()), Z, precision="bfloat16")
    kernels = [v for v in optimized.variables if v.shape.rank > 1]
    assert report["bfloat16_products"] == 2 and {v.dtype for v in kernels} == {tf.bfloat16}
    assert kernels[0].numpy().dtype == ml_dtypes.bfloat16


@pytest.mark.thorough
def test_bfloat16_leaves_no_signature():
    module = GeneratorModule(trained(dcgan()), Z, None, (14, 14, 1), profile=ExportProfile(precision="bfloat16"))
    dtypes = {spec.dtype for f in module.signatures().values() for spec in f.structured_outputs.values()}
    assert dtypes == {tf.uint8, tf.string}


@pytest.mark.parametrize(
    "options",
    [{"groups": 4}, {"groups": 2, "strides": 2}, {"groups": 2, "dilation_rate": 2}, {"groups": 8, "filters": 24}],
    ids=str,
)
@pytest.mark.parametrize("precision, most", [("float32", 1e-5), ("bfloat16", 0.2)])
def test_a_grouped_convolution_needs_no_compiler(options, precision, most):
    """Keras compiles it by XLA, which TensorFlow Serving does not have switched on."""
    model = trained(
        keras.Sequential(
            [
                keras.Input((Z,)),
                layers.Dense(200),
                layers.Reshape((5, 5, 8)),
                layers.Conv2D(**{"filters": 8, "kernel_size": 2} | options),
                layers.BatchNormalization(),
                layers.Conv2D(8, 2, groups=2),
                layers.ReLU(),
            ]
        )
    )
    optimized, report = optimize(model, Z, precision=precision)
    assert report["folded_scales"] == ("dilation_rate" not in options)
    graph = tf.function(optimized, input_signature=[tf.TensorSpec([None, Z])]).get_concrete_function()
    check_operations("serving_default", graph)
    np.testing.assert_allclose(graph(tf.constant(LATENTS)), model(LATENTS, training=False), atol=most)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_mixed_precision_models_keep_their_own(precision):
    """A kernel that is bfloat16 already is not rounded twice."""
    model = trained(mixed())
    optimized, report = optimize(model, Z, precision=precision)
    assert report["folded_scales"] == 0
    # The last convolution adds up in another order, so that a sum between two bfloat16 may go either way.
    assert np.mean(called(optimized) != model(LATENTS, training=False)) < 0.02


class Doubling(keras.layers.Layer):
    """Branches and loops, which are functions of their own in a graph."""

    def call(self, x):
        x = tf.while_loop(lambda k, x: k < 3, lambda k, x: (k + 1, 2.0 * x), (tf.constant(0), x))[1]
        return tf.cond(tf.reduce_sum(x) > 0.0, lambda: x - 1.0, lambda: x + 1.0)


@pytest.mark.thorough
@pytest.mark.parametrize("signature", [[tf.TensorSpec([None, Z])], None], ids=str)
def test_an_optimised_model_needs_nothing_but_itself(signature):
    model = keras.Sequential([keras.Input((Z,)), layers.Dense(4), Doubling()])
    optimized, _ = optimize(model, Z)
    gc.collect()
    answer = tf.function(lambda x: optimized(x), input_signature=signature)(LATENTS)
    np.testing.assert_allclose(answer, model(LATENTS), atol=1e-5)


class Counting(keras.layers.Layer):
    def build(self, _):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.calls.assign_add(1.0)
        return x


class Hidden(keras.layers.Layer):
    def build(self, _):
        object.__setattr__(self, "hidden", [tf.Variable(0.5)])

    def call(self, x):
        return x * self.hidden[0]


class Constant(keras.layers.Layer):
    def call(self, x):
        return tf.ones([2, 4])


STUBBORN = [(Counting, "writes to a variable"), (Hidden, "Keras does not track"), (Constant, "does not depend")]


@pytest.mark.parametrize("layer, reason", STUBBORN)
def test_what_cannot_be_rewritten_is_left_with_the_reason(layer, reason):
    model = keras.Sequential([keras.Input((Z,)), layer()])
    with pytest.raises(NotRewritable, match=reason):
        trace(model, specs_of((Z,), None))
    function, report = optimize(model, Z)
    assert function is model and reason in report["left_as_it_is"]
    with pytest.raises(ValueError, match=f"bfloat16, since.*{reason}.*Received: precision="):
        optimize(model, Z, precision="bfloat16")


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="Received: precision='float16'"):
        optimize(dcgan(), Z, precision="float16")


def test_an_embedding_and_a_branch_survive():
    """Reads of a variable by index, and functions that nodes call."""
    latents, label = keras.Input((Z,)), keras.Input((), dtype="int32")
    embedded = layers.Embedding(50, 40)(label)
    x = layers.Lambda(lambda x: tf.cond(tf.reduce_sum(x) > 0.0, lambda: 2.0 * x, lambda: x))(embedded)
    x = layers.Dense(16, activation="tanh")(layers.Concatenate()([latents, x]))
    model = keras.Model([latents, label], layers.Reshape((4, 4, 1))(x))
    labels = np.arange(7, dtype=np.int32)
    optimized, _ = optimize(model, Z, 50)
    np.testing.assert_allclose(tf.function(optimized)([LATENTS, labels]), model([LATENTS, labels]), atol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("precision, width", [("float32", 4), ("bfloat16", 2)])
def test_a_version_is_little_more_than_its_weights_and_loads_at_once(tmp_path, precision, width):
    model = gk.networks.DCGANGenerator(32, 3, latent_dim=Z, width=32)
    module = GeneratorModule(model, Z, None, (32, 32, 3), profile=ExportProfile(precision=precision))
    tf.saved_model.save(module, str(tmp_path), signatures=module.signatures())
    stored = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    needed = width * sum(w.size for w in model.get_weights())
    assert 0.95 * needed < stored < 1.1 * needed + 1_000_000


@pytest.mark.parametrize("signatures", [("serving_default",), ("from_latent_png",)])
def test_only_the_signatures_of_the_profile_are_built(signatures):
    profile = ExportProfile(signatures=signatures)
    assert tuple(GeneratorModule(dcgan(), Z, None, (14, 14, 1), profile=profile).signatures()) == signatures


def test_pictures_are_compressed_as_the_profile_says():
    sizes = []
    for level in (0, 9):
        profile = ExportProfile(png_compression=level)
        module = GeneratorModule(dcgan(), Z, None, (14, 14, 1), profile=profile)
        (picture,) = module.signatures()["from_latent_png"](tf.constant(LATENTS[:1]))["png_bytes"].numpy()
        sizes.append(len(picture))
    assert sizes[0] > 14 * 14 > sizes[1] or sizes[0] > sizes[1]


@pytest.mark.thorough
@twins(
    "profile",
    [
        ExportProfile(signatures=("serving_default",)),
        ExportProfile(optimized=False),
        ExportProfile(precision="bfloat16"),
    ],
    ids=["float32", "as it is", "bfloat16"],
)
def test_a_gan_of_mixed_precision_is_exported_and_loaded_without_a_warning(tmp_path, caplog, set_policy, profile):
    """Its convolutions have gradients by hand, which capture what cannot be saved."""
    set_policy("mixed_bfloat16")
    gan = gk.GAN(
        gk.networks.DCGANGenerator(16, 1, latent_dim=Z, width=2), gk.networks.DCGANDiscriminator(16, 1, width=2)
    )
    version = gk.export_generator(gan, tmp_path, discriminate=True, profile=profile)
    loaded = check_version(version).loaded
    assert not caplog.records
    found = loaded.signatures["serving_default"](seed=tf.constant(range(4), tf.int64))["images"]
    np.testing.assert_allclose(tf.cast(found, tf.int32), gan.generate(4, seed=0), atol=1)
