"""`python -m tests.integration.conformance NAME FOLDER`: writes a start line's files, prints its flags."""

import pathlib
import sys

from tests.integration.conformance import starts

if __name__ == "__main__":
    name, folder = sys.argv[1:]
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    print(" ".join(starts.flags(name, pathlib.Path(folder).absolute(), poll_seconds=1)))
