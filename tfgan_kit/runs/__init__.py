"""The run folder: checkpoints, measurements, and how a run is resumed."""
