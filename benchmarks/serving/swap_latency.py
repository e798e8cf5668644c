"""How long a version's swap holds up a caller of the embedded server.

    python -m benchmarks.serving.swap_latency --version_dir demo/models/digits/1 [--swaps 6]

One caller asks for one image at a time, 2 ms apart, while copies of the version are published, one every 4
seconds. Printed, ms: the median and the longest call before, and the longest call of each swap. Reference:
before 2026-11-23 the search for garbage after a version's unloading held up every call for a quarter of a second.
"""

import pathlib
import shutil
import tempfile
import time

import numpy as np
from absl import app, flags

from benchmarks.serving.process import NAME, serving
from tfgan_kit_client import GeneratorClient

FLAGS = flags.FLAGS
flags.DEFINE_string("version_dir", None, "An exported version.", required=True)
flags.DEFINE_integer("swaps", 6, "New versions.", lower_bound=1)
SECONDS, PAUSE = 4, 0.002
POLL = "--file_system_poll_wait_seconds=1"


def publish(base, number):
    writing = shutil.copytree(FLAGS.version_dir, base / f".{number}")
    writing.rename(base / str(number))


def milliseconds(client, seconds):
    """Of each call that is made for so long."""
    found, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        client.generate(1)
        found.append(1000 * (time.perf_counter() - start))
        time.sleep(PAUSE)
    return found


def main(argv):
    del argv
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder)
        publish(base, 1)
        with serving(base, [POLL]) as server, GeneratorClient(server.target, NAME) as client:
            client.generate(1)
            before = milliseconds(client, SECONDS)
            print(f"before: median {np.median(before):.1f}, longest {max(before):.0f}")
            for number in range(2, FLAGS.swaps + 2):
                publish(base, number)
                print(f"swap to {number}: longest {max(milliseconds(client, SECONDS)):.0f}", flush=True)


if __name__ == "__main__":
    app.run(main)
