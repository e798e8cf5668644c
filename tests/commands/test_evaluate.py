import json

import numpy as np
import pytest

from tfgan_kit.checkpoint import Run


@pytest.fixture
def unlabelled(train, tmp_path):
    path = tmp_path / "plain.npz"
    images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), np.uint8)
    np.savez(path, images=images)
    code, _, err = train(tmp_path / "run", f"--dataset=npz:{path}", "--image_size=16", steps=2)
    assert code == 0, err
    return tmp_path / "run"


def test_figures_of_an_unlabelled_run_have_floor_and_protocol(command, unlabelled):
    code, out, err = command("evaluate", f"--ckpt={unlabelled}")
    assert code == 0, err
    report = json.loads((unlabelled / "metrics.json").read_text())
    (result,) = report["results"]
    assert report["step"] == 2 and result["metric"] == "swd" and "swd" in out
    assert 0 < result["floor"] < result["value"]
    assert result["protocol"]["reference_fingerprint"]
    assert Run(unlabelled).best() == Run(unlabelled).newest()


def test_figures_of_a_labelled_run_are_of_a_domain_classifier(train, command, tmp_path, monkeypatch):
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(tmp_path / "cache"))
    train(tmp_path / "run", steps=2)
    code, out, err = command("evaluate", f"--ckpt={tmp_path / 'run'}")
    assert code == 0, err
    results = json.loads((tmp_path / "run" / "metrics.json").read_text())["results"]
    assert {r["metric"] for r in results} == {"fd_domain", "kid_domain", "label_agreement"}
    assert all("extractor_hash" in r["protocol"] for r in results)
    code, _, err = command("generate", f"--ckpt={tmp_path / 'run'}", "--which=best", "--num_images=2",
                           f"--output={tmp_path / 'best.png'}")
    assert code == 0, err


@pytest.mark.parametrize("arguments, message", [
    (["--metrics=fid"], "swd"),
    (["--metrics=fd_domain"], "labelled"),
    (["--dataset=npz:/nowhere.npz"], "/nowhere.npz"),
    (["--num_images=1"], "--num_images"),
])
def test_a_mistake_is_one_clear_line_and_exit_code_1(command, unlabelled, arguments, message):
    code, out, err = command("evaluate", f"--ckpt={unlabelled}", *arguments)
    assert code == 1 and message in out + err and "Traceback" not in out + err
