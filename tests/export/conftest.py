import tfgan_kit as gk

import keras
import pytest


@pytest.fixture(scope="session")
def conditional_gan():
    keras.utils.set_random_seed(0)
    return gk.GAN(
        gk.networks.DCGANGenerator(14, 1, latent_dim=4, width=4, num_classes=3),
        gk.networks.DCGANDiscriminator(14, 1, width=2, num_classes=3),
    )


@pytest.fixture(scope="session")
def plain_generator():
    """A generator that knows nothing of this package: latents to colour images by a sigmoid."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(48, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0)),
            keras.layers.Reshape((4, 4, 3)),
            keras.layers.Activation("sigmoid"),
        ],
        name="plain",
    )


@pytest.fixture(scope="session")
def published(conditional_gan, tmp_path_factory):
    """The first version of a model folder, with the discriminator."""
    base = tmp_path_factory.mktemp("models") / "digits"
    return gk.export_generator(conditional_gan, base, discriminate=True, lineage={"step": 7})
