"""BigGAN-deep as its trained generators were published: any list of blocks, without spectral normalization."""

from tfgan_kit.networks.biggan import Spectral, to_images
from tfgan_kit.networks.biggan_deep import UpBlock, shared_embedding
from tfgan_kit.networks.network import precision
from tfgan_kit.networks.truncation import NetworkOfTruncatedLatents
from tfgan_kit.ranges import check_sizes

import keras
from keras import layers

BASE = 4
FIRST = 16  # multiples of `width` at 4x4
PUBLISHED = (  # of 128 pixels: (doubles, channels in, channels out)
    (False, 16, 16), (True, 16, 16), (False, 16, 16), (True, 16, 8), (False, 8, 8),
    (True, 8, 4), (False, 4, 4), (True, 4, 2), (False, 2, 2), (True, 2, 1),
)  # fmt: skip


@keras.saving.register_keras_serializable("tfgan_kit")
class BigGANDeepHubGenerator(NetworkOfTruncatedLatents):
    """Latents and labels to images: BigGAN-deep's trained generators, whose kernels are divided by their norms already.

    Use it through `tfgan_kit.convert.load("hf_biggan_deep", ...)`; to train one, use `BigGANDeepGenerator`. It differs
    by its blocks, which are a list, and by the order of latents and embedding, which are of one length. The published
    way to sample with truncation is latents from a normal law cut off at 2, times psi, and the statistics of that psi,
    which are chosen when it is loaded.

    Args:
        blocks: `[(doubles, channels in, channels out), ...]`, the channels in multiples of `width`: from 16 to 1,
            halved or kept.
        attention_position: int, the index of the block that attention precedes; any other number: none.
        latent_dim: int, Z, also the length of the embedding.
        width: int >= 1; every block needs at least 4 channels.
        num_classes: int >= 1.
        epsilon: float > 0, of the batch normalizations.

    Call arguments:
        inputs: `[latents float32 (N, Z), labels int32 (N,)]`.

    Returns:
        images float32 (N, S, S, 3) in [-1, 1], S 4 times 2 for each block that doubles.

    Raises:
        ValueError: blocks that do not follow each other.

    Example:
        >>> blocks = [(True, 16, 8), (True, 8, 4), (False, 4, 2), (False, 2, 1)]
        >>> generator = BigGANDeepHubGenerator(blocks, attention_position=1, latent_dim=8, width=4, num_classes=10)
        >>> generator([keras.random.normal((2, 8)), keras.ops.array([3, 7])]).shape
        TensorShape([2, 16, 16, 3])

    Reference: Brock, Donahue, Simonyan, arXiv:1809.11096, appendix B; the modules biggan-deep of TF-Hub and the PyPI
    package pytorch-pretrained-biggan.
    """

    def __init__(
        self,
        blocks=PUBLISHED,
        attention_position=8,
        latent_dim=128,
        width=128,
        num_classes=1000,
        epsilon=1e-4,
        **kwargs,
    ):
        check_sizes(latent_dim=latent_dim, width=width, num_classes=num_classes)
        blocks = [list(block) for block in blocks]
        _check_blocks(blocks)
        arguments = dict(
            blocks=blocks, attention_position=attention_position, latent_dim=latent_dim, width=width,
            num_classes=num_classes, epsilon=epsilon,
        )  # fmt: skip
        with precision(kwargs.pop("dtype", None)) as policy:
            latents = keras.Input((latent_dim,), name="latents")
            labels = keras.Input((), dtype="int32", name="labels")
            images = _images(latents, labels, arguments)
        super().__init__([latents, labels], images, arguments, policy, **kwargs)


def _check_blocks(blocks):
    before = FIRST
    for _, given, made in blocks:
        if given != before or made not in (given, given // 2):
            raise ValueError(
                f"Blocks start with {FIRST} channels; each takes as many as the one before it makes, and keeps or "
                f"halves them. Received: {given} to {made} after {before}"
            )
        before = made
    if before != 1:
        raise ValueError(f"The last block makes 1 times `width` channels. Received: {before}")


def _images(latents, labels, arguments):
    plain, width = Spectral(None), arguments["width"]
    embedded = shared_embedding(arguments["num_classes"], arguments["latent_dim"])(labels)
    condition = layers.Concatenate(name="condition")([latents, embedded])
    x = plain.dense(BASE * BASE * FIRST * width, "linear")(condition)
    x = layers.Reshape((BASE, BASE, FIRST * width))(x)  # (N, 4, 4, C)
    for index, (doubles, _, multiple) in enumerate(arguments["blocks"]):
        if index == arguments["attention_position"]:
            x = plain.attention("attention")(x)
        x = UpBlock(multiple * width, doubles, plain, arguments["epsilon"], f"block{index}")(x, condition)
    return to_images(x, 3, plain, arguments["epsilon"])
