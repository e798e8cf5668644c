"""How the two players move within one training step, one paper a file.

An update is called with the GAN and a batch, moves both players and returns the logs. It serialises
as a Keras object, and draws from (seed, step, move) alone.
"""

from tfgan_kit.training.updates.alternating import Alternating
from tfgan_kit.training.updates.consensus import Consensus
from tfgan_kit.training.updates.extragradient import Extragradient

__all__ = ["Alternating", "Consensus", "Extragradient"]
