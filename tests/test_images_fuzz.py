"""Files that are cut short or full of errors: a sentence for each, never a crash, never a word
on stderr."""

import random
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from dataprep.images import BadImage, decode, frames, probe

ROOT = Path(__file__).parent.parent
LIMIT = 4_000_000
"""Pixels; a header whose sides were hit asks for billions."""
HANG = 10.0
"""Seconds that no file of a few kilobytes may take."""


def noise(width: int = 40, height: int = 24) -> Image.Image:
    generator = np.random.default_rng(7)
    coarse = generator.integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST)


def samples(folder: Path) -> dict[str, bytes]:
    """A small file of every kind, with all that hangs on to it: EXIF, profile, more frames."""
    import pillow_heif
    import pillow_jxl

    assert pillow_jxl is not None
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {"exif": exif.tobytes(), "icc_profile": srgb}
    rgb = noise()
    rgba, moving = rgb.copy(), {"save_all": True, "append_images": [rgb.rotate(a) for a in (9, 99)]}
    rgba.putalpha(rgb.getchannel("R"))
    deep = Image.fromarray(np.asarray(rgb.convert("L"), np.uint16) * 257)
    drawn = [
        ("a.jpg", rgb, more), ("progressive.jpg", rgb, {"progressive": True}),
        ("cmyk.jpg", rgb.convert("CMYK"), {}), ("a.png", rgba, more), ("deep.png", deep, {}),
        ("palette.png", rgb.quantize(16), {}), ("moving.png", rgb, moving),
        ("a.webp", rgba, more), ("lossless.webp", rgb, {"lossless": True}),
        ("moving.webp", rgb, moving), ("a.gif", rgb, {}), ("moving.gif", rgb, moving),
        ("a.bmp", rgb, {}), ("palette.bmp", rgb.quantize(16), {}), ("a.tif", rgb, more),
        *((f"{c}.tif", rgb, {"compression": c}) for c in
          ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")),
        ("fax.tif", rgb.convert("1"), {"compression": "group4"}), ("deep.tif", deep, {}),
        ("float.tif", rgb.convert("F"), {}), ("pages.tif", rgb, moving),
        ("a.avif", rgb, {**more, "speed": 10}), ("moving.avif", rgb, {**moving, "speed": 10}),
        ("a.heic", rgb, more), ("a.jxl", rgb, {"exif": more["exif"], "effort": 1}),
        ("lossless.jxl", rgba, {"lossless": True, "effort": 1}),
    ]  # fmt: skip
    for name, image, options in drawn:
        image.save(folder / name, **options)
    with Image.open(folder / "cmyk.jpg") as other, Image.open(folder / "a.jpg") as jpeg:
        assert other.mode == "CMYK"
        with warnings.catch_warnings(action="ignore"):
            jpeg.save(folder / "jpeg.jxl")
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert all(probe(folder, name).reason == "" for name in files)
    return files


def judged(folder: Path, name: str) -> str:
    """The reason why a file cannot be used, after everything was tried on it; empty if it can."""
    started = time.monotonic()
    reason, told = probe(folder, name, LIMIT).reason, ""
    try:
        image = decode(folder / name, None, LIMIT)
        assert image.mode in {"RGB", "RGBA"}
        decode(folder / name, (4, 4), LIMIT)
        for _ in frames(folder / name, 1, LIMIT):
            pass
    except BadImage as error:
        told = error.message
    assert told or not reason
    assert "\n" not in reason + told
    assert time.monotonic() - started < HANG
    return reason


@pytest.mark.parametrize("name", ["a.jpg", "progressive.jpg", "a.png", "a.webp", "a.gif"])
def test_cut_short_at_any_byte_a_picture_is_whole_or_refused(
    tmp_path: Path, name: str, recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]
) -> None:
    options = {"progressive": True} if name == "progressive.jpg" else {}
    noise(24, 16).save(tmp_path / name, **options)
    whole, pixels = (tmp_path / name).read_bytes(), decode(tmp_path / name).tobytes()
    reasons = []
    for length in range(len(whole)):
        (tmp_path / name).write_bytes(whole[:length])
        reasons.append(judged(tmp_path, name))
        if not reasons[-1]:
            assert decode(tmp_path / name).tobytes() == pixels
    assert reasons[0] == "the file is empty"
    assert all(reasons[: len(whole) - 40])
    assert sum("truncated" in reason for reason in reasons) > len(whole) / 2
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def damaged(files: dict[str, bytes], generator: random.Random) -> Iterator[tuple[str, bytes]]:
    """Files with a few bytes hit, half of the time in their headers; some cut short as well."""
    while True:
        name = generator.choice(list(files))
        data = bytearray(files[name])
        reach = min(len(data), generator.choice((200, len(data))))
        for _ in range(generator.choice((1, 1, 2, 4, 16))):
            place = generator.randrange(reach)
            bit = data[place] ^ 1 << generator.randrange(8)
            data[place] = generator.choice((0, 255, generator.randrange(256), bit))
        yield (
            name,
            bytes(data[: generator.randrange(len(data))] if generator.random() < 0.1 else data),
        )


def fuzz(folder: Path, seed: int, count: int, seconds: float) -> None:
    """Judge damaged files until so many were, or time is up; print how many, and how many were
    refused. The file at hand stays in ``folder``, should the process die of it."""
    files = samples(folder)
    end, tried, refused = time.monotonic() + seconds, 0, 0
    for name, data in damaged(files, random.Random(seed)):
        if tried == count or time.monotonic() > end:
            break
        (folder / name).write_bytes(data)
        tried += 1
        refused += bool(judged(folder, name))
    print(tried, refused)


def run_fuzzer(folder: Path, seed: int, count: int, seconds: float) -> tuple[int, int]:
    """In a process of its own: a plug-in that crashes must fail the test, not end it."""
    code = (
        "import sys; from pathlib import Path; from tests.test_images_fuzz import fuzz\n"
        "fuzz(Path(sys.argv[1]), *map(int, sys.argv[2:]))"
    )
    words = [sys.executable, "-X", "faulthandler", "-c", code, str(folder)]
    words += [str(seed), str(count), str(round(seconds))]
    result = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=3 * seconds + 60
    )
    assert (result.returncode, result.stderr) == (0, "")
    tried, refused = map(int, result.stdout.split())
    return tried, refused


def test_damaged_files_of_all_kinds_get_a_sentence_each(tmp_path: Path) -> None:
    tried, refused = run_fuzzer(tmp_path, seed=3, count=600, seconds=60)
    assert tried == 600
    assert 150 < refused < 500


@pytest.mark.slow
def test_a_minute_of_damaged_files(tmp_path: Path) -> None:
    seed = int(time.time())
    tried, _ = run_fuzzer(tmp_path, seed, count=10**9, seconds=60)
    assert tried > 1000, seed
