"""Waiting for the other workers, where TensorFlow would wait for an hour, deaf to signals."""

import contextlib
import json
import os
import socket
import time

# As long as a cluster may take to find a machine and fetch an image; then the launcher starts the worker again.
SECONDS = 600
_GO = b"go\n"


class WorkerLostError(OSError):
    """One of several workers did not come, or was lost; the others cannot continue without it."""


def meet(seconds=SECONDS):
    """Returns when all workers of a valid TF_CONFIG are there.

    TensorFlow 2.21 waits for them in C++, holding Python's lock and ignoring SIGTERM. So they meet before it starts:
    the first worker listens at its own address, the others tell it their places, and it lets them go when it has heard
    all of them.

    Args:
        seconds: float > 0, the longest wait.

    Raises:
        WorkerLostError: it names who is missing.

    Example::

        rendezvous.meet()
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    """
    config = json.loads(os.environ["TF_CONFIG"])
    cluster, task = config["cluster"], config["task"]
    places = {(job, k): at for job in ("chief", "worker") for k, at in enumerate(cluster.get(job, ()))}
    first, *others = places
    own = task["type"], int(task["index"])
    deadline = time.monotonic() + seconds
    missing = _gather(places, others, deadline) if own == first else _join(places[first], own, deadline)
    if missing:
        raise WorkerLostError(
            f"Not all workers of TF_CONFIG came within {seconds:g} s: start this one again, and those that are "
            f"missing. Missing: {missing}"
        )


def _gather(places, others, deadline):
    """Waits for all others and lets them go; the addresses of those that did not come, in words, or None."""
    here, missing = {}, others
    with contextlib.ExitStack() as stack:
        server = None
        while missing:
            if time.monotonic() > deadline:
                return ", ".join(places[each] for each in missing)
            try:
                server = server or stack.enter_context(_listen(_split(next(iter(places.values())))[1]))
                connection = stack.enter_context(server.accept()[0])
                here[_told(connection)] = connection
            except OSError:  # nobody came, or another process still has the port
                time.sleep(0.1)
            missing = [each for each in others if each not in here or _is_closed(here[each])]
        for each in others:
            here[each].sendall(_GO)
    return None


def _listen(port):
    both = socket.has_dualstack_ipv6()
    server = socket.create_server(
        ("", port), family=socket.AF_INET6 if both else socket.AF_INET, dualstack_ipv6=both, backlog=1024
    )
    server.settimeout(0.5)
    return server


def _told(connection):
    """The place that the other end says it has; None if that is no place."""
    connection.settimeout(2)
    with contextlib.suppress(ValueError):
        job, index = connection.makefile("rb").readline(80).decode().split()
        return job, int(index)
    return None


def _is_closed(connection):
    connection.setblocking(False)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _join(address, own, deadline):
    """Waits until the first worker lets this one go; what is missing, in words, or None."""
    fault = None
    while (left := deadline - time.monotonic()) > 0:
        try:
            with socket.create_connection(_split(address), timeout=min(left, 5)) as connection:
                connection.sendall(f"{own[0]} {own[1]}\n".encode())
                connection.settimeout(left)
                if connection.makefile("rb").readline(len(_GO)) == _GO:
                    return None
                fault = "it was lost, or has not ended yet"
        except TimeoutError:
            fault = "no answer; or it waits for others, too"
        except OSError as error:
            fault = error.strerror or error
        time.sleep(0.2)
    return f"{address} ({fault})"


def _split(address):
    """Host and port of `host:port` or `[host]:port`."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
