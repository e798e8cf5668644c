"""Exports a small generator once for each line of its input, each in a forked process of its own.

`export` answers the process's number, `wait` its exit code. TensorFlow is imported, not yet run,
when they fork: they pay for no import.
"""

import os
import sys
import traceback

sys.path.insert(0, os.getcwd())

from tfgan_kit.export import ExportProfile, export_generator  # noqa: E402

import keras  # noqa: E402


def export(base):
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Reshape((4, 4, 1))]
    )
    export_generator(model, base, profile=ExportProfile(keep=2, signatures=("serving_default",), try_kernels=False))


def main(base):
    child = None
    for line in sys.stdin:
        if line.strip() == "wait":
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        child = os.fork()
        if child == 0:
            try:
                export(base)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
