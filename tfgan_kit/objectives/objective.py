"""What an adversarial objective is: a pair of losses of the two players' logits."""

import keras


class Objective:
    """The two losses of a game, stated together so that a mismatched pair cannot be written.

    Subclasses define both losses; each takes logits float32 (N, 1) and returns a float32 scalar,
    to be minimised by its player. An objective whose generator compares its images with real ones
    sets `generator_sees_real`; the others receive `real_logits=None` in `generator_loss`.

    Each loss must be a mean over rows: replicas, and the parts of an accumulated gradient, add up
    their shares of it. One in which rows meet (a relativistic average) sets `couples_rows`, and is
    refused where a replica or a part would see its own rows alone.
    """

    generator_sees_real = False
    couples_rows = False

    def discriminator_loss(self, real_logits, fake_logits):
        raise NotImplementedError

    def generator_loss(self, real_logits, fake_logits):
        raise NotImplementedError

    def divergence_bound(self, real_logits, fake_logits):
        """What these logits prove the divergence of the class's docstring to be at least, if known.

        P is the law of the data, Q the generator's. The expected value over both is at most the
        divergence, for any discriminator, and equals it for the optimal one: what training logs as
        `divergence_bound`. On the rows that a discriminator was trained on it may be too large;
        `evaluate` computes it on others.

        Args:
            real_logits, fake_logits: float32 (N, 1).

        Returns:
            float32 scalar, in nats where the divergence has logarithms; None (the default): the
            objective bounds no divergence, and nothing is logged.
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
