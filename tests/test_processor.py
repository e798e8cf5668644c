"""oneDNN's kernels are on where TensorFlow would leave them off, unless the user has set them."""

import pathlib
import re

from tfgan_kit import processor

import pytest

from tests.fresh_process import CONVOLUTION, run

ROOT = pathlib.Path(__file__).parent.parent
OFF_BY_DEFAULT = not processor._flags() & processor._ON_BY_DEFAULT
# oneDNN's own log of its kernels: with Eigen's convolution it is asked for matrix products alone.
KERNEL = re.compile(r"^onednn_verbose,.*,exec,cpu,convolution,(?:jit|brg)\S*", re.MULTILINE)


def convolves(ended, is_on, says):
    lines = [line for line in ended.stderr.splitlines() if line.startswith("tfgan_kit: ")]
    assert bool(KERNEL.search(ended.stdout)) == is_on
    assert len(lines) == bool(says and OFF_BY_DEFAULT)
    assert all(says in line for line in lines)


@pytest.mark.thorough
def test_after_the_package_s_import_onednn_convolves(fresh_import):
    convolves(fresh_import, True, "switched on")


@pytest.mark.slow
@pytest.mark.parametrize(
    "first, environment, is_on, says",
    [
        ("import tensorflow, tfgan_kit", {}, not OFF_BY_DEFAULT, "import tfgan_kit before tensorflow"),
        ("import os, tensorflow; os.environ['TF_ENABLE_ONEDNN_OPTS'] = '1'", {}, not OFF_BY_DEFAULT, None),
        ("import tfgan_kit", {processor.ONEDNN: "0"}, False, None),
        ("import tfgan_kit", {processor.ONEDNN: "1"}, True, None),
    ],
    ids=["after TensorFlow", "set too late", "set to 0", "set to 1"],
)
def test_a_kernel_s_name_tells_who_convolves(first, environment, is_on, says):
    """After TensorFlow's import the setting no longer takes, before its first operation or not."""
    convolves(run(f"{first}\n{CONVOLUTION}", **environment), is_on, says)


@pytest.mark.thorough
@pytest.mark.slow
def test_a_child_process_says_nothing_again():
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {'import tfgan_kit'!r}], check=True)"
    ended = run(f"import tfgan_kit; {child}")
    assert ended.stderr.count("tfgan_kit: ") == OFF_BY_DEFAULT


@pytest.mark.parametrize(
    "flags, limit, name",
    [
        ({"avx2", "avx", "sse4_1"}, "", "AVX2"),
        ({"avx2", "avx", "avx512dq", "avx512_vnni"}, "", "AVX512_CORE_VNNI"),
        ({"avx2", "avx512dq", "avx512_vnni", "avx512_bf16"}, "", "AVX512_CORE_BF16"),
        ({"avx2", "avx512dq", "avx512_bf16", "amx_bf16"}, "avx2", "AVX2"),
        ({"avx2"}, "no such set", "AVX2"),
    ],
    ids=["AVX2", "VNNI", "bfloat16", "limited", "a limit that is none"],
)
def test_the_instruction_set_is_the_richest_that_onednn_may_use(monkeypatch, flags, limit, name):
    monkeypatch.setattr(processor, "_flags", lambda: flags)
    monkeypatch.setenv(processor.LARGEST_SET, limit)
    assert processor.instruction_set() == name


@pytest.mark.parametrize("path", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*.md"))])
def test_examples_import_the_package_before_tensorflow_and_keras(path):
    for block in re.findall(r"```python\n(.*?)```", (ROOT / path).read_text(), re.DOTALL):
        imported = re.findall(r"^(?:import|from) (tfgan_kit|keras|tensorflow)\b", block, re.MULTILINE)
        assert imported[:1] in ([], ["tfgan_kit"])
