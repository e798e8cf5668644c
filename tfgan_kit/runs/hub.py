"""Presets on the Hugging Face Hub, `hf://USER/NAME`: downloaded and uploaded by huggingface_hub."""

import pathlib
import re

from tfgan_kit.training.preset_files import CARD, MEMBERS, SAMPLES, is_preset

SCHEME = "hf://"
_HANDLE = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
_FILES = [*MEMBERS, CARD, SAMPLES]


def download_preset(handle):
    """The folder of a preset on the Hub, which huggingface_hub keeps in its cache.

    Only the files of a preset are fetched, and none is run.

    Args:
        handle: str, `hf://USER/NAME`, or `hf://USER/NAME@REVISION` for a branch, a tag or a commit.

    Returns:
        `pathlib.Path`.

    Raises:
        ValueError: another spelling, a repository that is missing, private or no preset, no network, or no
            huggingface_hub.
    """
    repository, revision = _parts(handle)
    hub = _hub()
    try:
        folder = hub.snapshot_download(repository, revision=revision, allow_patterns=_FILES)
    except Exception as error:  # of the network, of the repository, of the disk: each of another class
        raise ValueError(f"This preset cannot be fetched: {_first_line(error)} Received: {handle}") from error
    if not is_preset(folder):
        raise ValueError(f"This repository is no preset, which holds {', '.join(MEMBERS)}. Received: {handle}")
    return pathlib.Path(folder)


def upload_preset(handle, preset_dir, private=False):
    """Uploads a folder of `GAN.save_to_preset`; the repository is made if it does not exist.

    Args:
        handle: str, `hf://USER/NAME`.
        preset_dir: the folder.
        private: bool, of a new repository.

    Returns:
        str, the address of what was uploaded.

    Raises:
        ValueError: another spelling, no preset's folder, no token (`hf auth login`), a refusal, or no network.

    Example::

        gan.save_to_preset("presets/digits", card)
        upload_preset("hf://me/digits", "presets/digits")
    """
    repository, revision = _parts(handle)
    if not is_preset(preset_dir):
        raise ValueError(
            f"A preset's folder holds {', '.join(MEMBERS)}: write one by gan.save_to_preset. Received: "
            f"preset_dir={preset_dir}"
        )
    hub = _hub()
    try:
        hub.create_repo(repository, private=private, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=repository,
            folder_path=preset_dir,
            revision=revision,
            allow_patterns=_FILES,
            commit_message="Uploaded by tfgan_kit",
        )
    except Exception as error:  # likewise
        raise ValueError(
            f"This preset cannot be uploaded: {_first_line(error)} (It needs a token: `hf auth login`.) "
            f"Received: {handle}"
        ) from error
    return commit.commit_url


def _parts(handle):
    match = _HANDLE.fullmatch(handle)
    if not match:
        raise ValueError(f"A preset on the Hugging Face Hub is spelled hf://USER/NAME. Received: {handle}")
    return match.groups()


def _hub():
    try:
        import huggingface_hub
    except ImportError as error:
        raise ValueError("hf:// needs huggingface_hub: pip install 'tfgan_kit[hub]'.") from error
    return huggingface_hub


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".") + "."
