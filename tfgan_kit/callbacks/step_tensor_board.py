"""TensorBoard's curves over training steps."""

import keras


class StepTensorBoard(keras.callbacks.TensorBoard):
    """`keras.callbacks.TensorBoard` with the epochs' curves drawn over `gan.step`.

    An epoch that was interrupted and resumed gives two points; over epochs they would share one place.
    Every point is flushed, so that a killed process loses none.

    Args: those of `keras.callbacks.TensorBoard`.

    Example:
        >>> history = gan.fit(dataset, callbacks=[StepTensorBoard("logs", write_graph=False)])
    """

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(self.model.steps_trained, logs)
        self._train_writer.flush()
