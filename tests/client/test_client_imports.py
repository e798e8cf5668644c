"""The client is light: it runs where TensorFlow is not installed, and starts fast."""

import subprocess
import sys

SCRIPT = """
import sys, time

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "tfgan_kit", "tensorflow_serving"):
            raise ImportError(f"the client imported {name}")

sys.meta_path.insert(0, Refuse())
start = time.perf_counter()
import tfgan_kit_client
print(f"imported in {time.perf_counter() - start:.2f} s")
print("pil", "PIL" in sys.modules)
with tfgan_kit_client.GeneratorClient(sys.argv[1], "toy") as client:
    print("images", client.generate(3).shape, len(client.generate_png(3, labels=[0, 1, 2])))
"""


def test_the_client_works_without_tensorflow_and_keras(target):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, target], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)  # the time: measured, not asserted
    assert "images (3, 8, 8, 1) 3" in done.stdout
    assert "pil False" in done.stdout


def test_the_client_lives_beside_tensorflow_in_one_process():
    script = "import tensorflow_serving.apis.predict_pb2, tfgan_kit_client"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
