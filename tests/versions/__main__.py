"""Every supported TensorFlow, with the Keras that goes with it: `make test-versions`.

Each pair has an environment of its own in build/versions; a `.keras` file is read by the Keras that wrote it, and by
every newer one.
"""

import pathlib
import shutil
import subprocess
import sys

# (Python, TensorFlow, Keras), oldest first.
VERSIONS = (
    ("3.11", "2.19.1", "3.10.0"),
    ("3.12", "2.19.1", "3.10.0"),
    ("3.11", "2.20.0", "3.12.4"),
    ("3.12", "2.20.0", "3.12.4"),
    ("3.11", "2.21.0", "3.15.1"),
    ("3.12", "2.21.0", "3.15.1"),
)
ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "build" / "versions"


def interpreter(version):
    """A Python of this version: on the PATH, or pyenv's.

    Raises:
        FileNotFoundError: there is none.
    """
    places = [f"python{version}", *pathlib.Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    for place in places:
        try:
            subprocess.run([place, "-c", ""], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return place
    raise FileNotFoundError(f"Python {version} is not installed: it is looked for on the PATH and in ~/.pyenv/versions")


def environment(python, tensorflow, keras):
    """The Python of an environment with these versions, made where it is missing."""
    folder = FOLDER / f"python-{python}-tensorflow-{tensorflow}-keras-{keras}"
    executable, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([interpreter(python), "-m", "venv", folder], check=True)
        pins = [f"tensorflow=={tensorflow}", f"keras=={keras}"]
        subprocess.run([executable, "-m", "pip", "install", "--quiet", *pins, "--editable", ROOT], check=True)
        ready.touch()
    return executable


def main():
    files, failed = [], []
    for versions in VERSIONS:
        name = "Python {}, TensorFlow {}, Keras {}".format(*versions)
        print(f"\n{name}", flush=True)
        output = FOLDER / "-".join(versions)
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir(parents=True)
        try:
            command = [environment(*versions), "-m", "tests.versions.steps", output, *files]
            subprocess.run(command, check=True, cwd=ROOT)
            files.append(output / "gan.keras")
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            print(f"failed: {error}", flush=True)
            failed.append(name)
    print("\n" + ("Not supported: " + "; ".join(failed) if failed else "All are supported."))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
