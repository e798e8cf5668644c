"""The private names of TensorFlow 2.21 that are used, with the reason and the test that fails when one changes."""

import tensorflow as tf


class DatasetView(tf.data.Dataset):
    """A `tf.data.Dataset` with the elements of another one, as a base class of our own.

    `Dataset.map(...)` and similar methods return classes that cannot be subclassed, and a wrapper that is no
    `Dataset` is accepted neither by Keras nor by `tf.distribute`. Private are `_inputs`, which a subclass has to
    define and from which a data set derives its options, and the constructor, which takes the variant tensor.
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
    """Whether TensorFlow uses oneDNN's kernels.

    No public API tells: `_pywrap_util_port.IsMklEnabled`. Test: tests/test_processor.py, which compares it with
    the names of the kernels that ran.
    """
    from tensorflow.python.util import _pywrap_util_port

    return _pywrap_util_port.IsMklEnabled()


def in_multi_worker_mode(strategy):
    """Whether a `MultiWorkerMirroredStrategy` has several workers: the condition under which Keras reduces logs.

    `StrategyExtended._in_multi_worker_mode`. Test: tests/distribution/test_multi_worker.py.
    """
    return strategy.extended._in_multi_worker_mode()
