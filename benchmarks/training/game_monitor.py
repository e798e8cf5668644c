"""What `GameMonitor` logs while a recipe is trained: path angle, overfitting gap, duality gap.

    python -m benchmarks.training.game_monitor --output docs/game_monitor.png

A tenth of the points is held out. A cosine below 0 says that the last steps went down the game's gradients,
near 0 that they went around; the bump is how far the cosine bulges on the line through the weights.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfgan_kit import data, presets
from tfgan_kit.callbacks import GameMonitor

import keras
import numpy as np
from absl import app, flags

FLAGS = flags.FLAGS
flags.DEFINE_string("output", None, "Where the picture goes (.png, .svg).", required=True)
flags.DEFINE_string("preset", "mlp_mixture", "What is trained, of the presets for points.")
flags.DEFINE_string("dataset", "grid25", "Points to train it on.")
flags.DEFINE_integer("looks", 60, "Looks at the game.", lower_bound=2)
flags.DEFINE_integer("steps_per_look", 100, "Training steps from one look to the next.", lower_bound=1)

PLOTS = {
    "path_cosine": "cosine of field and path",
    "path_bump": "bump of the path angle",
    "overfitting_gap": "overfitting gap, logits",
    "duality_gap": "duality gap, objective",
}


def main(argv):
    del argv
    from matplotlib import pyplot

    points = next(iter(data.open_source(FLAGS.dataset).ordered(100_000))).numpy()
    points = np.random.default_rng(0).permutation(points)
    held_out, points = np.split(points, [len(points) // 10])
    keras.utils.set_random_seed(0)
    gan = presets.from_preset(FLAGS.preset, points.shape[1:], steps=FLAGS.looks * FLAGS.steps_per_look)
    monitor = GameMonitor(points[:512], held_out[:512], response_steps=20)
    dataset = data.from_arrays(points, batch_size=presets.get(FLAGS.preset).batch_size)
    history = gan.fit(
        dataset, epochs=FLAGS.looks, steps_per_epoch=FLAGS.steps_per_look, callbacks=[monitor], verbose=2
    ).history
    steps = FLAGS.steps_per_look * (1 + np.arange(FLAGS.looks))
    figure, planes = pyplot.subplots(1, len(PLOTS), figsize=(14, 3), layout="constrained")
    for plane, (name, title) in zip(planes, PLOTS.items(), strict=True):
        plane.plot(steps, history[name], ".-", markersize=3, linewidth=0.8)
        plane.axhline(0, color="k", linewidth=0.5)
        plane.set(title=title, xlabel="steps")
    figure.savefig(FLAGS.output)
    print(f"Wrote {FLAGS.output}")


if __name__ == "__main__":
    app.run(main)
