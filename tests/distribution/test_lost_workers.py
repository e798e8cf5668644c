"""Two workers of `python -m tfgan_kit.train` that are told to stop, or killed and launched again."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from tfgan_kit.runs.run import Run

import pytest

from benchmarks.training.kill_resume import differences, numbers
from tests.distribution.conftest import free_ports

pytestmark = pytest.mark.slow
STEPS, EVERY = 400, 20
# Adam and R1, and no batch statistics.
TRAIN = [
    *(sys.executable, "-m", "tfgan_kit.train", "--preset=mlp_mixture", "--dataset=ring8", "--batch_size=64"),
    *("--strategy=multi_worker", f"--steps={STEPS}", f"--checkpoint_every={EVERY}"),
]
LOOP = 'until "$@"; do echo "ended with $?"; sleep 1; done'
ROOT = pathlib.Path(__file__).parents[2]


class Workers:
    """Two launchers of one run, each with one worker at a time.

    Args:
        run_dir: the run's folder.
        loop: bool, whether a worker that fails is started again.
    """

    def __init__(self, run_dir, loop=True, more=()):
        self.run = Run(run_dir)
        self.outputs = [pathlib.Path(f"{run_dir}.{index}.txt") for index in range(2)]
        hosts = [f"localhost:{port}" for port in free_ports(2)]
        start = ["bash", "-c", LOOP, "bash"] if loop else []
        self.processes = []
        for index, output in enumerate(self.outputs):
            config = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
            environment = os.environ | {"TF_CONFIG": json.dumps(config), "CUDA_VISIBLE_DEVICES": ""}
            line = [*start, *TRAIN, f"--run_dir={run_dir}", *more]
            with output.open("ab") as file:
                self.processes.append(subprocess.Popen(line, cwd=ROOT, env=environment, stdout=file, stderr=file))

    def trainer(self, index):
        """The process id of a launcher's present worker, or None."""
        pid = self.processes[index].pid
        return next(map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()), None)

    def text(self, index):
        return self.outputs[index].read_text(errors="replace")

    def wait_for(self, condition):
        deadline = time.monotonic() + 240
        while not condition():
            assert time.monotonic() < deadline, [self.text(index)[-2000:] for index in range(2)]
            time.sleep(0.01)

    def newest(self):
        return max(self.run.checkpoints(), default=0)

    def finish(self):
        """Exit codes."""
        return [process.wait(timeout=300) for process in self.processes]

    def end(self):
        for index, process in enumerate(self.processes):
            child = None if process.poll() is not None else self.trainer(index)
            process.kill()
            process.wait()
            if child and pathlib.Path(f"/proc/{child}/cmdline").read_bytes().count(b"tfgan_kit.train"):
                os.kill(child, signal.SIGKILL)


@pytest.fixture
def start():
    """`start(run_dir, ...)`: `Workers`, ended with the test."""
    started = []

    def begin(*arguments, **keywords):
        started.append(Workers(*arguments, **keywords))
        return started[-1]

    yield begin
    for workers in started:
        workers.end()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    workers = Workers(tmp_path_factory.mktemp("whole") / "run", loop=False)
    try:
        assert workers.finish() == [0, 0]
    finally:
        workers.end()
    return workers.run


def test_a_run_whose_workers_are_killed_twice_ends_by_itself_with_the_bits_of_an_uninterrupted_one(
    start, uninterrupted, tmp_path
):
    workers = start(tmp_path / "run")
    for victim in (1, 0):
        reached = workers.newest()
        workers.wait_for(lambda least=reached: workers.newest() > least)
        os.kill(workers.trainer(victim), signal.SIGKILL)
        begun = [workers.text(index).count("Resuming") for index in range(2)]
        workers.wait_for(lambda old=begun: all(workers.text(k).count("Resuming") > old[k] for k in range(2)))
    assert workers.finish() == [0, 0]
    assert differences(workers.run, uninterrupted) == []
    for index in range(2):
        text = workers.text(index)
        assert text.count("ended with 137") == 1 and text.count(f"ended with {os.EX_TEMPFAIL}") >= 1
        assert text.count("error: Another worker was lost") == text.count(f"ended with {os.EX_TEMPFAIL}")


def test_sigterm_to_one_worker_saves_one_step_ends_all_with_0_and_resumes_to_the_same_end(
    start, uninterrupted, tmp_path
):
    workers = start(tmp_path / "run", loop=False)
    workers.wait_for(lambda: workers.newest())
    workers.processes[1].send_signal(signal.SIGTERM)
    workers.processes[1].send_signal(signal.SIGTERM)  # a second one changes nothing
    assert workers.finish() == [0, 0]
    stopped = workers.newest()
    for index in range(2):
        *_, first, second = workers.text(index).splitlines()
        assert first == f"Stopped by SIGTERM: {workers.run.newest()}"
        assert second.startswith("Resume:  python -m tfgan_kit.train --preset=mlp_mixture")
    assert EVERY <= stopped < STEPS
    again = start(tmp_path / "run", loop=False)
    assert again.finish() == [0, 0]
    assert f"Resuming {workers.run.checkpoints_dir / f'step-{stopped:08d}.keras'}" in again.text(1)
    assert differing_arrays(again.run, uninterrupted) == []


def test_with_an_exit_code_of_its_own_a_stopped_run_goes_on_by_itself(start, uninterrupted, tmp_path):
    workers = start(tmp_path / "run", more=[f"--sigterm_exit_code={os.EX_TEMPFAIL}"])
    workers.wait_for(lambda: workers.newest())
    for index in range(2):
        os.kill(workers.trainer(index), signal.SIGTERM)
    assert workers.finish() == [0, 0]
    assert [workers.text(index).count(f"ended with {os.EX_TEMPFAIL}") for index in range(2)] == [1, 1]
    assert differing_arrays(workers.run, uninterrupted) == []


def differing_arrays(run, other):
    """Names; lines of metrics differ, since an epoch that was stopped has two."""
    ours, theirs = numbers(run.newest()), numbers(other.newest())
    assert ours.keys() == theirs.keys()
    return [name for name in theirs if ours[name].tobytes() != theirs[name].tobytes()]
