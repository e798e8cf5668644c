"""Bulk work on Ray: actors that each hold a model, on all nodes of a cluster, and shards written by them."""

import collections
import contextlib
import functools
import importlib.metadata
import os
import platform
import socket
import sys
import time

from tfgan_kit.generation import shards
from tfgan_kit.generation.storage import open_storage

import grpc
import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

CPUS = 2  # of an actor, where all nodes have as many
_SECONDS_TO_ANSWER = 10.0  # of a cluster's address
_SECONDS_BETWEEN_LOOKS = 1.0  # at the nodes of the cluster
MOST_LOSSES = 5  # of the workers of one task, which then is the likely cause


def versions():
    """The versions that decide what a worker makes of a task, a dict of texts."""
    import ray

    return {
        "python": platform.python_version(),
        "ray": ray.__version__,
        "tfgan_kit": importlib.metadata.version("tfgan_kit"),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def check_versions(wanted, found, node):
    """Refuses a node with other versions than the command's.

    Args:
        wanted, found: dicts of `versions`, the command's and the node's.
        node: str, its name.

    Raises:
        ValueError: it names the first that differs.

    Example:
        >>> check_versions({"ray": "2.60.0"}, {"ray": "2.60.0"}, "a-node")
    """
    for name, version in wanted.items():
        if found.get(name) != version:
            raise ValueError(
                f"Every node needs the versions of the machine that gives the command: install {name} {version} on "
                f"{node}. Received: {name} {found.get(name)} there"
            )


def import_ray():
    """The module `ray`.

    Raises:
        ValueError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise ValueError(f"--ray needs Ray: `pip install tfgan_kit[ray]` ({error}).") from error
    return ray


@contextlib.contextmanager
def cluster(address):
    """A context in which this process is a driver of a Ray cluster.

    Args:
        address: "local" starts one on this machine, which ends with the context; "auto" is the one that this machine
            is a node of; HOST:PORT is the address of a head.

    Raises:
        ValueError: Ray is not installed, nothing answers at that address within 10 seconds, or another version does.
    """
    ray = import_ray()
    if address not in ("local", "auto"):
        _check_answers(address)
    try:
        ray.init(
            address=address, log_to_driver=False, logging_level="CRITICAL",
            **({"include_dashboard": False} if address == "local" else {}),
        )  # fmt: skip
    except (ConnectionError, RuntimeError, TimeoutError) as error:
        said = " ".join(str(error).split())[:300]
        raise ValueError(f"Ray's cluster cannot be joined ({said}). Received: ray={address}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_answers(address):
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "/" in host:
        raise ValueError(
            "--ray is local, auto, or HOST:PORT of a cluster's head (port 6379, unless `ray start` was told another). "
            f"Received: ray={address}"
        )
    try:
        with socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER):
            pass
        if os.environ.get("RAY_USE_TLS", "0") == "0":
            _check_speaks_grpc(address)
    except (OSError, OverflowError, grpc.FutureTimeoutError) as error:
        said = str(error) or "what listens there is no head of a cluster"
        raise ValueError(
            f"No cluster answers there ({said}): start one by `ray start --head`, or give its head's address. "
            f"Received: ray={address}"
        ) from error


def _check_speaks_grpc(address):
    """Waits for a connection as Ray's own would be, for which Ray itself waits several minutes."""
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(timeout=_SECONDS_TO_ANSWER)


class Worker:
    """What an actor is: a place that is checked, and what it opens once.

    Args:
        wanted: dict of `versions`, the command's.
    """

    def __init__(self, wanted):
        self._wanted = wanted

    def node(self):
        """The id of its node, checked: its first task.

        Raises:
            ValueError: other versions here.
        """
        import ray

        check_versions(self._wanted, versions(), node_name())
        return ray.get_runtime_context().get_node_id()


class ShardWorker(Worker):
    """Writes shards by a model of its own.

    Args:
        wanted: as of `Worker`.
        open_model: callable that returns the model.
        output: str, where the shards go.
        plan: the `ShardPlan`.
    """

    def __init__(self, wanted, open_model, output, plan):
        super().__init__(wanted)
        self._open_model, self._output, self._plan = open_model, output, plan

    @functools.cached_property
    def _model(self):
        return self._open_model()

    @functools.cached_property
    def _storage(self):
        storage = open_storage(self._output)
        storage.drop_leftovers()
        return storage

    @functools.cached_property
    def _manifest(self):
        shards.check_images(self._model, self._plan)
        return shards.manifest_of(self._model, self._plan)

    def manifest(self):
        """The manifest as this node would write it."""
        return self._manifest

    def write(self, shard, mixed_processors):
        """Writes a shard: its number of images.

        Raises:
            ValueError: this node does not see the output, or its processor is of another kind.
            OSError: its disk or the store refuses.
        """
        shards.write_shard(self._model, self._storage, self._plan, shard, self._agreed(mixed_processors))
        return len(self._plan.images(shard))

    @functools.lru_cache(maxsize=1)  # noqa: B019  an actor is all that its process is for
    def _agreed(self, mixed_processors):
        """The manifest that was written before this node began."""
        if shards.MANIFEST not in self._storage.names():
            raise ValueError(
                f"The node {node_name()} does not see the {shards.MANIFEST} that another has written: give a folder "
                f"that all nodes share, or an address such as s3://bucket/prefix. Received: output={self._output}"
            )
        return shards.agree(self._storage, self._manifest, mixed_processors)


def node_name():
    """This machine's name, with its address in the cluster."""
    import ray

    return f"{socket.gethostname()} ({ray.util.get_node_ip_address()})"


class Crew:
    """Actors of one class on all nodes of a cluster, and tasks that are handed to whichever is free.

    Ray places the actors, ships what they need and tells when one is lost. A task is handed to an actor that has
    started, never to one that waits for a place, and the task of a lost actor is the next that is handed out: so nodes
    may be lost and may join at any time. (`ray.util.ActorPool` keeps such a task until its own actor has started again,
    for which there may be no place.) An actor whose disk or store refuses gets no more tasks, and keeps its place so
    that Ray starts no other there.

    Args:
        ray: the module, inside `cluster`.
        kind: the class of the actors, a `Worker`.
        *arguments: of its constructor, after the versions.
    """

    def __init__(self, ray, kind, *arguments):
        self._ray = ray
        self._cpus, self._gpus = _share(ray)
        # A task that fails on a lost node is handed to another actor, not to that actor's successor.
        options = {"num_cpus": self._cpus, "num_gpus": self._gpus, "max_restarts": 0, "max_task_retries": 0}
        self._kind = ray.remote(**options)(kind)
        # Once in the object store, from which each node takes them once.
        self._arguments = [self._put(argument) for argument in (versions(), *arguments)]
        self._actors, self._idle, self._running = {}, [], {}  # actor -> node; actors; reference -> (actor, task)
        self._refusing, self._losses = set(), collections.Counter()
        self._known_lost = {node["NodeID"] for node in ray.nodes() if not node["Alive"]}

    def _put(self, argument):
        try:
            return self._ray.put(argument)
        except (TypeError, AttributeError, NotImplementedError) as error:  # what cannot be pickled
            raise ValueError(
                "This cannot be sent to other processes: with --ray an extractor is one of a name, or a .keras file. "
                f"Received: {type(argument).__name__} ({' '.join(str(error).split())[:200]})"
            ) from error

    def results(self, call, tasks):
        """Yields (task's number, answer) as they come, in any order.

        Args:
            call: callable, `(actor, task) -> reference`, such as `lambda actor, task: actor.write.remote(task)`.
            tasks: an iterable, read as actors are free.

        Raises:
            ValueError: an actor's own, as it said it; or the workers of one task are lost again and again.
            OSError: no node can do it.
        """
        again, tasks = collections.deque(), enumerate(tasks)
        ended = False
        while True:
            while self._idle and not (ended and not again):
                numbered = again.popleft() if again else next(tasks, None)
                if numbered is None:
                    ended = True
                    continue
                actor = self._idle.pop()
                self._running[call(actor, numbered[1])] = actor, numbered
            if ended and not again and not any(numbered for _, numbered in self._running.values()):
                return
            self._grow()
            for actor, numbered, answer in self._answers():
                if isinstance(answer, BaseException):
                    self._give_up(actor, numbered, answer)
                    if numbered is not None:
                        again.append(numbered)
                    continue
                self._idle.append(actor)
                if numbered is None:
                    self._actors[actor] = answer
                else:
                    yield numbered[0], answer

    def close(self):
        """Ends the actors."""
        for actor in self._actors:
            self._ray.kill(actor)

    def _grow(self):
        """An actor for every place of the cluster."""
        while len(self._actors) < self._places():
            actor = self._kind.remote(*self._arguments)
            self._actors[actor] = None
            self._running[actor.node.remote()] = actor, None

    def _places(self):
        """The number of actors that fit."""
        found = 0
        for node in self._ray.nodes():
            has = node["Resources"]
            places = int(has.get("CPU", 0) // self._cpus)
            found += min(places, int(has.get("GPU", 0) // self._gpus)) if self._gpus else places
        return found

    def _answers(self):
        """(actor, numbered task or None for its first, answer, or what was raised), of the tasks that have ended."""
        exceptions = self._ray.exceptions
        if self._running:
            done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_SECONDS_BETWEEN_LOOKS)
        else:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            done = []
        self._tell_of_lost_nodes()
        for reference in done:
            actor, numbered = self._running.pop(reference)
            try:
                answer = self._ray.get(reference)
            except exceptions.RayTaskError as error:
                answer = error.cause if isinstance(error.cause, OSError) else None
                if answer is None:
                    raise ValueError(_in_a_line(error)) from error
            except exceptions.RayError as error:
                answer = error
            yield actor, numbered, answer

    def _give_up(self, actor, numbered, error):
        """An actor that was lost, or that refuses."""
        if isinstance(error, OSError):
            node = self._actors[actor]
            self._refusing.add(actor)
            _say(f"a worker on the node {self._name(node)} gets no more work: {error}")
            if len(self._refusing) >= self._places():
                raise error
            return
        self._actors.pop(actor, None)
        self._ray.kill(actor)
        number = None if numbered is None else numbered[0]
        self._losses[number] += 1
        if self._losses[number] >= MOST_LOSSES:
            raise ValueError(
                f"{MOST_LOSSES} workers were lost with the same work, which may take more memory than a node has. "
                f"Received: {_in_a_line(error)}"
            )

    def _tell_of_lost_nodes(self):
        lost = {node["NodeID"]: node for node in self._ray.nodes() if not node["Alive"]}
        for node in lost.keys() - self._known_lost:
            _say(f"the node {self._name(node)} was lost; the others make what it had begun")
            for actor in [actor for actor in self._refusing if self._actors.get(actor) == node]:
                self._refusing.discard(actor)
                del self._actors[actor]
        self._known_lost |= lost.keys()

    def _name(self, node):
        names = {each["NodeID"]: f"{each['NodeManagerHostname']} {node[:8]}" for each in self._ray.nodes()}
        return names.get(node, str(node))


def _share(ray):
    """(processors, GPUs) of an actor: a GPU where there are any, and CPUS processors where all nodes have as many."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    has_gpus = any(has.get("GPU") for has in nodes)
    sizes = [has.get("CPU", 0) for has in nodes if (has.get("GPU") if has_gpus else has.get("CPU"))]
    if not sizes:
        raise ValueError("No node of this cluster has a processor to give (`ray start --num-cpus`). Received: 0 CPUs")
    return max(1, min(CPUS, *map(int, sizes))), int(has_gpus)


def _say(text):
    """A line above the progress bar."""
    tqdm.write(text, file=sys.stderr)


def _in_a_line(error):
    """What an actor raised, without where."""
    cause = getattr(error, "cause", None) or error
    text = " ".join(str(cause).split())
    return text if isinstance(cause, ValueError) else f"{type(cause).__name__}: {text[:300]}"


def write_shards(ray, open_model, output, plan, mixed_processors=False):
    """`shards.write_shards` by the nodes of a cluster: the same names and, on processors of one kind, the same bytes.

    Args:
        ray: the module, inside `cluster`.
        open_model: callable that can be pickled, and returns the model; each actor calls it once.
        output: a folder that all nodes share, or an fsspec address.
        plan: the `ShardPlan`.
        mixed_processors: as for `shards.write_shards`.

    Raises:
        ValueError: as `shards.write_shards`; nodes with other versions, or that do not see the output.
        OSError: no node can write.
    """
    storage = open_storage(output)
    if storage.is_seen_by_one_process:
        raise ValueError(f"Other processes do not see memory://: give a folder or a store. Received: output={output}")
    storage.drop_leftovers()
    crew = Crew(ray, ShardWorker, open_model, str(output), plan)
    ((_, wanted),) = crew.results(lambda actor, _: actor.manifest.remote(), [None])
    shards.agree(storage, wanted, mixed_processors)
    missing = plan.missing(storage.names())
    with shards.Progress(plan, missing) as progress:
        for _, images in crew.results(lambda actor, shard: actor.write.remote(shard, mixed_processors), missing):
            progress.update(images)
    storage.drop_leftovers()
