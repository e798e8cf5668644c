"""The names of the exported model's contract: signatures, inputs, outputs, files.

Server, client, exporter and tests take every name from here; `export/README.md` describes them.
"""

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


def contract():
    """Signatures, their inputs and outputs with dtypes, as `export/signature.json` states them."""
    seed, label = {SEED: "int64 [N]"}, {LABEL: "int32 [N]"}
    latents, images = {LATENTS: "float32 [N, Z]"}, {IMAGES: "uint8 [N, H, W, C]"}
    pictures = {PNG_BYTES: "string [N]"}
    asked = {SERVING_DEFAULT: seed, GENERATE: seed | label, FROM_LATENT: latents}
    made = {name: {"inputs": inputs, "outputs": images} for name, inputs in asked.items()}
    made |= {
        name + PNG_SUFFIX: {"inputs": inputs, "outputs": pictures} for name, inputs in asked.items()
    }
    made[DISCRIMINATE] = {"inputs": images, "outputs": {SCORE: "float32 [N]"}}
    return {
        "contract_version": CONTRACT_VERSION,
        "conditional_models_add": {FROM_LATENT: label, FROM_LATENT + PNG_SUFFIX: label, DISCRIMINATE: label},
        "signatures": made,
    }
