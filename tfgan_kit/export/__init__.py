"""A trained generator as a SavedModel that TensorFlow Serving loads."""

from tfgan_kit.internals import start_up

if not start_up.is_parsing():
    from tfgan_kit.export.exporter import export_generator
    from tfgan_kit.export.lineage import read_lineage
    from tfgan_kit.export.profile import ExportProfile

__all__ = ["ExportProfile", "export_generator", "read_lineage"]
