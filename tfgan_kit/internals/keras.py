"""The undocumented names of Keras 3.10 to 3.15 that are used; tests/test_internals.py has a test for each."""

import keras
import tensorflow as tf


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


def copied(optimizer):
    """An optimizer of the same settings that is not built; a name, or anything that is no optimizer, is returned.

    Raises:
        ValueError: it has no configuration.

    A configuration does not hold the names that are left out of the weight decay:
    `Optimizer._exclude_from_weight_decay_pattern`. Test: `test_a_copied_optimizer_leaves_the_same_names_out`.
    """
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        return optimizer
    try:
        copy = type(optimizer).from_config(optimizer.get_config())
    except Exception as error:  # whatever code of the user's raises
        raise ValueError(
            "This optimizer cannot be copied from its configuration, as for the other player: give each its own. "
            f"Received: {type(optimizer).__name__}; {' '.join(str(error).split())[:300]}"
        ) from error
    pattern = getattr(inner_optimizer(optimizer), "_exclude_from_weight_decay_pattern", None)
    if pattern is not None:
        inner_optimizer(copy).exclude_from_weight_decay(var_names=[pattern.pattern])
    return copy


def left_out_of_weight_decay(optimizer, variables):
    """The indices of the variables that an optimizer does not decay: `Optimizer._use_weight_decay`.

    Test: `test_variables_left_out_of_the_weight_decay_are_found`.
    """
    inner = inner_optimizer(optimizer)
    return [k for k, variable in enumerate(variables) if not inner._use_weight_decay(variable)]


def inner_optimizer(optimizer):
    """The optimizer inside a `LossScaleOptimizer`, or the optimizer itself."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def leave_the_sum_to_us(optimizer):
    """Makes an optimizer apply gradients without a sum over the replicas, and returns it.

    On one replica the sum is the gradients themselves, but TensorFlow 2.21 keeps its gradient for ever, and with it the
    graph of every function that it is traced in: some MB each. On several it is wrong here:
    Keras sums over the replicas after clipping, and after the loss scale has tested each replica for overflow. The
    game sums before both, and a second sum would be wrong: `Optimizer._all_reduce_sum_gradients`.
    Test: `tests/distribution/test_mirrored.py`, which compares two replicas with one device.
    """
    inner_optimizer(optimizer)._all_reduce_sum_gradients = list
    return optimizer


class BuiltModel(keras.Model):
    """A model that is built by its constructor, and whose steps wait for their batches."""

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing; `fit` would read a batch to build the model, and average that batch over the workers.

        Test: `test_fit_reads_no_batch_to_build_a_gan`.
        """

    def _make_function(self, step_function):
        """Keras's training or test function, in which nothing happens before the step's batch is there.

        Keras finds the end of a data set of unknown length by fetching one batch too many. In that `tf.function` only
        what depends on the batch would wait for it, and the rest of the step would be executed without one.
        Test: `test_no_step_is_made_without_a_batch`.
        """

        def after_its_batch(data):
            with tf.control_dependencies([part for part in tf.nest.flatten(data) if tf.is_tensor(part)]):
                return step_function(data)

        return super()._make_function(after_its_batch)
