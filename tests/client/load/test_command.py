"""`python -m tfgan_kit_client.load` against a real server."""

import json
import os
import re
import shlex
import signal
import threading

import pytest
import trustme
from PIL import Image

from tests.client.servers import Scripted, conditional_toy, credentials, serving
from tests.serving import toy


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """--target and --model_name of a toy."""
    with conditional_toy(tmp_path_factory.mktemp("toy")) as server:
        yield f"--target=localhost:{server.port}", "--model_name=toy"


def test_a_load_test_prints_a_table_and_writes_a_record_and_a_picture(command, target, tmp_path):
    code, out, err = command(
        "tfgan_kit_client.load",
        *target,
        "--callers=1,4",
        "--rates=30",
        "--seconds=0.4",
        "--target_ms=5000",
        f"--output={tmp_path}",
    )
    assert code == 0, err
    assert re.search(r"closed loop.*\n +callers .*p50 ms +p90 ms +p99 ms +max ms.*\n +1 .*\n +4 ", out)
    assert re.search(r"open loop: Poisson, latency from when a request was due\nrequests/s.*\n +30 ", out)
    assert "closed loop: 99 % within 5000 ms was last met at 4 callers" in out
    assert "open loop: 99 % within 5000 ms was last met at 30 requests/s" in out
    results = json.loads((tmp_path / "results.json").read_text())
    assert [(one["loop"], one["load"]) for one in results["steps"]] == [("closed", 1), ("closed", 4), ("open", 30)]
    assert all(one["answered"] > 0 and one["errors"] == {} for one in results["steps"])
    assert results["model"] == "toy version 1, serving_default"
    assert Image.open(tmp_path / "load.png").size[0] > 1000


def test_the_next_command_that_is_printed_works(command, target):
    _, out, _ = command("tfgan_kit_client.load", *target, "--callers=1", "--rates=", "--seconds=0.2")
    line = out.splitlines()[-1]
    assert line.startswith("  python -m tfgan_kit_client.load --target=localhost:")
    code, out, err = command("tfgan_kit_client.load", *shlex.split(line)[3:], "--seconds=0.2")
    assert code == 0 and "open loop" in out and "closed loop" not in out, err


@pytest.mark.parametrize("signature", ["generate", "from_latent", "serving_default_png"])
def test_any_signature_and_rows(command, target, signature, tmp_path):
    code, out, err = command(
        "tfgan_kit_client.load",
        *target,
        "--callers=2",
        "--rates=",
        "--seconds=0.2",
        "--rows=4",
        f"--signature={signature}",
        f"--output={tmp_path}",
    )
    assert code == 0, err
    (step,) = json.loads((tmp_path / "results.json").read_text())["steps"]
    assert step["errors"] == {}
    # images_per_second is rounded to 0.01, seconds to 0.001.
    assert step["images_per_second"] == pytest.approx(4 * step["answered"] / step["seconds"], rel=0.01)


def test_a_refusal_is_seen_and_explained(command, target):
    code, out, err = command("tfgan_kit_client.load", *target, "--callers=1", "--rates=", "--seconds=0.2", "--rows=33")
    assert code == 0, err
    assert "INVALID_ARGUMENT said: Task size 33 is larger than maximum input batch size 32" in out
    assert "closed loop: 99 % within 100 ms was not met at any load" in out


def test_an_interrupt_keeps_what_was_measured(command, target, tmp_path):
    def interrupt():
        toy.until((tmp_path / "results.json").exists, 60)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    code, out, err = command(
        "tfgan_kit_client.load", *target, "--callers=1,2", "--rates=5", "--seconds=2", f"--output={tmp_path}"
    )
    assert code == 1 and "Interrupted; finished results are kept" in err
    (step,) = json.loads((tmp_path / "results.json").read_text())["steps"]
    assert step["load"] == 1 and (tmp_path / "load.png").exists()
    assert "was last met at 1 callers" in out


def test_tls_by_flags(command, tmp_path):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(Scripted(), credentials=credentials(ca, "localhost")) as port:
        code, out, err = command(
            "tfgan_kit_client.load",
            f"--target=localhost:{port}",
            "--model_name=toy",
            "--callers=2",
            "--rates=20",
            "--seconds=0.3",
            f"--root_certificates={tmp_path / 'ca.pem'}",
        )
    assert code == 0 and out.count(" yes ") == 2, err


@pytest.mark.parametrize(
    "flags, reason",
    [
        (["--target=localhost:1"], "no server answers at localhost:1"),
        (["--signature=zz"], "has no such signature; it has from_latent, .*Received: signature=zz"),
        (["--callers=0"], "--callers are numbers from 1 .*Received: callers=0"),
        (["--callers=1,a"], "--callers are numbers from 1 .*Received: callers=1,a"),
        (["--rates=-3"], "--rates are numbers from 0.01 .*Received: rates=-3"),
        (["--callers=", "--rates="], "nothing to measure: give --callers or --rates"),
        (["--client_key=a.pem"], "belong together"),
    ],
)
def test_a_bad_command_is_one_line_and_exit_code_1(command, target, flags, reason):
    code, out, err = command("tfgan_kit_client.load", *target, *flags)
    assert code == 1 and "Traceback" not in err
    assert re.search(reason, err.splitlines()[-1])
    assert not os.path.exists("results.json")
