"""The processor that TensorFlow computes on: its instructions, and whether oneDNN's kernels are in use.

On x86 without AVX-512 TensorFlow leaves oneDNN off, where a training step then takes twice the time
(benchmarks/README.md). The setting is read once, when TensorFlow is imported: `tfgan_kit/__init__.py`
calls `switch_on_onednn` before that, and this module does not import TensorFlow when it is imported.
"""

import logging
import os
import pathlib
import platform
import sys

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
LARGEST_SET = "ONEDNN_MAX_CPU_ISA"

# oneDNN's names (ONEDNN_MAX_CPU_ISA), largest first, and the /proc/cpuinfo flag of each.
_SETS = {
    "AVX512_CORE_AMX": "amx_bf16",
    "AVX512_CORE_FP16": "avx512_fp16",
    "AVX512_CORE_BF16": "avx512_bf16",
    "AVX512_CORE_VNNI": "avx512_vnni",
    "AVX512_CORE": "avx512dq",
    "AVX2_VNNI": "avx_vnni",
    "AVX2": "avx2",
    "AVX": "avx",
    "SSE41": "sse4_1",
}
# With one of these TensorFlow 2.21 uses oneDNN by default: tensorflow/core/util/port.cc, IsMklEnabled.
_ON_BY_DEFAULT = frozenset({"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"})
_X86 = frozenset({"x86_64", "AMD64"})


def switch_on_onednn():
    """Switches oneDNN's kernels on if TensorFlow would leave them off, unless the user has set them.

    It logs one line, or, if TensorFlow was already imported and has them off, what to do. A child
    process inherits the setting and logs nothing.
    """
    if os.environ.get(ONEDNN) or platform.machine() not in _X86 or _flags() & _ON_BY_DEFAULT:
        return
    if "tensorflow" not in sys.modules:
        os.environ[ONEDNN] = "1"
        _say(f"oneDNN's kernels are switched on; {ONEDNN}=0 leaves them off, {ONEDNN}=1 omits this line.")
    elif not onednn_is_on():
        _say(
            "TensorFlow was imported first and has oneDNN's kernels off, without which training takes about twice "
            f"as long on this processor: import tfgan_kit before tensorflow and keras, or set {ONEDNN}=1."
        )


def onednn_is_on():
    """True if TensorFlow uses oneDNN's kernels in this process; imports TensorFlow."""
    from tfgan_kit.internals import tensorflow as internals

    return internals.onednn_is_on()


def instruction_set():
    """The instruction set that oneDNN may use, by oneDNN's name, e.g. "AVX2"; otherwise the architecture."""
    names, flags = list(_SETS), _flags()
    limit = os.environ.get(LARGEST_SET, "").upper()
    allowed = names[names.index(limit) :] if limit in names else names
    return next((name for name in allowed if _SETS[name] in flags), platform.machine())


def record():
    """What determines the last bits of a result, for the record of a run or an export: a JSON object."""
    return {"instruction_set": instruction_set(), "onednn": onednn_is_on()}


def describe(recorded):
    """A record in words, e.g. "AVX2, oneDNN on"."""
    return f"{recorded['instruction_set']}, oneDNN {'on' if recorded['onednn'] else 'off'}"


def model_name():
    """The processor's model name, e.g. "AMD EPYC"."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _flags():
    return frozenset(_cpuinfo("flags").split())


def _cpuinfo(key):
    """A value of the first processor in /proc/cpuinfo, or "" if there is none."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _say(text):
    # Without a logging configuration Python writes it to stderr.
    logging.getLogger("tfgan_kit").warning("tfgan_kit: %s", text)
