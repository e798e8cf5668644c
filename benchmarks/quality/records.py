"""What was measured, one JSON file a run, so that a stopped benchmark goes on where it was.

OUTPUT/protocol.json              what all runs of the folder have in common
OUTPUT/points/guide-seed0.json    one contestant, one seed: seconds, steps, fd_domain
"""

import json
import pathlib

from tfgan_kit.files import write_json


class Records:
    """The folder of a benchmark's points.

    Args:
        folder: path, made where it is missing.
        protocol: dict, everything on which a value depends besides contestant and seed.

    Raises:
        ValueError: the folder holds runs of another protocol.
    """

    def __init__(self, folder, protocol):
        self._points = pathlib.Path(folder) / "points"
        self._points.mkdir(parents=True, exist_ok=True)
        self.protocol = json.loads(json.dumps(protocol))  # tuples as the file has them
        path = pathlib.Path(folder) / "protocol.json"
        if path.exists():
            self._check(json.loads(path.read_text()), path)
        else:
            write_json(path, self.protocol)

    def _check(self, old, path):
        for name in self.protocol.keys() | old.keys():
            if self.protocol.get(name) != old.get(name):
                raise ValueError(
                    f"{path} is of another measurement, with {name}={old.get(name)}: give the same "
                    f"flags to go on with it, or another --output. "
                    f"Received: {name}={self.protocol.get(name)}"
                )

    def missing(self, contestants, seed):
        """The names that have no file for this seed yet, in the given order."""
        return [name for name in contestants if not self._path(name, seed).exists()]

    def write(self, name, seed, points, **facts):
        """Stores a finished run: `points` are dicts, `facts` whatever else is worth keeping."""
        record = {"contestant": name, "seed": seed, "points": points, **facts}
        write_json(self._path(name, seed), record)

    def read(self):
        """All runs: dict contestant -> dict seed -> points."""
        found = {}
        for path in sorted(self._points.glob("*.json")):
            record = json.loads(path.read_text())
            found.setdefault(record["contestant"], {})[record["seed"]] = record["points"]
        return found

    def _path(self, name, seed):
        return self._points / f"{name}-seed{seed}.json"
