"""Shared by all commands: common flags, what is checked before TensorFlow is imported, a user's error as one line."""

import functools
import importlib
import os
import sys

import tfgan_kit
from tfgan_kit import choices

from absl import flags

from tfgan_kit_client import command_line, connection_flags
from tfgan_kit_client.command_line import writable_folder as writable_folder

FLAGS = flags.FLAGS


def define_import_module():
    flags.DEFINE_multi_string(
        "import_module", [], "Module to import first, for custom classes and presets; may be given several times."
    )


def define_ckpt(several=False):
    """`--ckpt` and its related flags, for commands that load one checkpoint, or several."""
    if several:
        flags.DEFINE_multi_string("ckpt", [], "A .keras file, or a run folder; may be given several times.")
        flags.DEFINE_alias("run_dir", "ckpt")
    else:
        flags.DEFINE_string("ckpt", None, "A .keras file, or a run folder.")
        flags.DEFINE_string("run_dir", None, "The same as --ckpt.")
    flags.DEFINE_enum(
        "which",
        "newest",
        ["newest", "best"],
        "Which checkpoint of a run folder; best is the one "
        "with the best value of the monitored metric, otherwise with the lowest measured distance.",
    )
    define_import_module()


def define_ckpt_as_run_dir():
    """`--ckpt`, for a command that has a `--run_dir` of its own."""
    flags.DEFINE_string("ckpt", None, "The same as --run_dir.")


def define_ray(what):
    """`--ray`; `what` begins its help, such as "Shards are written by"."""
    flags.DEFINE_string(
        "ray",
        None,
        f"{what} all nodes of a Ray cluster (`pip install tfgan_kit[ray]`): local is this machine alone, auto the "
        "cluster that it is a node of, HOST:PORT the cluster with that head.",
    )


def check_flags_of_a_server():
    """Refuses a model's name and certificates without `--target`.

    Raises:
        ValueError: it names them.
    """
    given = ["model_name"] * FLAGS["model_name"].present + connection_flags.given_tls()
    if FLAGS.target is None and given:
        raise ValueError(
            f"Which server is meant? Give --target host:port, too. Received: --{', --'.join(given)} without --target"
        )


def _agree_on_the_run():
    """Gives `--ckpt` and `--run_dir`, two names of one path, the value of the one that was given."""
    given = {name: FLAGS[name].value for name in ("ckpt", "run_dir") if name in FLAGS}
    paths = {path for path in given.values() if isinstance(path, str)}
    if len(paths) > 1:
        raise ValueError(
            "--ckpt and --run_dir are two names of one path here: give one. "
            f"Received: ckpt={given['ckpt']}, run_dir={given['run_dir']}"
        )
    for name in given if paths else ():
        (FLAGS[name].value,) = paths


def check_one_of(name, known):
    """Refuses an unknown name in a flag; with `--import_module` it is left to whoever looks it up.

    Raises:
        ValueError: it lists the known ones.
    """
    value = FLAGS[name].value
    registered = getattr(sys.modules.get(f"tfgan_kit.{name}s"), f"{name}s".upper(), ())  # by a program of its own
    if value and value not in (*known, *registered) and not FLAGS.import_module:
        raise ValueError(f"--{name} is one of {', '.join(known)}. Received: {name}={value}")


def check_data(name):
    """Refuses a flag's spelling, or list of them, that no data set has.

    Raises:
        ValueError: it lists the spellings.
    """
    value = FLAGS[name].value or []
    takes_argument = {spelling.partition(":")[0]: ":" in spelling for spelling in choices.SPELLINGS}
    for spelling in [value] if isinstance(value, str) else value:
        kind, colon, argument = spelling.partition(":")
        is_one = takes_argument.get(kind) == bool(argument) == bool(colon)
        if not is_one and not FLAGS.import_module:
            known = ", ".join(choices.SPELLINGS)
            raise ValueError(f"--{name} is spelled as one of {known}. Received: {name}={spelling}")


def metric_names():
    """The names to ask for, as a help text lists them."""
    of_groups = sum(choices.METRIC_GROUPS.values(), ())
    return ["fid", *choices.METRIC_GROUPS, *(name for name in choices.METRICS if name not in of_groups)]


def check_metrics(name):
    """Refuses an unknown metric in a flag's list.

    Raises:
        ValueError: it lists the known ones.
    """
    known = {*choices.METRICS, *choices.METRIC_GROUPS}
    for metric in FLAGS[name].value or []:
        base, _, extractor = metric.rpartition("_")
        if metric not in {"fid", *known} and not (base in known and extractor in choices.EXTRACTORS):
            raise ValueError(
                f"--{name} are of {', '.join(metric_names())}, each over features also with its extractor's name "
                f"behind, {', '.join(choices.EXTRACTORS)}. Received: {name}={','.join(FLAGS[name].value)}"
            )


def import_modules(names):
    """Imports the modules of `--import_module`, which may be in the current folder.

    Raises:
        ValueError: a module that cannot be imported.
    """
    sys.path.insert(0, os.getcwd())
    for name in names:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:  # whatever the module does
            raise ValueError(
                f"--import_module names a module that cannot be imported ({type(error).__name__}: {error}); give its "
                f"dotted name, from the current folder or installed. Received: import_module={name}"
            ) from error


def command(module, **values):
    """A command that can be pasted into a shell, with the `--import_module`s of this one, which it would need, too."""
    modules = [f"--import_module={name}" for name in FLAGS.import_module]
    return command_line.command(f"tfgan_kit.{module}", *modules, **values)


def verbosity():
    """`verbose` of Keras: a progress bar on a terminal, otherwise a line per epoch."""
    return 1 if sys.stdout.isatty() else 2


def work(name, *arguments):
    """What a command does after its flags were checked: `main(*arguments)` of `tfgan_kit.commands.<name>`.

    It is imported only now, and TensorFlow with it, which takes seconds.
    """
    importlib.import_module("tfgan_kit.commands").run(name, *arguments)


def answer_version():
    """Prints the version and exits, where that is all that is asked."""
    if sys.argv[1:] == ["--version"]:
        print(f"tfgan_kit {tfgan_kit.__version__}")
        sys.exit(0)


def run(main, takes_arguments=False):
    """Runs `main()` under absl, or prints the version; a user's error is one line on stderr and exit code 1.

    With `takes_arguments` it is `main(arguments)`, a list of what is no flag.
    """
    answer_version()
    # --help of absl shows only the main module's flags; these belong to every command.
    for flag in FLAGS.flags_by_module_dict().get(__name__, []):
        FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    command_line.run(functools.partial(_with_one_path, main), takes_arguments=takes_arguments)


def _with_one_path(main, *arguments):
    _agree_on_the_run()
    main(*arguments)
