"""Weight clipping (1701.07875): the first WGAN's way to a Lipschitz critic."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgan_kit")
class WeightClipping(keras.constraints.Constraint):
    """Keeps every entry of a weight in [-limit, limit]: a Keras constraint, for layers' arguments.

    A critic of such weights is K-Lipschitz for a K that the limit and the depth decide. It learns
    slowly, and simple functions only (1704.00028, section 3): `GradientPenalty` has replaced it.

    Args:
        limit: float > 0, the paper's c.

    Raises:
        ValueError: a limit that is not positive.

    Example:
        >>> clip = WeightClipping(0.01)
        >>> layer = keras.layers.Dense(64, kernel_constraint=clip, bias_constraint=clip)

    Reference: Arjovsky, Chintala, Bottou, arXiv:1701.07875, algorithm 1.
    """

    def __init__(self, limit=0.01):
        if limit <= 0:
            raise ValueError(f"`limit` must be positive. Received: limit={limit}")
        self.limit = limit

    def __call__(self, weight):
        return ops.clip(weight, -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}
