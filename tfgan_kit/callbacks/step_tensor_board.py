"""TensorBoard's curves over training steps."""

import keras


class StepTensorBoard(keras.callbacks.TensorBoard):
    """`keras.callbacks.TensorBoard`, its epoch curves drawn over `gan.step` instead of epochs.

    An epoch that was cut short and gone on with would have two points of one epoch; it has two of
    two steps. Each point is flushed, so that a kill loses none that was written.

    Args: those of `keras.callbacks.TensorBoard`.

    Example:
        >>> gan.fit(dataset, epochs=10, callbacks=[StepTensorBoard("logs", write_graph=False)])
    """

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(self.model.steps_trained, logs)
        self._train_writer.flush()
