"""How much memory a call takes at its peak."""

import pytest

from benchmarks.resident import resident_mib


@pytest.fixture
def peak_mib():
    """`peak_mib(call)`: MiB resident at the peak of `call()`, above what was before it."""

    def measure(call):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak starts again from here
        before = resident_mib()
        call()
        return resident_mib("VmHWM") - before

    return measure
