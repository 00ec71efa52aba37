"""What Pillow must be helped with: formats it learns only when one is met, and oversized headers.

HEIF and JPEG XL come from plug-ins that take longer to load than a picture takes to decode.
"""

from __future__ import annotations

import ctypes
import io
import logging
import re
import struct
import warnings
from collections.abc import Iterator
from functools import cache
from typing import IO

from PIL import Image, _imaging

BUILT_IN = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
"""What Pillow itself is asked to read. Others are left alone: an EPS would start Ghostscript."""
HEIF, JXL = "HEIF", "JXL"
HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
JXL_STREAM, JXL_BOX = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
HEAD = 64 * 1024
"""As much of a file (bytes) is read to learn its kind and, of a JPEG XL, its size."""

SIGNATURES = (
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"RIFF",
    b"GIF8",
    b"II*\0",
    b"MM\0*",
    JXL_STREAM,
    JXL_BOX,
)
"""How files begin that are pictures beyond doubt, whatever their headers say then."""

JPEG_END, JPEG_TAIL = b"\xff\xd9", 64
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})

_ODDITIES = ("ignore", None, UserWarning, re.compile(r"PIL\.|pillow_jxl"), 0)


def quiet() -> None:
    """Keep Pillow from printing what is odd about a file: it does not say which file it means.

    What matters of it is raised as well. (``warnings.catch_warnings`` is not made for threads.)
    """
    # each picture is measured against the project's own limit
    Image.MAX_IMAGE_PIXELS = None
    if _ODDITIES not in warnings.filters:
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.|pillow_jxl")
    _quiet_libraries()


@cache
def _quiet_libraries() -> None:
    """Once a process: Pillow's log, and what libtiff writes to stderr past Python."""
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    try:
        # only where Pillow's own copy of libtiff can be reached, as in the wheels for Linux
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)
    except (OSError, AttributeError):
        return


def known() -> tuple[str, ...]:
    """The formats that can be read as of now."""
    return (*BUILT_IN, *(name for name in (HEIF, JXL) if name in Image.OPEN))


def learn(head: bytes) -> bool:
    """Load the plug-in for a file that begins so; False when there is none."""
    kind = _kind(head)
    if kind is None or kind in Image.OPEN:
        # perhaps since a moment ago, by another thread
        return kind is not None
    if kind == HEIF:
        import pillow_heif

        # one picture a thread: the pool has as many as there are cores
        pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    else:
        from pillow_jxl import JpegXLImagePlugin

        JpegXLImagePlugin.DECODE_THREADS = 0
    return True


def _kind(head: bytes) -> str | None:
    if head.startswith((JXL_STREAM, JXL_BOX)):
        return JXL
    return HEIF if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS else None


def size_before_decoding(stream: IO[bytes]) -> tuple[int, int] | None:
    """Width and height of a JPEG XL, which its plug-in tells only of a decoded one; else None."""
    head = stream.read(len(JXL_BOX))
    if _kind(head) == JXL:
        head += stream.read(HEAD)
    stream.seek(0)
    if _kind(head) != JXL:
        return None
    code = head if head.startswith(JXL_STREAM) else _codestream(head)
    return _jxl_size(code[2:14]) if code.startswith(JXL_STREAM) else None


def _codestream(head: bytes) -> bytes:
    """The beginning of the codestream in a JPEG XL container (ISO/IEC 18181-2)."""
    for kind, body in _boxes(head):
        if kind in {b"jxlc", b"jxlp"}:
            # a part of a stream begins with its number
            return body if kind == b"jxlc" else body[4:]
    return b""


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        start = place + 8
        if size == 1 and start + 8 <= len(data):
            size, start = struct.unpack_from(">Q", data, start)[0], start + 8
        end = place + size if size else len(data)
        yield kind, data[start:end]
        if end <= place:
            return
        place = end


RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def _jxl_size(header: bytes) -> tuple[int, int]:
    """The SizeHeader of a JPEG XL codestream (ISO/IEC 18181-1), bits from the lowest on."""
    bits = int.from_bytes(header, "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    def side() -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = take(1)
    height = side()
    ratio = take(3)
    if not ratio:
        return side(), height
    across, down = RATIOS[ratio - 1]
    return height * across // down, height


def is_cut_short(stream: IO[bytes]) -> bool:
    """Whether a WebP lacks bytes that its header counts; its decoder does not tell."""
    stream.seek(0)
    head = stream.read(8)
    if len(head) < 8 or not head.startswith(b"RIFF"):
        return False
    return stream.seek(0, io.SEEK_END) < 8 + int.from_bytes(head[4:], "little")


def reaches_its_end(stream: IO[bytes]) -> bool:
    """Whether a JPEG whose header was read has the mark that ends it behind its pixels.

    Among the pixels that mark cannot stand (ITU-T T.81, B.1.1.5).
    """
    begin, end = stream.tell(), stream.seek(0, io.SEEK_END)
    # mostly it is the last thing there; some cameras write a film behind it
    for place in (max(begin, end - JPEG_TAIL), begin):
        stream.seek(place)
        if JPEG_END in stream.read():
            return True
    return False


def without_texts(data: bytes) -> bytes:
    """A PNG without its texts and profile, of which Pillow refuses oversized ones."""
    kept, place = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if kind not in PNG_TEXTS:
            kept.append(data[place:end])
        place = end
    return b"".join(kept)
