"""The update rules: how the two players are updated within one training step, one paper per file."""

from tfgan_kit.training.updates.alternating import Alternating
from tfgan_kit.training.updates.consensus import Consensus
from tfgan_kit.training.updates.extragradient import Extragradient
from tfgan_kit.training.updates.independent_batches import IndependentBatches
from tfgan_kit.training.updates.lazy_regularization import LazyRegularization, corrected_for_lazy
from tfgan_kit.training.updates.update import Update

__all__ = [
    "Alternating",
    "Consensus",
    "Extragradient",
    "IndependentBatches",
    "LazyRegularization",
    "Update",
    "corrected_for_lazy",
]
