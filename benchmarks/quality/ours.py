"""Our recipes as contestants: the preset, and one change of it at a time.

All but `Conditional` are unconditional, as the guide and the tutorial are: labels are information
that those do not have.
"""

from tfgan_kit import augment, data, image_seeds, presets
from tfgan_kit.dynamics import overfitting_gap
from tfgan_kit.networks import DCGANDiscriminator, DCGANGenerator
from tfgan_kit.penalties import R1, R2
from tfgan_kit.training.schedules import HalfCosine, HalfLife

import keras

from benchmarks.baselines import keras_guide_recipe as guide

PRESET = "dcgan_fashion_mnist"
SHAPE, NUM_CLASSES = (28, 28, 1), 10
MOST_JUDGED = 1000  # images of each kind for the overfitting gap


class Preset:
    """`from_preset` and its own batch size; images are the EMA generator's, as `generate` gives them.

    Args:
        images: uint8 (N, H, W, C).
        labels: int32 (N,), looked at by `Conditional` alone; empty where there are none.
        seed: int, of the weights, the latents and the order of the images.
    """

    preset = PRESET
    overrides: dict = {}  # of the preset
    num_classes = None

    def __init__(self, images, labels, seed):
        keras.utils.set_random_seed(seed)
        self.gan = presets.from_preset(self.preset, images.shape[1:], self.num_classes, seed, **self.overrides)
        labels = None if self.num_classes is None else labels
        source = data.ArraySource("images", images, labels)
        batch_size = self.overrides.get("batch_size", presets.get(self.preset).batch_size)
        self._images, self._batches = images, iter(source.training(batch_size, seed))
        self.gan.make_train_function()

    def step(self):
        return self.gan.train_function(self._batches)

    def sample(self, count, seed):
        """uint8 (count, 28, 28, 1)."""
        return self.gan.generate(seeds=image_seeds(seed, count))

    def overfitting(self, held_out_images):
        """The discriminator's `overfitting_gap`: its mean logit on training images minus that on held-out ones."""
        gap = overfitting_gap(self.gan, self._images[:MOST_JUDGED], held_out_images[:MOST_JUDGED])
        return {"gap": gap.logit, "gap_error": gap.logit_error}


class Conditional(Preset):
    """The preset as `python -m tfgan_kit.train` takes it for labelled data."""

    num_classes = NUM_CLASSES


class GuideNetworks(Preset):
    """The preset's recipe on the guide's networks: what is left of us without our networks."""

    @staticmethod
    def networks(image_shape, num_classes):
        del image_shape, num_classes
        to_signed, to_unit = keras.layers.Rescaling(2.0, -1.0), keras.layers.Rescaling(0.5, 0.5)
        return (
            keras.Sequential([guide.make_generator(), to_signed]),
            keras.Sequential([keras.Input(SHAPE), to_unit, guide.make_discriminator()]),
        )

    overrides = {"networks": networks}


class GuideStep(guide.KerasGuideRecipe):
    """The guide's step, optimizers and input on the preset's networks: what these alone are worth."""

    def networks(self):
        to_signed, to_unit = keras.layers.Rescaling(2.0, -1.0), keras.layers.Rescaling(0.5, 0.5)
        generator, discriminator = presets.get(PRESET).networks(SHAPE, None)
        self.latent_dim = generator.latent_dim
        return (
            keras.Sequential([keras.Input(SHAPE), to_signed, discriminator]),
            keras.Sequential([generator, to_unit]),
        )


class Hinge(Preset):
    overrides = {"objective": "hinge"}


class RelativisticPairing(Preset):
    overrides = {"objective": "relativistic_pairing"}


class NoPenalty(Preset):
    overrides = {"penalties": ()}


class HighRates(Preset):
    """Ahead at 1,000 to 4,000 steps in the search; its end was not known then."""

    overrides = {
        "generator_learning_rate": 8e-4,
        "discriminator_learning_rate": 8e-4,
        "penalties": (R1(gamma=0.1, interval=16),),
    }


class PaperRates(Preset):
    """Adam as in arXiv:1511.06434, section 4: half the preset's learning rate, beta_2 0.999."""

    overrides = {"generator_learning_rate": 2e-4, "discriminator_learning_rate": 2e-4, "beta_2": 0.999}


class Batch32(Preset):
    overrides = {"batch_size": 32}


class Width64(Preset):
    """The tutorial's width."""

    @staticmethod
    def networks(image_shape, num_classes):
        del num_classes
        size, _, channels = image_shape
        return DCGANGenerator(size, channels, 64, width=64), DCGANDiscriminator(size, channels, width=64)

    overrides = {"networks": networks}


class Bfloat16(Preset):
    """The preset under `mixed_bfloat16`."""

    @staticmethod
    def networks(image_shape, num_classes):
        networks = presets.get(PRESET).networks(image_shape, num_classes)
        policies = [{**network.get_config(), "dtype": "mixed_bfloat16"} for network in networks]
        return [type(n).from_config(c) for n, c in zip(networks, policies, strict=True)]

    overrides = {"networks": networks}


class R3GAN(Preset):
    preset = "r3gan_fashion_mnist"


def _r3gan_schedule(start, end):
    return HalfCosine(start, end, num_images=300_000, batch_size=32)


class R3GANRecipe(Preset):
    """R3GAN's recipe (arXiv:2501.05441) on DCGAN's networks, a step of which takes a third of the time."""

    overrides = {
        "objective": "relativistic_pairing",
        "penalties": (R1(_r3gan_schedule(1.0, 0.1)), R2(_r3gan_schedule(1.0, 0.1))),
        "generator_learning_rate": _r3gan_schedule(6e-4, 1e-4),
        "discriminator_learning_rate": _r3gan_schedule(6e-4, 1e-4),
        "beta_1": 0.0,
        "beta_2": _r3gan_schedule(0.9, 0.99),
        "epsilon": 1e-8,
        "ema_decay": HalfLife(_r3gan_schedule(0, 10_000), batch_size=32),
        "batch_size": 32,
    }


class StyleGAN2(Preset):
    preset = "stylegan2_fashion_mnist"


class Digits(Preset):
    """The digits' preset without labels, as it is today."""

    preset = "dcgan_mnist"


class DigitsDiffAugment(Digits):
    overrides = {"augment": augment.DiffAugment(["translation", "cutout"])}  # its colours are of photographs


class DigitsADA(Digits):
    """The rule's length is the run's: p may rise by 1 within 100,000 images, not within 500,000."""

    overrides = {"augment": augment.ADA("bgc", speed=100.0)}


class DigitsAPA(Digits):
    overrides = {"augment": augment.APA(speed=100.0)}


class Emoji(Preset):
    preset = "dcgan_64"


class EmojiDiffAugment(Emoji):
    overrides = {"augment": augment.DiffAugment()}


class EmojiADA(Emoji):
    overrides = {"augment": augment.ADA("bgc", speed=100.0)}
