"""An exported model's signatures, from its server's metadata, and which of them fits a request.

`tfgan_kit/export/contract.py` takes the names from here, and adds those of files.
"""

import dataclasses

from google.protobuf.message import DecodeError

from tfgan_kit_client import wire

# Signatures
SERVING_DEFAULT = "serving_default"  # seed -> images
GENERATE = "generate"  # seed, label -> images
GENERATE_TRUNCATED = "generate_truncated"  # seed, (label), truncation_psi -> images
GENERATE_EDITED = "generate_edited"  # seed, (label), strengths -> images
FROM_LATENT = "from_latent"  # latents, (label) -> images
FROM_W = "from_w"  # w -> images
DISCRIMINATE = "discriminate"  # images, (label) -> score
RECOVER_LABELS = "recover_labels"  # images -> label_probabilities
RECOVER_CODES = "recover_codes"  # images -> codes
PNG_SUFFIX = "_png"  # a twin of each that answers encoded pictures

# Inputs
SEED = "seed"  # int64 (N,)
LABEL = "label"  # int32 (N,)
LATENTS = "latents"  # float32 (N, Z)
W = "w"  # float32 (N, num_ws, W), a StyleGAN's
TRUNCATION_PSI = "truncation_psi"  # float32 (N,); its range, and what it does, are the model's family's
STRENGTHS = "strengths"  # float32 (N, K), how far along each of K directions an image is moved

# Outputs
IMAGES = "images"  # uint8 (N, H, W, C)
PNG_BYTES = "png_bytes"  # string (N,); the suffix `_bytes` makes TF Serving's REST answer base64
SCORE = "score"  # float32 (N,)
LABEL_PROBABILITIES = "label_probabilities"  # float32 (N, num_classes)
CODES = "codes"  # float32 (N, K): probabilities of each categorical code, then the continuous codes

_OUTPUTS = {IMAGES: "uint8", PNG_BYTES: "string"}
_ORDER = (SEED, LATENTS, W, LABEL, TRUNCATION_PSI, STRENGTHS)
_OPTIONAL = {
    LABEL: "labels: leave them out",
    LATENTS: "latents: leave them out",
    W: "w: it is no StyleGAN",
    TRUNCATION_PSI: "truncation_psi: leave it out",
    STRENGTHS: "strengths: it was exported without directions",
}

_DTYPES = {  # tensorflow/core/framework/types.proto
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip
DTYPE_NUMBERS = {name: number for number, name in _DTYPES.items()}


def dtype_name(number: int) -> str:
    """The name of a dtype of the protocol, such as "uint8"."""
    return _DTYPES.get(number, f"type {number}")


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or output: its name, dtype, and shape, in which None is any size."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature of a model: its inputs and outputs by name."""

    name: str
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Metadata:
    """A model as its server describes it: the version, and its signatures by name."""

    model_name: str
    version: int
    signatures: dict[str, Signature]

    def choose(self, name: str | None, given: frozenset[str], output: str) -> Signature:
        """The signature for a request: the one with exactly the given inputs.

        One that also takes truncation_psi fits, too: 1 means no truncation.

        Args:
            name: the signature that the caller wants; None: any that fits, `serving_default` first.
            given: names of the inputs that the caller gives.
            output: `images` or `png_bytes`; for the latter `name` stands for its `_png` variant.

        Raises:
            ValueError: no signature fits; the message lists those that the model has.
        """
        offered = self.signatures if name is None else self._named(name, output)
        fitting = [one for one in offered.values() if _fits(one, given, output)]
        if not fitting:
            raise ValueError(self._refusal(name, given, output))
        return min(fitting, key=lambda one: (len(one.inputs), not _is_default(one), one.name))

    def _named(self, name, output):
        if output == PNG_BYTES:
            name = name.removesuffix(PNG_SUFFIX) + PNG_SUFFIX
        if name not in self.signatures:
            raise ValueError(f"model {self.model_name!r} has no signature {name!r}. {self._all()}")
        return {name: self.signatures[name]}

    def _refusal(self, name, given, output):
        for one, words in _OPTIONAL.items():
            if one in given and not self._takes(one):
                return f"model {self.model_name!r} takes no {words}. {self._all()}"
        who = "no signature" if name is None else f"signature {name!r}"
        takes = "takes" if name is None else "does not take"
        gives = "gives" if name is None else "give"
        inputs = " and ".join(sorted(given, key=_ORDER.index))
        return (
            f"{who} of model {self.model_name!r} {takes} {inputs} and {gives} {output} "
            f"({_OUTPUTS[output]}). {self._all()}"
        )

    def _takes(self, name) -> bool:
        return any(name in signature.inputs for signature in self.signatures.values())

    def _all(self) -> str:
        offers = [
            f"{one.name}({', '.join(one.inputs)}) -> {', '.join(one.outputs)}" for one in self.signatures.values()
        ]
        return "It offers: " + ("; ".join(offers) or "nothing")


def _fits(signature, given, output):
    answer = signature.outputs.get(output)
    return (
        given <= set(signature.inputs) <= given | {TRUNCATION_PSI}
        and answer is not None
        and answer.dtype == _OUTPUTS[output]
    )


def _is_default(signature):
    return signature.name.removesuffix(PNG_SUFFIX) == SERVING_DEFAULT


def read_metadata(response) -> Metadata:
    """GetModelMetadataResponse -> Metadata; a signature without inputs is TensorFlow's own.

    Raises:
        ValueError: the response holds no signatures, or some that cannot be read.
    """
    if "signature_def" not in response.metadata:
        raise ValueError("metadata without signature_def")
    try:
        found = wire.SignatureDefMap.FromString(response.metadata["signature_def"].value)
    except DecodeError as error:
        raise ValueError("metadata that cannot be read") from error
    signatures = {
        name: Signature(name, _tensors(definition.inputs), _tensors(definition.outputs))
        for name, definition in sorted(found.signature_def.items())
        if definition.inputs
    }
    return Metadata(response.model_spec.name, response.model_spec.version.value, signatures)


def _tensors(infos) -> dict[str, Tensor]:
    return {
        name: Tensor(name, dtype_name(info.dtype), _shape(info.tensor_shape)) for name, info in sorted(infos.items())
    }


def _shape(proto):
    if proto.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in proto.dim)
