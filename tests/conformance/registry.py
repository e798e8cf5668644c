"""One entry per public layer, network, objective, penalty and augmentation; test_conformance.py runs over all.

Arguments differ from the defaults, so that a config that loses one is found.
"""

import typing

import tfgan_kit as gk

import keras
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
    "biggan_generator": Entry(
        gk.networks.BigGANGenerator,
        dict(
            image_shape=[8, 8, 1],
            latent_dim=4,
            width=[8, 8],
            num_classes=CLASSES,
            shared_dim=3,
            attention=[8],
            epsilons=[1e-3, 1e-6],
        ),
        [LATENTS[:, :4], LABELS],
    ),
    "flat_biggan_generator": Entry(
        gk.networks.FlatBigGANGenerator,
        dict(
            image_shape=[8, 8, 1],
            latent_dim=5,
            width=1,
            num_classes=CLASSES,
            shared_dim=None,
            attention=[],
            epsilons=[1e-3, 1e-6],
        ),
        [LATENTS, LABELS],
    ),
    "biggan_discriminator": Entry(
        gk.networks.BigGANDiscriminator,
        dict(image_shape=[8, 8, 1], width=2, num_classes=CLASSES, attention=[4], wide=False, spectral_epsilon=1e-6),
        [IMAGES, LABELS],
    ),
    "biggan_deep_generator": Entry(
        gk.networks.BigGANDeepGenerator,
        dict(
            image_shape=[8, 8, 1],
            latent_dim=5,
            width=[[16, 8], [8]],
            num_classes=CLASSES,
            shared_dim=3,
            attention=[8],
            epsilons=[1e-3, None],
        ),
        [LATENTS, LABELS],
    ),
    "biggan_deep_discriminator": Entry(
        gk.networks.BigGANDeepDiscriminator,
        dict(image_shape=[8, 8, 1], width=8, num_classes=CLASSES, attention=[], depth=1, spectral_epsilon=1e-6),
        [IMAGES, LABELS],
    ),
    "biggan_deep_hub_generator": Entry(
        gk.networks.BigGANDeepHubGenerator,
        dict(
            blocks=[[True, 16, 8], [False, 8, 4], [False, 4, 2], [False, 2, 1]],
            attention_position=1,
            latent_dim=5,
            width=2,
            num_classes=CLASSES,
            epsilon=1e-3,
        ),
        [LATENTS, LABELS],
    ),
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
    "unet_generator": Entry(
        gk.networks.UNetGenerator,
        dict(image_size=32, channels=2, input_channels=1, width=2, num_downs=5, dropout=False),
        _random.uniform(-1, 1, (ROWS, 32, 32, 1)).astype(np.float32),
    ),
    "resnet_generator": Entry(
        gk.networks.ResNetGenerator, dict(channels=1, input_channels=1, width=2, num_blocks=1), IMAGES
    ),
    "patchgan_discriminator": Entry(
        gk.networks.PatchGANDiscriminator, dict(channels=1, width=2, num_layers=1, normalization="instance"), IMAGES
    ),
    "mlp_generator": Entry(gk.networks.MLPGenerator, dict(output_dim=3, latent_dim=5, width=4, depth=2), LATENTS),
    "sngan_generator": Entry(
        gk.networks.SNGANGenerator,
        dict(image_size=[8, 8], channels=1, latent_dim=5, widths=[4, 3], num_classes=CLASSES, variant="mimicry"),
        [LATENTS, LABELS],
    ),
    "sngan_discriminator": Entry(
        gk.networks.SNGANDiscriminator,
        dict(
            image_size=8,
            channels=1,
            widths=[3, 4, 4],
            num_downsamplings=2,
            num_classes=CLASSES,
            variant="mimicry_cgan_pd_32",
        ),
        [IMAGES, LABELS],
    ),
    "sagan_generator": Entry(
        gk.networks.SAGANGenerator,
        dict(
            image_size=8, channels=1, latent_dim=5, widths=[4, 8], num_classes=CLASSES, attention=8, variant="mimicry"
        ),
        [LATENTS, LABELS],
    ),
    "sagan_discriminator": Entry(
        gk.networks.SAGANDiscriminator,
        dict(
            image_size=8,
            channels=1,
            widths=[8, 4],
            num_downsamplings=1,
            num_classes=CLASSES,
            attention=4,
            variant="mimicry",
        ),
        [IMAGES, LABELS],
    ),
    "r3gan_generator": Entry(
        gk.networks.R3GANGenerator,
        dict(image_size=[8, 12], channels=1, latent_dim=5, stages=[[4, 2, 1, 3, 3], [2, 1, 1, 2, 1]]),
        LATENTS,
    ),
    "r3gan_generator_conditional": Entry(
        gk.networks.R3GANGenerator,
        dict(
            image_size=8,
            channels=1,
            latent_dim=5,
            stages=[[4, 2, 1, 3, 3], [2, 1, 2, 2, 1]],
            num_classes=CLASSES,
            embedding_dim=2,
            resampling_filter=[1, 2, 1],
        ),
        [LATENTS, LABELS],
    ),
    "r3gan_discriminator": Entry(
        gk.networks.R3GANDiscriminator,
        dict(image_size=8, channels=1, stages=[[2, 1, 1, 2, 1], [4, 2, 1, 3, 3]], resampling_filter=[1, 2, 1]),
        IMAGES,
    ),
    "r3gan_discriminator_conditional": Entry(
        gk.networks.R3GANDiscriminator,
        dict(image_size=8, channels=1, stages=[[2, 1, 1, 2, 1], [4, 2, 1, 3, 3]], num_classes=CLASSES, embedding_dim=2),
        [IMAGES, LABELS],
    ),
    "spatial_generator": Entry(
        gk.networks.SpatialGenerator,
        dict(image_size=8, channels=1, latent_channels=2, width=2, num_stages=1),
        _random.normal(size=(ROWS, 6 * 6 * 2)).astype(np.float32),
    ),
    "stylegan2_generator": Entry(
        gk.networks.StyleGAN2Generator,
        dict(
            image_size=[8, 12],
            channels=2,
            latent_dim=5,
            w_dim=4,
            num_classes=CLASSES,
            mapping_layers=2,
            channel_base=64,
            channel_max=6,
            architecture="resnet",
            conv_clamp=250.0,
            style_mixing=0.5,
            noise_mode="random",
            w_avg_decay=0.9,
            resampling_filter=[1, 2, 1],
        ),
        [LATENTS, LABELS],
    ),
    "stylegan2_generator_skip": Entry(
        gk.networks.StyleGAN2Generator,
        dict(image_size=8, latent_dim=5, w_dim=4, mapping_layers=1, channel_base=32, channel_max=6),
        LATENTS,
    ),
    "stylegan2_discriminator": Entry(
        gk.networks.StyleGAN2Discriminator,
        dict(
            image_size=8,
            channels=1,
            num_classes=CLASSES,
            channel_base=64,
            channel_max=6,
            architecture="skip",
            mbstd_group=3,
            mbstd_channels=2,
            conv_clamp=250.0,
            mapping_layers=2,
            cmap_dim=5,
            frozen_layers=1,
            resampling_filter=[1, 2, 3, 1],
        ),
        [IMAGES, LABELS],
    ),
    "stylegan2_discriminator_resnet": Entry(
        gk.networks.StyleGAN2Discriminator,
        dict(image_size=8, channels=1, channel_base=32, channel_max=6, mbstd_channels=0),
        IMAGES,
    ),
    "stylegan3_generator": Entry(
        gk.networks.StyleGAN3Generator,
        dict(
            image_size=8,
            channels=2,
            latent_dim=5,
            w_dim=4,
            num_classes=CLASSES,
            mapping_layers=1,
            configuration="R",
            channel_base=24,
            channel_max=5,
            conv_kernel=3,
            use_radial_filters=True,
            num_layers=3,
            num_critical=1,
            first_cutoff=1.5,
            first_stopband=3.0,
            last_stopband_rel=1.5,
            margin_size=3,
            output_scale=0.5,
            filter_size=4,
            lrelu_upsampling=4,
            conv_clamp=250.0,
            w_avg_decay=0.9,
        ),
        [LATENTS, LABELS],
    ),
    "patch_discriminator": Entry(gk.networks.PatchDiscriminator, dict(channels=1, width=2, num_stages=2), IMAGES),
    "mlp_discriminator": Entry(gk.networks.MLPDiscriminator, dict(input_dim=3, width=4, depth=2), POINTS),
    "mlp_discriminator_with_frequencies": Entry(
        gk.networks.MLPDiscriminator, dict(input_dim=3, width=4, depth=1, num_frequencies=2, negative_slope=0.1), POINTS
    ),
}

# Networks and layers around others, whose precision is that of the inner one.
WRAPPERS = {
    "acgan_discriminator": Entry(
        gk.networks.ACGANDiscriminator,
        dict(discriminator=gk.networks.MLPDiscriminator(input_dim=3, width=4, depth=2), num_classes=CLASSES),
        POINTS,
    ),
    "infogan_generator": Entry(
        gk.networks.InfoGANGenerator,
        dict(generator=gk.networks.MLPGenerator(latent_dim=5, width=4, depth=2), categorical=[3], continuous=1),
        LATENTS,
    ),
    "infogan_discriminator": Entry(
        gk.networks.InfoGANDiscriminator,
        dict(
            discriminator=gk.networks.MLPDiscriminator(input_dim=3, width=4, depth=2),
            categorical=[3],
            continuous=1,
            width=4,
        ),
        POINTS,
    ),
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
    "instance_normalization": Entry(gk.layers.InstanceNormalization, dict(epsilon=1e-3, affine=True), IMAGES),
    "fir_up": Entry(gk.layers.FIRUpSampling2D, dict(filter=[1, 2, 1], gain=2.0), IMAGES),
    "fir_down": Entry(gk.layers.FIRDownSampling2D, dict(filter=[1, 2, 1], gain=2.0), IMAGES),
    "equalized_dense": Entry(
        gk.layers.EqualizedDense, dict(units=3, activation="leaky_relu", multiplier=0.1, bias=0.5), LATENTS
    ),
    "equalized_conv2d": Entry(
        gk.layers.EqualizedConv2D,
        dict(
            filters=2, kernel_size=1, resampling="up", resampling_filter=[1, 2, 1], activation=None, gain=0.5, clamp=9.0
        ),
        IMAGES,
    ),
    "style_conv2d": Entry(
        gk.layers.StyleConv2D,
        dict(filters=2, kernel_size=3, up=True, resampling_filter=[1, 2, 1], noise_shape=[16, 16], gain=0.5, clamp=9.0),
        [IMAGES, LATENTS],
    ),
    "style_to_images": Entry(gk.layers.StyleToImages, dict(channels=2, clamp=9.0), [IMAGES, LATENTS]),
    "alias_free_conv2d": Entry(
        gk.layers.AliasFreeConv2D,
        dict(
            filters=2,
            before=[8, 4, 1.5, 1.0],
            after=[8, 8, 2.5, 2.0],
            kernel_size=1,
            filter_size=4,
            upsampling=1,
            radial=True,
            clamp=9.0,
        ),
        [IMAGES, LATENTS],
    ),
    "fourier_input": Entry(gk.layers.FourierInput, dict(channels=3, size=5, rate=4, bandwidth=1.5), LATENTS),
    "r3gan_basis": Entry(gk.layers.R3GANBasis, dict(height=2, width=3, channels=4), LATENTS),
    "r3gan_block": Entry(
        gk.layers.R3GANBlock, dict(cardinality=3, expansion=3, kernel_size=1, num_blocks=5), np.repeat(IMAGES, 2, -1)
    ),
    "minibatch_deviation": Entry(gk.layers.MinibatchDeviation, dict(group=3, channels=2), np.repeat(IMAGES, 2, -1)),
    "offset_conditional_batch_normalization": Entry(
        gk.layers.OffsetConditionalBatchNormalization,
        dict(num_classes=CLASSES, momentum=0.8, epsilon=1e-3),
        [IMAGES, LABELS],
    ),
    "vector_conditional_batch_normalization": Entry(
        gk.layers.VectorConditionalBatchNormalization,
        dict(spectral=False, spectral_epsilon=1e-6, momentum=0.8, epsilon=1e-3),
        [IMAGES, LATENTS],
    ),
    "self_attention": Entry(
        gk.layers.SelfAttention,
        dict(
            spectral=False,
            epsilon=1e-6,
            kernel_initializer=keras.initializers.GlorotUniform(),
            gamma_initializer=keras.initializers.Ones(),
        ),
        _random.normal(size=(ROWS, 4, 4, 8)).astype(np.float32),
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
    "reconstruction": Entry(gk.penalties.Reconstruction, dict(weight=2.0)),
    "r1_scheduled": Entry(gk.penalties.R1, dict(gamma=gk.schedules.HalfCosine(2.0, 1.0, 100, 2), interval=3)),
    "gradient_penalty": Entry(gk.penalties.GradientPenalty, dict(weight=2.0, interval=3)),
    "one_sided": Entry(gk.penalties.OneSidedGradientPenalty, dict(weight=2.0, interval=3)),
    "zero_centered": Entry(gk.penalties.ZeroCenteredGradientPenalty, dict(weight=2.0, interval=3)),
    "dragan": Entry(gk.penalties.DRAGAN, dict(weight=2.0, deviation=0.1, interval=3)),
    "lecam": Entry(gk.penalties.LeCam, dict(weight=2.0, decay=0.9, start=3)),
    "one_sided_lecam": Entry(gk.penalties.OneSidedLeCam, dict(weight=2.0, decay=0.9, start=3)),
    "consistency": Entry(gk.penalties.Consistency, dict(weight=2.0, max_shift=1, flip=False, interval=3)),
    "balanced_consistency": Entry(
        gk.penalties.BalancedConsistency, dict(weight=2.0, fake_weight=3.0, max_shift=1, flip=False, interval=3)
    ),
}

# Of discriminators with more than one output: tests/training/test_heads.py trains them.
PENALTIES_OF_HEADS = {
    "auxiliary_classifier": Entry(
        gk.penalties.AuxiliaryClassifier, dict(player="generator", weight=0.1, fake_weight=0.5)
    ),
    "mutual_information": Entry(
        gk.penalties.MutualInformation, dict(player="generator", weight=2.0, continuous_weight=0.5)
    ),
}

# Of generators with a mapping and a synthesis: tests/penalties/test_path_length.py.
PENALTIES_OF_STYLES = {
    "path_length": Entry(gk.penalties.PathLength, dict(weight=1.0, decay=0.1, batch_shrink=3, interval=3))
}

PENALTIES_OF_WEIGHTS = {
    "orthogonal": Entry(gk.penalties.OrthogonalRegularization, dict(weight=0.1, exclude=["first"], interval=3))
}

AUGMENTATIONS = {
    "ada": Entry(gk.augment.ADA, dict(transformations="r3gan", p=0.3, target=0.5, interval=3, speed=2.0)),
    "apa": Entry(gk.augment.APA, dict(p=0.3, target=0.5, interval=3, speed=2.0)),
    "diff_augment": Entry(gk.augment.DiffAugment, dict(policy=["translation", "cutout"])),
}

ENTRIES = {
    **NETWORKS,
    **WRAPPERS,
    **LAYERS,
    **OBJECTIVES,
    **PENALTIES,
    **PENALTIES_OF_HEADS,
    **PENALTIES_OF_STYLES,
    **PENALTIES_OF_WEIGHTS,
    **AUGMENTATIONS,
}
