"""Films, written frame by frame: MP4 (H.264), and short ones as animated GIF or WebP."""

import itertools
import pathlib

import numpy as np

from tfgan_kit_client.files import whole
from tfgan_kit_client.pictures import to_pil

SUFFIXES = (".mp4", ".gif", ".webp")
MOST_FRAMES = 1000  # of GIF and WebP, all of which Pillow holds in memory until the end
MOST_GIF_FRAMES_PER_SECOND = 50  # browsers show a frame that lasts less than 20 ms for 100 ms
_MOST_FRAMES_PER_SECOND = 240
_CRF = "16"  # H.264's constant quality, 0 lossless to 51: hardly to be told from the frames
_WEBP_QUALITY = 90


def check_film(path, num_frames, frames_per_second):
    """Refuses a film that cannot be written, before its first frame is made.

    Raises:
        ValueError: another suffix, no frame, a rate out of range, too many frames for the format, or a missing encoder.
    """
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"A film's file ends in {', '.join(SUFFIXES)}. Received: {path}")
    if num_frames < 1:
        raise ValueError(f"A film has at least 1 frame. Received: {num_frames} frames")
    most = MOST_GIF_FRAMES_PER_SECOND if suffix == ".gif" else _MOST_FRAMES_PER_SECOND
    if not 1 <= frames_per_second <= most:
        raise ValueError(
            f"A {suffix[1:]} film shows 1 to {most} frames a second. Received: frames_per_second={frames_per_second}"
        )
    if suffix == ".mp4":
        _check_encoder()
    elif num_frames > MOST_FRAMES:
        raise ValueError(
            f"A GIF or WebP film has at most {MOST_FRAMES} frames, which are held in memory: write .mp4, or fewer "
            f"frames. Received: {num_frames} frames"
        )


def write_film(path, frames, frames_per_second=30):
    """Writes a film, whole or not at all; of MP4, memory does not grow with its length.

    Args:
        path: file that ends in .mp4, .gif or .webp. MP4 needs PyAV (`pip install tfgan_kit[video]`).
        frames: sized iterable of uint8 (H, W, C), all of one shape, C 1 or 3. H.264 has even sides: an odd one gets
            its last row or column twice.
        frames_per_second: int >= 1; at most 50 of a GIF, whose frames last whole hundredths of a second (the sum is
            right).

    Raises:
        ValueError: see `check_film`.
        OSError: the file cannot be written.

    Example:
        >>> frames = np.zeros((6, 16, 16, 3), np.uint8)
        >>> write_film("black.gif", frames, frames_per_second=25)
    """
    path = pathlib.Path(path)
    check_film(path, len(frames), frames_per_second)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as temporary:
        if path.suffix.lower() == ".mp4":
            _write_mp4(temporary, frames, frames_per_second)
        else:
            _write_animation(temporary, frames, frames_per_second)


def _check_encoder():
    try:
        import av  # optional: the package runs without it
    except ImportError:
        raise ValueError(
            "An .mp4 film needs PyAV: pip install 'tfgan_kit[video]', or give a .gif or .webp file."
        ) from None
    if "libx264" not in av.codecs_available:
        raise ValueError(
            "This build of PyAV has no H.264 encoder (libx264): install the one of PyPI, pip install av, or give a "
            f".gif or .webp file. Received: av {av.__version__}"
        )


def _write_mp4(path, frames, frames_per_second):
    import av
    from av.video.reformatter import ColorRange, Colorspace

    frames = iter(frames)
    first = next(frames)
    # The index goes to the front, so that a browser can play the film while it loads.
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as file:
        stream = file.add_stream("libx264", rate=frames_per_second, options={"crf": _CRF})
        stream.height, stream.width = _even(first).shape[:2]
        stream.pix_fmt = "yuv420p"  # the one that every player knows
        # What PyAV converts to; unsaid, players take large pictures for BT.709 and shift their colours.
        stream.colorspace, stream.color_range = Colorspace.ITU601, ColorRange.MPEG
        for frame in itertools.chain([first], frames):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(_even(frame), format="rgb24")))
        file.mux(stream.encode())


def _even(frame):
    """A frame of three channels and even sides."""
    height, width, channels = frame.shape
    frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(np.repeat(frame, 3 // channels, axis=2))


def _write_animation(path, frames, frames_per_second):
    pictures = map(to_pil, frames)
    unit = 10 if path.suffix.lower() == ".gif" else 1  # ms
    ends = [round(1000 * k / frames_per_second / unit) * unit for k in range(len(frames) + 1)]
    next(pictures).save(
        path,
        save_all=True,
        append_images=pictures,
        duration=[end - start for start, end in itertools.pairwise(ends)],
        loop=0,  # for ever
        **({"quality": _WEBP_QUALITY} if unit == 1 else {}),
    )
