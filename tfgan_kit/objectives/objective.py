"""The base of all objectives: a pair of losses, functions of the two players' logits."""

import keras


class Objective:
    """The two players' losses, defined together so that a mismatched pair cannot be written.

    Subclasses define both losses; each takes logits float32 (N, 1) and returns a float32 scalar that
    its player minimises. An objective whose generator loss needs the logits of real images sets
    `generator_sees_real`; the others receive `real_logits=None` in `generator_loss`.

    Each loss must be a mean over rows, so that the losses of replicas, or of the parts of an
    accumulated gradient, add up to it. An objective in which a row's loss depends on other rows (a
    relativistic average) sets `couples_rows`, and is refused with several replicas or parts.
    """

    generator_sees_real = False
    couples_rows = False

    def discriminator_loss(self, real_logits, fake_logits):
        raise NotImplementedError

    def generator_loss(self, real_logits, fake_logits):
        raise NotImplementedError

    def divergence_bound(self, real_logits, fake_logits):
        """A lower bound, from these logits, of the divergence that the class's docstring names.

        Its expected value over the data and the generator is at most the divergence for any
        discriminator, and equal to it for the optimal one. Training logs it as `divergence_bound`.
        On the rows that the discriminator was trained on it may be too large; `evaluate` computes it
        on other ones.

        Args:
            real_logits, fake_logits: float32 (N, 1).

        Returns:
            float32 scalar, in nats where the divergence has logarithms; None (the default) if the
            objective bounds no divergence: nothing is logged then.
        """
        return None

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def register(cls):
    """Makes an objective (or penalty) class loadable from a `.keras` file."""
    return keras.saving.register_keras_serializable("tfgan_kit")(cls)
