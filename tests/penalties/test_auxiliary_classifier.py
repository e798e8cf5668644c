"""AC-GAN's auxiliary classifier: the cross-entropy of known probabilities."""

import tfgan_kit as gk
from tfgan_kit.penalties import AuxiliaryClassifier, StepView

import numpy as np
import pytest
import tensorflow as tf

REAL = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
FAKE = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.4, 0.5, 0.1], [0.2, 0.2, 0.6]])
LABELS = np.array([0, 1, 2, 2], np.int32)  # of which 3 are recognised on the real images, and on the generated ones


def classes(probabilities):
    """Logits of these probabilities, with a constant a row that a softmax drops."""
    return {"classes": tf.constant(np.log(probabilities) + np.arange(4.0)[:, None], tf.float32)}


def step(real=None, fake=None, labels=LABELS):
    images = tf.zeros((4, 2))
    heads = classes(REAL) if real is None else real, classes(FAKE) if fake is None else fake
    return StepView(images, images, labels, None, None, None, None, None, None)._replace(
        real_heads=heads[0], fake_heads=heads[1]
    )


def cross_entropy(probabilities):
    return -np.mean(np.log(probabilities[np.arange(4), LABELS]))


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (dict(), cross_entropy(REAL)),
        (dict(weight=0.5), 0.5 * cross_entropy(REAL)),
        (dict(weight=0.5, fake_weight=2.0), 0.5 * (cross_entropy(REAL) + 2.0 * cross_entropy(FAKE))),
        (dict(player="generator", weight=0.1), 0.1 * cross_entropy(FAKE)),
    ],
)
def test_the_value_is_the_weighted_cross_entropy(arguments, expected):
    assert float(AuxiliaryClassifier(**arguments).value(step())) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("player, images", [("discriminator", "real"), ("generator", "fake")])
def test_the_share_of_images_that_are_recognised_is_logged(player, images):
    penalty = AuxiliaryClassifier(player)
    (share,) = {name: float(value) for name, value in penalty.logs(step()).items()}.items()
    assert share == (f"{images}_class_accuracy", 0.75)
    assert penalty.log_names == (share[0],)


@pytest.mark.parametrize("player, name", [("discriminator", "d_class_loss"), ("generator", "g_class_loss")])
def test_each_player_has_its_own_key(player, name):
    penalty = AuxiliaryClassifier(player)
    assert (penalty.player, penalty.name) == (player, name)


def test_generated_images_do_not_train_the_classifier_unless_asked():
    fake = tf.Variable(np.log(FAKE), dtype=tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        values = [AuxiliaryClassifier(fake_weight=w).value(step(fake={"classes": fake + 0.0})) for w in (0.0, 1.0)]
    gradients = [tape.gradient(value, fake) for value in values]
    one_hot = np.eye(3)[LABELS]
    assert gradients[0] is None
    np.testing.assert_allclose(gradients[1], (FAKE - one_hot) / 4, atol=1e-6)  # softmax minus one-hot, over N


@pytest.mark.parametrize(
    "arguments, message",
    [(dict(real={}), "labels, outputs beside the logits: none"), (dict(labels=None), "no labels, outputs .*: classes")],
)
def test_a_game_without_classes_or_labels_is_refused(arguments, message):
    with pytest.raises(ValueError, match=f"needs labels, and a discriminator with an output `classes`.*{message}"):
        AuxiliaryClassifier().value(step(**arguments))


@pytest.mark.parametrize("cls", [AuxiliaryClassifier, gk.penalties.MutualInformation])
def test_another_player_is_refused(cls):
    with pytest.raises(ValueError, match="'discriminator' or 'generator'. Received: player='both'"):
        cls("both")


@pytest.mark.parametrize("name", ["weight", "fake_weight"])
def test_a_negative_weight_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must not be negative. Received: {name}=-1"):
        AuxiliaryClassifier(**{name: -1})
