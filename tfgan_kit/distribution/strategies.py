"""Strategies by name, and agreement between several workers.

The only file that names the class of a strategy. TensorFlow runs the replicas; `replicas` and
`datasets` add what Keras does not provide: which rows of the whole batch a replica holds, and one
sum over the replicas before gradients are clipped, tested for overflow or logged.
"""

import contextlib
import hashlib
import json
import os
import re
import signal
import threading

from tfgan_kit.distribution import rendezvous
from tfgan_kit.distribution.rendezvous import WorkerLostError
from tfgan_kit.internals.tensorflow import in_multi_worker_mode

import tensorflow as tf

STRATEGIES = ("none", "mirrored", "multi_worker", "tpu")


def get(name):
    """The `tf.distribute.Strategy` with this name; build, compile and load the GAN under its `scope()`.

    Args:
        name: "none", one device; "mirrored", all GPUs of this machine, or its logical CPU devices
            if there is none; "multi_worker", all GPUs of the hosts that the environment variable
            TF_CONFIG lists; "tpu", the TPU that TPU_NAME names (never tested).

    Raises:
        ValueError: an unknown name, or a missing or malformed TF_CONFIG.
        WorkerLostError: not all workers of TF_CONFIG came within `rendezvous.SECONDS`.

    Example:
        >>> with gk.distribution.get("mirrored").scope():
        ...     gan = gk.from_preset("dcgan_mnist", image_shape=(28, 28, 1))
    """
    if name not in STRATEGIES:
        raise ValueError(f"A strategy is one of {', '.join(STRATEGIES)}. Received: strategy={name!r}")
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multi_worker":
        _check_tf_config()
        rendezvous.meet()
        return _multi_worker()
    if name == "tpu":
        return tf.distribute.TPUStrategy(tf.distribute.cluster_resolver.TPUClusterResolver.connect())
    return tf.distribute.get_strategy()


def _multi_worker():
    """TensorFlow's strategy, without what it does to signals.

    TensorFlow 2.21 takes SIGTERM for a preemption notifier that nobody asks: the signal would do nothing. And if a
    worker dies in the second after all have met, it waits for an hour, holding Python's lock: an alarm ends that.
    """
    if threading.current_thread() is not threading.main_thread():
        return tf.distribute.MultiWorkerMirroredStrategy()
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_LONGEST_START)
    try:
        with worker_errors():
            return tf.distribute.MultiWorkerMirroredStrategy()
    finally:
        signal.alarm(0)
        for number, handler in former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


_LONGEST_START = 300  # seconds for TensorFlow to find the GPUs and connect
_JOBS = ("chief", "worker")  # all take part in training; an evaluator or a parameter server has no part here
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):([0-9]{1,5})")


def _check_tf_config():
    example = '{"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", "index": 0}}'
    received = os.environ.get("TF_CONFIG")
    fault = _fault(received)
    if fault:
        raise ValueError(
            "The strategy multi_worker reads the hosts from the environment variable TF_CONFIG, the same on each "
            f"except for the index: {example}. Here {fault}. Received: TF_CONFIG={received!r:.500}"
        )


def _fault(text):
    """What is wrong with a TF_CONFIG, in words; None if it is right."""
    try:
        config = json.loads(text or "")
        cluster, job, index = config["cluster"], config["task"]["type"], config["task"]["index"]
        hosts = [(name, list(addresses)) for name, addresses in cluster.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "it is missing, is no JSON, or lacks the cluster, or the type or index of the task"
    if strange := [name for name in (*cluster, job) if name not in _JOBS]:
        return f"{strange[0]!r:.80} is none of {', '.join(_JOBS)}"
    if job not in cluster:
        return f"the cluster has no {job}"
    for name, addresses in hosts:
        for address in addresses:
            match = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
            if match is None or not 1 <= int(match[2]) <= 65535:
                return f"{address!r:.80} of {name} is no host:port with a port from 1 to 65535"
    if len({address for _, addresses in hosts for address in addresses}) < sum(len(one) for _, one in hosts):
        return "an address is there twice"
    if len(cluster.get("chief", [])) > 1:
        return "there are several chiefs"
    if not re.fullmatch("[0-9]{1,6}", str(index)) or int(index) >= len(cluster[job]):
        return f"the index {index!r:.80} is none of the {len(cluster[job])} of {job}"
    return None


def split_cpu(count):
    """Splits the CPU into `count` logical devices, to test several replicas; call it before TensorFlow starts."""
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
def worker_errors(strategy=None):
    """A context that turns TensorFlow's errors about a lost worker into one that says what to do.

    Args:
        strategy: `tf.distribute.Strategy`, under one worker of which errors stay as they are; None where that of
            several workers is made.

    Raises:
        WorkerLostError: another worker was lost.
    """
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.InternalError,
    ) as error:
        if strategy is not None and not _is_multi_worker(strategy):
            raise
        reason = " ".join(str(error).rpartition("aborted by: ")[2].split())
        raise WorkerLostError(
            "Another worker was lost, or ended with an error of its own: start the same command again on all of them, "
            f"and they resume from the newest checkpoint. TensorFlow says: {reason[:300]}"
        ) from error


def is_chief(strategy):
    """Whether this process writes the run's files: the chief, or the first worker."""
    resolver = strategy.cluster_resolver if _is_multi_worker(strategy) else None
    if resolver is None:
        return True
    first = "chief" if "chief" in resolver.cluster_spec().as_dict() else "worker"
    return resolver.task_type == first and resolver.task_id == 0


def agree(strategy, text):
    """Whether every worker calls with the same text; all of them must call, and wait for each other."""
    if not _is_multi_worker(strategy):
        return True
    number = int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)

    @tf.function
    def numbers():
        return strategy.gather(strategy.run(lambda: tf.constant([number], tf.int64)), axis=0)

    return bool(tf.reduce_all(numbers() == number))


def sum_over_workers(strategy):
    """A function from a vector of this worker to the sum of all replicas' vectors.

    Args:
        strategy: `tf.distribute.Strategy`.

    Returns:
        A function from numbers (N,) to float32 (N,), the same on every worker; integers below 2^24 are exact. All
        workers must call it, with the same N, and wait for each other.
    """

    @tf.function
    def total(vector):
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(tf.identity, (vector,)), axis=None)

    return lambda vector: total(tf.constant(vector, tf.float32)).numpy()


def has_several_workers(strategy):
    """Whether other processes take part in training."""
    return _is_multi_worker(strategy) and in_multi_worker_mode(strategy)


def logs_need_an_axis(strategy):
    """Whether Keras 3.15 reduces logs over an axis 0 that scalars do not have."""
    return has_several_workers(strategy)


def _is_multi_worker(strategy):
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and bool(
        strategy.cluster_resolver.cluster_spec().as_dict()
    )
