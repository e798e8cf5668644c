"""How much load a server bears: `python -m tfgan_kit_client.load --target localhost:8500 --model_name digits`."""

import datetime
import itertools
import json
import os
import platform
import shlex
import sys

import grpc
from absl import flags

from tfgan_kit_client import GeneratorClient, ServingError, command_line, connection_flags
from tfgan_kit_client.files import write_bytes
from tfgan_kit_client.load import report
from tfgan_kit_client.load.steps import Traffic, closed_loop, open_loop

FLAGS = flags.FLAGS


def define_flags():
    connection_flags.define_flags()
    flags.DEFINE_list(
        "callers", ["1", "2", "4", "8", "16", "32"], "Closed loop: a step for each number of callers; empty: none."
    )
    flags.DEFINE_list("rates", ["10", "20", "40"], "Open loop: a step for each rate, requests a second; empty: none.")
    flags.DEFINE_float("seconds", 10.0, "How long a step lasts.", lower_bound=0.1)
    flags.DEFINE_integer("rows", 1, "Images a request.", lower_bound=1)
    flags.DEFINE_string("signature", "serving_default", "Signature to call.")
    flags.DEFINE_float("timeout", 10.0, "Deadline of a request, seconds.", lower_bound=1e-3)
    flags.DEFINE_float(
        "target_ms", 100.0, "Latency within which 99 % of all requests should be answered.", lower_bound=1e-3
    )
    flags.DEFINE_integer("seed", 0, "Of the moments of the open loop.", lower_bound=0)
    flags.DEFINE_string("output", None, "Folder for results.json and load.png; default: only the table.")


def numbers(name, kind, least):
    """The numbers of a list flag. Raises ValueError for anything else."""
    try:
        values = [kind(text) for text in FLAGS[name].value if text]
    except ValueError:
        values = [least - 1]
    if any(not least <= value < 1e6 for value in values):
        raise ValueError(
            f"--{name} are numbers from {least} with commas between. Received: {name}={','.join(FLAGS[name].value)}"
        )
    return sorted(set(values))


def main():
    callers, rates = numbers("callers", int, 1), numbers("rates", float, 0.01)
    if not callers and not rates:
        raise ValueError("There is nothing to measure: give --callers or --rates. Received: neither")
    output = command_line.writable_folder(FLAGS.output) if FLAGS.output else None
    try:
        with _client() as client:
            metadata = client.metadata()
    except ServingError as error:
        raise ValueError(str(error)) from error
    traffic = _traffic(metadata)
    about = _about(metadata)
    print(f"{about['model']} at {FLAGS.target}, {FLAGS.rows} image(s) a request, no retries")
    plan = [("closed", load) for load in callers] + [("open", load) for load in rates]
    steps = []
    try:
        _measure(traffic, plan, steps, lambda: _write(output, about, steps))
    finally:  # Ctrl-C keeps what was measured
        if steps:
            _conclude(steps, output, about["model"])


def _client():
    return GeneratorClient(
        FLAGS.target, FLAGS.model_name, FLAGS.timeout, tls=connection_flags.tls(), version=connection_flags.version()
    )


def _traffic(metadata):
    signature = metadata.signatures.get(FLAGS.signature)
    if signature is None:
        raise ValueError(
            f"The model has no such signature; it has {', '.join(metadata.signatures)}. "
            f"Received: signature={FLAGS.signature}"
        )
    return Traffic(
        FLAGS.target,
        FLAGS.model_name,
        signature,
        FLAGS.rows,
        FLAGS.timeout,
        connection_flags.tls(),
        connection_flags.version(),
    )


def _about(metadata):
    return {
        "model": f"{FLAGS.model_name} version {metadata.version}, {FLAGS.signature}",
        "target": FLAGS.target,
        "timeout": FLAGS.timeout,
        "target_ms": FLAGS.target_ms,
        "seed": FLAGS.seed,
        "latency": "closed loop: from sending; open loop: from the moment a request was due",
        "client": f"{platform.node()}, {os.cpu_count()} cores, grpcio {grpc.__version__}",
        "load_average_before": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _measure(traffic, plan, steps, after_each):
    """Runs the steps, a line of the table each; what is done is in `steps` whenever this ends."""
    loop = None
    for number, (kind, load) in enumerate(plan, 1):
        if kind != loop:
            print(("" if loop is None else "\n") + report.header(kind, FLAGS.target_ms), flush=True)
            loop = kind
        _progress(f"step {number} of {len(plan)}: {load:g} {report.LOOPS[kind][0]} for {FLAGS.seconds:g} s")
        if kind == "closed":
            step = closed_loop(traffic, load, FLAGS.seconds)
        else:
            step = open_loop(traffic, load, FLAGS.seconds, FLAGS.seed)
        _progress("")
        steps.append(step)
        print(report.row(step, FLAGS.target_ms), flush=True)
        after_each()


def _progress(text):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _write(output, about, steps):
    if output is not None:
        text = json.dumps({**about, "steps": report.record(steps)}, indent=2) + "\n"
        write_bytes(output / "results.json", text.encode())


def _conclude(steps, output, title):
    """The load that the target allows, what to change, where the files are, and the next command."""
    _progress("")
    print()
    best = {}
    for loop, ours in itertools.groupby(steps, key=lambda step: step.loop):
        best[loop] = report.last_met(list(ours), FLAGS.target_ms)
        print(_verdict(loop, best[loop]))
    late = max((step.late for step in steps), default=0.0)
    if late > FLAGS.target_ms / 1e4:
        print(
            f"This client itself sent up to {1e3 * late:.1f} ms late (p99): give it more cores, or a machine of "
            "its own."
        )
    for code, words in {code: words for step in steps for code, words in step.words.items()}.items():
        print(f"{code} said: {words}")
    if any("RESOURCE_EXHAUSTED" in step.errors for step in steps):
        print(
            "Calls were refused (RESOURCE_EXHAUSTED): the server's --grpc_max_threads, at least twice the callers, "
            "or its queue of batches is full."
        )
    if output is not None:
        report.draw(output / "load.png", steps, FLAGS.target_ms, title)
        print(f"Wrote {output / 'results.json'} and {output / 'load.png'}")
    print(_next(best))


def _verdict(loop, step):
    unit = report.LOOPS[loop][0]
    target = f"99 % within {FLAGS.target_ms:g} ms"
    if step is None:
        return f"{loop} loop: {target} was not met at any load"
    return f"{loop} loop: {target} was last met at {step.load:g} {unit}, {step.images_per_second:.1f} images/s"


def _next(best):
    rate = best["open"].load if best.get("open") else None
    if rate is None and best.get("closed"):
        rate = best["closed"].images_per_second / FLAGS.rows / 2  # a Poisson process needs room
    rates = ",".join(f"{rate * times:.3g}" for times in (0.5, 1, 1.5, 2)) if rate else "1,2,5"
    return (
        "Next, longer and closer to the limit:\n"
        f"  python -m tfgan_kit_client.load {connection_flags.again()} --signature={shlex.quote(FLAGS.signature)} "
        f"--rows={FLAGS.rows} --target_ms={FLAGS.target_ms:g} --callers= --rates={rates} --seconds=60"
    )


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
