import json

from tfgan_kit import metrics
from tfgan_kit.commands.divergence import DIVERGENCES, format_matrix, gaussian_kl, gaussian_w2, sliced_wasserstein
from tfgan_kit.divergences import DivergenceMatrix
from tfgan_kit.generation.seeds import image_seeds
from tfgan_kit.metrics.features import domain_training
from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.run import Run

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("classifiers")


@pytest.fixture(autouse=True)
def _cache(cache, monkeypatch):
    """The domain classifier is trained for 30 steps only: no test asks how good it is."""
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(cache))
    monkeypatch.setattr(domain_training, "STEPS", 30)


@pytest.fixture
def run(finished_run):
    """A run that the command only reads."""
    return finished_run(steps=2)


def read(path):
    return json.loads(path.with_suffix(".json").read_text())


def test_a_checkpoint_and_its_data_are_compared_over_the_domain_classifiers_features(command, run, digits, tmp_path):
    output = tmp_path / "deep" / "matrix.png"
    code, out, err = command(
        "divergence", f"--ckpt={run}", f"--dataset=npz:{digits}", f"--output={output}", "--num_images=20"
    )
    assert code == 0, err
    report = read(output)
    assert report["names"] == ["run", "digits.npz"] and report["counts"] == [20, 20]
    values = np.array(report["values"])
    np.testing.assert_array_equal(values, values.T)
    np.testing.assert_allclose(np.diag(values), 0, atol=1e-4 * values.max())
    assert values[0, 1] > 0 and "domain classifier" in report["features"] and report["extractor_hash"]
    assert Image.open(output).format == "PNG"
    assert f"Wrote {output}" in out and f"Next: python -m tfgan_kit.evaluate --ckpt {run}" in out


def test_by_class_there_is_a_group_for_each_class(command, digits, tmp_path):
    output = tmp_path / "matrix.png"
    code, out, err = command(
        "divergence", f"--dataset=npz:{digits}", "--by=class", f"--output={output}", "--divergence=sliced_wasserstein"
    )
    assert code == 0, err
    report = read(output)
    assert report["names"] == ["digits.npz 0", "digits.npz 1", "digits.npz 2"]
    assert sum(report["counts"]) == 48  # the other half trained the classifier
    assert report["names"][1] in out and "Next:" not in out


def test_a_conditional_checkpoint_is_grouped_by_the_labels_it_was_asked_for(command, run, digits, tmp_path):
    output = tmp_path / "matrix.png"
    code, _, err = command(
        "divergence",
        f"--ckpt={run}",
        f"--dataset=npz:{digits}",
        "--by=class",
        f"--output={output}",
        "--num_images=40",
        "--seed=3",
    )
    assert code == 0, err
    report = read(output)
    assert report["names"] == [f"{name} {label}" for name in ("run", "digits.npz") for label in range(3)]
    labels = load_gan(run).labels_of(image_seeds(3, 40))
    assert report["counts"][:3] == np.bincount(labels, minlength=3).tolist()


def test_two_checkpoints_of_one_run_are_compared_by_pixels(command, run, tmp_path):
    output = tmp_path / "matrix.png"
    path = Run(run).newest()
    code, out, err = command(
        "divergence", f"--ckpt={path}", f"--ckpt={run}", "--num_images=8", "--seed=1", f"--output={output}"
    )
    assert code == 0, err
    report = read(output)
    assert report["names"] == [path.stem, "run"] and report["features"] == "pixels"
    assert np.array(report["values"]).max() < 1e-3  # one checkpoint, named twice


def test_wide_apart_colours_are_as_far_apart_as_their_means(command, tmp_path):
    # One standard deviation, means 100 apart in each of 16 pixels: W2 = 400.
    noise = np.random.default_rng(0).integers(0, 50, (60, 4, 4, 1), np.uint8)
    np.savez(tmp_path / "dark.npz", images=noise)
    np.savez(tmp_path / "light.npz", images=noise + np.uint8(100))
    datasets = [f"--dataset=npz:{tmp_path / name}.npz" for name in ("dark", "light")]
    code, _, err = command("divergence", *datasets, f"--output={tmp_path / 'm.png'}")
    assert code == 0, err
    assert read(tmp_path / "m.png")["values"][0][1] == pytest.approx(400, rel=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "nothing to compare"),
        (["--dataset=npz:/nowhere.npz"], "/nowhere.npz"),
        (["--dataset=npz:{digits}", "--output=m.jpg"], "m.jpg"),
        (["--dataset=npz:{digits}", "--divergence=kl"], "gaussian_w2"),
        (["--dataset=ring8", "--by=class"], "labelled --dataset"),
        (["--dataset=npz:{digits}", "--dataset=ring8"], "one shape"),
        (["--dataset=npz:{digits}", "--divergence=gaussian_kl"], "more images in a group than features"),
        (["--ckpt=/nowhere", "--dataset=ring8"], "/nowhere"),
        (["--dataset=ring8", "--num_images=2"], "--num_images"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_1(command, digits, tmp_path, arguments, message):
    arguments = [argument.format(digits=digits) for argument in arguments]
    code, out, err = command("divergence", f"--output={tmp_path / 'm.png'}", *arguments)
    assert code == 1 and message in out + err and "Traceback" not in out + err
    assert not (tmp_path / "m.png").exists()


def test_points_are_compared_by_every_divergence_on_offer():
    x = np.random.default_rng(0).normal(size=(500, 2))
    y = x + [3.0, 4.0]
    precision = np.linalg.inv(np.cov(x, rowvar=False))
    assert gaussian_w2(x, y) == pytest.approx(5, rel=1e-9)
    assert gaussian_kl(x, y) == pytest.approx([3, 4] @ precision @ [3, 4] / 2, rel=1e-9)
    assert sliced_wasserstein(x, y) == pytest.approx(5 * 2 / np.pi, rel=0.1)


def test_gaussian_w2_is_the_root_of_fd_domain():
    x, y = np.random.default_rng(0).normal(size=(2, 100, 3))
    squared = metrics.frechet_distance(metrics.gaussian_statistics(x), metrics.gaussian_statistics(y))
    assert gaussian_w2(x, y) ** 2 == pytest.approx(squared, rel=1e-12)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_what_is_called_symmetric_is(name):
    x, y = np.random.default_rng(0).normal(size=(2, 50, 3)) * [[[1.0]], [[2.0]]]
    found = [DIVERGENCES[name].compare(*pair) for pair in ((x, y), (y, x))]
    assert (found[0] == pytest.approx(found[1], rel=1e-9)) == DIVERGENCES[name].symmetric


def test_table_is_aligned_and_shows_infinity():
    matrix = DivergenceMatrix(("a", "long"), np.array([[0.0, np.inf], [1.5, 0.0]]))
    assert format_matrix(matrix).splitlines() == ["        a  long", "   a    0   inf", "long  1.5     0"]
