"""One contestant as a process: `python -m benchmarks.quality.contestant NAME SEED ARRAYS`.

ARRAYS is an .npz of images, uint8 (N, H, W, C), and labels, empty where there are none. Any framework's Python runs it,
hence no absl, and no import of a recipe before it is named. A recipe has `step()`, `sample(count, seed)` and a
constructor that takes the images, the labels and a seed.
"""

import importlib
import os
import sys

import numpy as np

from benchmarks.quality.turns import serve

GUIDE = "benchmarks.baselines.keras_guide_recipe:KerasGuideRecipe"
PYTORCH = "benchmarks.baselines.pytorch_recipe:PyTorchRecipe"
OURS = "benchmarks.quality.ours:"

# Name -> where it is written; the text is the table's.
RECIPES = {
    "guide": (GUIDE, "Keras guide, complete"),
    "pytorch": (PYTORCH, "PyTorch DCGAN tutorial"),
    "preset": (OURS + "Preset", "ours: preset dcgan_fashion_mnist"),
    "conditional": (OURS + "Conditional", "the same with labels"),
    "guide_networks": (OURS + "GuideNetworks", "our step, the guide's networks"),
    "guide_step": (OURS + "GuideStep", "the guide's step, our networks"),
    "hinge": (OURS + "Hinge", "the preset with hinge"),
    "relativistic": (OURS + "RelativisticPairing", "the preset with relativistic_pairing"),
    "no_penalty": (OURS + "NoPenalty", "the preset without R1"),
    "high_rates": (OURS + "HighRates", "the preset with learning rates 8e-4, R1 gamma 0.1"),
    "paper_rates": (OURS + "PaperRates", "the preset with DCGAN's Adam, 2e-4 and 0.999"),
    "batch_32": (OURS + "Batch32", "the preset with batch 32"),
    "width_64": (OURS + "Width64", "the preset with width 64"),
    "bfloat16": (OURS + "Bfloat16", "the preset in mixed_bfloat16"),
    "r3gan": (OURS + "R3GAN", "ours: preset r3gan_fashion_mnist"),
    "r3gan_recipe": (OURS + "R3GANRecipe", "R3GAN's recipe, DCGAN's networks"),
    "stylegan2": (OURS + "StyleGAN2", "ours: preset stylegan2_fashion_mnist"),
    "digits": (OURS + "Digits", "ours: preset dcgan_mnist without labels"),
    "digits_diff_augment": (OURS + "DigitsDiffAugment", "the same with DiffAugment"),
    "digits_ada": (OURS + "DigitsADA", "the same with ADA"),
    "digits_apa": (OURS + "DigitsAPA", "the same with APA"),
    "emoji": (OURS + "Emoji", "ours: preset dcgan_64"),
    "emoji_diff_augment": (OURS + "EmojiDiffAugment", "the same with DiffAugment"),
    "emoji_ada": (OURS + "EmojiADA", "the same with ADA"),
}
MAIN = ("guide", "pytorch", "preset")


def load(name):
    """The recipe class of a name."""
    module, _, attribute = RECIPES[name][0].partition(":")
    return getattr(importlib.import_module(module), attribute)


def main(name, seed, arrays):
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a framework prints is no reply
    with np.load(arrays) as stored:
        images, labels = stored["images"], stored["labels"]
    serve(load(name)(images, labels, int(seed)), sys.stdin, replies)


if __name__ == "__main__":
    main(*sys.argv[1:])
