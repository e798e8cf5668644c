"""What lies at a path that is no `.keras` file, told by its content, and the two lines that make one of it."""

import pathlib
import re
import zipfile

import h5py

_OF_A_CHECKPOINT = re.compile(r"(.+)\.(?:index|data-\d{5}-of-\d{5})")
_KERAS_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_OTHERS = {b"\x1f\x8b": "a gzip file", b"\x93NUMPY": "a NumPy array", b"\x80": "a pickle, such as PyTorch's"}


def describe(path):
    """What lies at a path, and what makes a `.keras` file of it, in words; None where nothing else is recognised.

    Args:
        path: of a file, of a folder, or the prefix of a TensorFlow checkpoint.

    Example:
        >>> written = pathlib.Path("ckpt-7.index").write_bytes(b"")
        >>> describe("ckpt-7").partition(",")[0]
        'This is a TensorFlow checkpoint'
    """
    path = pathlib.Path(path)
    if path.is_dir():
        return _folder(path)
    match = _OF_A_CHECKPOINT.fullmatch(str(path))
    prefix = match[1] if match else str(path)
    if pathlib.Path(f"{prefix}.index").is_file():
        return _checkpoint(repr(prefix))
    return _file(path) if path.exists() else None


def _folder(path):
    names = {child.name for child in path.iterdir()}
    if "keras_metadata.pb" in names:
        weights = f"tf_keras.models.load_model({str(path)!r}).get_weights()"
        return _two_lines("the SavedModel of a Keras 2 model", f"network.set_weights({weights})")
    if {"saved_model.pb", "saved_model.pbtxt"} & names or any(path.glob("[0-9]*/saved_model.pb")):
        return (
            "This is a SavedModel, a computation without the network that it was made from: give the .keras file that "
            "was exported, which the assets.extra/tfgan_kit.json of our exports names."
        )
    if "checkpoint" in names or any(path.glob("*.index")):
        return _checkpoint(f"tf.train.latest_checkpoint({str(path)!r})")
    return None


def _file(path):
    if not path.is_file():
        return "This is neither a file nor a folder, but a pipe, a socket or a device: give a .keras file."
    with open(path, "rb") as file:
        start = file.read(8)
    if h5py.is_hdf5(path):
        return _hdf5(path)
    if start.startswith(b"PK"):
        return _zip(path)
    for magic, name in _OTHERS.items():
        if start.startswith(magic):
            return _unknown(name)
    return _unknown(f"a file that begins with {start!r}") if start and path.suffix != ".keras" else None


def _hdf5(path):
    try:
        with h5py.File(path, "r") as file:
            has_network = "model_config" in file.attrs
    except OSError:
        return "This is an HDF5 file, cut short or damaged; --ckpt takes a .keras file."
    if not has_network:
        return _two_lines("an HDF5 file of weights, without their network", f"network.load_weights({str(path)!r})")
    return _two_lines(
        "a whole Keras model as HDF5", f"network = keras.saving.load_model({str(path)!r}, compile=False)", ""
    )


def _zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return None  # cut short
    if names & set(_KERAS_MEMBERS):
        return None
    if any(name.endswith("data.pkl") for name in names):
        return _unknown("a file of PyTorch")
    return _unknown("arrays of NumPy" if names and all(name.endswith(".npy") for name in names) else "a zip file")


def _checkpoint(expression):
    return _two_lines(
        "a TensorFlow checkpoint, which holds weights without their network",
        f"tf.train.Checkpoint(generator=network).restore({expression}).expect_partial()",
    )


def _two_lines(what, first, given=", where `network` is the Keras network that the weights are of"):
    return (
        f"This is {what}. Two lines of Python make the .keras file that --ckpt takes{given}: "
        f"`{first}` and `network.save('generator.keras')`."
    )


def _unknown(what):
    return (
        f"This is {what}, and --ckpt takes a .keras file: put its weights into a Keras network by "
        "`network.set_weights(arrays)`, then `network.save('generator.keras')`."
    )
