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
    FROM_W,
    GENERATE,
    GENERATE_EDITED,
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
    STRENGTHS,
    TRUNCATION_PSI,
    W,
)

__all__ = [
    "ANSWERS_FILE", "BATCHING_FILE", "CODES", "COMMON_BATCHING_FILE", "CONTRACT_VERSION", "DISCRIMINATE",
    "EXTRA_ASSETS", "FROM_LATENT", "FROM_W", "GENERATE", "GENERATE_EDITED", "GENERATE_TRUNCATED", "IMAGES", "JUDGED",
    "LABEL", "LABEL_PROBABILITIES", "LATENTS", "LINEAGE_FILE", "PNG_BYTES", "PNG_SUFFIX", "RECOVER_CODES",
    "RECOVER_LABELS", "SCORE", "SEED", "SERVING_DEFAULT", "STRENGTHS", "TRUNCATION_PSI", "W", "WARMUP_FILE", "contract",
    "contract_text", "offered",
]  # fmt: skip

CONTRACT_VERSION = 1  # of what a caller relies on: a new signature leaves it, a changed one does not

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


def offered(num_classes, judged=(), made=(SERVING_DEFAULT, FROM_LATENT)):
    """Names of the signatures that a model has, `serving_default` first.

    Args:
        num_classes: int, or None for an unconditional generator.
        judged: outputs of the discriminator, if it is exported, too: of the values of `JUDGED`.
        made: names of the signatures that the generator can have beside `generate`.
    """
    has = {*made, *([GENERATE] if num_classes else [])}
    kept = [name for name in _MADE if name in has]
    kept += [name + PNG_SUFFIX for name in kept]
    return (*kept, *(name for name, output in JUDGED.items() if output in judged))


# Inputs of the signatures that make images, but for the label of a conditional model
_SEED = {SEED: "int64 [N]"}
_LABEL = {LABEL: "int32 [N]"}
_MADE = {
    SERVING_DEFAULT: _SEED,
    GENERATE: _SEED | _LABEL,
    GENERATE_TRUNCATED: _SEED | {TRUNCATION_PSI: "float32 [N]"},
    GENERATE_EDITED: _SEED | {STRENGTHS: "float32 [N, K]"},
    FROM_LATENT: {LATENTS: "float32 [N, Z]"},
    FROM_W: {W: "float32 [N, num_ws, W]"},
}
_LABELLED = (GENERATE_TRUNCATED, GENERATE_EDITED, FROM_LATENT)  # of a conditional model


def contract():
    """Signatures, their inputs and outputs with dtypes, a dict: the content of `export/signature.json`."""
    images, pictures = {IMAGES: "uint8 [N, H, W, C]"}, {PNG_BYTES: "string [N]"}
    made = {name: {"inputs": inputs, "outputs": images} for name, inputs in _MADE.items()}
    made |= {name + PNG_SUFFIX: {"inputs": inputs, "outputs": pictures} for name, inputs in _MADE.items()}
    shapes = {SCORE: "float32 [N]", LABEL_PROBABILITIES: "float32 [N, num_classes]", CODES: "float32 [N, K]"}
    made |= {name: {"inputs": images, "outputs": {output: shapes[output]}} for name, output in JUDGED.items()}
    return {
        "contract_version": CONTRACT_VERSION,
        "conditional_models_add": dict.fromkeys(
            [*(name + suffix for name in _LABELLED for suffix in ("", PNG_SUFFIX)), DISCRIMINATE], _LABEL
        ),
        "signatures": made,
    }


def contract_text():
    """The content of `export/signature.json`."""
    return json.dumps(contract(), indent=2) + "\n"
