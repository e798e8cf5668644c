"""Contestants in processes of their own that train in turns, one at a time, on a clock each.

The driver writes one JSON line, the contestant answers one; between two lines it is blocked on its
pipe. `serve` is the contestant's end and needs the standard library and numpy only, so that any
framework's Python can run it.
"""

import json
import time

import numpy as np

from benchmarks.json_process import JsonProcess

UNTIMED_STEPS = 3  # in which TensorFlow traces; a free gift of three steps to every contestant


class Contestant(JsonProcess):
    """The driver's end: a process that trains when it is told to.

    Args:
        name: str.
        command: list of str, a process that calls `serve` on its standard streams.
        log: path, takes its standard error.
        folder: path, where the process runs.

    Attributes:
        seconds, steps: what it has trained so far, by its own monotonic clock.

    Raises:
        ChildProcessError: in any call, where the process has ended.
    """

    def __init__(self, name, command, log, folder):
        super().__init__(f"The contestant {name}", command, log, folder)
        self.name = name
        self.seconds, self.steps = 0.0, 0

    def wait_until_ready(self):
        """The networks are built, the untimed steps are done."""
        self.answer()

    def train(self, until):
        """Trains until its clock has passed `until` seconds; the last step is finished."""
        answer = self.ask(do="train", until=until)
        self.seconds, self.steps = answer["seconds"], answer["steps"]

    def sample(self, path, count, seed):
        """Images of its generator as it stands, off the clock: uint8 (count, H, W, C) in a .npy."""
        self.ask(do="sample", path=str(path), count=count, seed=seed)

    def overfitting(self, path):
        """`{"gap":, "gap_error":}`: its mean logit on training images minus that on the held-out ones of a .npy.

        Off the clock; empty of a recipe that does not tell.
        """
        return self.ask(do="overfitting", path=str(path))["found"]


def take_turns(contestants, until, slice_seconds):
    """All train to `until` seconds on their own clocks, in slices, one at a time.

    Who begins a round changes, so that no one always comes first after a pause.
    """
    order = list(contestants)
    while any(contestant.seconds < until for contestant in order):
        for contestant in order:
            if contestant.seconds < until:
                contestant.train(min(contestant.seconds + slice_seconds, until))
        order = order[1:] + order[:1]


def serve(recipe, requests, replies):
    """The contestant's end: obeys until `requests` ends.

    Args:
        recipe: has `step()`, one training step that waits for its end, `sample(count, seed)`, and perhaps
            `overfitting(held_out_images)`, a dict of floats.
        requests, replies: text streams of JSON lines.
    """
    for _ in range(UNTIMED_STEPS):
        recipe.step()
    seconds, steps = 0.0, 0
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in requests:
        message = json.loads(line)
        if message["do"] == "train":
            started, before = time.monotonic(), seconds
            while seconds < message["until"]:
                recipe.step()
                steps += 1
                seconds = before + time.monotonic() - started
        found = {}
        if message["do"] == "sample":
            np.save(message["path"], recipe.sample(message["count"], message["seed"]))
        if message["do"] == "overfitting" and hasattr(recipe, "overfitting"):
            found = recipe.overfitting(np.load(message["path"]))
        print(json.dumps({"seconds": seconds, "steps": steps, "found": found}), file=replies, flush=True)
