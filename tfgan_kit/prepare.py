"""Images of any number as files of random access, cropped, resized and encoded once: `python -m tfgan_kit.prepare`."""

from tfgan_kit import choices, command_line

from absl import flags

FLAGS = flags.FLAGS


def define_flags():
    spellings = ", ".join(choices.SPELLINGS)
    flags.DEFINE_string("dataset", None, f"Images: {spellings}.", required=True)
    flags.DEFINE_string(
        "output", None, "Folder, which `prepared:OUTPUT` opens; an unfinished one is resumed.", required=True
    )
    flags.DEFINE_integer(
        "image_size",
        None,
        "Side to crop and resize every image to, with antialiasing; default: as they are, if all are square and of one "
        "size.",
        lower_bound=1,
    )
    flags.DEFINE_enum("channels", None, ["1", "3"], "Grey or colour; default: grey if all images are.")
    flags.DEFINE_enum(
        "encoding",
        "png",
        choices.ENCODINGS,
        "How images are stored: png and webp without loss, jpeg by --quality. webp is small, and slow to read.",
    )
    flags.DEFINE_integer("quality", 95, "Of jpeg.", lower_bound=1, upper_bound=100)
    flags.DEFINE_integer(
        "shard_size", None, "Images in a file; default: 10,000, or as many as make 256 files.", lower_bound=1
    )
    command_line.define_import_module()


def main():
    command_line.check_data("dataset")
    if FLAGS["quality"].present and FLAGS.encoding != "jpeg":
        raise ValueError(
            f"--quality is of --encoding jpeg. Received: quality={FLAGS.quality}, encoding={FLAGS.encoding}"
        )
    command_line.work("prepare")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
