import pathlib

from tfgan_kit.callbacks import StepTensorBoard

import keras
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
