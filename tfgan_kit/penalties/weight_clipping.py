"""Weight clipping (arXiv:1701.07875), by which the first WGAN kept its critic Lipschitz."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgan_kit")
class WeightClipping(keras.constraints.Constraint):
    """Keeps every entry of a weight in [-limit, limit]: a Keras constraint, given to layers.

    A critic with such weights is K-Lipschitz, with a K that depends on the limit and the depth. It
    learns slowly, and only simple functions (arXiv:1704.00028, section 3): `GradientPenalty` has replaced it.

    Args:
        limit: float > 0, the paper's c.

    Raises:
        ValueError: `limit` is not positive.

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
