"""What an exported model offers, as its server tells it, and which signature fits a request.

The names are those of `tfgan_kit/export/signatures.py`; a test holds the two together.
"""

import dataclasses

from tfgan_kit_client import wire

SERVING_DEFAULT = "serving_default"  # seed -> images
GENERATE = "generate"  # seed, label -> images
PNG_SUFFIX = "_png"  # a twin of each that answers encoded pictures
SEED = "seed"  # int64 [N]
LABEL = "label"  # int32 [N]
IMAGES = "images"  # uint8 [N, H, W, C]
PNG_BYTES = "png_bytes"  # string [N]
_OUTPUTS = {IMAGES: "uint8", PNG_BYTES: "string"}

_DTYPES = {  # tensorflow/core/framework/types.proto
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip
DTYPE_NUMBERS = {name: number for number, name in _DTYPES.items()}


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or output: its name, dtype, and shape with None for any size."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class Signature:
    """A way to call a model: its inputs and outputs by name."""

    name: str
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What a server says of a model: the version that answers, and its signatures by name."""

    model_name: str
    version: int
    signatures: dict[str, Signature]

    def choose(self, name: str | None, has_labels: bool, output: str) -> Signature:
        """The signature for a request. Raises ValueError with what the model offers.

        Args:
            name: the one that the caller wants; None chooses by the inputs.
            has_labels: whether the caller gives labels.
            output: `images` or `png_bytes`; for the latter a name means its `_png` twin.
        """
        asked = name
        name = asked or (GENERATE if has_labels else SERVING_DEFAULT)
        if output == PNG_BYTES:
            name = name.removesuffix(PNG_SUFFIX) + PNG_SUFFIX
        signature = self.signatures.get(name)
        if has_labels and asked is None and not self._takes_labels():
            raise ValueError(f"model {self.model_name!r} takes no labels: leave them out")
        if signature is None:
            raise ValueError(f"model {self.model_name!r} has no signature {name!r}. {self._all()}")
        self._check(signature, {SEED, LABEL} if has_labels else {SEED}, output)
        return signature

    def _check(self, signature, sent, output):
        dtype = _OUTPUTS[output]
        given = signature.outputs.get(output)
        if set(signature.inputs) != sent or given is None or given.dtype != dtype:
            raise ValueError(
                f"signature {signature.name!r} of model {self.model_name!r} does not take "
                f"{' and '.join(sorted(sent, reverse=True))} and give {output} ({dtype}). "
                f"{self._all()}"
            )

    def _takes_labels(self) -> bool:
        return any(LABEL in signature.inputs for signature in self.signatures.values())

    def _all(self) -> str:
        offers = [
            f"{one.name}({', '.join(one.inputs)}) -> {', '.join(one.outputs)}"
            for one in self.signatures.values()
        ]
        return "It offers: " + ("; ".join(offers) or "nothing")


def read_metadata(response) -> Metadata:
    """GetModelMetadataResponse -> Metadata; a signature without inputs is TensorFlow's own."""
    found = wire.SignatureDefMap.FromString(response.metadata["signature_def"].value)
    signatures = {
        name: Signature(name, _tensors(definition.inputs), _tensors(definition.outputs))
        for name, definition in sorted(found.signature_def.items())
        if definition.inputs
    }
    return Metadata(response.model_spec.name, response.model_spec.version.value, signatures)


def _tensors(infos) -> dict[str, Tensor]:
    return {
        name: Tensor(name, _DTYPES.get(info.dtype, f"type {info.dtype}"), _shape(info.tensor_shape))
        for name, info in sorted(infos.items())
    }


def _shape(proto):
    if proto.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in proto.dim)
