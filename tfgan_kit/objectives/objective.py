"""What an adversarial objective is: a pair of losses of the two players' logits."""

import keras


class Objective:
    """The two losses of a game, stated together so that a mismatched pair cannot be written.

    Subclasses define both methods; each takes logits float32 (N, 1) and returns a float32 scalar,
    to be minimised by its player. An objective whose generator compares its images with real ones
    sets `generator_sees_real`; the others receive `real_logits=None` in `generator_loss`.

    Each loss must be a mean over rows: replicas, and the parts of an accumulated gradient, add up
    their shares of it. A term that couples rows of a batch (a relativistic average) would see a
    part's rows alone; none of ours does.
    """

    generator_sees_real = False

    def discriminator_loss(self, real_logits, fake_logits):
        raise NotImplementedError

    def generator_loss(self, real_logits, fake_logits):
        raise NotImplementedError

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def register(cls):
    """Makes an objective (or penalty) class loadable from a `.keras` file."""
    return keras.saving.register_keras_serializable("tfgan_kit")(cls)
