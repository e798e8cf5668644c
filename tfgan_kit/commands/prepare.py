"""A source's images, written for random access: what `python -m tfgan_kit.prepare` does."""

from tfgan_kit import command_line, data
from tfgan_kit.data.origins.prepared import MANIFEST
from tfgan_kit.data.preparation import check
from tfgan_kit.files import read_json

from absl import flags

FLAGS = flags.FLAGS


def main():
    command_line.import_modules(FLAGS.import_module)
    channels = int(FLAGS.channels) if FLAGS.channels else None
    source = data.open_source(FLAGS.dataset, FLAGS.image_size, channels)
    check(source)
    output = command_line.writable_folder(FLAGS.output)
    prepared = data.prepare(source, output, FLAGS.encoding, FLAGS.quality, FLAGS.shard_size)
    left_out = read_json(output / MANIFEST)["left_out"]
    shape = " x ".join(map(str, prepared.image_shape))
    classes = "" if prepared.num_classes is None else f", {prepared.num_classes} classes"
    size = sum(path.stat().st_size for path in output.iterdir())
    print(f"{prepared.num_images} images of {shape}{classes}, {size / 1e6:.1f} MB in {output}; {left_out} left out")
    print(f"Next: {command_line.command('train', dataset=prepared.name, preset='NAME', run_dir='runs/NAME')}")
