"""The names of the exported model's contract: signatures, inputs, outputs, files.

Those of signatures, inputs and outputs are the client's, which needs no TensorFlow; server, exporter and tests take
every name from here; `export/README.md` describes them, and
`python -m tfgan_kit.export --print_contract > export/signature.json` writes them for other programs.
"""

import json

from tfgan_kit_client.contract import (
    DISCRIMINATE,
    FROM_LATENT,
    GENERATE,
    IMAGES,
    LABEL,
    LATENTS,
    PNG_BYTES,
    PNG_SUFFIX,
    SCORE,
    SEED,
    SERVING_DEFAULT,
)

__all__ = [
    "ANSWERS_FILE", "BATCHING_FILE", "COMMON_BATCHING_FILE", "CONTRACT_VERSION", "DISCRIMINATE", "EXTRA_ASSETS",
    "FROM_LATENT", "GENERATE", "IMAGES", "LABEL", "LATENTS", "LINEAGE_FILE", "PNG_BYTES", "PNG_SUFFIX", "SCORE", "SEED",
    "SERVING_DEFAULT", "WARMUP_FILE", "contract", "contract_text", "offered",
]  # fmt: skip

CONTRACT_VERSION = 1

# Files of a version, beside saved_model.pb
EXTRA_ASSETS = "assets.extra"
WARMUP_FILE = "tf_serving_warmup_requests"
LINEAGE_FILE = "tfgan_kit.json"
ANSWERS_FILE = "tfgan_kit_answers.json"  # the answers to the warmup requests when it was exported
BATCHING_FILE = "batching_params.pbtxt"  # read with --enable_per_model_batching_parameters

# File beside the versions
COMMON_BATCHING_FILE = "batching.config"  # for --batching_parameters_file


def offered(num_classes, discriminate):
    """Names of the signatures that a model has, `serving_default` first.

    Args:
        num_classes: int, or None for an unconditional generator.
        discriminate: bool, whether the discriminator is exported, too.
    """
    made = [SERVING_DEFAULT, *([GENERATE] if num_classes else []), FROM_LATENT]
    made += [name + PNG_SUFFIX for name in made]
    return (*made, *([DISCRIMINATE] if discriminate else []))


def contract():
    """Signatures, their inputs and outputs with dtypes, a dict: the content of `export/signature.json`."""
    seed, label = {SEED: "int64 [N]"}, {LABEL: "int32 [N]"}
    latents, images = {LATENTS: "float32 [N, Z]"}, {IMAGES: "uint8 [N, H, W, C]"}
    pictures = {PNG_BYTES: "string [N]"}
    asked = {SERVING_DEFAULT: seed, GENERATE: seed | label, FROM_LATENT: latents}
    made = {name: {"inputs": inputs, "outputs": images} for name, inputs in asked.items()}
    made |= {name + PNG_SUFFIX: {"inputs": inputs, "outputs": pictures} for name, inputs in asked.items()}
    made[DISCRIMINATE] = {"inputs": images, "outputs": {SCORE: "float32 [N]"}}
    return {
        "contract_version": CONTRACT_VERSION,
        "conditional_models_add": {FROM_LATENT: label, FROM_LATENT + PNG_SUFFIX: label, DISCRIMINATE: label},
        "signatures": made,
    }


def contract_text():
    """The content of `export/signature.json`."""
    return json.dumps(contract(), indent=2) + "\n"
