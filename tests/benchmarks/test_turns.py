import io
import json
import sys

import numpy as np
import pytest

from benchmarks.quality import turns


class Recipe:
    """Counts its steps; each takes a second of the fake clock."""

    def __init__(self, clock):
        self.clock, self.steps = clock, 0

    def step(self):
        self.steps += 1
        self.clock.now += 1.0

    def sample(self, count, seed):
        self.clock.now += 1000.0  # must be on nobody's clock
        return np.full((count, 28, 28, 1), seed, np.uint8)


class Clock:
    now = 50.0


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(turns.time, "monotonic", lambda: clock.now)
    return clock


def ask(recipe, *messages):
    replies = io.StringIO()
    turns.serve(recipe, [json.dumps(message) for message in messages], replies)
    return [json.loads(line) for line in replies.getvalue().splitlines()]


def test_the_clock_counts_training_and_neither_the_first_steps_nor_sampling(clock, tmp_path):
    path = str(tmp_path / "images.npy")
    replies = ask(
        Recipe(clock),
        {"do": "train", "until": 4.0},
        {"do": "sample", "path": path, "count": 2, "seed": 7},
        {"do": "train", "until": 6.0},
    )
    assert [reply.get("seconds") for reply in replies] == [None, 4.0, 4.0, 6.0]
    assert [reply.get("steps") for reply in replies] == [None, 4, 4, 6]
    assert (np.load(path) == 7).all()


def test_the_untimed_steps_are_trained(clock):
    recipe = Recipe(clock)
    ask(recipe)
    assert recipe.steps == turns.UNTIMED_STEPS


def test_a_step_that_is_begun_is_finished_and_counted(clock):
    replies = ask(Recipe(clock), {"do": "train", "until": 2.5})
    assert replies[-1] == {"seconds": 3.0, "steps": 3, "found": {}}


class Runner:
    """A contestant that notes when it trained; a slow one oversteps each request."""

    def __init__(self, name, diary, overstep=0.0):
        self.name, self.diary, self.overstep, self.seconds = name, diary, overstep, 0.0

    def train(self, until):
        self.diary.append((self.name, until))
        self.seconds = until + self.overstep


def test_turns_are_slices_and_who_begins_changes():
    diary = []
    turns.take_turns([Runner("a", diary), Runner("b", diary)], until=5.0, slice_seconds=2.0)
    assert diary == [("a", 2), ("b", 2), ("b", 4), ("a", 4), ("a", 5), ("b", 5)]


def test_one_that_has_overstepped_waits_for_the_others():
    diary = []
    runners = [Runner("slow", diary, overstep=3.0), Runner("quick", diary)]
    turns.take_turns(runners, until=4.0, slice_seconds=2.0)
    assert diary == [("slow", 2), ("quick", 2), ("quick", 4)]


@pytest.mark.thorough
def test_a_process_that_dies_is_named_with_its_log(tmp_path):
    log = tmp_path / "words.log"
    command = [sys.executable, "-c", "import sys; sys.exit('no such images')"]
    contestant = turns.Contestant("mine", command, log, tmp_path)
    with pytest.raises(ChildProcessError, match="mine ended with exit code 1.*words.log"):
        contestant.wait_until_ready()
    contestant.close()
    assert "no such images" in log.read_text()
