"""One worker of two: `python -m tests.distribution.worker CASE OUTPUT`, under TF_CONFIG."""

import json
import signal
import sys

from tfgan_kit.distribution import strategies

import numpy as np

from tests.distribution import games


def main(case, output):
    received = []
    signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    strategy = strategies.get("multi_worker")
    signal.raise_signal(signal.SIGTERM)
    assert received == [signal.SIGTERM]  # TensorFlow has not kept the signal for itself
    assert strategy.num_replicas_in_sync == 2
    gan = games.make(strategy, case, normalization=True)
    history, evaluation = games.play(gan)
    assert strategies.agree(strategy, str(gan.steps_trained))
    assert not strategies.agree(strategy, str(strategies.is_chief(strategy)))
    total = strategies.sum_over_workers(strategy)
    assert total([1, strategies.is_chief(strategy), 2**23]).tolist() == [2, 1, 2**24]
    if strategies.is_chief(strategy):  # alone, which must not wait for the other
        gan.save(output + ".keras")
        gan.generate(2, labels=[0, 1])
    np.savez(
        output + ".npz",
        weights=games.weights_of(gan),
        chief=strategies.is_chief(strategy),
        logs=json.dumps([history, evaluation]),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
