"""What a certificate looks at, what it states, and what it refuses."""

import json

import tfgan_kit as gk
from tfgan_kit.export import contract as names
from tfgan_kit.export.module import GeneratorModule
from tfgan_kit.export.profile import ExportProfile
from tfgan_kit.export.verify.certificate import certify, keras_reference

import keras
import numpy as np
import pytest
import tensorflow as tf

Z, SIDE = 4, 8
FIRST = names.FROM_LATENT
BOTH = (FIRST, FIRST + names.PNG_SUFFIX)


def model():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [keras.Input((Z,)), keras.layers.Dense(SIDE * SIDE, activation="tanh"), keras.layers.Reshape((SIDE, SIDE, 1))]
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """In memory, and reloaded."""
    folder = str(tmp_path_factory.mktemp("saved"))
    module = GeneratorModule(model(), Z, None, (SIDE, SIDE, 1), profile=ExportProfile(signatures=BOTH))
    tf.saved_model.save(module, folder, signatures=module.signatures())
    loaded = tf.saved_model.load(folder)
    yield module.signatures(), loaded.signatures


class Altered:
    """A reloaded signature whose answers are changed by `change(answer, latents)`."""

    def __init__(self, function, change):
        self.function, self.change, self.asked = function, change, []
        self.structured_outputs = function.structured_outputs
        self.structured_input_signature = function.structured_input_signature

    def __call__(self, **inputs):
        self.asked.append(inputs[names.LATENTS].numpy())
        ((output, answer),) = self.function(**inputs).items()
        return {output: tf.constant(self.change(answer.numpy().copy(), self.asked[-1]))}


def altered(functions, change):
    return {FIRST: Altered(functions[FIRST], change)}


def unchanged(answer, _):
    return answer


@pytest.mark.thorough
def test_an_export_that_answers_alike_differs_by_nothing(exported):
    certificate = certify(*exported, None, keras_reference(model(), Z, None, (-1.0, 1.0)))
    for row in certificate.values():
        assert row["reloaded_max_difference"] == row["batched_max_difference"] == 0.0
        assert not {"reloaded_at", "batched_at"} & set(row)
    assert certificate[FIRST]["model_max_difference"] == certificate[FIRST]["model_mean_difference"] == 0.0


def test_a_certificate_is_json(exported):
    certificate = certify(*exported, None, keras_reference(model(), Z, None, (-1.0, 1.0)))
    assert json.loads(json.dumps(certificate)) == certificate


def test_every_row_is_asked_for_alone_and_at_every_position_of_every_batch_size(exported):
    functions = altered(exported[1], unchanged)
    certify(exported[0], functions, None)
    asked = functions[FIRST].asked
    alone = {batch.tobytes() for batch in asked if len(batch) == 1}
    assert {len(batch) for batch in asked} == set(range(1, 34))
    assert {row.tobytes() for batch in asked for row in batch} == alone


def blank(shape):
    """A signature of black images."""

    @tf.function(input_signature=[tf.TensorSpec([None, Z], tf.float32, names.LATENTS)])
    def images(latents):
        return {names.IMAGES: tf.zeros([tf.shape(latents)[0], *shape], tf.uint8)}

    function = images.get_concrete_function()
    signature = Altered(function, unchanged)
    signature.function = lambda latents: function(latents)
    signature.structured_input_signature = ((), {names.LATENTS: tf.TensorSpec([None, Z])})
    return signature


def test_a_million_pixels_are_compared():
    """Two signatures of 28x28: one pass of every batch size has 2 * 561 * 784 = 880,000 of them."""
    both = dict.fromkeys((FIRST, "another"), blank((28, 28, 1)))
    assert sum(row["pixels"] for row in certify(both, both, None).values()) >= 1_000_000


def test_large_images_are_tried_at_fewer_sizes_and_that_is_stated():
    row = certify({FIRST: blank((128, 128, 3))}, {FIRST: blank((128, 128, 3))}, None)[FIRST]
    assert row["batch_sizes"] == [1, 2, 3, 7, 16, 33] and row["pixels"] >= 1_000_000


def test_a_difference_after_loading_is_stated_with_its_place(exported):
    def change(answer, latents):
        if len(answer) == 5:
            answer[3, 2, 6, 0] ^= 1  # by one level
        return answer

    row = certify(altered(exported[1], change), altered(exported[1], unchanged), None)[FIRST]
    assert row["reloaded_max_difference"] == 1.0 and row["batched_max_difference"] == 0.0
    assert row["reloaded_at"] == {"batch_size": 5, "row": 3, "pixel": [2, 6, 0]}


def test_a_difference_by_the_batch_is_stated_with_its_place(exported):
    def change(answer, latents):
        if len(answer) == 29:
            answer[28, 0, 1, 0] ^= 1
        return answer

    functions = altered(exported[1], change)
    row = certify(functions, functions, None)[FIRST]
    assert row["reloaded_max_difference"] == 0.0
    assert row["batched_at"] == {"batch_size": 29, "row": 28, "pixel": [0, 1, 0]}


def two_levels(answer, _):
    return np.clip(answer.astype(int) + 2, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "in_memory, reloaded, message",
    [
        (two_levels, unchanged, "off by 2 after loading"),
        (unchanged, lambda x, z: two_levels(x, z) if len(x) == 13 else x, "by 2 between alone"),
    ],
)
def test_two_levels_are_refused(exported, in_memory, reloaded, message):
    with pytest.raises(ValueError, match=message):
        certify(altered(exported[1], in_memory), altered(exported[1], reloaded), None)


def test_a_graph_two_levels_from_the_keras_model_is_refused(exported):
    functions = altered(exported[1], two_levels)
    with pytest.raises(ValueError, match="by 2 from the Keras model"):
        certify(functions, functions, None, keras_reference(model(), Z, None, (-1.0, 1.0)))


@pytest.mark.thorough
def test_bfloat16_may_be_levels_off_but_not_everywhere(exported):
    reference = keras_reference(model(), Z, None, (-1.0, 1.0))
    near, far = altered(exported[1], two_levels), altered(exported[1], lambda x, _: x ^ 16)
    row = certify(near, near, None, reference, "bfloat16")[FIRST]
    assert row["model_max_difference"] == 2.0 and 1.5 < row["model_mean_difference"] <= 2.0
    with pytest.raises(ValueError, match="export in float32.*off by 16 levels in the mean"):
        certify(far, far, None, reference, "bfloat16")


@pytest.mark.thorough
def test_a_wrong_rewriting_does_not_hide_among_the_roundings_of_bfloat16(exported):
    reference, near = keras_reference(model(), Z, None, (-1.0, 1.0)), altered(exported[1], two_levels)
    row = certify(near, near, None, reference, "bfloat16", altered(exported[1], unchanged))[FIRST]
    assert row["float32_max_difference"] <= 1.0 < row["model_max_difference"]
    with pytest.raises(ValueError, match="by 2 from the Keras model, even when computed in float32"):
        certify(near, near, None, reference, "bfloat16", near)


@pytest.mark.thorough
def test_a_pictures_pixels_are_its_twins(exported):
    in_memory, reloaded = exported
    other = {**reloaded, FIRST: Altered(reloaded[FIRST], lambda x, _: x ^ 64)}
    certificate = certify(in_memory, dict(reloaded), None)
    assert certificate[FIRST + names.PNG_SUFFIX]["twin_of"] == FIRST
    with pytest.raises(ValueError, match="from_latent_png"):
        certify({**in_memory, FIRST: other[FIRST]}, other, None)


@pytest.mark.thorough
def test_pictures_without_their_twin_are_certified_themselves(exported):
    name = FIRST + names.PNG_SUFFIX
    row = certify(exported[0], {name: exported[1][name]}, None)[name]
    assert "twin_of" not in row and row["batch_sizes"] == list(range(1, 34))


def test_scores_that_are_not_finite_are_refused():
    @tf.function(input_signature=[tf.TensorSpec([None, 2, 2, 1], tf.uint8, names.IMAGES)])
    def discriminate(images):
        return {names.SCORE: tf.fill([tf.shape(images)[0]], np.float32("nan"))}

    function = discriminate.get_concrete_function()
    score = Altered(function, unchanged)
    score.structured_input_signature = ((), {names.LATENTS: tf.TensorSpec([None, 2])})
    score.function = lambda latents: function(tf.zeros([len(latents), 2, 2, 1], tf.uint8))
    with pytest.raises(ValueError, match="off by nan"):
        certify({"discriminate": score}, {"discriminate": score}, None)


@pytest.mark.thorough
@pytest.mark.parametrize("optimized, most", [(False, 0), (True, 1)])
def test_images_equal_generates_byte_for_byte_unless_optimised(optimized, most, tmp_path, conditional_gan):
    profile = ExportProfile(optimized=optimized, signatures=(names.GENERATE,))
    module = GeneratorModule(conditional_gan.ema_generator, 4, 3, (14, 14, 1), profile=profile)
    tf.saved_model.save(module, str(tmp_path), signatures=module.signatures())
    generate = tf.saved_model.load(str(tmp_path)).signatures[names.GENERATE]
    seeds, labels = gk.image_seeds(2, 31), (np.arange(31) % 3).astype(np.int32)
    answer = generate(seed=tf.constant(seeds), label=tf.constant(labels))[names.IMAGES].numpy()
    distance = np.abs(answer.astype(int) - conditional_gan.generate(seeds=seeds, labels=labels))
    assert distance.max() <= most
