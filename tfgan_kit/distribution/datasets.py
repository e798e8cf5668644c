"""Distributes data over several replicas: each gets its rows of every batch."""

import keras
import numpy as np
import tensorflow as tf


def share_out_fit(
    strategy,
    shuffle_seed,
    x,
    y,
    batch_size,
    validation_data=None,
    validation_batch_size=None,
    validation_steps=None,
    validation_split=None,
    steps_per_epoch=None,
    shuffle=True,
    **others,
):
    """`keras.Model.fit`'s arguments for several replicas.

    Args:
        strategy: `tf.distribute.Strategy` of several replicas.
        shuffle_seed: int, seed of the order of arrays.
        x, y, ... others: as in `fit`.

    Returns:
        The `DistributedDataset` in place of x and y, and a dict of the other arguments.

    Raises:
        ValueError: a `validation_split`, or data that `share_out` refuses.
    """
    if validation_split:
        raise ValueError(
            "Several replicas cannot split their data: give validation_data. Received: "
            f"validation_split={validation_split}"
        )
    dataset, steps_per_epoch = share_out(strategy, x, y, batch_size, steps_per_epoch, shuffle_seed if shuffle else None)
    if validation_data is not None:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(validation_data)
        validation_data, validation_steps = share_out(
            strategy, x, y, validation_batch_size or batch_size, validation_steps
        )
    return dataset, others | {
        "steps_per_epoch": steps_per_epoch,
        "shuffle": False,
        "validation_data": validation_data,
        "validation_steps": validation_steps,
    }


def share_out(strategy, x, y, batch_size, num_batches=None, shuffle_seed=None):
    """Data distributed over several replicas.

    Args:
        strategy: `tf.distribute.Strategy` of several replicas.
        x, y: arrays; or a `tf.data.Dataset` and None. A data set that is already distributed is
            returned unchanged.
        batch_size: int, for arrays; None is 32, as in Keras.
        num_batches: int, batches per epoch; None counts them, since Keras would count the replicas' parts.
        shuffle_seed: int, seed of the order of arrays; None does not shuffle.

    Returns:
        `tf.distribute.DistributedDataset`, and `num_batches`: None if it is unknown.

    Raises:
        ValueError: data of an unsupported type, such as a Python generator; arrays with a last batch
            of fewer rows than replicas.
    """
    if is_distributed(x):  # for the validation in `fit`
        return x, num_batches
    dataset = _as_dataset(x, y, batch_size or 32, shuffle_seed)
    if isinstance(x, np.ndarray):
        _check_last_batch(len(x), batch_size or 32, strategy.num_replicas_in_sync)
    if not num_batches and (count := int(dataset.cardinality())) > 0:
        dataset, num_batches = dataset.repeat(), count
    return distribute(strategy, dataset), num_batches


def _as_dataset(x, y, batch_size, shuffle_seed):
    """A `tf.data.Dataset` that is the same on every host."""
    if isinstance(x, tf.data.Dataset):
        return x
    if not isinstance(x, np.ndarray | tf.Tensor):
        raise ValueError(
            "Several replicas read arrays, a tf.data.Dataset or a data set of tfgan_kit.data, of "
            f"which each takes its rows. Received: x of type {type(x).__name__}"
        )
    rows = tf.data.Dataset.from_tensor_slices(x if y is None else (x, y))
    if shuffle_seed is not None:
        rows = rows.shuffle(len(x), seed=shuffle_seed, reshuffle_each_iteration=True)
    return rows.batch(batch_size)


def _check_last_batch(rows, batch_size, replicas):
    """Refuses arrays whose last batch is too short, before an epoch is trained."""
    last = rows % batch_size or batch_size
    if last < replicas:
        raise ValueError(
            f"Each of {replicas} replicas needs a row of every batch: leave {last} rows out, or choose "
            f"another batch_size. Received: {rows} rows, batch_size={batch_size}, a last batch of {last}"
        )


def distribute(strategy, dataset):
    """A distributed data set: of N rows, replica r of R gets N r / R to N (r + 1) / R.

    `experimental_distribute_dataset` fills the first replicas and leaves the last without rows in a
    short last batch, where TensorFlow's fused convolutions fail; and with several hosts of several
    GPUs it distributes the parts in another order. Of `tfgan_kit.data`'s training data each host reads its own rows
    alone; of other data every batch, of which it keeps its rows.

    Args:
        strategy: a `tf.distribute.Strategy` of several replicas.
        dataset: `tf.data.Dataset` of whole batches, in the same order on every host.

    Returns:
        `tf.distribute.DistributedDataset`.
    """
    replicas = strategy.num_replicas_in_sync

    def of_this_host(context):
        hosts = context.num_input_pipelines
        here = replicas // hosts
        first = context.input_pipeline_id * here
        batches, total, offset = dataset, None, 0
        if hosts > 1 and getattr(dataset, "has_rows", False):
            total = tf.nest.flatten(dataset.element_spec)[0].shape[0]
            offset = total * first // replicas
            batches = dataset.rows(offset, total * (first + here) // replicas)

        def cut(*batch):
            count = total or tf.shape(tf.nest.flatten(batch)[0], tf.int64)[0]

            def piece(r):
                rows = slice(count * r // replicas - offset, count * (r + 1) // replicas - offset)
                part = tf.nest.map_structure(lambda x: x[rows], batch)
                return part if len(part) > 1 else part[0]

            return tf.data.Dataset.range(first, first + here).map(piece)

        return batches.flat_map(cut).prefetch(2 * here)

    return strategy.distribute_datasets_from_function(of_this_host)


def is_distributed(data):
    """Whether data is the result of `distribute`."""
    return isinstance(data, tf.distribute.DistributedDataset)
