"""StyleGAN2's path length regularization (arXiv:1912.04958): a step in w moves the image equally far everywhere."""

import functools
import math

from tfgan_kit.penalties.penalty import Penalty, register, root
from tfgan_kit.ranges import check_int, check_not_negative

import tensorflow as tf


@register
class PathLength(Penalty):
    """`weight * E (|J_w^T y| - a)^2` for the generator: y an image of noise, a the moving mean of the lengths.

    J_w is the Jacobian of the images in w, so that `|J_w^T y|` is how far an image moves with w, in a random direction
    of images. Where that is the same everywhere, latents of images are found more easily, and images move evenly with
    w. For a generator with a `mapping` from latents to ws (N, num_ws, w_dim) and a `synthesis` of these, such as
    `networks.StyleGAN2Generator`. It costs about a step of its own, hence the interval. The logs also have
    `path_length_mean`, which is a; it is saved with the GAN. With an accumulated gradient every part moves it.

    Args:
        weight: float >= 0.
        decay: float in (0, 1], share of a that a batch's mean replaces before it is used.
        batch_shrink: int >= 1, k; every k-th row of the batch is used, of which every replica must hold k or more.
        interval: int >= 1, see `Penalty`.

    Raises:
        ValueError: an argument out of range; in training, a generator without `mapping` and `synthesis`.

    Example:
        >>> PathLength().get_config()
        {'weight': 2.0, 'decay': 0.01, 'batch_shrink': 2, 'interval': 4}

    Reference: Karras et al., arXiv:1912.04958, eq. 4 and appendix B; defaults and the mean over ws as in the authors'
    code (arXiv:2006.06676). On several replicas a is the mean over all, where theirs has one each, and the penalty is
    computed in every step, since replicas cannot wait in a branch.
    """

    player = "generator"
    name = "path_length"
    log_names = ("path_length_mean",)
    uses_fake_images = False
    waits_for_replicas = True

    def __init__(self, weight=2.0, decay=0.01, batch_shrink=2, interval=4):
        super().__init__(interval)
        check_not_negative(weight=weight)
        if not 0.0 < decay <= 1.0:
            raise ValueError(f"`decay` must be in (0, 1]. Received: decay={decay}")
        check_int("`batch_shrink`", batch_shrink, least=1)
        self.weight = weight
        self.decay = decay
        self.batch_shrink = batch_shrink

    def build(self, state):
        self._mean = state.add_weight(
            name="path_length_mean", initializer="zeros", trainable=False, aggregation="only_first_replica"
        )

    def value(self, step):
        rows = step.every(self.batch_shrink)
        lengths = path_lengths(*_styles(rows), rows.normal)
        mean = self._mean.value + self.decay * (rows.mean(lengths) - self._mean.value)
        due = tf.equal(step.iteration % self.interval, 0)
        self._mean.assign(tf.where(due, tf.stop_gradient(mean), self._mean.value))
        return self.weight * rows.average(tf.square(lengths - mean))

    def logs(self, step):
        return {"path_length_mean": tf.convert_to_tensor(self._mean.value)}

    def get_config(self):
        return {
            "weight": self.weight, "decay": self.decay, "batch_shrink": self.batch_shrink, **super().get_config()
        }  # fmt: skip


def path_lengths(synthesis, ws, normal):
    """`|J_w^T y|` of each row, the root of the mean over the ws of the squared norms: float32 (N,), differentiable.

    Args:
        synthesis: callable, ws -> images (N, H, W, C).
        ws: float32 (N, num_ws, w_dim).
        normal: callable, shape -> float32 (N, *shape) from N(0, 1).
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(ws)
        images = synthesis(ws)
        height, width = images.shape[1:3]
        moved = tf.reduce_sum(images * normal(images.shape[1:])) / math.sqrt(height * width)
    gradients = tape.gradient(moved, ws)  # (N, num_ws, w_dim)
    return root(tf.reduce_mean(tf.reduce_sum(tf.square(gradients), axis=2), axis=1))


def _styles(view):
    """The synthesis of a step's generator, as in training, and the ws of the view's latents."""
    generator, latents = view.generator, view.latents
    network = generator.network
    if not (hasattr(network, "mapping") and hasattr(network, "synthesis")):
        raise ValueError(
            "A path length needs a generator of two parts, `mapping` and `synthesis`, such as "
            f"networks.StyleGAN2Generator. Received: {type(network).__name__}"
        )
    # Not in training mode, in which it would move its mean of w.
    ws = generator.part("mapping")(latents, labels=view.condition, training=False)
    noise = {}
    if hasattr(network, "noise_seeds_of"):
        seeds = network.noise_seeds_of(latents)
        noise = {"noise_mode": "random", "noise_seeds": seeds}
        ws = generator.part("mixed")(ws, labels=view.condition, seeds=seeds)
    return functools.partial(generator.part("synthesis"), **noise), ws
