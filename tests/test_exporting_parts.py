"""Concepts, repeats and formats: the pure parts of an export."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep.exporting.encoders import encode, exif_of
from dataprep.exporting.parts import Part, assign, by_folder, concept_name, parse
from dataprep.exporting.repeats import RANGES, Length, arithmetic, choose, steps_of


def test_a_part_is_a_folder_and_a_selector() -> None:
    assert parse("10_city=city/*") == Part(10, "city", "city/*")
    assert parse(" 3_my girl = tag:night ").folder == "img/3_my girl"
    assert parse("1_girl=reg/*", regular=True).folder == "reg/1_girl"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("city=city/*", "must be N_concept=selector"),
        ("10_city", "must be N_concept=selector"),
        ("10_city=", "must be N_concept=selector"),
        ("0_city=city/*", "repeats must be 1 or more"),
        ("-3_city=city/*", "must be N_concept=selector"),
        ("10_=x", "must be a folder name"),
        ("10_a/b=x", "must be a folder name"),
        ("10_5_x=y", "is without the repeats"),
    ],
)
def test_a_wrong_part_is_refused_with_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


@pytest.mark.parametrize("name", ["", "a/b", "what?", "x.", "10_zumi", " "])
def test_a_wrong_concept_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"folder name|without the repeats"):
        concept_name(name)


def test_the_first_part_that_fits_takes_a_picture() -> None:
    tags = {"city/a.png": ["night"], "b [x].png": ["Night_sky"], "c.png": [], "d.png": ["sky"]}
    night, city = parse("2_night=tag:night sky"), parse("3_city=city/*")
    named, rest = parse("4_x=B [X].png"), Part(1, "all")
    assert assign(tags, [night, city, named, rest]) == {
        "city/a.png": city, "b [x].png": night, "c.png": rest, "d.png": rest,
    }  # fmt: skip
    assert assign(tags, [named, city]) == {"city/a.png": city, "b [x].png": named}


def test_folders_bring_their_name_and_their_repeats() -> None:
    parts = by_folder(["a.png", "5_cat/a.png", "dog/b.png", "dog/deep/c.png", "0_x/d.png"], 7)
    assert [part.folder for part in parts] == ["img/7_x", "img/5_cat", "img/7_dog"]
    assert parts[2].takes("dog/deep/c.png", ())
    assert not parts[2].takes("hotdog/c.png", ())


def test_repeats_follow_the_wish_for_steps() -> None:
    assert choose(24, "anime", 0, Length(10, 1)).repeats == 10
    chosen = choose(40, "anime", 2000, Length(10, 2))
    assert chosen.repeats == 10
    assert "2000 steps × 2 ÷ (40 images × 10 epochs) = 10.0 repeats" in chosen.reason
    few = choose(10, "anime", 3000, Length(10, 1))
    assert few.repeats == 15
    assert "max_train_epochs = 20 would make up for it" in few.reason


@given(st.integers(1, 5000), st.sampled_from(list(RANGES)), st.integers(0, 50_000))
def test_repeats_stay_within_what_the_kind_bears(images: int, kind: str, steps: int) -> None:
    fewest, most = RANGES[kind]
    assert fewest <= choose(images, kind, steps, Length(10, 4)).repeats <= most


def test_the_arithmetic_is_shown_as_a_person_would_write_it() -> None:
    square = {(512, 512): 240}
    assert arithmetic({"img/10_x": (24, 10)}, square, Length(6, 4)) == (
        "24 images × 10 repeats × 6 epochs ÷ 4 = 360 steps"
    )
    uses = {(512, 512): 5, (384, 640): 6}
    assert steps_of(uses, Length(2, 4)) == 8
    assert arithmetic({"a": (3, 1), "b": (4, 2)}, uses, Length(2, 4)) == (
        "(3 images × 1 repeats + 4 images × 2 repeats) × 2 epochs ÷ 4 = 6 steps"
        " (8 with the part-filled batches of 2 buckets)"
    )


def noise(mode: str) -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (40, 56) if bands == 1 else (40, 56, bands)
    pixels = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    image = Image.fromarray(pixels)
    # what an original may bring along
    image.info = {"icc_profile": b"profile", "comment": b"made by", "exif": b"Exif\0\0"}
    return image


@pytest.mark.parametrize("form", ["png", "webp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_png_and_webp_keep_every_value_and_no_metadata(form: str, mode: str) -> None:
    image = noise(mode)
    data = encode(image, form, 50)
    with Image.open(io.BytesIO(data)) as read:
        assert np.array_equal(np.asarray(read.convert(mode)), np.asarray(image))
        assert not read.info.keys() & {"icc_profile", "exif", "comment"}


def test_jpg_keeps_colour_and_has_a_quality() -> None:
    smooth = Image.linear_gradient("L").convert("RGB")
    high, low = (encode(smooth, "jpg", quality) for quality in (95, 40))
    assert len(low) < len(high)
    with Image.open(io.BytesIO(high)) as read:
        assert np.abs(np.asarray(read, int) - np.asarray(smooth, int)).max() <= 3
        assert read.layer[0][1:3] == read.layer[1][1:3], "colour is not halved"
    data = encode(noise("RGB"), "jpg", 95)
    with Image.open(io.BytesIO(data)) as read:
        assert not read.info.keys() & {"icc_profile", "exif", "comment"}


@pytest.mark.parametrize("form", ["png", "webp", "jpg"])
def test_metadata_asked_for_stands_upright(form: str) -> None:
    original = Image.new("RGB", (8, 8))
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = 6, "somebody"
    original.info["exif"] = exif.tobytes()
    stream = io.BytesIO()
    original.save(stream, "JPEG", exif=exif)
    with Image.open(stream) as read:
        data = encode(original, form, 95, exif_of(read))
    with Image.open(io.BytesIO(data)) as copy:
        assert copy.getexif().get(0x013B) == "somebody"
        assert 0x0112 not in copy.getexif()
