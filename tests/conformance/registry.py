"""One entry per public layer, network, objective and penalty; test_conformance.py runs over all.

Arguments differ from the defaults, so that a config that loses one is found.
"""

import typing

import tfgan_kit as gk

import numpy as np

ROWS = 6
CLASSES = 3
_random = np.random.default_rng(0)
LATENTS = _random.normal(size=(ROWS, 5)).astype(np.float32)
IMAGES = _random.uniform(-1, 1, (ROWS, 8, 8, 1)).astype(np.float32)
POINTS = _random.normal(size=(ROWS, 3)).astype(np.float32)
LABELS = (np.arange(ROWS) % CLASSES).astype(np.int32)


class Entry(typing.NamedTuple):
    """How to make the object and, for layers and networks, its inputs."""

    cls: type
    arguments: dict
    inputs: typing.Any = None

    def make(self):
        return self.cls(**self.arguments)


NETWORKS = {
    "dcgan_generator": Entry(
        gk.networks.DCGANGenerator, dict(image_size=8, channels=1, latent_dim=5, width=2), LATENTS
    ),
    "dcgan_generator_conditional": Entry(
        gk.networks.DCGANGenerator,
        dict(image_size=8, channels=1, latent_dim=5, width=2, num_classes=CLASSES),
        [LATENTS, LABELS],
    ),
    "dcgan_discriminator": Entry(gk.networks.DCGANDiscriminator, dict(image_size=8, channels=1, width=2), IMAGES),
    "dcgan_discriminator_conditional": Entry(
        gk.networks.DCGANDiscriminator,
        dict(image_size=8, channels=1, width=2, num_classes=CLASSES, normalization=False),
        [IMAGES, LABELS],
    ),
    "mlp_generator": Entry(gk.networks.MLPGenerator, dict(output_dim=3, latent_dim=5, width=4, depth=2), LATENTS),
    "spatial_generator": Entry(
        gk.networks.SpatialGenerator,
        dict(image_size=8, channels=1, latent_channels=2, width=2, num_stages=1),
        _random.normal(size=(ROWS, 6 * 6 * 2)).astype(np.float32),
    ),
    "patch_discriminator": Entry(gk.networks.PatchDiscriminator, dict(channels=1, width=2, num_stages=2), IMAGES),
    "mlp_discriminator": Entry(gk.networks.MLPDiscriminator, dict(input_dim=3, width=4, depth=2), POINTS),
    "mlp_discriminator_with_frequencies": Entry(
        gk.networks.MLPDiscriminator, dict(input_dim=3, width=4, depth=1, num_frequencies=2, negative_slope=0.1), POINTS
    ),
}

# Networks and layers around others, whose precision is that of the inner one.
WRAPPERS = {
    "packed_discriminator": Entry(
        gk.networks.PackedDiscriminator,
        dict(discriminator=gk.networks.MLPDiscriminator(input_dim=6, width=4, depth=2), packing=2),
        POINTS,
    ),
    "spectral_normalization": Entry(
        gk.layers.SpectralNormalization,
        dict(layer=gk.layers.Conv2D(2, 3, padding="same"), power_iterations=2, inference="stored", epsilon=1e-6),
        IMAGES,
    ),
}

LAYERS = {
    "batch_normalization": Entry(
        gk.layers.BatchNormalization, dict(momentum=0.8, epsilon=1e-3, synchronized=True), IMAGES
    ),
    "conv2d": Entry(gk.layers.Conv2D, dict(filters=2, kernel_size=(4, 4), strides=(2, 2), padding="same"), IMAGES),
    "conv2d_transpose": Entry(
        gk.layers.Conv2DTranspose, dict(filters=2, kernel_size=(4, 4), strides=(2, 2), padding="same"), IMAGES
    ),
    "conditional_batch_normalization": Entry(
        gk.layers.ConditionalBatchNormalization, dict(num_classes=CLASSES, momentum=0.8, epsilon=1e-3), [IMAGES, LABELS]
    ),
    "fourier_features": Entry(
        gk.layers.FourierFeatures, dict(num_frequencies=3, lowest=-2.0, highest=1.0, seed=5), POINTS
    ),
}

# Those without arguments need no entry of their own.
OBJECTIVES = {name: Entry(cls, {}) for name, cls in gk.objectives.OBJECTIVES.items() if isinstance(cls, type)} | {
    "fgan": Entry(gk.objectives.FGAN, dict(divergence="alpha", alpha=0.5)),
    "fgan_non_saturating": Entry(gk.objectives.NonSaturatingFGAN, dict(divergence="squared_hellinger")),
    "per_player": Entry(
        gk.objectives.PerPlayer,
        dict(discriminator=gk.objectives.Hinge(), generator=gk.objectives.FGAN("alpha", alpha=1.5)),
    ),
}

PENALTIES = {
    "r1": Entry(gk.penalties.R1, dict(gamma=2.0, interval=3)),
    "r2": Entry(gk.penalties.R2, dict(gamma=2.0, interval=3)),
    "gradient_penalty": Entry(gk.penalties.GradientPenalty, dict(weight=2.0, interval=3)),
    "one_sided": Entry(gk.penalties.OneSidedGradientPenalty, dict(weight=2.0, interval=3)),
    "zero_centered": Entry(gk.penalties.ZeroCenteredGradientPenalty, dict(weight=2.0, interval=3)),
    "dragan": Entry(gk.penalties.DRAGAN, dict(weight=2.0, deviation=0.1, interval=3)),
    "lecam": Entry(gk.penalties.LeCam, dict(weight=2.0, decay=0.9, start=3)),
    "consistency": Entry(gk.penalties.Consistency, dict(weight=2.0, max_shift=1, flip=False, interval=3)),
    "balanced_consistency": Entry(
        gk.penalties.BalancedConsistency, dict(weight=2.0, fake_weight=3.0, max_shift=1, flip=False, interval=3)
    ),
}

ENTRIES = {**NETWORKS, **WRAPPERS, **LAYERS, **OBJECTIVES, **PENALTIES}
