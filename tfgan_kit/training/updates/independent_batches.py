"""The players in turn, each update on images and latents of its own (arXiv:2501.05441)."""

from tfgan_kit.training.updates.alternating import Alternating

import keras


@keras.saving.register_keras_serializable("tfgan_kit")
class IndependentBatches(Alternating):
    """`Alternating`, in which the generator's updates use fresh images and latents, too.

    A batch of the data set feeds the whole step: of `(discriminator_steps + generator_steps) * B` images each update
    uses B that no other has seen. A relativistic objective's generator then answers to images that the discriminator
    was not just updated on. It costs the forward pass of the generator that `Alternating` shares.

    Args:
        discriminator_steps, generator_steps, gradient_accumulation_steps: as of `Alternating`.

    Raises:
        ValueError: as `Alternating`.

    Example:
        >>> gan.compile("adam", "adam", objective="relativistic_pairing", update=IndependentBatches())

    Reference: Huang et al., arXiv:2501.05441, the authors' training loop.
    """

    @property
    def batches(self):
        return self.discriminator_steps + self.generator_steps

    def step(self, game, batch):
        batch, logs = self._check_size(batch), {}
        for move in range(self.discriminator_steps):
            logs |= self._discriminator_step(game, batch.move(move, self.batches), move)
        for move in range(self.discriminator_steps, self.batches):
            logs |= self._generator_step(game, batch.move(move, self.batches), move, latents_of=move)
        return logs
