"""The demo, from training to serving in a few minutes: `python -m tfgan_kit.demo`."""

from tfgan_kit import command_line

from absl import flags


def define_flags():
    flags.DEFINE_string("output", "demo", "Output folder of the demo.")
    flags.DEFINE_integer("steps", 4000, "Training steps.", lower_bound=1)
    flags.DEFINE_boolean("fresh", True, "Delete an earlier run; --nofresh resumes it.")


def main():
    command_line.work("demo")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
