"""Every private name of TensorFlow 2.21 that is used: with the reason, and the test that fails when it changes."""

import tensorflow as tf


class DatasetView(tf.data.Dataset):
    """A `tf.data.Dataset` that gives another one's elements: what a class of our own derives from.

    `Dataset.map(...)` and its like return classes that cannot be derived from, and a wrapper that is no `Dataset`
    is accepted neither by Keras nor by `tf.distribute`. Private are `_inputs`, which a subclass has to define and by
    which a data set finds its options, and the constructor, which takes the variant tensor.
    Tests: tests/data/test_training_data.py, `test_it_is_a_tf_dataset` and `test_it_keeps_its_options`.

    Args:
        dataset: `tf.data.Dataset`.
    """

    def __init__(self, dataset):
        self._viewed = dataset
        super().__init__(tf.data.experimental.to_variant(dataset))

    def _inputs(self):
        return [self._viewed]

    @property
    def element_spec(self):
        return self._viewed.element_spec


def onednn_is_on():
    """Whether this TensorFlow runs oneDNN's kernels.

    No public name tells: `_pywrap_util_port.IsMklEnabled`. Test: tests/test_processor.py, which compares it with
    the names of the kernels that ran.
    """
    from tensorflow.python.util import _pywrap_util_port

    return _pywrap_util_port.IsMklEnabled()


def in_multi_worker_mode(strategy):
    """Whether a `MultiWorkerMirroredStrategy` has several workers: what Keras asks before it reduces logs.

    `StrategyExtended._in_multi_worker_mode`. Test: tests/distribution/test_multi_worker.py.
    """
    return strategy.extended._in_multi_worker_mode()
