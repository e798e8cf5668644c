import pathlib

from tfgan_kit.callbacks import StepTensorBoard
from tfgan_kit.callbacks.sample_grid import grid
from tfgan_kit.dynamics import GradientField

import keras
import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.thorough


def points(folder):
    """Steps of the curve of `d_loss`, as all event files hold them."""
    return sorted(
        event.step
        for path in pathlib.Path(folder).rglob("events.*")
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
        if value.tag == "epoch_d_loss"
    )


def test_an_epoch_in_two_parts_has_two_points_of_two_steps(reused_gan, dataset, tmp_path):
    gan = reused_gan()

    def fit(steps):
        board = StepTensorBoard(tmp_path, write_graph=False)
        gan.fit(dataset, steps_per_epoch=steps, callbacks=[board], verbose=0)

    fit(2), fit(1), fit(3)  # 2 + 1 are an epoch that was cut short and resumed
    assert points(tmp_path) == [2, 3, 6]


class Killed(BaseException):
    pass


def test_a_point_is_on_the_disk_when_the_epoch_ends(reused_gan, dataset, tmp_path):
    def kill(epoch, logs):
        raise Killed

    board = StepTensorBoard(tmp_path, write_graph=False)
    with pytest.raises(Killed):
        reused_gan().fit(dataset, callbacks=[board, keras.callbacks.LambdaCallback(on_epoch_end=kill)], verbose=0)
    assert points(tmp_path) == [3]


def summaries(folder, tag):
    """The values of a tag, or of those that begin with it, in all event files."""
    return [
        (event.step, value)
        for path in pathlib.Path(folder).rglob("events.*")
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
        if value.tag.startswith(tag)
    ]


def test_samples_are_shown_and_gradients_are_those_of_the_game(reused_gan, dataset, uint8_images, tmp_path):
    gan, batch = reused_gan(), uint8_images[:8]
    field = GradientField.of_gan(gan, batch)
    board = StepTensorBoard(tmp_path, write_graph=False, num_images=4, batch=batch)
    gan.fit(dataset, steps_per_epoch=2, epochs=2, callbacks=[board], verbose=0)
    ((first, picture), (second, _)) = summaries(tmp_path, "samples")
    assert (first, second) == (2, 4)
    shown = tf.io.decode_png(picture.tensor.string_val[2])
    assert shown.shape == grid(gan, 4).shape
    found = [value for step, value in summaries(tmp_path, "gradients/") if step == 4]
    weights = gan.discriminator.trainable_variables + gan.generator.trainable_variables
    assert len(found) == len(weights) and len({value.tag for value in found}) == len(weights)
    largest = max(float(tf.make_ndarray(value.tensor)[-1, 1]) for value in found)  # the right end of its last bin
    np.testing.assert_allclose(largest, field().max(), rtol=1e-5)
