"""The rule by which p follows the discriminator's overfitting, and its arguments."""

import tfgan_kit as gk

import keras
import pytest
import tensorflow as tf

HALF_LIFE = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.5)
BOTH = pytest.mark.parametrize("cls", [gk.augment.ADA, gk.augment.APA])


def built(cls=gk.augment.ADA, **arguments):
    augment = cls(**arguments)
    augment.build(keras.layers.Layer())
    return augment


def p_after(augment, signs, images=50.0):
    """p after steps whose real images' logits had these mean signs."""
    for step, sign in enumerate(signs, 1):
        augment.observe(tf.constant(sign * images), tf.constant(images))
        augment.adapt(tf.constant(step, tf.int64))
    return float(augment.probability(tf.constant(len(signs), tf.int64)))


@BOTH
def test_p_begins_at_0_and_moves_after_every_interval(cls):
    augment = built(cls, interval=4, speed=1.0)
    assert p_after(augment, [1.0] * 3) == 0.0
    assert p_after(built(cls, interval=4, speed=1.0), [1.0] * 4) == pytest.approx(4 * 50 / 1000)
    assert p_after(built(cls, interval=4, speed=1.0), [1.0] * 8) == pytest.approx(8 * 50 / 1000)


def test_500_thousand_images_take_p_from_0_to_1():
    """Karras et al., section 3.1: p += batch * interval / 500k."""
    assert p_after(built(), [1.0] * 8, images=64.0) == pytest.approx(64 * 8 / 500_000)


def test_p_follows_the_mean_since_the_last_time():
    """Above the target, then below it: back to 0; the second interval does not remember the first."""
    assert p_after(built(interval=2, speed=1.0), [1.0, 0.3]) == pytest.approx(0.1)
    assert p_after(built(interval=2, speed=1.0), [1.0, 0.3, 0.5, 0.5]) == 0.0
    assert p_after(built(interval=2, speed=1.0, target=0.4), [1.0, 0.3, 0.5, 0.5]) == pytest.approx(0.2)


@pytest.mark.parametrize("sign, expected", [(1.0, 1.0), (-1.0, 0.0)])
def test_p_stays_in_0_to_1(sign, expected):
    assert p_after(built(interval=1, speed=0.2), [sign] * 6) == expected


def test_a_fixed_p_has_no_state():
    state = keras.layers.Layer()
    augment = gk.augment.ADA(p=0.25)
    augment.build(state)
    assert state.weights == []
    assert not augment.adapts
    assert float(augment.probability(7)) == 0.25


def test_a_schedule_is_of_training_steps_and_clipped():
    assert float(gk.augment.ADA(p=HALF_LIFE).probability(tf.constant(20))) == pytest.approx(0.125)
    line = keras.optimizers.schedules.PolynomialDecay(-1.0, 10, 3.0)
    values = [float(gk.augment.ADA(p=line).probability(tf.constant(step))) for step in (0, 5, 10)]
    assert values == [0.0, 1.0, 1.0]


@BOTH
def test_a_schedule_goes_through_the_configuration(cls):
    config = keras.saving.serialize_keras_object(cls(p=HALF_LIFE))
    again = keras.saving.deserialize_keras_object(config)
    assert again.p.get_config() == HALF_LIFE.get_config()


@BOTH
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"p": 1.2}, r"must be in \[0, 1\]. Received: p=1.2"),
        ({"p": -0.1}, r"must be in \[0, 1\]. Received: p=-0.1"),
        ({"p": float("nan")}, r"must be in \[0, 1\]. Received: p=nan"),
        ({"target": 1.0}, "Received: target=1.0"),
        ({"interval": 0}, "Received: interval=0"),
        ({"interval": 2.5}, "Received: interval=2.5"),
        ({"speed": 0}, "Received: speed=0"),
    ],
)
def test_arguments_out_of_range_are_refused(cls, arguments, message):
    with pytest.raises(ValueError, match=message):
        cls(**arguments)


@pytest.mark.parametrize("p", ["0.5", True, [0.5]])
def test_a_p_that_is_no_number_is_refused(p):
    with pytest.raises(TypeError, match=r"probability in \[0, 1\].*Received: p="):
        gk.augment.ADA(p=p)


@pytest.mark.parametrize(
    "transformations, message",
    [
        ("bgd", "blit, geom.*Received: transformations='bgd'"),
        ({"flip": 1.0}, "xflip, rotate90.*Received: transformations="),
        ({"xflip": 1.5}, r"in \[0, 1\]. Received: xflip=1.5"),
        (None, "Received: transformations=None"),
    ],
)
def test_unknown_transformations_are_refused(transformations, message):
    with pytest.raises(ValueError, match=message):
        gk.augment.ADA(transformations)


@pytest.mark.parametrize("augment", [gk.augment.ADA(), gk.augment.DiffAugment()])
def test_points_are_refused(augment):
    with pytest.raises(ValueError, match=r"not points: leave `augment` out. Received: images of shape \(2,\)"):
        augment.check((2,))


@pytest.mark.parametrize("channels", [2, 5])
def test_unknown_colours_are_refused_where_they_change(channels):
    with pytest.raises(ValueError, match=rf"Received: images of shape \(8, 8, {channels}\)"):
        gk.augment.ADA().check((8, 8, channels))
    gk.augment.ADA("bg").check((8, 8, channels))


def test_names_are_looked_up():
    assert [type(gk.augment.get(name)) for name in gk.augment.AUGMENTATIONS] == list(gk.augment.AUGMENTATIONS.values())
    assert gk.augment.get(None) is None
    with pytest.raises(ValueError, match="known are ada, apa, diff_augment. Received: augment='aga'"):
        gk.augment.get("aga")
    with pytest.raises(TypeError, match="Received: augment=3"):
        gk.augment.get(3)
