"""The names of the exported model's contract: signatures, inputs, outputs, files.

Those of signatures, inputs and outputs are the client's, which needs no TensorFlow; server, exporter and tests take
every name from here; `export/README.md` describes them, and
`python -m tfgan_kit.export --print_contract > export/signature.json` writes them for other programs.
"""

import json

from tfgan_kit_client.contract import (
    CODES,
    DISCRIMINATE,
    FROM_LATENT,
    GENERATE,
    GENERATE_TRUNCATED,
    IMAGES,
    LABEL,
    LABEL_PROBABILITIES,
    LATENTS,
    PNG_BYTES,
    PNG_SUFFIX,
    RECOVER_CODES,
    RECOVER_LABELS,
    SCORE,
    SEED,
    SERVING_DEFAULT,
    TRUNCATION_PSI,
)

__all__ = [
    "ANSWERS_FILE", "BATCHING_FILE", "CODES", "COMMON_BATCHING_FILE", "CONTRACT_VERSION", "DISCRIMINATE",
    "EXTRA_ASSETS", "FROM_LATENT", "GENERATE", "GENERATE_TRUNCATED", "IMAGES", "JUDGED", "LABEL", "LABEL_PROBABILITIES",
    "LATENTS", "LINEAGE_FILE", "PNG_BYTES", "PNG_SUFFIX", "RECOVER_CODES", "RECOVER_LABELS", "SCORE", "SEED",
    "SERVING_DEFAULT", "TRUNCATION_PSI", "WARMUP_FILE", "contract", "contract_text", "offered",
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


# What a discriminator answers, by signature
JUDGED = {DISCRIMINATE: SCORE, RECOVER_LABELS: LABEL_PROBABILITIES, RECOVER_CODES: CODES}


def offered(num_classes, judged=(), truncated=False):
    """Names of the signatures that a model has, `serving_default` first.

    Args:
        num_classes: int, or None for an unconditional generator.
        judged: outputs of the discriminator, if it is exported, too: of the values of `JUDGED`.
        truncated: bool, whether the generator's family defines truncation.
    """
    made = [SERVING_DEFAULT, *([GENERATE] if num_classes else []), *([GENERATE_TRUNCATED] if truncated else [])]
    made += [FROM_LATENT]
    made += [name + PNG_SUFFIX for name in made]
    return (*made, *(name for name, output in JUDGED.items() if output in judged))


def contract():
    """Signatures, their inputs and outputs with dtypes, a dict: the content of `export/signature.json`."""
    seed, label = {SEED: "int64 [N]"}, {LABEL: "int32 [N]"}
    latents, images = {LATENTS: "float32 [N, Z]"}, {IMAGES: "uint8 [N, H, W, C]"}
    pictures = {PNG_BYTES: "string [N]"}
    truncation = {TRUNCATION_PSI: "float32 [N]"}
    asked = {
        SERVING_DEFAULT: seed, GENERATE: seed | label, GENERATE_TRUNCATED: seed | truncation, FROM_LATENT: latents
    }  # fmt: skip
    made = {name: {"inputs": inputs, "outputs": images} for name, inputs in asked.items()}
    made |= {name + PNG_SUFFIX: {"inputs": inputs, "outputs": pictures} for name, inputs in asked.items()}
    shapes = {SCORE: "float32 [N]", LABEL_PROBABILITIES: "float32 [N, num_classes]", CODES: "float32 [N, K]"}
    made |= {name: {"inputs": images, "outputs": {output: shapes[output]}} for name, output in JUDGED.items()}
    return {
        "contract_version": CONTRACT_VERSION,
        "conditional_models_add": {
            name: label
            for name in (
                GENERATE_TRUNCATED,
                GENERATE_TRUNCATED + PNG_SUFFIX,
                FROM_LATENT,
                FROM_LATENT + PNG_SUFFIX,
                DISCRIMINATE,
            )
        },
        "signatures": made,
    }


def contract_text():
    """The content of `export/signature.json`."""
    return json.dumps(contract(), indent=2) + "\n"
