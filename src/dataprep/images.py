"""One decode for everybody: upright, sRGB, 8 bit, RGB or RGBA; and the probe behind ``scan``."""

from __future__ import annotations

import io
import os
import posixpath
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from dataprep import formats
from dataprep.colour import to_srgb
from dataprep.errors import DataprepError
from dataprep.files import content_hash
from dataprep.pool import keep_memory
from dataprep.store import Picture

EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
    | {".avif", ".heic", ".heif", ".hif", ".jxl"}
)
"""File endings that are looked at, in any case; what a file is, its content says."""

MAX_MEGAPIXELS = 200
MAX_PIXELS = MAX_MEGAPIXELS * 1_000_000
"""Above this a picture is refused as a decompression bomb, unless the project says otherwise."""

ORIENTATION_TAG = 0x0112
SWAPPED_SIDES = frozenset({5, 6, 7, 8})
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture of each EXIF orientation upright."""

DAMAGE = (
    *(OSError, ValueError, SyntaxError, EOFError, RuntimeError, MemoryError),
    *(ArithmeticError, LookupError, TypeError, struct.error),
)
"""What Pillow and its plug-ins raise when the bytes of a file make no sense."""
DAMAGED_HEADER = "damaged: its header makes no sense"
TRUNCATED = "truncated: the end of the file is missing"
CUT_SHORT = ("truncated", "end of file", "unexpected end", "not enough data")
DAMAGED_DATA = "damaged: its data make no sense"
SENSELESS = ("broken data stream", "unrecognized data stream", "decoder error")
OVERFULL = ("Decompressed data too large", "Too much memory used in text chunks")


class BadImage(DataprepError):
    """An image that cannot be used; the message is the reason, without the file's name."""


class TooLarge(BadImage):
    """An image beyond the limit."""

    def __init__(self, size: tuple[int, int], max_pixels: int) -> None:
        super().__init__(
            f"{TOO_LARGE} {max_pixels // 1_000_000} megapixels; raise [scan] max_megapixels"
        )
        self.size = size


TOO_LARGE = "larger than"


class _Overfull(BadImage):
    """A PNG with a text or profile that unpacks to more than Pillow allows."""


def find(root: Path) -> list[str]:
    """Names of the image files under ``root``, sorted, with forward slashes.

    Hidden folders and folders that ``dataprep export`` wrote (they hold a ``train.toml``) are
    left out.
    """
    return sorted(name for name, _ in entries(root) if is_picture(name))


def is_picture(name: str) -> bool:
    """Whether a file's ending is one of a picture, in any case."""
    return posixpath.splitext(name)[1].lower() in EXTENSIONS


def entries(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every file under ``root`` with its name inside it; see ``find`` for what is left out."""
    folders = [(str(root), "")]
    while folders:
        folder, inside = folders.pop()
        try:
            with os.scandir(folder) as found:
                here = [entry for entry in found if not entry.name.startswith(".")]
        except OSError:
            continue  # it is gone, or closed to us
        if inside and any(entry.name == "train.toml" for entry in here):
            continue
        for entry in here:
            if entry.is_dir(follow_symlinks=False):
                folders.append((entry.path, f"{inside}{entry.name}/"))
            elif entry.is_file():
                yield inside + entry.name, entry


def probe(root: Path, name: str, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read one file whole and say what it is; ``reason`` tells why it cannot be used.

    Raises ``FileNotFoundError`` when it is gone.
    """
    path = root / name
    stat = path.stat()
    sha, facts, reason = "", (0, 0, "", "", 1, 1), ""
    try:
        sha = content_hash(path)
        # a header alone does not show that a file is cut short
        with _loaded(path, (1, 1), max_pixels, whole_is_enough=True) as loaded:
            facts = _facts(loaded)
    except TooLarge as error:
        facts, reason = (*error.size, "", "", 1, 1), error.message
    except BadImage as error:
        reason = error.message
    except PermissionError as error:
        reason = f"cannot be read ({error.strerror})"
    return Picture(name, stat.st_size, stat.st_mtime_ns, sha, *facts, reason)


def within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """A size (width, height, pixels) brought down until its longer side is at most ``side``."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height as seen (pixels), from the header alone. Raises ``BadImage``."""
    with _file(path) as stream, _opened(stream, MAX_PIXELS) as image:
        size = image.size
        # Pillow decodes a whole PNG in search of an EXIF block that comes late, and gives the
        # sides of a TIFF as they will be
        skipped = image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info)
        turned = not skipped and _orientation(image) in SWAPPED_SIDES
    return size[::-1] if turned else size


def decode(
    path: Path, at_least: tuple[int, int] | None = None, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """The upright picture in 8-bit sRGB: "RGBA" when it has transparency, else "RGB".

    Of an animated file the first frame; nothing of the metadata comes along. ``at_least`` (width,
    height of the upright picture, pixels) lets a JPEG be decoded at ½, ¼ or ⅛ as long as it stays
    that large. Raises ``BadImage``.
    """
    keep_memory()
    with _loaded(path, at_least, max_pixels) as loaded:
        return loaded.upright()


def frames(
    path: Path, every: int, max_pixels: int = MAX_PIXELS
) -> Iterator[tuple[int, Image.Image]]:
    """Each ``every``-th frame of an animated file, with its number from 0, as ``decode`` gives it.

    Raises ``BadImage`` at the first frame that cannot be read.
    """
    with _loaded(path, None, max_pixels) as loaded:
        image = loaded.image
        for number in range(0, _frame_count(image), every):
            with _explained():
                image.seek(number)
                _check_size(image.size, max_pixels)
                image.load()
            # the next frame is drawn into the same memory
            yield number, loaded.upright().copy()


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A file's pixels, read."""

    image: Image.Image
    size: tuple[int, int]
    """Of the whole picture, not yet upright (pixels); ``image`` may be a fraction of it."""
    orientation: int
    """EXIF orientation that is still to be applied, 1..8."""

    def upright(self) -> Image.Image:
        with _explained():
            image = to_srgb(self.image)
        return image.transpose(TURNS[self.orientation]) if self.orientation > 1 else image


@contextmanager
def _loaded(
    path: Path,
    at_least: tuple[int, int] | None,
    max_pixels: int,
    whole_is_enough: bool = False,
) -> Iterator[_Loaded]:
    """Open a file and read it as far as needed. Raises ``BadImage``.

    ``whole_is_enough``: a JPEG that goes on to its end is not decoded.
    """
    formats.quiet()
    with _file(path) as stream:
        try:
            loaded = _load(stream, at_least, max_pixels, whole_is_enough)
        except _Overfull:
            stream.seek(0)
            pixels = io.BytesIO(formats.without_texts(stream.read()))
            loaded = _load(pixels, at_least, max_pixels)
        except TooLarge:
            raise
        except BadImage:
            if formats.is_cut_short(stream):
                raise BadImage(TRUNCATED) from None
            raise
        with loaded.image:
            yield loaded


@contextmanager
def _file(path: Path) -> Iterator[IO[bytes]]:
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise BadImage("the file is gone") from None
    except OSError as error:
        raise BadImage(f"cannot be opened ({error.strerror})") from None
    with stream:
        yield stream


def _load(
    stream: IO[bytes],
    at_least: tuple[int, int] | None,
    max_pixels: int,
    whole_is_enough: bool = False,
) -> _Loaded:
    image = _opened(stream, max_pixels)
    size, orientation = image.size, None
    with _explained():
        if at_least is not None and isinstance(image, _jpeg()):
            orientation = _orientation(image)
            image.draft(None, at_least[::-1] if orientation in SWAPPED_SIDES else at_least)
            if whole_is_enough and formats.reaches_its_end(stream):
                # reading its header took Pillow to where its pixels begin; to decode them takes
                # longer than all else that is asked of a file
                return _Loaded(image, size, orientation)
        image.load()
    if orientation is None:
        # behind the pixels: Pillow turns a TIFF while it loads it, a PNG may hold its EXIF last
        size, orientation = image.size, _orientation(image)
    return _Loaded(image, size, orientation)


def _opened(stream: IO[bytes], max_pixels: int) -> Image.Image:
    with _explained():
        if size := formats.size_before_decoding(stream):
            _check_size(size, max_pixels)
        try:
            image = Image.open(stream, formats=formats.known())
        except UnidentifiedImageError:
            stream.seek(0)
            head = stream.read(formats.HEAD)
            if not formats.learn(head):
                raise BadImage(_unknown(head)) from None
            stream.seek(0)
            image = Image.open(stream, formats=formats.known())
        _check_size(image.size, max_pixels)
        return image


def _unknown(head: bytes) -> str:
    if head.startswith(formats.SIGNATURES):
        return DAMAGED_HEADER
    return "not an image, or of a kind that cannot be read" if head else "the file is empty"


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise TooLarge(size, max_pixels)


@contextmanager
def _explained() -> Iterator[None]:
    """Say what Pillow stumbled over, in a sentence."""
    try:
        yield
    except UnidentifiedImageError:
        raise BadImage(DAMAGED_HEADER) from None
    except MemoryError:
        raise BadImage("cannot be decoded: it takes more memory than there is") from None
    except DAMAGE as error:
        raise _reason(str(error)) from None


def _reason(text: str) -> BadImage:
    if any(sign in text for sign in OVERFULL):
        return _Overfull("holds a text or profile that unpacks to too much")
    if any(sign in text.lower() for sign in CUT_SHORT):
        return BadImage(TRUNCATED)
    if any(sign in text for sign in SENSELESS):
        return BadImage(DAMAGED_DATA)
    # what follows a first sentence is advice to programmers
    words = " ".join(text.split()).partition(". ")[0]
    return BadImage(f"cannot be decoded ({words})" if words else "cannot be decoded")


def _facts(loaded: _Loaded) -> tuple[int, int, str, str, int, int]:
    """Upright width and height, format, mode, orientation, frames."""
    width, height = loaded.size
    if loaded.orientation in SWAPPED_SIDES:
        width, height = height, width
    image = loaded.image
    # an MPO is a JPEG with a second view of the scene, or a gain map, behind it
    kind, count = ("JPEG", 1) if isinstance(image, _jpeg()) else (image.format, _frame_count(image))
    return width, height, kind or "", image.mode, loaded.orientation, count


def _jpeg() -> type[Image.Image]:
    from PIL.JpegImagePlugin import JpegImageFile

    return JpegImageFile


def _frame_count(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except DAMAGE:
        return 1  # broken behind its first frame


def _orientation(image: Image.Image) -> int:
    if image.format == formats.JXL and not getattr(image, "jpeg", False):
        return 1  # its decoder has turned it; the EXIF block is to be ignored (ISO/IEC 18181-2)
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except DAMAGE:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
