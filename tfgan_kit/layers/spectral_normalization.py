"""Spectral normalization (arXiv:1802.05957): a layer whose kernel is divided by its largest singular value."""

from tfgan_kit.ranges import check_sizes

import keras
from keras import ops

INFERENCE = ("iterate", "stored")


@keras.saving.register_keras_serializable("tfgan_kit")
class SpectralNormalization(keras.layers.Wrapper):
    """Calls a layer with `W / sigma(W)` in the place of its kernel W, which makes it 1-Lipschitz (as a matrix).

    Unlike `keras.layers.SpectralNormalization` it never assigns the kernel, and its gradient goes through sigma, as in
    the paper. sigma is estimated by power iteration: with W as a matrix (outputs, rest),

        v = normalize(u W),  u' = normalize(v W^T),  sigma = u' W v^T,

    where u and v have no gradient. A pass in training stores u' as u: each pass of a discriminator moves u once, so
    one pass over real and generated images together is one iteration, two passes are two, and the pass of the
    generator's update is another. Passes of penalties move nothing.

    Args:
        layer: `Dense`, `Conv2D`, `Conv2DTranspose` or `Embedding`, or a subclass. The matrix's outputs are the layer's
            (an embedding's are its rows, the classes).
        power_iterations: int >= 1, iterations a pass.
        inference: "iterate": the same estimate without storing u', as the authors' code and BigGAN's; or "stored":
            sigma = u W v^T with the u and the v of the last pass in training, as `torch.nn.utils.spectral_norm`.
        epsilon: float > 0; a vector is divided by max(its norm, epsilon).

    Call arguments:
        inputs: the layer's.
        training: bool, whether u is moved.

    Raises:
        TypeError: a layer of another kind.
        ValueError: `power_iterations` below 1, another `inference`, an `epsilon` that is not positive.

    Example:
        >>> layer = SpectralNormalization(keras.layers.Dense(8))
        >>> layer(keras.random.normal((4, 16))).shape
        TensorShape([4, 8])

    Reference: Miyato et al., arXiv:1802.05957, eq. 7 and algorithm 1.
    """

    rows_are_independent = True

    def __init__(self, layer, power_iterations=1, inference="iterate", epsilon=1e-12, **kwargs):
        check_sizes(power_iterations=power_iterations)
        if inference not in INFERENCE:
            raise ValueError(f"`inference` must be one of {', '.join(INFERENCE)}. Received: inference={inference!r}")
        if not epsilon > 0.0:
            raise ValueError(f"`epsilon` must be positive. Received: epsilon={epsilon}")
        self._apply = _how_to_apply(layer)
        kwargs.setdefault("name", layer.name)
        kwargs.setdefault("dtype", layer.dtype_policy)
        # Keras would cast the kernel to half precision before its norm is taken.
        super().__init__(layer, autocast=False, **kwargs)
        self.power_iterations = power_iterations
        self.inference = inference
        self.epsilon = epsilon

    def build(self, input_shape=None):
        super().build(input_shape)
        shape = _matrix(self._kernel(), self.layer).shape
        self.u = self.add_weight(
            name="u",
            shape=(1, shape[0]),
            initializer="orthogonal",  # of one row: a random unit vector
            trainable=False,
            dtype="float32",
            aggregation="only_first_replica",
        )
        if self.inference == "stored":
            self.v = self.add_weight(
                name="v",
                shape=(1, shape[1]),
                # Of the first u: before training, a random one would give any sigma, 0 included.
                initializer=lambda *_, **__: self._normalized(
                    ops.matmul(self.u, _matrix(ops.convert_to_tensor(self._kernel()), self.layer))
                ),
                trainable=False,
                dtype="float32",
                aggregation="only_first_replica",
            )

    def call(self, inputs, training=False):
        kernel = ops.convert_to_tensor(self._kernel())
        divided = ops.cast(kernel / self._sigma(kernel, bool(training)), self.compute_dtype)
        return self._apply(self.layer, self._cast(inputs), divided)

    def sigma(self):
        """The estimate at inference of the kernel's largest singular value: float32 scalar."""
        return self._sigma(ops.convert_to_tensor(self._kernel()), False)

    def _sigma(self, kernel, training):
        matrix = _matrix(kernel, self.layer)  # (outputs, rest)
        fixed, u = ops.stop_gradient(matrix), ops.convert_to_tensor(self.u)
        if self.inference == "stored" and not training:
            return ops.sum(ops.matmul(u, matrix) * self.v)
        for _ in range(self.power_iterations):
            v = self._normalized(ops.matmul(u, fixed))
            u = self._normalized(ops.matmul(v, ops.transpose(fixed)))
        if training and self.trainable:
            self.u.assign(u)
            if self.inference == "stored":
                self.v.assign(v)
        return ops.sum(ops.matmul(u, matrix) * v)

    def _normalized(self, row):
        return row / ops.maximum(ops.sqrt(ops.sum(ops.square(row))), self.epsilon)

    def _kernel(self):
        return self.layer.embeddings if isinstance(self.layer, keras.layers.Embedding) else self.layer.kernel

    def _cast(self, inputs):
        return ops.cast(inputs, self.compute_dtype) if keras.backend.is_float_dtype(inputs.dtype) else inputs

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "power_iterations": self.power_iterations,
            "inference": self.inference,
            "epsilon": self.epsilon,
        }


def _matrix(kernel, layer):
    """The kernel as a matrix (outputs, rest)."""
    if isinstance(layer, keras.layers.Embedding):
        return kernel  # (classes, D)
    axis = len(kernel.shape) - (2 if isinstance(layer, keras.layers.Conv2DTranspose) else 1)
    rest = [k for k in range(len(kernel.shape)) if k != axis]
    return ops.reshape(ops.transpose(kernel, (axis, *rest)), (kernel.shape[axis], -1))


def _how_to_apply(layer):
    """The function `(layer, inputs, kernel) -> outputs` of the layer's kind."""
    for kind, apply in _KINDS.items():
        if isinstance(layer, kind):
            return apply
    known = ", ".join(kind.__name__ for kind in _KINDS)
    raise TypeError(f"Spectral normalization is of one of {known}. Received: layer={layer!r}")


def _dense(layer, inputs, kernel):
    return _finished(layer, ops.matmul(inputs, kernel))


def _convolution(layer, inputs, kernel):
    return _finished(layer, layer.convolution_op(inputs, kernel))


def _transposed_convolution(layer, inputs, kernel):
    outputs = ops.conv_transpose(
        inputs,
        kernel,
        strides=layer.strides,
        padding=layer.padding,
        output_padding=layer.output_padding,
        data_format=layer.data_format,
        dilation_rate=layer.dilation_rate,
    )
    return _finished(layer, outputs)


def _embedding(layer, inputs, kernel):
    return ops.take(kernel, inputs, axis=0)


def _finished(layer, outputs):
    if layer.use_bias:
        first = getattr(layer, "data_format", "channels_last") == "channels_first"
        bias = ops.reshape(layer.bias, (-1, 1, 1)) if first else layer.bias
        outputs = outputs + ops.cast(bias, outputs.dtype)
    return outputs if layer.activation is None else layer.activation(outputs)


_KINDS = {
    keras.layers.Dense: _dense,
    keras.layers.Conv2DTranspose: _transposed_convolution,
    keras.layers.Conv2D: _convolution,
    keras.layers.Embedding: _embedding,
}
