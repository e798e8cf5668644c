import pathlib
import sys

# The toy model and its fixtures live beside the server's tests.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "serving"))
