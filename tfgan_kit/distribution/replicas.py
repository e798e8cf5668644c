"""Communication between replicas: a replica's rows of the whole batch, and sums over all replicas."""

from tfgan_kit.ranges import require

import tensorflow as tf


def several_replicas():
    """Whether the calling code runs, or is traced, on several replicas."""
    return tf.distribute.get_strategy().num_replicas_in_sync > 1


def rows_of_this_replica(count):
    """The indices of this replica's rows in the whole batch, for data from `distribute`.

    Args:
        count: int32 scalar, rows that this replica holds.

    Returns:
        rows int32 (count,) and total int32 scalar; None and `count` on one replica.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return None, count
    replicas, replica = context.num_replicas_in_sync, context.replica_id_in_sync_group
    # Every all-reduce supports floats; counts are exact up to 2^24.
    counts = tf.one_hot(replica, replicas) * tf.cast(count, tf.float32)
    counts = tf.cast(context.all_reduce(tf.distribute.ReduceOp.SUM, counts), tf.int32)
    rule = f"A batch must hold a row for each of the {replicas} replicas; drop or enlarge the last batch."
    with tf.control_dependencies([require(tf.reduce_all(counts > 0), rule, "rows", counts)]):
        start = tf.reduce_sum(tf.where(tf.range(replicas) < replica, counts, 0))
        return start + tf.range(count), tf.reduce_sum(counts)


def sum_over_replicas(values):
    """The sum of each tensor over the replicas, dense, the same on all; None stays None.

    Dense on one replica as well: the norm of an embedding's `IndexedSlices`, by which Keras clips,
    is not that of the gradient if a label occurs twice.
    """
    known = [tf.convert_to_tensor(value) for value in values if value is not None]
    context = tf.distribute.get_replica_context()
    if known and context is not None and context.num_replicas_in_sync > 1:
        known = context.all_reduce(tf.distribute.ReduceOp.SUM, known)
    summed = iter(known)
    return [None if value is None else next(summed) for value in values]


def mean_over_replicas(values):
    """The mean of all numbers of a tensor, of any size on each replica: float32 scalar, the same on all."""
    if not several_replicas():
        return tf.reduce_mean(values)
    total, count = sum_over_replicas([tf.reduce_sum(values), tf.cast(tf.size(values), tf.float32)])
    return total / count
