"""Properties that every public layer, network, objective, penalty and augmentation has."""

import ast
import collections
import inspect
import pathlib

import tfgan_kit as gk

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance import registry
from tests.twins import twins

MODELS = {**registry.NETWORKS, **registry.LAYERS}
TERMS = {**registry.OBJECTIVES, **registry.PENALTIES, **registry.PENALTIES_OF_WEIGHTS, **registry.AUGMENTATIONS}
# A term of logits alone, one that pairs them, one of two objectives, penalties of first and second order.
QUICK_TERMS = ("hinge", "relativistic_pairing", "per_player", "r1", "gradient_penalty", "lecam", "consistency", "ada")
# Labels, convolutions both ways, statistics of batches, constants drawn at the start.
QUICK_MODELS = (
    "dcgan_generator_conditional",
    "dcgan_discriminator_conditional",
    "spatial_generator",
    "fourier_features",
)
# Under XLA, which takes seconds to compile a network: the layers that networks are made of, and those above.
QUICK_UNDER_XLA = (*QUICK_MODELS, *registry.LAYERS)
# One of the two is quick; the other's layers and files are the same code.
POLICIES = twins("mixed_policy", ["mixed_bfloat16", "mixed_float16"], indirect=True)
ABSTRACT = {gk.augment.Augmentation, gk.objectives.Objective, gk.penalties.Penalty}
PACKAGES = (gk, gk.augment, gk.layers, gk.networks, gk.objectives, gk.penalties)


def over(entries, quick=None):
    """Over all entries, or those named in `quick`, and the others as slow tests."""
    if quick is None:
        return pytest.mark.parametrize("entry", entries.values(), ids=entries.keys())
    ordered = {name: entries[name] for name in quick if name in entries} | entries
    return twins("entry", ordered.values(), quick=len(entries.keys() & set(quick)), ids=ordered.keys())


def as_model(entry):
    """The entry's network, or a model of its layer alone; called once in training mode."""
    module = entry.make()
    if not isinstance(module, keras.Model):
        inputs = keras.tree.map_structure(lambda x: keras.Input(x.shape[1:], dtype=x.dtype.name), entry.inputs)
        module = keras.Model(inputs, module(inputs))
    module(entry.inputs, training=True)  # moves the statistics away from their start
    return module


def step_of(discriminator):
    """What a penalty sees in one update; the discriminator is smooth, so that no gradient is 0."""
    real, fake = tf.constant(registry.IMAGES), tf.constant(registry.IMAGES[::-1] * 0.5)
    random = np.random.default_rng(1)  # TensorFlow draws other numbers under XLA

    def uniform(shape):
        return tf.constant(random.uniform(size=(registry.ROWS, *shape)), tf.float32)

    return gk.penalties.StepView(
        real,
        fake,
        None,
        tf.constant(registry.LATENTS),
        discriminator(real),
        discriminator(fake),
        discriminator,
        None,
        uniform,
    )


def smooth_discriminator():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="tanh"),
            keras.layers.Dense(1),
        ]
    )


def as_argument(term):
    """The argument of `compile` that a term is given by."""
    if isinstance(term, gk.objectives.Objective):
        return {"objective": term}
    return {"augment": term} if isinstance(term, gk.augment.Augmentation) else {"penalties": [term]}


def built(entry):
    penalty = entry.make()
    penalty.build(keras.layers.Layer())
    return penalty


# The registry is complete


def public_classes():
    for package in PACKAGES:
        for name in package.__all__:
            found = getattr(package, name)
            kinds = (keras.layers.Layer, gk.augment.Augmentation, gk.objectives.Objective, gk.penalties.Penalty)
            if inspect.isclass(found) and issubclass(found, kinds):
                yield found


def test_every_public_class_has_an_entry():
    known = {entry.cls for entry in registry.ENTRIES.values()} | ABSTRACT | {gk.GAN}
    missing = {cls.__name__ for cls in set(public_classes()) - known}
    assert missing == set(), "add these to tests/conformance/registry.py"


def test_every_entry_is_exported():
    entries = {entry.cls for entry in registry.ENTRIES.values()}
    assert {cls.__name__ for cls in entries - set(public_classes())} == set()


def test_registration_names_are_unique():
    """`register_keras_serializable` silently lets the last class of a name win."""
    names = []
    for path in pathlib.Path(gk.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(
                "register" in ast.unparse(decorator) for decorator in node.decorator_list
            ):
                names.append(node.name)
    assert len(names) >= len(registry.ENTRIES) - 2  # conditional variants share a class
    assert [name for name, count in collections.Counter(names).items() if count > 1] == []


def test_classes_are_registered_under_their_own_names():
    classes = {f"tfgan_kit>{entry.cls.__name__}": entry.cls for entry in registry.ENTRIES.values()}
    assert {name: keras.saving.get_registered_object(name) for name in classes} == classes
    assert [keras.saving.get_registered_name(cls) for cls in classes.values()] == list(classes)


# Files


@over(registry.ENTRIES)
def test_config_holds_every_constructor_argument_and_makes_the_same_again(entry):
    made, parameters = entry.make(), inspect.signature(entry.cls.__init__).parameters.values()
    names, config = {p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD} - {"self"}, made.get_config()
    assert names <= config.keys()
    expected = {
        name: keras.saving.serialize_keras_object(value) if hasattr(value, "get_config") else value
        for name, value in entry.arguments.items()
    }
    assert {name: config[name] for name in entry.arguments} == expected
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(copy) is entry.cls
    assert copy.get_config() == config


@pytest.fixture(scope="module", params=MODELS.values(), ids=MODELS)
def made_once(request):
    """An entry and its model; pytest runs the tests of one model after another."""
    keras.utils.set_random_seed(0)
    return request.param, as_model(request.param)


def test_keras_file_holds_weights_and_outputs_bit_for_bit(made_once, tmp_path):
    entry, model = made_once
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for before, after in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(model(entry.inputs), loaded(entry.inputs))


@over(registry.NETWORKS, (*QUICK_MODELS, "biggan_discriminator"))
@POLICIES
def test_mixed_precision_computes_in_half_answers_in_float32_and_is_kept_in_the_file(entry, mixed_policy, tmp_path):
    model = as_model(entry)
    outputs = model(entry.inputs, training=True)
    assert outputs.dtype == tf.float32
    assert np.isfinite(outputs).all()
    assert mixed_policy in {layer.dtype_policy.name for layer in model.layers}
    model.save(tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.dtype_policy.name == mixed_policy
    np.testing.assert_array_equal(model(entry.inputs), loaded(entry.inputs))


@pytest.mark.thorough
@over(MODELS, QUICK_MODELS)
def test_saved_model_answers_as_the_model(entry, tmp_path):
    model = as_model(entry)
    module = tf.Module()
    module.model = model
    module.answer = tf.function(
        lambda inputs: model(inputs, training=False),
        input_signature=[tf.nest.map_structure(lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), entry.inputs)],
    )
    tf.saved_model.save(module, tmp_path / "saved")
    loaded = tf.saved_model.load(tmp_path / "saved")
    expected = model(entry.inputs, training=False)
    np.testing.assert_allclose(loaded.answer(entry.inputs), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.thorough
@over(TERMS, QUICK_TERMS)
def test_gan_file_holds_the_term(entry, make_gan, tmp_path):
    term = entry.make()
    argument = as_argument(term)
    make_gan(**argument).save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    (name,) = argument
    found = loaded.penalties[0] if name == "penalties" else getattr(loaded, name)
    assert type(found) is entry.cls
    assert found.get_config() == term.get_config()


# Precision


@over(registry.LAYERS)
def test_mixed_precision_layer_answers_in_half_and_is_finite(entry, mixed_policy):
    outputs = entry.make()(entry.inputs, training=True)
    assert outputs.dtype.name == mixed_policy.removeprefix("mixed_")
    assert np.isfinite(tf.cast(outputs, tf.float32)).all()


@over(registry.NETWORKS)
def test_dtype_argument_is_the_dtype_of_the_hidden_layers_and_the_answer_is_finite_float32(entry):
    network = entry.cls(**entry.arguments, dtype="mixed_bfloat16")
    assert network.dtype_policy.name == "mixed_bfloat16"
    hidden = [layer for layer in network._flatten_layers() if layer is not network]
    assert "mixed_bfloat16" in {layer.dtype_policy.name for layer in hidden}
    outputs = network(entry.inputs, training=True)
    assert outputs.dtype == tf.float32
    assert np.isfinite(outputs).all()


def assert_finite_in(policy, images, make_gan, set_policy, **arguments):
    set_policy(policy)
    history = make_gan(run_eagerly=True, **arguments).fit(images, batch_size=12, verbose=0).history
    assert {name: value for name, value in history.items() if not np.isfinite(value).all()} == {}


@pytest.mark.slow
@over(TERMS)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_term_trains_finitely_in_mixed_precision(entry, policy, set_policy, make_gan, uint8_images):
    assert_finite_in(policy, uint8_images, make_gan, set_policy, **as_argument(entry.make()))


@pytest.mark.thorough
@pytest.mark.parametrize("objective", ["hinge", "relativistic_pairing", "per_player"])
def test_terms_train_finitely_together_in_mixed_precision(objective, set_policy, make_gan, uint8_images):
    arguments = {"objective": TERMS[objective].make()}
    if objective == "hinge":
        penalties = [TERMS[name].make() for name in ("r1", "gradient_penalty", "lecam", "consistency")]
        arguments |= {"penalties": penalties, "augment": TERMS["ada"].make()}
    assert_finite_in("mixed_float16", uint8_images, make_gan, set_policy, **arguments)


# XLA


@pytest.mark.thorough
@over(MODELS, QUICK_UNDER_XLA)
@twins("training", [True, False])
def test_xla_answers_as_the_plain_function(entry, training):
    model = as_model(entry)
    training = training and not getattr(model, "style_mixing", 0.0)  # TensorFlow draws other numbers under XLA
    before = model.get_weights()
    plain = tf.function(lambda x: model(x, training=training))(entry.inputs)
    model.set_weights(before)
    compiled = tf.function(lambda x: model(x, training=training), jit_compile=True)(entry.inputs)
    np.testing.assert_allclose(compiled, plain, rtol=1e-4, atol=1e-4)


def assert_same_under_xla(make, *calls):
    """`make()` makes a function of values by name, each time with a state of its own; `calls` are its arguments."""
    plain, compiled = (tf.function(make(), jit_compile=compiled) for compiled in (False, True))
    different = []
    for arguments in calls:
        expected, found = plain(*arguments), compiled(*arguments)
        different += [name for name in expected if not np.allclose(found[name], expected[name], rtol=1e-4)]
    assert different == []


@pytest.mark.thorough
def test_xla_computes_the_same_losses():
    def losses():
        made = {name: entry.make() for name, entry in registry.OBJECTIVES.items()}
        return lambda real, fake: {
            name: (one.discriminator_loss(real, fake), one.generator_loss(real, fake)) for name, one in made.items()
        }

    assert_same_under_xla(losses, (registry.POINTS[:, :1], registry.POINTS[:, 1:2]))


@pytest.mark.thorough
def test_xla_computes_the_same_penalties():
    discriminator = smooth_discriminator()

    def values():
        made, step = {name: built(entry) for name, entry in registry.PENALTIES.items()}, step_of(discriminator)
        return lambda iteration: {name: penalty(step, iteration) for name, penalty in made.items()}

    assert_same_under_xla(values, (tf.constant(0),), (tf.constant(1),))  # of an interval of 3


# Gradients


def largest(gradient):
    return 0.0 if gradient is None else np.abs(tf.convert_to_tensor(gradient)).max()


def moved(model, seed):
    """Moves the weights: what starts at 0, as a residual block's last kernel does, hides those before it."""
    random = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign_add(random.normal(scale=0.3 if np.any(weight) else 1.0, size=weight.shape))


def without_gradient(model, inputs):
    """The paths of the trainable weights on which the outputs do not depend."""
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=True)
        direction = np.random.default_rng(1).normal(size=outputs.shape).astype(np.float32)
        loss = tf.reduce_sum(outputs * direction)
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    pairs = zip(model.trainable_variables, gradients, strict=True)
    return {variable.path for variable, gradient in pairs if largest(gradient) == 0.0}


def test_every_trainable_weight_has_a_gradient(made_once):
    entry, model = made_once
    dead = {variable.path for variable in model.trainable_variables}
    for seed in (2, 3, 4):  # a few ReLUs may be off for all rows
        moved(model, seed)
        dead &= without_gradient(model, entry.inputs)
        if not dead:
            break
    assert dead == set()


@over(registry.OBJECTIVES)
def test_each_player_has_a_gradient(entry):
    objective = entry.make()
    real, fake = tf.constant(registry.POINTS[:, :1]), tf.constant(registry.POINTS[:, 1:2])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        discriminator_loss = objective.discriminator_loss(real, fake)
        generator_loss = objective.generator_loss(real, fake)
    assert all(largest(g) > 0 for g in tape.gradient(discriminator_loss, [real, fake]))
    assert largest(tape.gradient(generator_loss, fake)) > 0


# Of the generator alone: it looks at images, and at no logit.
JUDGED = {name: entry for name, entry in registry.PENALTIES.items() if entry.cls is not gk.penalties.Reconstruction}


@over(JUDGED)
def test_penalty_has_a_gradient_in_every_weight_that_it_depends_on(entry):
    discriminator = smooth_discriminator()
    with tf.GradientTape() as tape:
        value = built(entry).value(step_of(discriminator))
    *gradients, last_bias = tape.gradient(value, [v.value for v in discriminator.weights])
    assert all(largest(gradient) > 0 for gradient in gradients)
    # A constant has no slope in x, and cancels in a difference; LeCam looks at the logits themselves.
    assert (largest(last_bias) < 1e-6) == (not issubclass(entry.cls, gk.penalties.LeCam))
