"""The metrics that `distances` and `neighbours` leave out, in turns with their references.

    python -m benchmarks.metrics.scores [--rounds 5]

Inception Score of 50,000 x 1008 logits, precision and recall of 10,000 x 10,000 x 2,048 features (both against
torch-fidelity), 32 images of 256 pixels resized for the FID network as clean-fid does. Printed: their seconds
over ours, and how far the values are apart.
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfgan_kit.metrics import inception_score, precision_recall
from tfgan_kit.metrics.features.resizing import resize

import numpy as np
from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.baselines.metric_references import cleanfid, torch, torch_fidelity

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 5, "Timed turns of each.", lower_bound=1)
PAUSE = 0.3  # seconds: a library's threads spin for a while before they sleep, and take the other's cores


def score(random):
    logits = 3 * random.standard_normal((50_000, 1008), np.float32)
    theirs = torch.tensor(logits)

    def by_torch_fidelity():
        return torch_fidelity.metric_isc.isc_features_to_metric(theirs, shuffle=False)["inception_score_mean"]

    return (lambda: inception_score(logits, seed=None).value), by_torch_fidelity


def neighbourhoods(random):
    mixing = random.standard_normal((64, 2048), np.float32)
    real, fake = (np.maximum(random.standard_normal((10_000, 64), np.float32) @ mixing, 0) for _ in range(2))
    theirs = torch.tensor(fake), torch.tensor(real)

    def by_torch_fidelity():
        return torch_fidelity.metric_prc.calculate_precision_recall_full(*theirs, neighborhood=3)

    return (lambda: precision_recall(real, fake, 3)), by_torch_fidelity


def resizing(random):
    images = random.integers(0, 256, (32, 256, 256, 3), np.uint8)
    reference = cleanfid.resize.make_resizer("PIL", False, "bicubic", (299, 299))
    return (lambda: resize(images, 299, "clean")), lambda: np.stack([reference(image) for image in images])


def main(argv):
    del argv
    random = np.random.default_rng(0)
    for name, make in (("inception_score", score), ("precision, recall", neighbourhoods), ("clean resizer", resizing)):
        ours, theirs = make(random)
        apart = np.max(np.abs(np.subtract(ours(), theirs())))
        seconds = alternate({"ours": ours, "theirs": theirs}, FLAGS.rounds, 1, lambda _: time.sleep(PAUSE))
        median = {who: f"{np.median(times):.3f} s" for who, times in seconds.items()}
        print(f"{name}: {median}, ratio {ratio(seconds['theirs'], seconds['ours'])}, apart by {apart:.1e}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    app.run(main)
