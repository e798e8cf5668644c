"""One worker of two, or the only one: `python -m tests.distribution.prepared_worker STRATEGY SPELLING OUTPUT`."""

import sys

from tfgan_kit import data
from tfgan_kit.data.records import Records
from tfgan_kit.distribution import strategies

import numpy as np
import tensorflow as tf

from tests.distribution import games


def main(name, spelling, output):
    if name == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    else:
        strategy = strategies.get(name)
    rows, read = [], Records.read

    def counted(self, indices):
        rows.append(len(indices))
        return read(self, indices)

    Records.read = counted
    source = data.open_source(spelling)
    gan = games.make(strategy)
    gan.fit(source.training(games.BATCH, seed=7), epochs=4, verbose=0)
    np.savez(output, weights=games.weights_of(gan), rows=rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
