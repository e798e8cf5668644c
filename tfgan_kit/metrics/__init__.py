"""Metrics: features -> statistics -> value, with protocol and floor."""

from tfgan_kit.divergences.sliced import SlicedWasserstein, sliced_wasserstein
from tfgan_kit.metrics.catalogue import allowed_metrics
from tfgan_kit.metrics.evaluation import Evaluation, evaluate, evaluate_in_full
from tfgan_kit.metrics.features.domain_classifier import DomainClassifier, domain_classifier
from tfgan_kit.metrics.features.extractor import FeatureExtractor, Features, feature_extractor
from tfgan_kit.metrics.features.extractor import Features as Answers
from tfgan_kit.metrics.features.published import open_extractor
from tfgan_kit.metrics.image_set import ImageSource, Split, images_of, split_indices
from tfgan_kit.metrics.image_set import ImageSource as Generator
from tfgan_kit.metrics.measures.fid_infinity import FrechetInfinity, frechet_infinity
from tfgan_kit.metrics.measures.frechet import GaussianStatistics, frechet_distance, gaussian_statistics
from tfgan_kit.metrics.measures.frechet_error import frechet_standard_error
from tfgan_kit.metrics.measures.inception_score import SplitScores, inception_score
from tfgan_kit.metrics.measures.intra_class_fid import IntraClassFrechet, intra_class_frechet
from tfgan_kit.metrics.measures.kernel_distance import KernelDistance, kernel_distance, maximum_mean_discrepancy
from tfgan_kit.metrics.measures.memorisation import Memorisation, memorisation, nearest_training
from tfgan_kit.metrics.measures.ms_ssim import MSSSIMDiversity, ms_ssim_diversity
from tfgan_kit.metrics.measures.path_length import PerceptualPathLength, perceptual_path_length
from tfgan_kit.metrics.measures.precision_recall import (
    DensityCoverage,
    NeighbourMetrics,
    PrecisionRecall,
    density_coverage,
    neighbour_metrics,
    precision_recall,
)
from tfgan_kit.metrics.measures.sliced_wasserstein import (
    ImageSlicedWasserstein,
    image_sliced_wasserstein,
    laplacian_pyramid,
)
from tfgan_kit.metrics.protocol import compare, differences
from tfgan_kit.metrics.streaming import FrechetDistance, InceptionScore
from tfgan_kit.metrics.table import format_table

__all__ = [
    "Answers",
    "DensityCoverage",
    "DomainClassifier",
    "Evaluation",
    "FeatureExtractor",
    "Features",
    "FrechetDistance",
    "FrechetInfinity",
    "GaussianStatistics",
    "Generator",
    "ImageSlicedWasserstein",
    "ImageSource",
    "InceptionScore",
    "IntraClassFrechet",
    "KernelDistance",
    "MSSSIMDiversity",
    "Memorisation",
    "NeighbourMetrics",
    "PerceptualPathLength",
    "PrecisionRecall",
    "SlicedWasserstein",
    "Split",
    "SplitScores",
    "allowed_metrics",
    "compare",
    "density_coverage",
    "differences",
    "domain_classifier",
    "evaluate",
    "evaluate_in_full",
    "feature_extractor",
    "format_table",
    "frechet_distance",
    "frechet_infinity",
    "frechet_standard_error",
    "gaussian_statistics",
    "image_sliced_wasserstein",
    "images_of",
    "inception_score",
    "intra_class_frechet",
    "kernel_distance",
    "laplacian_pyramid",
    "maximum_mean_discrepancy",
    "memorisation",
    "ms_ssim_diversity",
    "nearest_training",
    "neighbour_metrics",
    "open_extractor",
    "perceptual_path_length",
    "precision_recall",
    "sliced_wasserstein",
    "split_indices",
]
