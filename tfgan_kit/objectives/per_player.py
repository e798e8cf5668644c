"""The discriminator's loss of one objective with the generator's loss of another."""

from tfgan_kit.objectives.objective import Objective, register

import keras


@register
class PerPlayer(Objective):
    """The discriminator's loss of one objective with the generator's loss of another, on purpose.

    Neither paper's theorem then says what the game converges to. `divergence_bound` is that of the
    discriminator's objective, and stays valid: it does not depend on the generator's loss.

    Args:
        discriminator: `Objective` whose `discriminator_loss` is taken.
        generator: `Objective` whose `generator_loss` is taken.

    Raises:
        TypeError: one of them is not an `Objective`.

    Example:
        >>> mixed = PerPlayer(gk.objectives.Minimax(), gk.objectives.LeastSquares())
        >>> gan.compile("adam", "adam", objective=mixed)
    """

    def __init__(self, discriminator, generator):
        for player, objective in (("discriminator", discriminator), ("generator", generator)):
            if not isinstance(objective, Objective):
                raise TypeError(
                    "Each player's objective is an instance of a subclass of "
                    f"tfgan_kit.objectives.Objective. Received: {player}={objective!r}"
                )
        self.discriminator = discriminator
        self.generator = generator
        self.generator_sees_real = generator.generator_sees_real
        self.couples_rows = discriminator.couples_rows or generator.couples_rows

    def discriminator_loss(self, real_logits, fake_logits):
        return self.discriminator.discriminator_loss(real_logits, fake_logits)

    def generator_loss(self, real_logits, fake_logits):
        return self.generator.generator_loss(real_logits, fake_logits)

    def divergence_bound(self, real_logits, fake_logits):
        return self.discriminator.divergence_bound(real_logits, fake_logits)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {"discriminator": serialize(self.discriminator), "generator": serialize(self.generator)}

    @classmethod
    def from_config(cls, config):
        return cls(**{k: keras.saving.deserialize_keras_object(v) for k, v in config.items()})
