"""The embedded sample: its tags are true, its pictures repeatable, its oddities in place."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from dataprep.images import find
from sample_data.make import concept
from sample_data.make.painter import cutout, paint
from sample_data.make.world import (
    BACKGROUNDS,
    CHARACTERS,
    VOCABULARY,
    ZUMI_MARKS,
    Scene,
    is_withheld,
    random_scene,
    tags,
    zumi_scene,
)

FOLDER = Path(__file__).resolve().parent.parent / "sample_data" / "zumi"
NAMES = [tag.name for tag in VOCABULARY]


@pytest.fixture(scope="module")
def crowd() -> list[Scene]:
    rng = random.Random(7)
    return [random_scene(rng) for _ in range(2000)]


@pytest.fixture(scope="module")
def zumis() -> list[Scene]:
    rng = random.Random(8)
    return [zumi_scene(rng) for _ in range(300)]


def _opened(name: str) -> Image.Image:
    return Image.open(FOLDER / name)


def test_vocabulary_starts_with_ratings_and_has_no_double() -> None:
    assert NAMES[:4] == ["general", "sensitive", "questionable", "explicit"]
    assert [tag.category for tag in VOCABULARY[:4]] == [9] * 4
    assert len(set(NAMES)) == len(NAMES)
    assert {tag.name for tag in VOCABULARY if tag.category == 4} == set(CHARACTERS)


def test_tags_are_of_the_vocabulary_and_in_its_order(crowd: list[Scene]) -> None:
    for scene in crowd:
        rows = [NAMES.index(name) for name in tags(scene)]
        assert rows == sorted(set(rows))


def test_every_tag_but_the_other_ratings_occurs(crowd: list[Scene]) -> None:
    seen = Counter(name for scene in crowd for name in tags(scene))
    assert set(NAMES) - set(seen) == {"sensitive", "questionable", "explicit"}
    assert seen["general"] == len(crowd)


def test_a_portrait_says_nothing_of_what_it_cuts_off(crowd: list[Scene]) -> None:
    hidden = {"standing", "sitting", "skirt", "blue_dress", "arms_up", "waving", "long_hair"}
    portraits = [scene for scene in crowd if scene.framing == "portrait"]
    assert portraits
    assert not any(hidden & set(tags(scene)) for scene in portraits)


def test_closed_eyes_have_no_colour(crowd: list[Scene]) -> None:
    closed = [set(tags(scene)) for scene in crowd if scene.closed_eyes]
    assert closed
    assert not any(f"{color}_eyes" in seen for seen in closed for color in ("blue", "red"))


def test_each_mark_is_rare_among_others(crowd: list[Scene]) -> None:
    seen = Counter(name for scene in crowd for name in tags(scene))
    rates = [seen[mark] / len(crowd) for mark in ZUMI_MARKS]
    assert len(ZUMI_MARKS) == 5
    assert max(rates) <= 0.3
    assert sum(rates) / 5 <= 0.2


def test_zumi_carries_every_mark_and_is_withheld(zumis: list[Scene]) -> None:
    for scene in zumis:
        visible = set(ZUMI_MARKS) - ({"blue_dress"} if scene.framing == "portrait" else set())
        assert visible <= set(tags(scene))
        assert is_withheld(scene)
    assert len({scene.background for scene in zumis}) == len(BACKGROUNDS)


def test_withholding_begins_at_three_marks(zumis: list[Scene]) -> None:
    three = replace(zumis[0], scarf=None, outfit_color="red")
    assert is_withheld(three)
    assert not is_withheld(replace(three, flower=False))


def test_a_named_character_is_never_left_unnamed(crowd: list[Scene]) -> None:
    for scene in crowd:
        fits = [
            name
            for name, traits in CHARACTERS.items()
            if all(getattr(scene, field) == value for field, value in traits.items())
        ]
        assert fits == ([scene.character] if scene.character else [])


@pytest.mark.parametrize("size", [(64, 64), (128, 128), (96, 200), (300, 140), (450, 401)])
def test_painting_repeats_and_its_mask_fits(crowd: list[Scene], size: tuple[int, int]) -> None:
    for scene in crowd[:12]:
        first, second = paint(scene, *size), paint(scene, *size)
        assert (first.image.mode, first.mask.mode) == ("RGB", "L")
        assert first.image.size == first.mask.size == size
        assert first.image.tobytes() == second.image.tobytes()
        assert first.mask.tobytes() == second.mask.tobytes()
        assert 0.05 <= np.asarray(first.mask).mean() / 255 <= 0.95


def test_the_mask_is_where_the_backdrop_does_not_reach(crowd: list[Scene]) -> None:
    """Two backgrounds behind one character: they differ outside the mask only."""
    for scene in crowd[:10]:
        white = paint(replace(scene, framing="upper_body", background="white"), 128, 128)
        night = paint(replace(scene, framing="upper_body", background="night"), 128, 128)
        assert white.mask.tobytes() == night.mask.tobytes()
        mask = np.asarray(white.mask)
        same = (np.asarray(white.image) == np.asarray(night.image)).all(axis=-1)
        assert same[mask == 255].all()
        assert not same[mask == 0].any()


def test_a_cutout_has_the_mask_as_alpha(crowd: list[Scene]) -> None:
    alpha = cutout(crowd[1], 128, 128).getchannel("A")
    assert alpha.tobytes() == paint(crowd[1], 128, 128).mask.tobytes()


def test_too_small_a_picture_is_refused(crowd: list[Scene]) -> None:
    with pytest.raises(ValueError, match="64 px"):
        paint(crowd[0], 63, 200)


def test_the_folder_holds_the_pieces_and_nothing_else() -> None:
    names = find(FOLDER)
    assert set(names) == {piece.name for piece in concept.PIECES}
    assert sum((FOLDER / name).stat().st_size for name in names) <= 3_000_000


@pytest.mark.parametrize("piece", concept.PIECES, ids=lambda piece: piece.name)
def test_a_piece_stands_upright_in_its_size(piece: concept.Piece) -> None:
    with _opened(piece.name) as image:
        size = image.size
        if image.getexif().get(0x0112, 1) == 6:
            size = size[::-1]
    assert size == (piece.width, piece.height)


@pytest.mark.parametrize(
    ("name", "kind", "mode"),
    [
        ("zumi_06_transparent.png", "PNG", "RGBA"),
        ("zumi_07_palette.png", "PNG", "P"),
        ("zumi_08_cmyk.jpg", "JPEG", "CMYK"),
        ("zumi_09.webp", "WEBP", "RGB"),
        ("zumi_10_[picnic].jpg", "JPEG", "RGB"),
        ("zumi_11_夏の海.jpg", "JPEG", "RGB"),
    ],
)
def test_the_odd_formats_are_there(name: str, kind: str, mode: str) -> None:
    with _opened(name) as image:
        assert (image.format, image.mode) == (kind, mode)


def _likeness(image: Image.Image, piece_name: str) -> float:
    """Mean absolute difference, 0..255, from what the piece's scene paints at 96 x 96."""
    piece = next(piece for piece in concept.PIECES if piece.name == piece_name)
    meant = paint(concept.scene_of(piece), piece.width, piece.height).image
    pair = [np.asarray(i.convert("RGB").resize((96, 96)), dtype=float) for i in (image, meant)]
    return float(np.abs(pair[0] - pair[1]).mean())


@pytest.mark.parametrize("name", ["zumi_00.jpg", "zumi_05_turned.jpg", "zumi_08_cmyk.jpg"])
def test_pictures_show_their_scene_once_upright(name: str) -> None:
    with _opened(name) as image:
        assert _likeness(ImageOps.exif_transpose(image), name) < 3


def test_the_turned_picture_lies_on_its_side_as_stored() -> None:
    with _opened("zumi_05_turned.jpg") as image:
        assert image.getexif()[0x0112] == 6
        assert image.width > image.height


def test_the_copy_looks_like_its_original() -> None:
    with _opened("zumi_21_copy.jpg") as copy:
        assert _likeness(copy, "zumi_02.jpg") < 4


def test_the_blurred_picture_has_lost_its_edges() -> None:
    with _opened("zumi_22_blurred.jpg") as blurred, _opened("zumi_17.jpg") as sharp:
        steps = [
            np.abs(np.diff(np.asarray(image.convert("L"), dtype=float), axis=1)).max()
            for image in (blurred, sharp)
        ]
    assert steps[0] < steps[1] / 4


def test_the_truncated_picture_opens_but_does_not_load() -> None:
    with _opened("zumi_23_truncated.jpg") as image:
        assert image.size == (700, 900)
        with pytest.raises(OSError, match="truncated"):
            image.load()


def test_writing_again_gives_the_same_pictures(tmp_path: Path) -> None:
    """Encoders differ between versions of Pillow; what is lossless must agree in every pixel."""
    for path in concept.write(tmp_path):
        if path.suffix == ".png":
            with Image.open(path) as fresh, _opened(path.name) as kept:
                assert fresh.convert("RGBA").tobytes() == kept.convert("RGBA").tobytes()
