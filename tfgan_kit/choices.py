"""The names that flags offer, which a command knows before TensorFlow is imported.

What they name lies in the registries beside each; tests/commands/test_choices.py holds them equal.
"""

PRESETS = (  # presets.PRESETS
    "dcgan_mnist", "dcgan_fashion_mnist", "dcgan_64", "mlp_mixture", "r3gan_fashion_mnist", "r3gan_stacked_mnist",
    "r3gan_cifar10", "sngan_fashion_mnist", "sngan_cifar10", "biggan_cifar10", "biggan_fashion_mnist",
    "stylegan2_auto_128", "stylegan2_auto_256", "stylegan2_auto_512", "stylegan2_auto_1024", "stylegan2_config_f",
    "stylegan2_paper256", "stylegan2_paper512", "stylegan2_paper1024", "stylegan2_cifar10", "stylegan2_fashion_mnist",
)  # fmt: skip
OBJECTIVES = (  # objectives.OBJECTIVES
    "non_saturating", "minimax", "least_squares", "hinge", "wasserstein", "relativistic_pairing",
    "relativistic_average", "fgan_total_variation", "fgan_kl", "fgan_reverse_kl", "fgan_pearson", "fgan_neyman",
    "fgan_squared_hellinger", "fgan_jensen_shannon", "fgan_gan",
)  # fmt: skip
AUGMENTATIONS = ("ada", "apa", "diff_augment")  # augment.AUGMENTATIONS
SPELLINGS = (  # data.open.ORIGINS: a kind, or a kind and its argument
    "tfds:NAME[/CONFIG][:SPLIT]", "folder:PATH", "prepared:DIR", "npz:PATH", "idx:PATH", "stacked:PATH", "mnist5k",
    "ring8", "grid25", "skewed25",
)  # fmt: skip
METRICS = (  # metrics.catalogue.MEASURES
    "fd", "kid", "extrapolated_fd", "intra_class_fd", "inception_score", "label_agreement", "precision", "recall",
    "density", "coverage", "memorisation", "swd", "ms_ssim", "modes", "high_quality", "mode_reverse_kl", "mode_spread",
)  # fmt: skip
METRIC_GROUPS = {  # metrics.catalogue.GROUPS
    "precision_recall": ("precision", "recall"),
    "density_coverage": ("density", "coverage"),
    "mode_coverage": ("modes", "high_quality", "mode_reverse_kl", "mode_spread"),
}
EXTRACTORS = ("domain", "inception", "lite0")  # metrics.features.extractor.KNOWN
RESIZERS = ("tf1_bilinear", "clean")  # metrics.features.resizing.RESIZERS
ENCODINGS = ("png", "webp", "jpeg")  # data.origins.prepared.ENCODINGS
DIVERGENCES = ("gaussian_w2", "gaussian_kl", "nearest_neighbour_kl", "sliced_wasserstein")  # commands.divergence
STRATEGIES = ("none", "mirrored", "multi_worker", "tpu")  # distribution.STRATEGIES
PRECISIONS = ("float32", "bfloat16")  # export.profile.PRECISIONS
NOISE_MODES = ("const", "none", "random")  # layers.style_convolution.NOISE_MODES
