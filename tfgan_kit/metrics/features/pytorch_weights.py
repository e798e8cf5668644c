"""The weights in a file of `torch.save` in a Keras model."""

from tfgan_kit.convert.pytorch_file import read_state_dict

import numpy as np

EPSILON = 1e-3  # of every batch normalization, in the networks that came from TensorFlow


def fill(network, path, arrays_of, title):
    """Sets the weights of every layer of a Keras model that has some.

    Args:
        network: the Keras model.
        path: a file that `torch.save` wrote of a state dict.
        arrays_of: callable (layer name, dict of arrays) -> the list for `layer.set_weights`.
        title: str, the network's name in errors.

    Raises:
        ValueError: a file without one of the weights, or with one of another shape.
    """
    weights = read_state_dict(path)
    for layer in network.layers:
        if layer.weights:
            try:
                layer.set_weights(arrays_of(layer.name, weights))
            except (KeyError, ValueError) as error:
                raise ValueError(
                    f"These are not the weights of {title}. Received: {path}, whose {layer.name} does not fit: {error}"
                ) from error


def folded(weights, convolution, norm, depthwise=False):
    """Kernel and bias of a convolution that does the batch normalization's work, too.

        gamma (K x - mean) / sqrt(variance + epsilon) + beta = (scale K) x + (beta - scale mean)

    Args:
        weights: dict of arrays, of the names and in the layout of PyTorch.
        convolution, norm: str, what their names begin with.
        depthwise: bool, whether each input channel has its own filters.

    Returns:
        [float64 (height, width, in, out), or (height, width, in, 1) when depthwise; float64 (out,)].

    Raises:
        KeyError: a name that is not among the weights.
    """
    kernel = np.asarray(weights[f"{convolution}.weight"], np.float64)  # (out, in, height, width)
    gamma, beta, mean, variance = (
        np.asarray(weights[f"{norm}.{part}"], np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    kernel = kernel.transpose(2, 3, 1, 0) * scale  # (height, width, in, out)
    return [kernel.swapaxes(2, 3) if depthwise else kernel, beta - scale * mean]
