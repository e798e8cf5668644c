"""The price of Ray: shards written by a cluster of this machine, against one process on the same cores.

    python -m benchmarks.generation.ray_throughput [--image_size 64] [--rounds 10]

Both sides have loaded the model and made a first shard; then they write blocks of shards in turns, of an untrained
DCGAN. A ratio of 1 is no price; what starting the cluster and its actors takes is printed beside it.
"""

import functools
import os
import tempfile
import time

import tfgan_kit as gk
from tfgan_kit.commands.generators import Checkpoint
from tfgan_kit.generation import shards, workers
from tfgan_kit.generation.storage import open_storage

from absl import app, flags

from benchmarks.alternate import alternate, ratio

FLAGS = flags.FLAGS
flags.DEFINE_integer("image_size", 64, "Pixels a side.", lower_bound=8)
flags.DEFINE_integer("shard_size", 1000, "Images in a shard.", lower_bound=64)
flags.DEFINE_integer("shards_a_turn", 2, "Shards that a side writes in a turn.", lower_bound=1)
flags.DEFINE_integer("rounds", 10, "Turns of each side.", lower_bound=2)

WARMUP = 1


class Blocks:
    """The shards of a plan, handed out block by block."""

    def __init__(self, size):
        self._next, self._size = 0, size

    def take(self):
        self._next += self._size
        return range(self._next - self._size, self._next)


def write_here(gan, folder, plan, blocks):
    storage = open_storage(folder)
    manifest = shards.agree(storage, shards.manifest_of(gan, plan))
    for shard in blocks.take():
        shards.write_shard(gan, storage, plan, shard, manifest)


def write_there(crew, blocks):
    for _ in crew.results(lambda actor, shard: actor.write.remote(shard, False), blocks.take()):
        pass


def measure(folder):
    gan = gk.GAN(
        gk.networks.DCGANGenerator(FLAGS.image_size, 3), gk.networks.DCGANDiscriminator(FLAGS.image_size, 3, width=2)
    )
    gan.save(f"{folder}/model.keras")
    with open(f"{folder}/model.keras", "rb") as file:
        checkpoint = Checkpoint("model.keras", file.read())
    turns = FLAGS.rounds + WARMUP
    plan = shards.ShardPlan(turns * FLAGS.shards_a_turn * FLAGS.shard_size, shard_size=FLAGS.shard_size)
    model, here, there = checkpoint(), f"{folder}/here", f"{folder}/there"
    started = time.perf_counter()
    with workers.cluster("local") as ray:
        shards.agree(open_storage(there), shards.manifest_of(model, plan))
        crew = workers.Crew(ray, workers.ShardWorker, checkpoint, there, plan)
        list(crew.results(lambda actor, _: actor.manifest.remote(), [None]))
        print(f"The cluster and its first actor took {time.perf_counter() - started:.1f} s to start.")
        contestants = {
            "one process": functools.partial(write_here, model, here, plan, Blocks(FLAGS.shards_a_turn)),
            "Ray": functools.partial(write_there, crew, Blocks(FLAGS.shards_a_turn)),
        }
        seconds = alternate(contestants, FLAGS.rounds, warmup=WARMUP)
    images = FLAGS.shards_a_turn * FLAGS.shard_size
    for name, values in seconds.items():
        print(f"{name}: {images / sorted(values)[len(values) // 2]:.0f} images/s")
    print(f"Ray's throughput over one process's: {ratio(seconds['one process'], seconds['Ray'])}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")


def main(_):
    with tempfile.TemporaryDirectory() as folder:
        measure(folder)


if __name__ == "__main__":
    app.run(main)
