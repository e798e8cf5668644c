"""Several devices, one program: the strategy of a name, and what a replica knows of the others.

The only file that names a `tf.distribute` class. TensorFlow's engine does the work; here is what
Keras leaves open: which rows of the whole batch a replica holds, and one sum over the replicas
before gradients are clipped, tested for overflow or logged.
"""

import contextlib
import hashlib
import json
import os

import tensorflow as tf

__all__ = ["STRATEGIES", "get"]

STRATEGIES = ("none", "mirrored", "multi_worker", "tpu")


def get(name):
    """The `tf.distribute.Strategy` of a name; build, compile and load the GAN under its `scope()`.

    Args:
        name: "none", one device; "mirrored", all GPUs of this machine, or its logical CPU devices
            where there is none; "multi_worker", all GPUs of the hosts that the environment variable
            TF_CONFIG lists; "tpu", the TPU that TPU_NAME names (never run by us).

    Raises:
        ValueError: an unknown name, or a missing or malformed TF_CONFIG.

    Example:
        >>> with distribution.get("mirrored").scope():
        ...     gan = from_preset("dcgan_mnist", image_shape=(28, 28, 1))
    """
    if name not in STRATEGIES:
        raise ValueError(f"A strategy is one of {', '.join(STRATEGIES)}. Received: strategy={name!r}")
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multi_worker":
        _check_tf_config()
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "tpu":
        return tf.distribute.TPUStrategy(tf.distribute.cluster_resolver.TPUClusterResolver.connect())
    return tf.distribute.get_strategy()


def _check_tf_config():
    example = (
        '{"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", '
        '"index": 0}}'
    )
    received = os.environ.get("TF_CONFIG")
    try:
        config = json.loads(received or "")
        task = config["task"]
        config["cluster"][task["type"]][int(task["index"])]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError(
            "The strategy multi_worker reads the hosts from the environment variable TF_CONFIG, the "
            f"same on each but for the index: {example}. Received: TF_CONFIG={received!r}"
        ) from error


def split_cpu(count):
    """Makes the CPU `count` logical devices, to try several replicas on; before TensorFlow starts."""
    if count > 1:
        devices = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)


def describe(strategy):
    """The devices in words: "the CPU", "2 replicas on several workers"."""
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return "the GPU" if tf.config.list_physical_devices("GPU") else "the CPU"
    return f"{replicas} replicas" + (" on several workers" if _is_multi_worker(strategy) else "")


@contextlib.contextmanager
def worker_errors(strategy):
    """Turns TensorFlow's error about a lost worker into what to do.

    Raises:
        WorkerLostError: another worker has gone.
    """
    try:
        yield
    except (
        tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
        tf.errors.DeadlineExceededError, tf.errors.InternalError,
    ) as error:
        if not _is_multi_worker(strategy):
            raise
        raise WorkerLostError(
            "Another worker was lost, or stopped with an error of its own. Start the same command "
            "again on all of them: they go on from the newest checkpoint. TensorFlow says: "
            f"{str(error)[:300]}"
        ) from error


class WorkerLostError(OSError):
    """One of several workers has gone; the others cannot go on without it."""


def is_chief(strategy):
    """Whether this process writes the run's files: the chief, or the first worker."""
    resolver = strategy.cluster_resolver if _is_multi_worker(strategy) else None
    if resolver is None:
        return True
    first = "chief" if "chief" in resolver.cluster_spec().as_dict() else "worker"
    return resolver.task_type == first and resolver.task_id == 0


def agree(strategy, text):
    """Whether every worker calls with the same text; all of them must call, and wait here."""
    if not _is_multi_worker(strategy):
        return True
    number = int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)

    @tf.function
    def numbers():
        return strategy.gather(strategy.run(lambda: tf.constant([number], tf.int64)), axis=0)

    return bool(tf.reduce_all(numbers() == number))


def logs_need_an_axis(strategy):
    """Whether Keras 3.15 reduces logs over an axis 0 that scalars do not have."""
    return _is_multi_worker(strategy) and strategy.extended._in_multi_worker_mode()


def _is_multi_worker(strategy):
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and bool(
        strategy.cluster_resolver.cluster_spec().as_dict()
    )


def several_replicas():
    """Whether the code that runs (or is traced) here runs on several replicas."""
    return tf.distribute.get_strategy().num_replicas_in_sync > 1


def share_out(strategy, dataset):
    """The data set as the replicas read it: of N rows, replica r of R has N r / R to N (r + 1) / R.

    `experimental_distribute_dataset` fills the first replicas and leaves the last without rows in a
    short last batch, where TensorFlow's fused convolutions fail; and it deals pieces out in another
    order with several hosts of several GPUs. Each host reads every batch and keeps its rows.

    Args:
        strategy: of several replicas.
        dataset: `tf.data.Dataset` of whole batches, in the same order on every host.

    Returns:
        `tf.distribute.DistributedDataset`.
    """
    replicas = strategy.num_replicas_in_sync

    def of_this_host(context):
        here = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * here

        def cut(*batch):
            count = tf.shape(tf.nest.flatten(batch)[0], tf.int64)[0]

            def piece(r):
                rows = slice(count * r // replicas, count * (r + 1) // replicas)
                part = tf.nest.map_structure(lambda x: x[rows], batch)
                return part if len(part) > 1 else part[0]

            return tf.data.Dataset.range(first, first + here).map(piece)

        return dataset.flat_map(cut).prefetch(2 * here)

    return strategy.distribute_datasets_from_function(of_this_host)


def is_shared_out(data):
    """Whether data is what `share_out` returns."""
    return isinstance(data, tf.distribute.DistributedDataset)


def rows_of_this_replica(count):
    """Where this replica's rows stand in the whole batch, of data that `share_out` cut.

    Args:
        count: int32 scalar, rows that this replica holds.

    Returns:
        rows int32 (count,) and total int32 scalar; None and `count` on one replica.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return None, count
    replicas, replica = context.num_replicas_in_sync, context.replica_id_in_sync_group
    # Floats are what every all-reduce knows; counts are exact up to 2^24.
    counts = tf.one_hot(replica, replicas) * tf.cast(count, tf.float32)
    counts = tf.cast(context.all_reduce(tf.distribute.ReduceOp.SUM, counts), tf.int32)
    rule = f"A batch must hold a row for each of the {replicas} replicas; drop or enlarge the last."
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(counts > 0), [rule, counts])]):
        start = tf.reduce_sum(tf.where(tf.range(replicas) < replica, counts, 0))
        return start + tf.range(count), tf.reduce_sum(counts)


def sum_over_replicas(values):
    """The sum of each tensor over the replicas, dense, the same on all; a None stays one.

    Dense on one replica as well: the norm of an embedding's `IndexedSlices`, by which Keras clips,
    is not that of the gradient where a label comes twice.
    """
    known = [tf.convert_to_tensor(value) for value in values if value is not None]
    context = tf.distribute.get_replica_context()
    if known and context is not None and context.num_replicas_in_sync > 1:
        known = context.all_reduce(tf.distribute.ReduceOp.SUM, known)
    summed = iter(known)
    return [None if value is None else next(summed) for value in values]


def check(gan):
    """Refuses what several replicas cannot do, with the reason; nothing on one.

    Raises:
        ValueError: see `GAN.compile`.
    """
    strategy = gan.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return
    for name, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        _check_network(strategy, name, network)
    for optimizer in gan.optimizer.optimizers:
        _check_optimizer(strategy, getattr(optimizer, "inner_optimizer", optimizer))
    if gan.adaptive.weights:
        raise ValueError(
            "A penalty that keeps variables of its own would keep others on each replica: leave it "
            f"out, or train on one device. Received: {gan.adaptive.weights[0].name}"
        )
    if gan.jit_compile:
        raise ValueError(
            "Keras cannot compile a step of several replicas with XLA: leave `jit_compile` out, or "
            "train on one device. Received: jit_compile=True"
        )
    if gan.steps_per_execution > 1:
        raise ValueError(
            "Keras runs `steps_per_execution` in a loop of the graph, where replicas cannot meet; "
            f"under several it must be 1. Received: steps_per_execution={gan.steps_per_execution}"
        )


def _check_network(strategy, name, network):
    for weight in network.weights:
        if not strategy.extended.variable_created_in_scope(weight.value):
            raise ValueError(
                f"Build the {name} (and the optimizers, and load checkpoints) under `with "
                f"strategy.scope():`, as the GAN. Received: weight {weight.path} of another scope"
            )
    for layer in network._flatten_layers():
        if getattr(layer, "synchronized", True) is False:
            raise ValueError(
                "Under several replicas batch normalization must be synchronized, or each keeps "
                "statistics of its own: pass synchronized=True. Received: layer "
                f"{layer.name} of the {name} with synchronized=False"
            )


def _check_optimizer(strategy, optimizer):
    if optimizer._distribution_strategy is not strategy:
        raise ValueError(
            "Make the optimizers under `with strategy.scope():` too, or give their names. "
            f"Received: {optimizer.name}, made under another strategy"
        )
    if optimizer.gradient_accumulation_steps:
        raise ValueError(
            "A Keras optimizer cannot accumulate gradients under several replicas (they would have "
            "to meet inside a condition); use update=Alternating(gradient_accumulation_steps=...) "
            "instead. Received: gradient_accumulation_steps="
            f"{optimizer.gradient_accumulation_steps}"
        )
