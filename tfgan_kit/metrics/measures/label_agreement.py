"""Whether a conditional generator makes what its labels ask for."""

from tfgan_kit.metrics.measurement import Measurement

import numpy as np


def label_agreement(comparison, seed):
    """The share of images to which the domain classifier gives the label that was asked for."""
    del seed  # nothing is drawn
    other = comparison.other
    return Measurement(float(np.mean(other.classes == other.labels)))
