"""The undocumented names of Keras 3.10 to 3.15 that are used; tests/test_internals.py has a test for each."""

import keras


def layers_of(network):
    """All layers of a network, at any depth, its own first.

    `Model.layers` lists only the top level, and a custom layer has no such list: `_flatten_layers`.
    Test: `test_layers_at_any_depth_are_found`.
    """
    return list(network._flatten_layers())


def draw_states(network):
    """The random states of a network's stochastic layers (dropout).

    Keras does not save them: `Layer._seed_generators`. Test: `test_the_draws_of_dropout_have_a_state`.
    """
    return [generator.state for layer in layers_of(network) for generator in layer._seed_generators]


def is_called_by_keras(network):
    """Whether a model's `call` is Keras's own: a functional or sequential model.

    No public API tells who defined a method: the module `keras.src.models`.
    Test: `test_a_functional_model_is_told_from_a_subclass`.
    """
    return type(network).call.__module__.startswith("keras.src.models")


def is_keras_layer(layer):
    """Whether a layer's class is one of Keras's: the module `keras.src.layers`.

    Test: `test_keras_s_layers_are_told_from_others`.
    """
    return type(layer).__module__.startswith("keras.src.layers")


def schedule_of(optimizer):
    """An optimizer's `LearningRateSchedule`, or None: `Optimizer._learning_rate`; the property is its value.

    Test: `test_a_schedule_is_found_again`.
    """
    rate = optimizer._learning_rate
    return rate if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule) else None


def strategy_of(optimizer):
    """The `tf.distribute.Strategy` that an optimizer was created under: `Optimizer._distribution_strategy`.

    Test: `test_an_optimizer_knows_its_strategy`.
    """
    return optimizer._distribution_strategy


def leave_the_sum_to_us(optimizer):
    """Makes an optimizer apply gradients without a sum over the replicas.

    Keras sums over the replicas after clipping, and after the loss scale has tested each replica for overflow. The
    game sums before both, and a second sum would be wrong: `Optimizer._all_reduce_sum_gradients`.
    Test: `tests/distribution/test_mirrored.py`, which compares two replicas with one device.
    """
    optimizer._all_reduce_sum_gradients = list


class BuiltModel(keras.Model):
    """A model that is built by its constructor.

    `fit` would otherwise read a batch to build it, and average that batch over the workers: `_maybe_symbolic_build`.
    Test: `test_fit_reads_no_batch_to_build_a_gan`.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing."""
