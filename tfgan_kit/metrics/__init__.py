"""Metrics: features -> statistics -> value, with protocol and floor."""

from tfgan_kit.metrics.domain_classifier import DomainClassifier, domain_classifier
from tfgan_kit.metrics.evaluation import allowed_metrics, evaluate
from tfgan_kit.metrics.frechet import GaussianStatistics, frechet_distance, gaussian_statistics
from tfgan_kit.metrics.kernel import KernelDistance, kernel_distance, maximum_mean_discrepancy
from tfgan_kit.metrics.sliced_wasserstein import (
    ImageSlicedWasserstein,
    SlicedWasserstein,
    image_sliced_wasserstein,
    laplacian_pyramid,
    sliced_wasserstein,
)
from tfgan_kit.metrics.split import Split, split_indices
from tfgan_kit.metrics.table import format_table

__all__ = [
    "DomainClassifier",
    "GaussianStatistics",
    "ImageSlicedWasserstein",
    "KernelDistance",
    "SlicedWasserstein",
    "Split",
    "allowed_metrics",
    "domain_classifier",
    "evaluate",
    "format_table",
    "frechet_distance",
    "gaussian_statistics",
    "image_sliced_wasserstein",
    "kernel_distance",
    "laplacian_pyramid",
    "maximum_mean_discrepancy",
    "sliced_wasserstein",
    "split_indices",
]
