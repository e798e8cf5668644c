"""Draws how four updates move on the bilinear game and on Dirac-GAN (docs/theory.md's picture).

    python -m benchmarks.training.game_dynamics --output docs/game_dynamics.png

Both are GANs of this package, trained by `train_on_batch`: a generator of one number theta, a linear
discriminator psi x, all data at 0 (1801.04406). With the Wasserstein objective that is the bilinear
game min max psi theta, with the non-saturating one the paper's Dirac-GAN. Takes a minute on two cores.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfgan_kit.penalties import R1
from tfgan_kit.training.updates import Alternating, Consensus, Extragradient

import numpy as np
from absl import app, flags

from benchmarks.training.dirac_gan import dirac_gan, trajectory

FLAGS = flags.FLAGS
flags.DEFINE_string("output", None, "Where the picture goes (.png, .svg).", required=True)
flags.DEFINE_integer("steps", 150, "Steps of each trajectory.", lower_bound=1)
flags.DEFINE_float("rate", 0.2, "Learning rate of both players.", lower_bound=0.0)

RULES = {
    "simultaneous": (Consensus(0.0), ()),
    "alternating": (Alternating(), ()),
    "extragradient": (Extragradient(), ()),
    "consensus, gamma 0.3": (Consensus(0.3), ()),
    "simultaneous, R1 gamma 0.3": (Consensus(0.0), (R1(0.3),)),
}
GAMES = {"bilinear game": "wasserstein", "Dirac-GAN": "non_saturating"}


def main(argv):
    del argv
    from matplotlib import pyplot

    figure, rows = pyplot.subplots(2, 2, figsize=(10, 8), constrained_layout=True)
    for column, (game, objective) in enumerate(GAMES.items()):
        plane, distances = rows[:, column]
        for name, (update, penalties) in RULES.items():
            gan = dirac_gan(update, rate=FLAGS.rate, objective=objective, penalties=penalties)
            points = trajectory(gan, FLAGS.steps)
            plane.plot(points[:, 1], points[:, 0], ".-", markersize=3, linewidth=0.8, label=name)
            distances.semilogy(np.linalg.norm(points, axis=1), label=name)
            print(f"{game}, {name}: distance {np.linalg.norm(points[-1]):.3g} after {FLAGS.steps} steps")
        plane.plot(points[0, 1], points[0, 0], "ko", 0, 0, "k+")
        plane.set(title=game, xlabel="generator, theta", ylabel="discriminator, psi", aspect="equal")
        plane.set(xlim=(-2, 2), ylim=(-2, 2))
        distances.set(xlabel="step", ylabel="distance from balance")
    rows[1, 0].legend(fontsize=8)
    figure.savefig(FLAGS.output, dpi=120)


if __name__ == "__main__":
    app.run(main)
