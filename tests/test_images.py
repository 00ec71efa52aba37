"""The one decode: whatever lies in the folder comes out upright, sRGB, RGB or RGBA."""

import io
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from dataprep import formats
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.formats import size_before_decoding
from dataprep.images import BadImage, decode, find, frames, probe, upright_size
from dataprep.jobs import finish
from dataprep.stages import scan

RED, GREEN, BLUE, GREY = (220, 40, 40), (40, 200, 60), (40, 60, 210), (128, 128, 128)


def quadrants(width: int = 96, height: int = 64) -> Image.Image:
    """Red and green above, blue and grey below: any turn or flip shows."""
    image = Image.new("RGB", (width, height), GREY)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def assert_upright(image: Image.Image, tolerance: int = 6) -> None:
    width, height = image.size
    assert width > height
    rgb = image.convert("RGB")
    for colour, place in [
        (RED, (width // 4, height // 4)),
        (GREEN, (3 * width // 4, height // 4)),
        (BLUE, (width // 4, 3 * height // 4)),
        (GREY, (3 * width // 4, 3 * height // 4)),
    ]:
        assert np.abs(np.subtract(rgb.getpixel(place), colour)).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(tmp_path: Path, orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    image = quadrants()
    stored = image.transpose(turns[orientation]) if orientation in turns else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    stored.save(path, quality=95, subsampling=0, exif=exif)
    assert_upright(decode(path))
    assert_upright(decode(path, at_least=(24, 16)), tolerance=16)
    picture = probe(tmp_path, "a.jpg")
    assert (picture.width, picture.height, picture.orientation) == (96, 64, orientation)
    assert picture.reason == ""


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif", ".heic", ".jxl"])
def test_an_orientation_is_applied_once_whatever_the_format(tmp_path: Path, suffix: str) -> None:
    plugins()
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"a{suffix}"
    # of a JPEG XL the EXIF block says nothing: its stream stands upright
    stored = quadrants() if suffix == ".jxl" else quadrants().transpose(Image.Transpose.ROTATE_90)
    stored.save(path, exif=exif.tobytes())
    assert_upright(decode(path), tolerance=16)
    picture = probe(tmp_path, path.name)
    assert (picture.width, picture.height, picture.reason) == (96, 64, "")


def test_a_jpeg_inside_a_jpeg_xl_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    plugins()
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = quadrants().transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "a.jpg", quality=95, subsampling=0, exif=exif)
    with Image.open(tmp_path / "a.jpg") as jpeg, pytest.warns(UserWarning, match="reconstruction"):
        jpeg.save(tmp_path / "a.jxl")
    assert_upright(decode(tmp_path / "a.jxl"))


def test_a_broken_exif_block_does_not_make_a_picture_unusable(tmp_path: Path) -> None:
    quadrants().save(tmp_path / "a.jpg", quality=95, subsampling=0, exif=b"Exif\0\0MM\0*\0\0")
    assert probe(tmp_path, "a.jpg").reason == ""
    assert_upright(decode(tmp_path / "a.jpg"))


def plugins() -> None:
    """For writing; the decode loads its own when it meets such a file."""
    import pillow_heif
    import pillow_jxl

    assert pillow_jxl is not None
    pillow_heif.register_heif_opener()


MODES = [
    ("RGB", ".png"), ("RGB", ".PNG"), ("RGB", ".jpg"), ("RGB", ".JpEg"), ("RGB", ".webp"),
    ("RGB", ".bmp"), ("RGB", ".gif"), ("RGB", ".tif"), ("RGB", ".TIFF"), ("RGB", ".avif"),
    ("RGB", ".heic"), ("RGB", ".jxl"), ("P", ".png"), ("P", ".gif"), ("P", ".bmp"), ("P", ".tif"),
    ("CMYK", ".jpg"), ("CMYK", ".tif"), ("YCbCr", ".tif"), ("LAB", ".tif"), ("RGBA", ".png"),
    ("RGBA", ".webp"), ("RGBA", ".tif"), ("RGBA", ".avif"), ("RGBA", ".heic"), ("RGBA", ".jxl"),
]  # fmt: skip


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode == "P":
        return image.quantize(16)
    if mode == "LAB":
        srgb, lab = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
        return ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    converted = image.convert(mode)
    if mode == "RGBA":
        # some formats leave an alpha channel out in which nothing is transparent
        converted.paste((0, 0, 0, 0), (0, 0, 8, 8))
    return converted


@pytest.mark.parametrize(("mode", "suffix"), MODES)
def test_modes_and_formats(tmp_path: Path, mode: str, suffix: str) -> None:
    plugins()
    in_mode(quadrants(), mode).save(tmp_path / f"a{suffix}")
    (name,) = find(tmp_path)
    image = decode(tmp_path / name)
    assert image.mode == ("RGBA" if mode == "RGBA" else "RGB")
    assert image.info == {}
    assert_upright(image, tolerance=16)
    assert probe(tmp_path, name).reason == ""


def test_an_inverted_jpeg_of_adobe_is_not_a_negative(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    quadrants().convert("CMYK").save(path, quality=95, subsampling=0)
    # Pillow writes Adobe's marker, after which a decoder turns the inks around
    assert b"Adobe" in path.read_bytes()
    assert_upright(decode(path))


@pytest.mark.parametrize("liar", ["a.png", "b.jpg", "c.gif", "d.heic"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "JXL"])
def test_a_file_whose_ending_lies_opens_all_the_same(tmp_path: Path, liar: str, kind: str) -> None:
    plugins()
    quadrants().save(tmp_path / liar, format=kind)
    assert probe(tmp_path, liar).format == kind
    assert_upright(decode(tmp_path / liar), tolerance=16)


def test_plug_ins_are_loaded_only_when_one_of_their_files_is_met(tmp_path: Path) -> None:
    plugins()
    for name in ("a.heic", "a.jxl", "a.png"):
        quadrants().save(tmp_path / name)
    code = (
        "import sys, pathlib; from dataprep.images import decode\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "def loaded(): return [n for n in ('pillow_heif', 'pillow_jxl') if n in sys.modules]\n"
        "for name in ('a.png', 'a.heic', 'a.jxl'): decode(root / name); print(loaded())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    said = ["[]", "['pillow_heif']", "['pillow_heif', 'pillow_jxl']"]
    assert (result.stdout.splitlines(), result.stderr) == (said, "")


def test_transparency_survives_as_alpha(tmp_path: Path) -> None:
    grey = Image.new("LA", (8, 8), (100, 0))
    grey.save(tmp_path / "la.png")
    palette = quadrants(8, 8).quantize(16)
    palette.save(tmp_path / "p.png", transparency=palette.getpixel((0, 0)))
    assert decode(tmp_path / "la.png").getpixel((0, 0)) == (100, 100, 100, 0)
    assert decode(tmp_path / "p.png").getchannel("A").getextrema() == (0, 255)


def test_a_colour_that_means_transparent_becomes_alpha(tmp_path: Path) -> None:
    quadrants(8, 8).save(tmp_path / "rgb.png", transparency=RED)
    quadrants(8, 8).convert("L").save(tmp_path / "l.png", transparency=128)
    rgb, grey = decode(tmp_path / "rgb.png"), decode(tmp_path / "l.png")
    assert (rgb.getpixel((0, 0))[3], rgb.getpixel((7, 7))[3]) == (0, 255)
    assert (grey.getpixel((0, 0))[3], grey.getpixel((7, 7))[3]) == (255, 0)


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(1, 64).repeat(8, 0)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    Image.fromarray(ramp).save(tmp_path / "a.tif")
    for name in find(tmp_path):
        row = np.asarray(decode(tmp_path / name))[0, :, 0]
        assert np.abs(row - np.linspace(0, 255, 64)).max() <= 1


def test_a_dark_sixteen_bit_picture_stays_dark(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 200, np.uint16)).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png").getpixel((0, 0)) == (1, 1, 1)


def png16(colours: int, values: np.ndarray, extra: bytes = b"") -> bytes:
    """A 16-bit PNG, which Pillow does not write in colour. ``colours`` is its colour type."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colours, 0, 0, 0)
    texts = chunk(b"tRNS", extra) if extra else b""
    body = (
        chunk(b"IHDR", header) + texts + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(("colours", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bit_colour_and_alpha(tmp_path: Path, colours: int, channels: int) -> None:
    values = np.zeros((4, 64, channels), np.uint16)
    values[:] = np.linspace(0, 65535, 64, dtype=np.uint16)[None, :, None]
    (tmp_path / "a.png").write_bytes(png16(colours, values))
    image = decode(tmp_path / "a.png")
    assert image.mode == ("RGB" if colours == 2 else "RGBA")
    assert np.abs(np.asarray(image)[0, :, 0] - np.linspace(0, 255, 64)).max() <= 1


def test_the_transparent_colour_of_a_sixteen_bit_picture(tmp_path: Path) -> None:
    values = np.full((4, 8, 3), 0x8081, np.uint16)
    values[:, 4:] = 0x1000
    key = struct.pack(">HHH", 0x8081, 0x8081, 0x8081)
    (tmp_path / "rgb.png").write_bytes(png16(2, values, key))
    (tmp_path / "grey.png").write_bytes(png16(0, values[..., :1], key[:2]))
    for name in ("rgb.png", "grey.png"):
        alpha = decode(tmp_path / name).getchannel("A")
        assert (alpha.getpixel((0, 0)), alpha.getpixel((7, 0))) == (0, 255)


@pytest.mark.parametrize("highest", [1.0, 255.0, 65535.0])
def test_float_pictures_are_scaled_by_what_they_seem_to_mean(
    tmp_path: Path, highest: float
) -> None:
    ramp = np.linspace(0, highest, 64, dtype=np.float32).reshape(1, 64).repeat(8, 0)
    ramp[7] = np.nan
    Image.fromarray(ramp).save(tmp_path / "a.tif")
    pixels = np.asarray(decode(tmp_path / "a.tif"))
    assert np.abs(pixels[0, :, 0] - np.linspace(0, 255, 64)).max() <= 1
    assert pixels[7].max() == 0


def test_one_bit_pictures_are_black_and_white(tmp_path: Path) -> None:
    image = Image.new("1", (8, 8))
    image.putpixel((3, 3), 1)
    for suffix in ("png", "bmp", "tif"):
        image.save(tmp_path / f"a.{suffix}")
        decoded = decode(tmp_path / f"a.{suffix}")
        assert (decoded.getpixel((3, 3)), decoded.getpixel((0, 0))) == ((255,) * 3, (0,) * 3)


def profile(space: str, gamma: float) -> bytes:
    """A small ICC profile (version 2.1) of grey, or of colours with red and green exchanged."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    white = xyz(0.9642, 1.0, 0.8249)
    red, green, blue = (0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    tags = {b"wtpt": white, b"desc": b"desc" + struct.pack(">3I", 0, 2, 0) + b"x\0" + b"\0" * 78}
    if space == "GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {b"rXYZ": xyz(*green), b"gXYZ": xyz(*red), b"bXYZ": xyz(*blue)}
        tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    table, body, place = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", tag, place + len(body), len(data))
        body += data
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sIIIQI12s4s44s", place + len(body), b"none", 0x02100000, b"mntr",
        space.encode().ljust(4), b"XYZ ", b"", b"acsp", b"", 0, 0, 0, 0, 0,
        white[8:], b"", b"",
    )  # fmt: skip
    return header + struct.pack(">I", len(tags)) + table + body


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_a_plain_srgb_profile_changes_nothing_and_a_broken_one_neither(tmp_path: Path) -> None:
    for name, data in {"a": SRGB, "b": b"not a profile", "c": SRGB[:200]}.items():
        path = tmp_path / f"{name}.png"
        quadrants().save(path, icc_profile=data)
        assert decode(path).tobytes() == quadrants().tobytes()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif"])
def test_a_profile_of_other_colours_is_applied(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    red, green, blue = quadrants(768, 512).split()
    stored = Image.merge("RGB", (green, red, blue))
    options = {".jpg": {"quality": 95, "subsampling": 0}, ".webp": {"lossless": True}}
    stored.save(path, icc_profile=profile("RGB", 2.2), **options.get(suffix, {}))
    assert_upright(decode(path), tolerance=12)
    # also of a JPEG that is decoded at a fraction
    assert_upright(decode(path, at_least=(90, 60)), tolerance=16)


def test_alpha_passes_a_profile_unchanged(tmp_path: Path) -> None:
    image = quadrants().convert("RGBA")
    image.putalpha(77)
    image.save(tmp_path / "a.png", icc_profile=profile("RGB", 2.2))
    pixel = decode(tmp_path / "a.png").getpixel((3, 3))
    assert pixel[3] == 77
    assert pixel[1] > 200 > 100 > pixel[0]


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_profile_is_applied_to_grey(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (8, 8), 100 if mode == "L" else (100, 50)).save(
        tmp_path / "a.png", icc_profile=profile("GRAY", 1.0)
    )
    pixel = decode(tmp_path / "a.png").getpixel((0, 0))
    # linear light of 100/255 is 168 in sRGB
    assert np.abs(np.subtract(pixel[:3], 168)).max() <= 2
    assert mode == "L" or pixel[3] == 50


def ink_profile() -> bytes:
    """A CMYK profile (version 2.1, lut8) of a press whose colours all are a middle grey."""
    # corners of the inks' cube, black ink in the lowest bit
    light = [255, *(0 if corner & 1 else 128 for corner in range(1, 16))]
    ramp, one = bytes(range(256)), 65536
    matrix = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, one)
    colours = b"".join(bytes((value, 128, 128)) for value in light)
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix + ramp * 4 + colours + ramp * 3
    table += b"\0" * (-len(table) % 4)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    start = 128 + 4 + 24
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sIIIQI12s4s44s", start + len(table) + 20, b"none", 0x02100000, b"prtr",
        b"CMYK", b"Lab ", b"", b"acsp", b"", 0, 0, 0, 0, 0, white[8:], b"", b"",
    )  # fmt: skip
    rows = struct.pack(">4sII4sII", b"A2B0", start, len(table), b"wtpt", start + len(table), 20)
    return header + struct.pack(">I", 2) + rows + table + white


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_the_profile_of_a_press_is_applied_to_its_inks(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    image = Image.new("CMYK", (64, 32), (0, 0, 0, 0))
    image.paste((255, 0, 0, 0), (0, 0, 32, 32))
    image.save(path, icc_profile=ink_profile())
    decoded = decode(path)
    # cyan as this press prints it: L* = 50, which is 119 in sRGB
    assert np.abs(np.subtract(decoded.getpixel((8, 16)), 119)).max() <= 3
    assert min(decoded.getpixel((56, 16))) >= 250


def test_many_threads_decode_what_one_does(tmp_path: Path) -> None:
    plugins()
    for number in range(12):
        image = quadrants(96 + number, 64)
        image.save(tmp_path / f"{number}.png", icc_profile=profile("RGB", 1.5 + number % 3))
        for suffix in ("jpg", "heic", "jxl", "webp"):
            image.save(tmp_path / f"{number}.{suffix}")
    paths = [tmp_path / name for name in find(tmp_path)]
    alone = [decode(path).tobytes() for path in paths]
    with ThreadPoolExecutor(8) as pool:
        together = [image.tobytes() for image in pool.map(decode, paths)]
    assert alone == together


def test_a_profile_of_another_kind_of_picture_is_left_out(tmp_path: Path) -> None:
    quadrants().save(tmp_path / "a.png", icc_profile=profile("GRAY", 1.0))
    assert decode(tmp_path / "a.png").tobytes() == quadrants().tobytes()
    quadrants().convert("CMYK").save(tmp_path / "a.tif", icc_profile=SRGB)
    assert_upright(decode(tmp_path / "a.tif"))


def test_of_an_animation_the_first_frame_is_decoded_and_others_on_request(tmp_path: Path) -> None:
    drawn = [Image.new("RGB", (16, 16), (60 * n, 255 - 60 * n, 0)) for n in range(4)]
    for suffix in ("gif", "webp", "png", "avif", "tif"):
        path = tmp_path / f"a.{suffix}"
        options = {"lossless": True} if suffix == "webp" else {}
        drawn[0].save(path, save_all=True, append_images=drawn[1:], **options)
        assert probe(tmp_path, path.name).frames == 4
        taken = dict(frames(path, every=3))
        assert list(taken) == [0, 3]
        for number, image in {**taken, 0: decode(path)}.items():
            off = np.subtract(image.getpixel((8, 8))[:3], drawn[number].getpixel((8, 8)))
            assert np.abs(off).max() <= 8, (suffix, number)


def test_a_second_view_in_a_jpeg_is_no_animation(tmp_path: Path) -> None:
    quadrants().save(
        tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[quadrants().rotate(180)]
    )
    picture = probe(tmp_path, "a.jpg")
    assert (picture.format, picture.frames, picture.reason) == ("JPEG", 1, "")
    assert_upright(decode(tmp_path / "a.jpg"), tolerance=40)


def test_a_truncated_file_is_named_so_and_nothing_else_stops(tmp_path: Path) -> None:
    quadrants(512, 512).save(tmp_path / "whole.jpg")
    kinds = ("jpg", "png", "webp", "bmp", "gif", "tiff")
    noise = Image.effect_noise((300, 300), 90).convert("RGB")
    for kind in kinds:
        noise.save(tmp_path / f"cut.{kind}")
        data = (tmp_path / f"cut.{kind}").read_bytes()
        (tmp_path / f"cut.{kind}").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    reasons = {name: probe(tmp_path, name).reason for name in find(tmp_path)}
    assert reasons["whole.jpg"] == ""
    assert all(reasons[f"cut.{kind}"] for kind in kinds)
    assert "truncated" in reasons["cut.jpg"]
    assert "truncated" in reasons["cut.png"]
    assert "not an image" in reasons["text.png"]
    assert "empty" in reasons["empty.png"]
    with pytest.raises(BadImage, match="truncated"):
        decode(tmp_path / "cut.jpg")


def test_a_bomb_is_refused_with_one_line(tmp_path: Path) -> None:
    Image.new("1", (20_000, 12_000)).save(tmp_path / "bomb.png")
    picture = probe(tmp_path, "bomb.png")
    assert picture.reason == "larger than 200 megapixels; raise [scan] max_megapixels"
    assert (picture.width, picture.height) == (20_000, 12_000)
    with pytest.raises(BadImage, match="larger than 200 megapixels"):
        decode(tmp_path / "bomb.png")


def test_the_limit_of_the_recipe_holds_for_every_stage(tmp_path: Path) -> None:
    Image.new("RGB", (1200, 1000)).save(tmp_path / "a.png")
    recipe = tmp_path / "dataprep.toml"
    for megapixels, reasons in ((1, 1), (2, 0), (1, 1)):
        recipe.write_text(f"[scan]\nmax_megapixels = {megapixels}\n")
        with Dataset.open(tmp_path) as dataset:
            assert len(finish(scan.refresh(dataset))) == reasons
            (picture,) = dataset.pictures()
            if reasons:
                with pytest.raises(BadImage, match="larger than 1 megapixels"):
                    dataset.decode(picture)
            else:
                assert dataset.decode(picture).size == (1200, 1000)
            # settings that say nothing of it leave it alone, others win
            assert len(finish(scan.run(dataset, scan.Settings())).issues) == reasons
            assert finish(scan.run(dataset, scan.Settings(max_megapixels=2))).issues == ()
    recipe.write_text("[scan]\nmax_megapixels = 0\n")
    with pytest.raises(UsageError, match="max_megapixels"):
        Dataset.open(tmp_path)


@pytest.mark.parametrize("size", [(64, 64), (96, 64), (1920, 1080), (517, 389), (4096, 8)])
@pytest.mark.parametrize("boxed", [False, True])
def test_the_size_of_a_jpeg_xl_is_known_before_it_is_decoded(
    tmp_path: Path, size: tuple[int, int], boxed: bool
) -> None:
    plugins()
    Image.new("RGB", size).save(tmp_path / "a.jxl", effort=1, use_container=boxed)
    with (tmp_path / "a.jxl").open("rb") as stream:
        assert size_before_decoding(stream) == size
        assert stream.tell() == 0


def test_a_tiny_jpeg_xl_of_billions_of_pixels_is_refused(tmp_path: Path) -> None:
    # small = 0, height and width 2³⁰ in 30 bits each, no ratio
    bits, place = 0, 1
    for value, count in ((3, 2), (2**30 - 1, 30), (0, 3), (3, 2), (2**30 - 1, 30)):
        bits, place = bits | value << place, place + count
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a" + bits.to_bytes(12, "little"))
    assert "larger than" in probe(tmp_path, "a.jxl").reason


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "iCCP"])
@pytest.mark.parametrize("late", [False, True])
def test_a_text_or_profile_that_unpacks_to_too_much_is_read_past(
    tmp_path: Path, kind: str, late: bool
) -> None:
    info = PngInfo()
    bomb = zlib.compress(b"x" * (3 << 20))
    head = b"x\0\1\0\0\0" if kind == "iTXt" else b"x\0\0"
    info.add(kind.encode(), head + bomb, after_idat=late)
    quadrants().save(tmp_path / "a.png", pnginfo=info)
    assert probe(tmp_path, "a.png").reason == ""
    assert_upright(decode(tmp_path / "a.png"))


def test_what_is_odd_about_a_file_is_not_printed(tmp_path: Path) -> None:
    data = io.BytesIO()
    quadrants().save(data, format="TIFF", compression="tiff_lzw")
    damaged = bytearray(data.getvalue())
    damaged[20:60] = b"\xff" * 40
    (tmp_path / "a.tif").write_bytes(damaged)
    palette = quadrants().quantize(16)
    palette.save(tmp_path / "b.png", transparency=bytes(range(16)))
    code = "import sys; from dataprep.cli import main; sys.exit(main(['scan', sys.argv[1]]))"
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    lines = result.stderr.splitlines()
    assert [line for line in lines if not line.startswith(("skipped: a.tif", "scan:"))] == []
    assert "Traceback" not in result.stderr


def test_find_leaves_out_what_is_not_the_users(tmp_path: Path) -> None:
    names = ("a.PNG", "sub/b.jpeg", "sub/c.HEIC", ".hidden/c.png", "lora/img/10_x/d.png")
    for name in (*names, "notes.txt", ".e.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "lora/train.toml").write_text("")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert find(tmp_path) == ["a.PNG", "sub/b.jpeg", "sub/c.HEIC"]


def test_a_look_at_an_unchanged_folder_reads_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        quadrants().save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_bytes(b"1girl\n" if number else b"\xff")
    (tmp_path / "3.jpg").write_bytes(b"x")
    with Dataset.open(tmp_path) as dataset:
        first = finish(scan.refresh(dataset))
        monkeypatch.setattr("dataprep.images.probe", unreadable)
        again = finish(scan.refresh(dataset))
        (tmp_path / "7.png").unlink()
        finish(scan.refresh(dataset))
        assert "7.png" not in {picture.name for picture in dataset.pictures()}
    assert first == again
    assert {(issue.file, issue.kind) for issue in first} == {
        ("3.jpg", "unreadable"), ("3.png", "shared caption"), ("0.png", "caption"),
    }  # fmt: skip


def unreadable(*_: object) -> None:
    raise AssertionError("a picture was read again")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif", ".heic"])
def test_the_header_says_the_size_as_seen(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"a{suffix}"
    formats.learn(b"\0\0\0\x18ftypheic")
    quadrants().save(path, exif=exif)
    assert upright_size(path) == decode(path).size


def test_a_thumbnails_end_is_not_taken_for_the_pictures(tmp_path: Path) -> None:
    thumbnail = io.BytesIO()
    quadrants(32, 24).save(thumbnail, "JPEG")
    exif = Image.Exif()
    exif[0x010E] = "x"
    small = exif.tobytes()[:-4] + thumbnail.getvalue()
    quadrants().save(tmp_path / "a.jpg", exif=small)
    whole = (tmp_path / "a.jpg").read_bytes()
    assert whole.count(b"\xff\xd9") == 2
    assert probe(tmp_path, "a.jpg").reason == ""
    (tmp_path / "behind.jpg").write_bytes(whole + b"a film" * 1000)
    assert probe(tmp_path, "behind.jpg").reason == ""
    start = whole.rindex(b"\xff\xda")
    for length in (start, start + 14, start + 40, len(whole) - 2):
        (tmp_path / "cut.jpg").write_bytes(whole[:length])
        assert probe(tmp_path, "cut.jpg").reason, length
