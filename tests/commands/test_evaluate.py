import base64
import html
import io
import json
import re
import shutil

import tfgan_kit as gk
from tfgan_kit.metrics import compare, frechet_distance, gaussian_statistics
from tfgan_kit.metrics.features import domain_training
from tfgan_kit.runs.run import Run
from tfgan_kit.serving import ModelServer

import keras
import numpy as np
import pytest
import trustme
from PIL import Image

from tests.client.servers import Scripted, credentials, serving
from tests.serving import toy
from tfgan_kit_client import wire


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What is made once: an unlabelled run, of which each test has a copy, and an exported model."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def unlabelled(train, runs, tmp_path):
    if not (runs / "unlabelled").exists():
        images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), np.uint8)
        np.savez(runs / "plain.npz", images=images)
        data = [f"--dataset=npz:{runs / 'plain.npz'}", "--image_size=16"]
        code, _, err = train(runs / "unlabelled", *data, steps=2)
        assert code == 0, err
    return shutil.copytree(runs / "unlabelled", tmp_path / "run")


def test_figures_of_an_unlabelled_run_have_floor_and_protocol(command, unlabelled):
    code, out, err = command("evaluate", f"--ckpt={unlabelled}")
    assert code == 0, err
    report = json.loads((unlabelled / "metrics.json").read_text())
    result, diversity = report["results"]
    assert report["step"] == 2 and result["metric"] == "swd" and "swd" in out and diversity["metric"] == "ms_ssim"
    assert 0 < result["floor"] < result["value"]
    assert result["protocol"]["reference_fingerprint"]
    assert Run(unlabelled).best() == Run(unlabelled).newest()


def test_a_quick_look_has_a_file_of_its_own_and_changes_nothing_of_the_run(command, labelled, monkeypatch):
    monkeypatch.setattr("tfgan_kit.commands.evaluate.QUICK_STEPS", 1)
    monkeypatch.setattr("tfgan_kit.commands.evaluate.QUICK_IMAGES", 8)
    before = (labelled / "metrics.jsonl").read_bytes() if (labelled / "metrics.jsonl").exists() else None
    code, out, err = command("evaluate", f"--ckpt={labelled}", "--quick", "--metrics=fd")
    assert code == 0, err
    (result,) = json.loads((labelled / "metrics_quick.json").read_text())["results"]
    assert result["metric"] == "fd_domain_8" and "metrics_quick.html" in out
    assert not (labelled / "metrics.json").exists()
    after = (labelled / "metrics.jsonl").read_bytes() if (labelled / "metrics.jsonl").exists() else None
    assert after == before


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def labelled(copied_run, cache, monkeypatch):
    """A run on labelled images, two checkpoints; the domain classifier is cached for the module."""
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(cache))
    monkeypatch.setattr(domain_training, "STEPS", 30)
    return copied_run(steps=4)


def _results(folder):
    results = json.loads((folder / "metrics.json").read_text())["results"]
    return {result["metric"]: result for result in results}


def test_figures_of_a_labelled_run_are_all_that_its_data_allow(labelled, command):
    code, out, err = command("evaluate", f"--ckpt={labelled}", f"--features={labelled / 'f.npz'}")
    assert code == 0, err
    results = _results(labelled)
    names = {"fd", "kid", "label_agreement", "precision", "recall", "density", "coverage", "memorisation"}
    assert {f"{name}_domain_24" for name in names} | {"swd"} <= set(results)
    assert all("extractor_hash" in r["protocol"] for name, r in results.items() if "domain" in name)
    assert results["swd"]["protocol"]["ema"] is True
    with np.load(labelled / "f.npz") as features:
        statistics = [gaussian_statistics(features[name]) for name in ("reference", "generated")]
    assert frechet_distance(*statistics) == pytest.approx(results["fd_domain_24"]["value"], rel=1e-9)
    code, _, err = command(
        "generate", f"--ckpt={labelled}", "--which=best", "--num_images=2", f"--output={labelled / 'best.png'}"
    )
    assert code == 0, err


def test_the_report_is_one_page_with_figures_pictures_and_curves(labelled, command):
    for ckpt in sorted((labelled / "checkpoints").iterdir()):
        code, _, err = command("evaluate", f"--ckpt={ckpt}", "--metrics=fd,precision_recall")
        assert code == 0, err
    page = (labelled / "metrics.html").read_text()
    value = _results(labelled)["fd_domain_24"]["value"]
    assert re.search(
        rf"fd_domain_24</b><small>.*?</small><td class=number data-name=.value.>{re.escape(f'{value:.4g}')}<", page
    )
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    shapes = [Image.open(io.BytesIO(base64.b64decode(text))).size for text in pictures]
    assert len(shapes) == 5  # generated, real, neighbours, curves, losses
    assert shapes[0] == shapes[1]  # side by side
    assert page.count("<img") == page.count("alt=") == 5
    assert "times what real images have" in page and "bad: " in page
    assert "http" not in page  # nothing is fetched
    steps = [gk.load_gan(path).steps_trained for path in sorted((labelled / "checkpoints").iterdir())]
    kept = labelled / f"metrics-step-{steps[-2]:08d}.json"
    assert json.loads(kept.read_text())["step"] == steps[-2] and kept.with_suffix(".html").exists()
    assert json.loads((labelled / "metrics.json").read_text())["step"] == steps[-1]


def test_the_change_from_a_baseline_of_the_same_protocol_is_printed_and_another_refused(labelled, command, tmp_path):
    arguments = ["evaluate", f"--ckpt={labelled}", "--metrics=swd"]
    assert command(*arguments, f"--output={tmp_path / 'a.json'}")[0] == 0
    (tmp_path / "metrics.json").write_bytes((tmp_path / "a.json").read_bytes())
    code, out, err = command(*arguments, f"--baseline={tmp_path}")
    assert code == 0 and "change" in out and "+0" in out, err
    code, out, err = command(*arguments, "--seed=1", f"--baseline={tmp_path / 'a.json'}")
    assert code == 1 and "seed: 1 and 0" in err and "Traceback" not in err
    assert "swd" in out  # the values are good without the baseline
    (tmp_path / "b.json").write_text('{"results": [{"metric": "swd", "value": 1}]}')
    code, _, err = command(*arguments, f"--baseline={tmp_path / 'b.json'}")
    assert code == 1 and "metrics.json that this command wrote" in err and "Traceback" not in err


@pytest.fixture
def target(labelled, command, runs):
    """--target of a server of the labelled run."""
    models = runs / "models"
    if not models.exists():
        assert command("export", f"--ckpt={labelled}", f"--output={models}", "--signatures=generate")[0] == 0
    with ModelServer(models, "default", port=0) as server:
        yield f"--target=localhost:{server.port}"


def test_a_server_of_the_checkpoint_has_its_protocol_and_a_file_of_its_own(labelled, command, target):
    assert command("evaluate", f"--ckpt={labelled}", "--metrics=fd,swd")[0] == 0
    names = ("metrics.json", "metrics.html")
    before = [(labelled / name).read_bytes() for name in names]
    code, out, err = command(
        "evaluate", target, "--metrics=fd,swd", f"--ckpt={labelled}", f"--baseline={labelled / 'metrics.json'}"
    )
    assert code == 0 and "differ from the checkpoint" not in out, err
    assert [(labelled / name).read_bytes() for name in names] == before
    served = json.loads((labelled / "metrics_served.json").read_text())
    assert (labelled / "metrics_served.html").exists()
    assert served["levels_from_ckpt"] <= 1 and served["version"] == 1 and served["step"] == 4
    changes = compare(served["results"], list(_results(labelled).values()))
    assert list(changes.values()) == pytest.approx([0, 0], abs=0.05)  # at most a level apart


@pytest.mark.slow
def test_a_server_of_another_model_is_told_in_the_records_and_takes_no_fact_of_the_checkpoint(
    command, target, train, tmp_path
):
    train(tmp_path / "other", "--seed=5", steps=6)
    other = f"--ckpt={tmp_path / 'other'}"
    assert command("evaluate", other, "--metrics=swd,ms_ssim")[0] == 0
    baseline = f"--baseline={tmp_path / 'other' / 'metrics.json'}"
    code, out, err = command("evaluate", target, "--metrics=swd,ms_ssim", other, baseline)
    assert code == 1 and "generator: a server's and None; ema: None and True" in err
    served = json.loads((tmp_path / "other" / "metrics_served.json").read_text())
    (warning,) = {text for r in served["results"] for text in r["protocol"]["warnings"] if "checkpoint" in text}
    assert f"differ from the checkpoint's by up to {served['levels_from_ckpt']} levels" in warning
    assert all(warning in result["protocol"]["warnings"] for result in served["results"])
    assert out.count(warning) == 1
    assert f"<p class=warning>{html.escape(warning)}</p>" in (tmp_path / "other" / "metrics_served.html").read_text()
    assert "step" not in served and "ckpt" not in served and served["compared_with"].endswith("step-00000006.keras")


class _Noting(Scripted):
    """Notes the versions that are asked for."""

    def _predict(self, body, context):
        self.asked.add(wire.PredictRequest.FromString(body).model_spec.version.value)
        return super()._predict(body, context)


def test_a_server_is_asked_over_tls_for_one_version_only(command, tmp_path):
    ca, server = trustme.CA(), _Noting()
    server.asked = set()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    images = np.random.default_rng(0).integers(0, 256, (16, toy.SIZE, toy.SIZE, 1), np.uint8)
    np.savez(tmp_path / "real.npz", images=images)
    with serving(server, credentials=credentials(ca, "images.example.org")) as port:
        code, _, err = command(
            "evaluate",
            f"--target=127.0.0.1:{port}",
            f"--dataset=npz:{tmp_path / 'real.npz'}",
            "--metrics=swd",
            f"--output={tmp_path / 'm.json'}",
            f"--root_certificates={tmp_path / 'ca.pem'}",
            "--server_name=images.example.org",
        )
    assert code == 0, err
    assert server.asked == {json.loads((tmp_path / "m.json").read_text())["version"]}


def test_figures_that_are_not_finite_are_json_and_a_baseline(command, run_of_points, tmp_path):
    run = shutil.copytree(run_of_points, tmp_path / "run")
    evaluation = ["evaluate", f"--ckpt={run}", "--metrics=mode_coverage", "--num_images=8"]
    assert command(*evaluation)[0] == 0
    strict = json.loads((run / "metrics.json").read_text(), parse_constant=pytest.fail)["results"]
    values = {result["metric"]: result["value"] for result in strict}
    assert (values["modes"], values["mode_reverse_kl"], values["mode_spread"]) == (0, "Infinity", "NaN")
    code, out, err = command(*evaluation, f"--baseline={run / 'metrics.json'}")
    assert code == 0 and "inf" in out and "Infinity" not in out, err


def test_metrics_json_holds_the_names_of_the_data_s_classes(command, tmp_path):
    for k in range(16):
        path = tmp_path / "pets" / ("cat", "dog")[k % 2] / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((14, 14), 10 * k, np.uint8)).save(path)
    layers = [keras.Input((4,)), keras.layers.Dense(196, "tanh"), keras.layers.Reshape((14, 14, 1))]
    keras.Sequential(layers).save(tmp_path / "plain.keras")
    data = [f"--dataset=folder:{tmp_path / 'pets'}", "--metrics=swd", f"--output={tmp_path / 'm.json'}"]
    code, _, err = command("evaluate", f"--ckpt={tmp_path / 'plain.keras'}", *data)
    assert code == 0, err
    assert json.loads((tmp_path / "m.json").read_text())["class_names"] == ["cat", "dog"]


def test_a_server_that_is_not_there_is_one_clear_line(command, tmp_path):
    code, _, err = command("evaluate", "--target=localhost:1", "--dataset=mnist5k", f"--output={tmp_path / 'm.json'}")
    assert code == 1 and "The server did not answer" in err and "Traceback" not in err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--metrics=fie"], "swd"),
        (["--metrics=fd_domain"], "labelled"),
        (["--extractor=/nowhere"], "/nowhere"),
        (["--output=figures.txt"], "figures.txt"),
        (["--features=figures.txt"], "figures.txt"),
        (["--seed=3000000000"], "--seed"),
        (["--metrics=kid_lite0", "--weights=/nowhere.pth"], "/nowhere.pth"),
        (["--resizer=clean"], "resizer='clean'"),
        (["--dataset=npz:/nowhere.npz"], "/nowhere.npz"),
        (["--num_images=1"], "--num_images"),
        (["--tls"], "Give --target host:port, too. Received: --tls without --target"),
        (["--target=localhost:1", "--client_key=key.pem"], "belong together"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_1(command, unlabelled, arguments, message):
    code, out, err = command("evaluate", f"--ckpt={unlabelled}", *arguments)
    assert code == 1 and message in out + err and "Traceback" not in out + err
