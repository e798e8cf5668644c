"""The names of the exported model's contract: signatures, inputs, outputs, files.

Server, client, exporter and tests take every name from here; `export/README.md` describes them, and
`python -m tfgan_kit.export --print_contract > export/signature.json` states them for other programs.
"""

import json

CONTRACT_VERSION = 1

# Signatures
SERVING_DEFAULT = "serving_default"  # seed -> images
GENERATE = "generate"  # seed, label -> images
FROM_LATENT = "from_latent"  # latents, (label) -> images
DISCRIMINATE = "discriminate"  # images, (label) -> score
PNG_SUFFIX = "_png"  # a twin of each that answers encoded pictures

# Inputs
SEED = "seed"  # int64 [N]
LABEL = "label"  # int32 [N]
LATENTS = "latents"  # float32 [N, Z]

# Outputs
IMAGES = "images"  # uint8 [N, H, W, C]
PNG_BYTES = "png_bytes"  # string [N]; the suffix `_bytes` makes TF Serving's REST answer base64
SCORE = "score"  # float32 [N]

# Files of a version, beside saved_model.pb
EXTRA_ASSETS = "assets.extra"
WARMUP_FILE = "tf_serving_warmup_requests"
LINEAGE_FILE = "tfgan_kit.json"
ANSWERS_FILE = "tfgan_kit_answers.json"  # to the warmup file's requests, when it was exported
BATCHING_FILE = "batching_params.pbtxt"  # read with --enable_per_model_batching_parameters

# File beside the versions
COMMON_BATCHING_FILE = "batching.config"  # for --batching_parameters_file


def offered(num_classes, discriminate):
    """Names of the signatures that a model has, `serving_default` first.

    Args:
        num_classes: int, or None for an unconditional generator.
        discriminate: bool, whether a discriminator is exported with it.
    """
    made = [SERVING_DEFAULT, *([GENERATE] if num_classes else []), FROM_LATENT]
    made += [name + PNG_SUFFIX for name in made]
    return (*made, *([DISCRIMINATE] if discriminate else []))


def contract():
    """Signatures, their inputs and outputs with dtypes, as `export/signature.json` states them."""
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
