"""Measures the averaged generator while it is trained: the best checkpoint, and when to stop."""

from tfgan_kit.metrics.catalogue import choose, measures_of
from tfgan_kit.metrics.evaluation import evaluate_choice
from tfgan_kit.metrics.features.published import open_extractor
from tfgan_kit.metrics.image_set import images_of
from tfgan_kit.metrics.protocol import history_lines
from tfgan_kit.runs import history

import keras
from absl import logging


class Evaluate(keras.callbacks.Callback):
    """Runs `metrics.evaluate` on the averaged generator every `every` steps.

    Values go to `metrics.jsonl`, as `python -m tfgan_kit.evaluate` writes them, and from the first on
    into the logs of every epoch, under the metrics' names, repeated until the next. Put it behind
    `RunRecorder`, which would write the repeated ones down as well, and before the callbacks that draw
    logs (TensorBoard; CSVLogger fixes its columns in the first epoch, so measure in it). Nothing of
    the GAN changes.

    The monitored metric tells the best step: `run` saves that step's checkpoint and keeps it, as
    `--which best` finds it. What the run's file already holds counts, so that a resumed run knows its
    best value and how long ago that was. NaN and infinities are never the best. With
    `steps_per_execution` it measures after the execution that reaches a multiple of `every`.

    Args:
        source: a `tfgan_kit.data` source, the real images.
        run: `run.Run`, or None: nothing is written.
        metrics: names as in `metrics.evaluate`; None, those that the source allows.
        every: int >= 1, steps from one evaluation to the next.
        num_images: int, images to generate; None, as many as the test images.
        monitor: name of the metric that decides; None is the first.
        extractor: as in `metrics.evaluate`.
        patience: int >= 1, evaluations without a better value after which training stops; None, never.

    Attributes:
        values: dict, the last evaluation's values by name.

    Raises:
        ValueError: `every` or `patience` below 1; (in `fit`, before the first step) a metric that is
            unknown or that the source does not allow, or a `monitor` that is not among them.

    Example::

        gan.fit(dataset, epochs=50, callbacks=[RunRecorder(run), Evaluate(source, run, ["swd"], every=500)])
        load_gan(run.path, which="best")
    """

    writes_checkpoints = True  # `fit` warns where the data's order cannot be restored

    def __init__(
        self, source, run=None, metrics=None, every=1000, num_images=None, monitor=None, patience=None, extractor=None
    ):
        super().__init__()
        if every < 1 or (patience is not None and patience < 1):
            raise ValueError(f"`every` and `patience` are at least 1. Received: every={every}, patience={patience}")
        self.source, self.run, self.metrics = source, run, metrics
        self.every, self.num_images = every, num_images
        self.monitor, self.patience, self.extractor = monitor, patience, extractor
        self.values = {}
        self._opened, self._lines = None, []
        self._read()

    @property
    def out_of_patience(self):
        """Whether `patience` evaluations brought no better value."""
        return self.patience is not None and history.waited(self._lines) >= self.patience

    def on_train_begin(self, logs=None):
        choice = choose(self.metrics, self.source, self.model.num_classes is not None, self.extractor)
        if choice.extractor not in (None, "domain"):  # opened once; the domain classifier is cached
            self._opened = self._opened or open_extractor(choice.extractor)
            choice = choice._replace(extractor=self._opened)
        wanted = choice.names if self.monitor is None else measures_of(self.monitor)
        self._choice, self._monitored = choice, next((name for name in wanted if name in choice.names), None)
        if self._monitored is None:
            raise ValueError(
                f"`monitor` is one of the metrics that are measured, {', '.join(choice.names)}. "
                f"Received: monitor={self.monitor!r}"
            )
        self._read()
        self._seen = self.model.steps_trained

    def on_epoch_begin(self, epoch, logs=None):
        self._first = self.model.steps_trained

    def on_train_batch_end(self, batch, logs=None):
        # Reading the step off the device at every batch would wait for each.
        step = self._first + batch + 1
        if step // self.every > self._seen // self.every:
            self._measure(self.model.steps_trained)
        self._seen = step

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs.update(self.values)

    def _read(self):
        if self.run is not None:
            self._lines = self.run.read_metrics()

    def _measure(self, step):
        results = evaluate_choice(images_of(self.model), self.source, self._choice, self.num_images).results
        lines = history_lines(results, step)
        for line, result in zip(lines, results, strict=True):
            if result["measure"] == self._monitored:
                line["monitored"] = True
        self._lines += lines
        self.values = {line["metric"]: line["value"] for line in lines}
        if self.run is not None:
            self._record(step, lines)
        if self.out_of_patience:
            logging.warning("%s", self.reason())
            self.model.stop_training = True

    def _record(self, step, lines):
        """Lines first: those that a kill leaves without their checkpoint are measured again."""
        self.run.append_metrics(lines)
        if [line["step"] for line in history.ranked(self._lines)[:1]] == [step]:
            self.run.save(self.model)

    def reason(self):
        """Why training has stopped, in a sentence."""
        found, found_best = history.history(self._lines), history.ranked(self._lines)
        stopped = f"Stopped at step {found[-1]['step']}: "
        if not found_best:
            return stopped + f"{found[-1]['metric']} was not finite in {len(found)} evaluations."
        return stopped + (
            f"{found_best[0]['metric']} has not improved in {history.waited(self._lines)} evaluations. The best, "
            f"{found_best[0]['value']:.4g}, is of step {found_best[0]['step']}."
        )
