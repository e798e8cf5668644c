"""Checks, before a version is published, that it gives the same answers with the kernels of other processors.

With oneDNN TensorFlow computes an operation by one kernel, without it by another, or not at all. Which one a
server uses depends on its processor and on TF_ENABLE_ONEDNN_OPTS when it starts, so each setting is tried in
its own process.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from tfgan_kit import processor
from tfgan_kit.export.session import GraphSession, reason
from tfgan_kit.export.verify.comparison import as_numbers, distance, most_apart
from tfgan_kit.export.warmup import read_warmup, replay

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

_XLA = "TF_XLA_FLAGS"
_SECONDS = 900  # a large model's warmup requests, on a busy machine
_RECORD = "processor"  # key of the record of the processor, beside the answers


def try_kernels(version, functions, precision):
    """Runs a version's warmup requests in sessions on the CPU, without XLA, with oneDNN on and off.

    On a processor with AVX-512 also with oneDNN limited to AVX2, as on a processor without AVX-512.

    Args:
        version: path of the version.
        functions: its signatures as loaded here, a dict name -> concrete function, to compare with.
        precision: `"float32"` or `"bfloat16"`, as exported.

    Returns:
        A list of the runs: {"instruction_set" (oneDNN's name), "onednn": bool, "xla": False,
        "requests": int, "max_difference": dict signature -> levels of 255, or a score's unit}.

    Raises:
        ValueError: with one of the settings it fails or gives other answers.
    """
    expected, tried = replay(version, functions), []
    for setting in _settings():
        try:
            recorded, answers = _answers(version) if _is_ours(setting) else _answers_elsewhere(version, setting)
            apart = _compare(expected, answers, precision)
        except ValueError as error:
            raise ValueError(
                f"The version does not give the same answers on every processor: with {_in_words(setting)} {error}. "
                "A server with that setting would fail; nothing was published. Export with optimisation, which "
                "rewrites known cases, or remove the layer; if all servers are like this machine, --notry_kernels "
                "(ExportProfile(try_kernels=False))"
            ) from error
        tried.append({**recorded, "xla": False, "requests": len(answers), "max_difference": apart})
    return tried


def _settings():
    """The environment variables of each setting that a server on this processor may have."""
    found = [{processor.ONEDNN: "1"}, {processor.ONEDNN: "0"}]
    if processor.instruction_set().startswith("AVX512"):
        found.append({processor.ONEDNN: "1", processor.LARGEST_SET: "AVX2"})
    return found


def _in_words(setting):
    limited = f" within {setting[processor.LARGEST_SET]}" if processor.LARGEST_SET in setting else ""
    return f"oneDNN {'on' if setting[processor.ONEDNN] == '1' else 'off'}{limited}"


def _is_ours(setting):
    """True if this process has that setting, so that no second process is needed."""
    if processor.LARGEST_SET in setting or _XLA in os.environ or tf.config.list_physical_devices("GPU"):
        return False
    return (setting[processor.ONEDNN] == "1") == processor.onednn_is_on()


def _answers(version):
    """`(record of the processor, [{output: array} per warmup request])`, computed in a session as in a server."""
    saved = saved_model_pb2.SavedModel.FromString(pathlib.Path(version, "saved_model.pb").read_bytes())
    requests, answers, signatures = read_warmup(version), [], saved.meta_graphs[0].signature_def
    try:
        session = GraphSession(pathlib.Path(version), saved.meta_graphs[0])
        try:
            for name, inputs in requests:
                outputs = signatures[name].outputs
                fed = {signatures[name].inputs[key].name: value for key, value in inputs.items()}
                values = session.run(tuple(info.name for info in outputs.values()), fed)
                answers.append({output: as_numbers(output, v) for output, v in zip(outputs, values, strict=True)})
        finally:
            session.close()
    except tf.errors.OpError as error:
        raise ValueError(f"it fails: {reason(error)}") from error
    return processor.record(), answers


def _answers_elsewhere(version, setting):
    """The same from a process with other environment variables."""
    environment = {key: value for key, value in os.environ.items() if key != _XLA}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"} | setting
    paths = [str(pathlib.Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]  # wherever this package is
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "answers.npz")
        command = [sys.executable, "-c", f"from {__name__} import main; main()", str(version), str(path)]
        try:
            ended = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ValueError(f"it has not answered its warmup requests after {_SECONDS} s") from error
        if ended.returncode:
            lines = ended.stderr.strip().splitlines() or [f"its process ended with {ended.returncode}"]
            raise ValueError(lines[-1])
        with np.load(path, allow_pickle=False) as saved:
            recorded, answers = json.loads(str(saved[_RECORD])), []
            for key in saved.files:
                if key != _RECORD:
                    number, output = key.split("/")
                    answers += [{}] if int(number) == len(answers) else []
                    answers[-1][output] = saved[key]
    return recorded, answers


def _compare(expected, answers, precision):
    """The largest difference per signature."""
    found = {}
    for (name, _, outputs), given in zip(expected, answers, strict=True):
        for output, value in outputs.items():
            value = as_numbers(output, value)
            apart, most = distance(value, given[output]), most_apart(value, precision)
            if not apart <= most:  # NaN fails, too
                raise ValueError(f"{output!r} of {name!r} is off by {apart:g}, where {most:g} is allowed")
            found[name] = max(found.get(name, 0.0), apart)
    return found


def main():
    """The other process: saves the version's answers, or fails with the reason as its last line."""
    version, path = sys.argv[1:]
    try:
        recorded, answers = _answers(version)
    except ValueError as error:
        sys.exit(str(error))
    arrays = {f"{k}/{output}": value for k, answer in enumerate(answers) for output, value in answer.items()}
    np.savez(path, **{_RECORD: json.dumps(recorded)}, **arrays)
