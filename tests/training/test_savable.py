"""What could be written but not loaded again is said before the first step, and refused before a file is written."""

import tfgan_kit as gk

import keras
import pytest
import tensorflow as tf

from tests.conftest import IMAGE_SHAPE, dense_discriminator, dense_generator
from tests.twins import twins

pytestmark = pytest.mark.thorough


class Plain(keras.layers.Layer):
    def call(self, x):
        return x


class WithObjects(keras.layers.Layer):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


class Rule(gk.updates.Alternating):
    pass


class Loss(gk.objectives.NonSaturating):
    pass


class Term(gk.penalties.R1):
    pass


class Own(keras.optimizers.SGD):
    pass


def ones(shape, dtype=None):
    return tf.ones(shape, dtype)


def discriminator(*layers, **dense):
    inputs = [keras.Input(IMAGE_SHAPE), keras.layers.Flatten()]
    return keras.Sequential([*inputs, keras.layers.Dense(3, **dense), *layers, keras.layers.Dense(1)])


SGD = {"discriminator_optimizer": "sgd"}
PARTS = {
    "Lambda": ("discriminator", lambda: {"discriminator": discriminator(keras.layers.Lambda(lambda x: x))}),
    "plain layer": ("discriminator", lambda: {"discriminator": discriminator(Plain())}),
    "layer with objects": ("discriminator", lambda: {"discriminator": discriminator(WithObjects(keras.layers.ReLU()))}),
    "activation": ("discriminator", lambda: {"discriminator": discriminator(activation=lambda x: x)}),
    "initializer": ("discriminator", lambda: {"discriminator": discriminator(kernel_initializer=ones)}),
    "regularizer": ("discriminator", lambda: {"discriminator": discriminator(kernel_regularizer=tf.reduce_sum)}),
    "constraint": ("discriminator", lambda: {"discriminator": discriminator(kernel_constraint=tf.nn.relu)}),
    "rate": ("generator's optimizer", lambda: {"generator_optimizer": keras.optimizers.SGD(lambda: 0.1), **SGD}),
    "optimizer": (
        "discriminator's optimizer",
        lambda: {"generator_optimizer": "sgd", "discriminator_optimizer": Own()},
    ),
    "objective": ("objective", lambda: {"objective": Loss()}),
    "penalty": ("penalty r1", lambda: {"penalties": [Term()]}),
    "update": ("update rule", lambda: {"update": Rule()}),
}


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_cannot_be_loaded_again_is_named_before_the_first_step(name, uint8_images, tmp_path):
    where, part = PARTS[name]
    part = part()
    gan = gk.GAN(dense_generator(), part.pop("discriminator", None) or dense_discriminator())
    gan.compile(**part)
    checkpoints = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    with pytest.raises(ValueError, match=f"not loaded again, because of the {where}: ") as refused:
        gan.fit(uint8_images, callbacks=[checkpoints], verbose=0)
    assert "register_keras_serializable" in str(refused.value)
    with pytest.raises(ValueError, match=f"the {where}: "):
        gan.save(tmp_path / "gan.keras")
    assert not list(tmp_path.iterdir())
    assert gan.steps_trained == 0


@keras.saving.register_keras_serializable("tests")
class Registered(keras.layers.Layer):
    """Makes a weight for each of its units, which its configuration does not hold."""

    def __init__(self, units=1, **keywords):
        super().__init__(**keywords)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(self.units, 1))

    def call(self, x):
        return x * tf.reduce_mean(self.kernel)

    def get_config(self):
        return super().get_config()


def test_a_configuration_of_another_network_is_found_out(tmp_path):
    gan = gk.GAN(dense_generator(), discriminator(Registered(5)))
    with pytest.raises(ValueError, match="another network"):
        gan.save(tmp_path / "gan.keras")
    gk.GAN(dense_generator(), discriminator(Registered())).save(tmp_path / "gan.keras")
    assert gk.load_gan(tmp_path / "gan.keras").steps_trained == 0


@twins("by_name", [False, True])
def test_what_is_left_out_of_the_weight_decay_stays_so_in_a_file(by_name, make_gan, check_resume, dataset):
    def make():
        gan = make_gan()
        optimizers = [keras.optimizers.AdamW(1e-2, weight_decay=5.0) for _ in range(2)]
        for optimizer, network in zip(optimizers, (gan.generator, gan.discriminator), strict=True):
            biases = [weight for weight in network.trainable_variables if weight.name == "bias"]
            optimizer.exclude_from_weight_decay(**{"var_names": ["bias"]} if by_name else {"var_list": biases})
        gan.compile(*optimizers)
        return gan

    check_resume(make, dataset)
