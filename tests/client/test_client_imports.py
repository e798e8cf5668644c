"""The client is light: it runs where TensorFlow is not installed, and starts fast."""

import pathlib
import shutil
import subprocess
import sys
import venv

from tfgan_kit import __version__

import pytest

import tfgan_kit_client

NEEDS = ("grpcio", "protobuf", "numpy")
MOST_SECONDS = 0.7
REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "tfgan_kit", "tensorflow_serving", "absl"):
            raise ImportError(f"the client imported {name}")

sys.meta_path.insert(0, Refuse())
"""
ASK = """
import sys
import tfgan_kit_client
print("pil", "PIL" in sys.modules)
with tfgan_kit_client.GeneratorClient(sys.argv[1], "toy") as client:
    print("images", client.generate(3).shape, len(client.generate_png(3, labels=[0, 1, 2])))
    print("streamed", len(list(client.stream(20))), len(list(client.stream_png(20))))
"""
TIME = """
import time
start = time.process_time()
import tfgan_kit_client
print(time.process_time() - start)
"""


def run(python, *arguments, cwd=None):
    done = subprocess.run([python, *arguments], capture_output=True, text=True, timeout=300, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(text):
    assert "images (3, 8, 8, 1) 3" in text
    assert "streamed 20 20" in text
    assert "pil False" in text


def test_the_client_works_without_tensorflow_keras_and_absl(target):
    check(run(sys.executable, "-c", REFUSE + ASK, target))


@pytest.mark.slow
def test_the_client_runs_in_an_environment_of_three_packages(target, tmp_path):
    venv.create(tmp_path / "lean", with_pip=True)
    python = str(tmp_path / "lean" / "bin" / "python")
    run(python, "-m", "pip", "install", "-q", *NEEDS)
    package = pathlib.Path(tfgan_kit_client.__file__).parent
    shutil.copytree(package, tmp_path / "work" / package.name)
    listed = run(python, "-m", "pip", "list", "--format=freeze").lower()
    assert not any(name in listed for name in ("tensorflow", "keras", "absl", "pillow"))
    check(run(python, "-c", ASK, target, cwd=tmp_path / "work"))


@pytest.mark.slow
def test_the_client_installs_alone_and_beside_the_package(target, tmp_path):
    root = pathlib.Path(tfgan_kit_client.__file__).parents[1]
    shutil.copytree(root / "tfgan_kit_client", tmp_path / "source" / "tfgan_kit_client")
    venv.create(tmp_path / "lean", with_pip=True)
    python = str(tmp_path / "lean" / "bin" / "python")
    run(python, "-m", "pip", "install", "-q", tmp_path / "source" / "tfgan_kit_client")
    assert "No broken requirements" in run(python, "-m", "pip", "check")
    assert "tensorflow" not in run(python, "-m", "pip", "list", "--format=freeze").lower()
    check(run(python, "-c", ASK, target, cwd=tmp_path))
    run(python, "-m", "tfgan_kit_client", "--model_name=toy", f"--target={target}", "--output=x.png", cwd=tmp_path)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, tmp_path / "source" / name)
    shutil.copytree(root / "tfgan_kit", tmp_path / "source" / "tfgan_kit")
    run(python, "-m", "pip", "install", "-q", "--no-deps", tmp_path / "source")
    versions = run(python, "-m", "pip", "list", "--format=freeze").split()
    assert {f"tfgan_kit=={__version__}", f"tfgan_kit_client=={__version__}"} <= set(versions)
    check(run(python, "-c", ASK, target, cwd=tmp_path))


def test_importing_takes_less_than_a_moment():
    # CPU time, best of three: what the import itself needs. On a busy machine the clock on the wall
    # times the others.
    seconds = min(float(run(sys.executable, "-c", TIME)) for _ in range(3))
    assert seconds < MOST_SECONDS


@pytest.mark.slow
def test_the_client_lives_beside_tensorflow_in_one_process():
    run(sys.executable, "-c", "import tensorflow_serving.apis.predict_pb2, tfgan_kit_client")
