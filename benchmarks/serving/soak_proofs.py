"""The proofs of `benchmarks/serving/soak.py`; each yields a line for every promise that is broken."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import grpc

from benchmarks.serving.process import NAME, Server, serving
from tfgan_kit_client import wire

_CALLERS = pathlib.Path(__file__).with_name("soak_callers.py")
_FLAGS = ["--enable_batching", "--max_batch_size=32", "--grpc_max_threads=64"]
_SWAPS, _ROLLBACKS = 10, 2
_TIMES_CAPACITY = 5
_MAX_GROWTH_MIB = 100  # of the server's memory under overload
_MAX_RESTART_SECONDS = 5


class Callers:
    """A running `soak_callers.py`, and the last line it said."""

    def __init__(self, *arguments):
        command = [sys.executable, str(_CALLERS), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=-1, stdout=-1, text=True)
        self.said = {"counts": {}, "done": False}

    def lines(self):
        """What they say, line by line, until they are done."""
        for line in self.process.stdout:
            self.said = json.loads(line)
            yield self.said

    def count(self) -> int:
        """Calls that have ended."""
        return sum(n for what, n in self.said["counts"].items() if not what.startswith("version"))

    def failures(self) -> dict:
        """Calls that were not answered, by status and text."""
        return {
            what: n for what, n in self.said["counts"].items()
            if what != "answered" and not what.startswith("version")
        }  # fmt: skip


def _served_version(target) -> int | None:
    with grpc.insecure_channel(target) as channel:
        call = channel.unary_unary("/tensorflow.serving.ModelService/GetModelStatus")
        request = wire.GetModelStatusRequest()
        request.model_spec.name = NAME
        answer = wire.GetModelStatusResponse.FromString(call(request.SerializeToString()))
    states = {one.version: one.state for one in answer.model_version_status}
    return max((version for version, state in states.items() if state == wire.AVAILABLE), default=None)


def swaps(exports):
    """No call fails and every answer is its version's, while versions come and go."""
    with serving(exports.base_path, _FLAGS) as server:
        callers = Callers("closed", server.target, 32, exports.calls, exports.expected_file)
        began, changes = time.monotonic(), _changes(exports)
        every, wanted, memory = exports.calls / (_SWAPS + _ROLLBACKS + 2), 1, server.resident_mib()
        for _ in callers.lines():
            done = _SWAPS + _ROLLBACKS - len(changes)
            if changes and callers.count() > (done + 1) * every:
                if _served_version(server.target) != wanted:
                    continue  # it is still loading
                wanted = changes.pop(0)()
        seconds, last = time.monotonic() - began, _served_version(server.target)
        print(f"{callers.count()} calls in {seconds:.0f} s, {callers.said['counts']}")
        print(f"memory {memory:.0f} -> {server.resident_mib():.0f} MiB")
    yield from _swaps_broken(exports, callers, changes, last)


def _changes(exports) -> list:
    """What happens one after the other; each answers which version is then to be served."""

    def publish(version):
        return lambda: exports.publish(version) or version

    def remove(version):
        return lambda: exports.remove(version) or version - 1

    newest = _SWAPS + 1
    changes = [publish(version) for version in range(2, newest + 1)]
    return changes + [remove(version) for version in range(newest, newest - _ROLLBACKS, -1)]


def _swaps_broken(exports, callers, changes, last):
    worst, allowed = callers.said["worst"], exports.tolerance()
    print(f"largest difference of an answer from its version's: {worst} levels, allowed {allowed}")
    if changes or last != _SWAPS + 1 - _ROLLBACKS:
        yield f"{len(changes)} changes were not reached, version {last} is served at the end"
    if callers.failures() or callers.count() != exports.calls:
        yield f"{callers.count()} of {exports.calls} calls, failed: {callers.failures()}"
    if len(worst) != _SWAPS + 1:
        yield f"answers of versions {sorted(worst)}, not of all {_SWAPS + 1}"
    if max(worst.values()) > allowed:
        yield f"an answer is not its version's: {worst}"


def overload(exports):
    """Past its capacity it refuses at once, stays in bounds, and is itself again a second later."""
    with serving(exports.base_path, _FLAGS) as server:
        capacity = _capacity(server)
        calm = _open(server, capacity / 4, 4)[-1]["answered_ms"]
        memory = server.resident_mib()
        pressed = _open(server, _TIMES_CAPACITY * capacity, 10)
        peak = max(line["memory"] for line in pressed)
        time.sleep(1.0)
        after = _open(server, capacity / 4, 4)[-1]
    counts = pressed[-1]["counts"]
    print(f"capacity {capacity:.0f} calls/s; asked {_TIMES_CAPACITY} times that: {counts}")
    print(f"ms (median, 99 %, most): calm {calm}, pressed {pressed[-1]['answered_ms']}, refused "
          f"{pressed[-1]['refused_ms']}, after {after['answered_ms']}")  # fmt: skip
    print(f"memory {memory:.0f} -> at most {peak:.0f} MiB")
    wrong = {what: n for what, n in counts.items()
             if not what.startswith(("answered", "RESOURCE_EXHAUSTED: "))}  # fmt: skip
    if wrong or counts.get("answered", 0) == sum(counts.values()):
        yield f"not refused with RESOURCE_EXHAUSTED: {wrong or 'nothing was refused'}"
    if peak - memory > _MAX_GROWTH_MIB:
        yield f"memory grew by {peak - memory:.0f} MiB, at most {_MAX_GROWTH_MIB}"
    if after["answered_ms"][0] > 2 * calm[0] + 2 or set(after["counts"]) != {"answered"}:
        yield f"not back to normal after a second: {after}"


def _capacity(server) -> float:
    callers = Callers("closed", server.target, 32, 3200)
    said = [(line["time"], line["counts"].get("answered", 0)) for line in callers.lines()]
    (began, few), (ended, many) = said[1], said[-2]
    return (many - few) / (ended - began)


def _open(server, rate, seconds) -> list[dict]:
    callers = Callers("open", server.target, rate, seconds)
    return [dict(line, memory=server.resident_mib()) for line in callers.lines()]


def restart(exports):
    """Killed, it serves again in time; asked to end, it answers what it has taken."""
    with serving(exports.base_path, _FLAGS) as server:
        port = server.port
        server.end(signal.SIGKILL)
    imports = _import_seconds()
    began = time.monotonic()
    again = Server(exports.base_path, _FLAGS, port=port)
    seconds = time.monotonic() - began
    print(f"restart on the same port: {seconds:.1f} s to serve, TensorFlow's import {imports:.1f} s")
    if seconds - imports > _MAX_RESTART_SECONDS:
        yield f"{seconds - imports:.1f} s beyond the import, at most {_MAX_RESTART_SECONDS}"
    callers = Callers("closed", again.target, 32, 0, exports.expected_file)
    next(callers.lines()), next(callers.lines())
    status = again.end(signal.SIGTERM)
    callers.process.stdin.close()
    for _ in callers.lines():
        pass
    failed = {what: n for what, n in callers.failures().items() if not _refused_new(what)}
    told = sum(callers.failures().values()) - sum(failed.values())
    print(f"SIGTERM under load: exit {status}, answered {callers.said['counts']['answered']}, "
          f"told UNAVAILABLE {told}, taken and then failed: {failed}")  # fmt: skip
    if status or failed:
        yield f"exit status {status}, taken calls that failed: {failed}"


def _refused_new(what: str) -> bool:
    """A call that came after the server had stopped to take calls: the caller may ask another."""
    return what.startswith("UNAVAILABLE: ")


def _import_seconds() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import tensorflow"], check=True, stderr=-3)
    return time.monotonic() - began
