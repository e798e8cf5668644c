"""Truncation of latents by drawing again (arXiv:1809.11096, section 3.1): fidelity for variety."""

from tfgan_kit.networks.network import Network

import tensorflow as tf

ROOT_OF_2 = 2.0**0.5


def resampled(latents, uniforms, truncation_psi):
    """Latents from N(0, 1) of which those beyond a threshold are drawn again, until they are within.

    What is drawn again has the law of N(0, 1) within [-psi, psi], which its inverse distribution function makes of a
    uniform number u in one go: `sqrt(2) erfinv((2 u - 1) erf(psi / sqrt(2)))`.

    Args:
        latents: float32 (N, Z) from N(0, 1).
        uniforms: float32 (N, Z) in [0, 1), independent of them.
        truncation_psi: float32 (N,), positive thresholds.

    Returns:
        float32 (N, Z) in [-psi, psi].

    Example:
        >>> resampled(tf.constant([[0.3, -2.0]]), tf.constant([[0.9, 0.5]]), tf.constant([0.5])).numpy().tolist()
        [[0.30000001192092896, 0.0]]

    Reference: Brock, Donahue, Simonyan, arXiv:1809.11096, section 3.1.
    """
    psi = truncation_psi[:, None]  # (N, 1)
    again = ROOT_OF_2 * tf.math.erfinv((2.0 * uniforms - 1.0) * tf.math.erf(psi / ROOT_OF_2))
    again = tf.clip_by_value(again, -psi, psi)  # at u = 0 rounding may leave them, or reach infinity
    return tf.where(tf.abs(latents) <= psi, latents, again)


class NetworkOfTruncatedLatents(Network):
    """A generator whose truncation draws latents beyond the threshold `truncation_psi` again."""

    def truncated_latents(self, latents, uniforms, truncation_psi):
        """The latents to generate from with truncation: see `resampled`."""
        return resampled(latents, uniforms, truncation_psi)
