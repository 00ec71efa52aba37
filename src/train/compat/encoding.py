"""Bytes of a file into text: UTF-8, with a mark or without, UTF-16 of PowerShell, GBK."""

from __future__ import annotations

import codecs
from pathlib import Path

from dataprep.errors import UsageError
from train.compat.foreign import Source

LARGEST = 4 * 2**20
"""Bytes; no configuration is larger, and a base model named by mistake is not read whole."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a mark", "utf-16": "UTF-16", "gb18030": "GBK"}
MAGIC = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"RIFF", "a WebP picture"),
    (b"GIF8", "a GIF picture"),
    (b"PK\x03\x04", "a zip archive or a .ckpt file"),
)


def read(path: Path) -> Source:
    """The text of a file. Raises ``UsageError`` with one sentence for one that is no text."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST else b""
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read ({reason})") from None
    if size > LARGEST:
        raise UsageError(f"{path}: too large to be a configuration ({size // 2**20} MB)")
    if not content.strip():
        raise UsageError(f"{path}: the file is empty")
    for magic, kind in MAGIC:
        if content.startswith(magic):
            raise UsageError(f"{path}: {kind}, no configuration")
    return _decoded(path, content)


def _decoded(path: Path, content: bytes) -> Source:
    marked = [name for mark, name in MARKS if content.startswith(mark)]
    # text is GBK only where it is no UTF-8: every text would pass for GBK, the other way is rare
    for name in marked or ("utf-8", "gb18030"):
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return Source(path, text.replace("\r\n", "\n").replace("\r", "\n"), NAMES[name])
    raise UsageError(f"{path}: not a text file")
