"""Perceptual hashes, near pairs, and which of them show the same picture."""

import random
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from dataprep.jobs import finish
from dataprep.looks import THUMB, Look, look
from dataprep.register import alike
from dataprep.similar import Group, Other, flat, groups, hashes, quality, turned, variants
from dataprep.stars import Ray, stars
from dataprep.store import Picture
from sample_data.make.painter import paint
from sample_data.make.world import Scene, random_scene

SIZE = (512, 640)
NEAR = 14
"""More than by default: the thumbnails have to tell copies from others."""


def scenes(count: int) -> list[Scene]:
    rng = random.Random(11)
    drawn = (random_scene(rng) for _ in range(count * 9))
    clear = [s for s in drawn if s.framing != "full_body" and s.background != "polka_dot"]
    return [replace(s, closed_eyes=False, mouth="smile") for s in clear[:count]]


SCENES = scenes(4)
PAINTED = [paint(scene, *SIZE).image for scene in SCENES]


def thumb(image: Image.Image) -> np.ndarray:
    seen = look(image.copy(), image.size)
    return np.frombuffer(seen.thumb, np.uint8).reshape(THUMB, THUMB, 3)


def same(one: Image.Image, other: Image.Image, variant: int = 0) -> bool:
    """Whether hash and thumbnail both say so."""
    first, second = thumb(one)[None], thumb(other)[None]
    first = turned(first, variant)
    far = int(np.bitwise_count(hashes(first) ^ hashes(second))[0])
    return far <= NEAR and bool(alike(first[0], second)[0])


def recompressed(image: Image.Image) -> Image.Image:
    target = BytesIO()
    image.save(target, "JPEG", quality=30)
    return Image.open(target).convert("RGB")


def signed(image: Image.Image) -> Image.Image:
    image = image.copy()
    width, height = image.size
    box = (width * 0.7, height * 0.92, width * 0.97, height * 0.97)
    ImageDraw.Draw(image).rectangle(box, fill="white")
    return image


def cut(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((0, 0, round(width * 0.97), round(height * 0.99)))


LEVELS = range(256)
COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG q30": recompressed,
    "half size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.12),
    "another gamma": lambda image: image.point(
        [round(255 * (v / 255) ** 0.87) for v in LEVELS] * 3
    ),
    "a watermark": signed,
    "cut by 3 %": cut,
    "all of it": lambda image: recompressed(cut(signed(image)).resize((300, 370))),
}

VARIANTS: dict[str, Callable[[Scene], Scene]] = {
    "closed eyes": lambda scene: replace(scene, closed_eyes=True),
    "other eyes": lambda scene: replace(
        scene, eye_color="red" if scene.eye_color != "red" else "blue"
    ),
    "another mouth": lambda scene: replace(scene, mouth="surprise"),
    "another dress": lambda scene: replace(
        scene, outfit_color="red" if scene.outfit_color != "red" else "white"
    ),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_known_again(name: str) -> None:
    assert [same(image, COPIES[name](image)) for image in PAINTED] == [True] * len(PAINTED)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_of_the_same_pose_is_no_copy(name: str) -> None:
    others = [paint(VARIANTS[name](scene), *SIZE).image for scene in SCENES]
    assert [same(image, other) for image, other in zip(PAINTED, others, strict=True)] == [
        False
    ] * len(others)


def test_a_variant_is_a_copy_where_spots_do_not_count() -> None:
    closed = [paint(replace(scene, closed_eyes=True), *SIZE).image for scene in SCENES]
    for image, other in zip(PAINTED, closed, strict=True):
        assert alike(thumb(image), thumb(other)[None], spots=True)[0]


def test_different_pictures_are_not_alike() -> None:
    thumbs = np.stack([thumb(image) for image in PAINTED])
    for place, one in enumerate(thumbs):
        assert alike(one, thumbs).tolist() == [place == other for other in range(len(thumbs))]


TURNS = {
    0: None,
    1: Image.Transpose.ROTATE_90,
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_270,
    4: Image.Transpose.FLIP_LEFT_RIGHT,
    6: Image.Transpose.FLIP_TOP_BOTTOM,
}


@pytest.mark.parametrize("variant", TURNS)
def test_a_turned_copy_is_known_by_its_turned_thumbnail(variant: int) -> None:
    turn = TURNS[variant]
    for image in PAINTED[:2]:
        copy = image if turn is None else image.transpose(turn)
        assert same(image, recompressed(copy), variant)
        assert [v for v in range(8) if same(image, copy, v)] == [variant]


def test_variants_are_those_asked_for() -> None:
    assert variants(mirrored=False, turned=False) == (0,)
    assert variants(mirrored=True, turned=False) == (0, 4)
    assert variants(mirrored=False, turned=True) == (0, 1, 2, 3)
    assert variants(mirrored=True, turned=True) == tuple(range(8))


def test_the_hash_is_the_sign_of_the_low_frequencies() -> None:
    """One wave across: of its frequency and the picture's mean alone the bits are sure."""
    along = np.arange(THUMB)
    wave = 128 + 100 * np.cos(np.pi * 3 * (2 * along + 1) / (2 * THUMB))
    picture = np.broadcast_to(wave[None, :, None], (THUMB, THUMB, 3)).round().astype(np.uint8)
    code = hashes(np.stack([picture, 255 - picture]))
    bits = np.unpackbits(code.view(np.uint8).reshape(2, 8), axis=1).reshape(2, 8, 8)
    assert bits[0, 0, 3] == 1, "row 0 (no change down), column 3 (three half waves across)"
    assert bits[1, 0, 3] == 0
    assert bits[:, 0, 0].tolist() == [1, 1]


def test_hashes_do_not_depend_on_what_is_hashed_beside() -> None:
    rng = np.random.default_rng(0)
    thumbs = rng.integers(0, 256, (5000, THUMB, THUMB, 3), np.uint8)
    codes = hashes(thumbs)
    assert codes[4097] == hashes(thumbs[4097:4098])[0]
    assert len(np.unique(codes)) == 5000


def test_flat_thumbnails_are_told_from_pictures() -> None:
    even = np.full((1, THUMB, THUMB, 3), 200, np.uint8)
    noisy = even + np.random.default_rng(0).integers(0, 3, even.shape, np.uint8)
    assert flat(np.concatenate([even, noisy, thumb(PAINTED[0])[None]])).tolist() == [
        True, True, False,
    ]  # fmt: skip
    assert flat(even[:0]).tolist() == []


bit = st.integers(0, 63).map(lambda place: 1 << place)
near_code = st.builds(
    lambda code, one, other: code ^ one ^ other,
    st.sampled_from([0, 2**64 - 1, 0x0123456789ABCDEF]),
    bit,
    bit,
)
codes_near_each_other = st.lists(near_code, max_size=60).map(lambda rows: np.array(rows, np.uint64))


def by_hand(codes: list[int], distance: int) -> dict[int, list[Ray]]:
    """The same grouping, pair by pair."""
    found: dict[int, list[Ray]] = {}
    taken: set[int] = set()
    for centre, code in enumerate(codes):
        if centre in taken:
            continue
        star = [
            Ray(place, far, 0)
            for place in range(centre + 1, len(codes))
            if place not in taken and (far := (code ^ codes[place]).bit_count()) <= distance
        ]
        if star:
            found[centre] = star
            taken |= {ray.place for ray in star}
    return found


@settings(deadline=None, max_examples=60)
@given(codes_near_each_other, st.integers(0, 6))
def test_stars_are_those_found_pair_by_pair(codes: np.ndarray, distance: int) -> None:
    assert finish(stars(codes[None], codes, distance)) == by_hand(codes.tolist(), distance)


def test_every_planted_copy_is_found_across_blocks() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 2**64, 5000, np.uint64)
    originals = rng.choice(2500, 500, replace=False)
    codes[-500:] = codes[originals] ^ np.uint64(0b1011)
    found = finish(stars(codes[None], codes, 5))
    pairs = {(centre, ray.place, ray.distance) for centre, star in found.items() for ray in star}
    assert pairs == {(int(o), 4500 + k, 3) for k, o in enumerate(originals)}


def test_a_multitude_of_equal_hashes_is_one_group() -> None:
    codes = np.full(30_000, 7, np.uint64)
    found = finish(stars(codes[None], codes, 4))
    assert [(centre, len(star)) for centre, star in found.items()] == [(0, 29_999)]


def test_a_star_does_not_reach_over_its_neighbours() -> None:
    """a-b and b-c are near, a-c is not: the best takes b, and c stays."""
    codes = np.array([0, 0b111, 0b111111], np.uint64)
    assert finish(stars(codes[None], codes, 3)) == {0: [Ray(1, 3, 0)]}


def test_the_nearest_variant_counts_and_the_firm_are_never_taken() -> None:
    codes = np.array([0, 1, 3], np.uint64)
    centres = np.stack([codes, codes ^ np.uint64(1)])
    firm = np.array([False, False, True])
    assert finish(stars(centres, codes, 3, firm=firm)) == {0: [Ray(1, 0, 1)]}


def test_a_pair_that_is_not_accepted_stays_apart() -> None:
    codes = np.zeros(3, np.uint64)
    found = finish(stars(codes[None], codes, 0, lambda centre, places, which: places == 2))
    assert found == {0: [Ray(2, 0, 0)]}


def test_looking_for_pairs_can_be_stopped() -> None:
    codes = np.random.default_rng(2).integers(0, 2**64, 1000, np.uint64)
    job = stars(codes[None], codes, 3)
    assert next(job).total == 1000
    job.close()


def picture(name: str, image: Image.Image, **facts: object) -> tuple[Picture, dict[str, Look]]:
    base = Picture(name, 90_000, 0, f"sha of {name}", *image.size, "JPEG", "RGB", 1, 1, "")
    made = replace(base, **facts)  # type: ignore[arg-type]
    return made, {made.sha: look(image.copy(), image.size)}


def grouped(*found: tuple[Picture, dict[str, Look]], **options: object) -> list[Group]:
    seen = {sha: one for _, looks in found for sha, one in looks.items()}
    return finish(groups([p for p, _ in found], seen, NEAR, **options))  # type: ignore[arg-type]


def test_the_best_of_a_group_is_the_largest_then_the_sharpest_then_the_least_compressed() -> None:
    image = PAINTED[0]
    half = image.resize((256, 320))
    large, small = picture("z.jpg", image), picture("a.jpg", half, size=99_000)
    assert [group.keep for group in grouped(large, small)] == ["z.jpg"]
    soft = picture("b.jpg", half.resize(SIZE))
    assert [group.keep for group in grouped(large, soft)] == ["z.jpg"]
    dense = picture("y.jpg", image, size=180_000)
    assert [group.keep for group in grouped(large, dense)] == ["y.jpg"]
    lossless = picture("x.png", image, format="PNG", size=50_000)
    assert [group.keep for group in grouped(lossless, dense)] == ["x.png"]
    assert [group.keep for group in grouped(large, picture("c.jpg", image))] == ["c.jpg"]


def test_quality_prefers_a_sharp_picture_to_a_little_larger_blurred_one() -> None:
    image = PAINTED[1]
    sharp, seen = picture("a.jpg", image)
    blurred = image.resize((128, 160)).resize((540, 675), Image.Resampling.BICUBIC)
    larger, more = picture("b.jpg", blurred)
    assert quality(sharp, seen) > quality(larger, more)


def test_exact_copies_follow_their_like() -> None:
    best, other = picture("a.jpg", PAINTED[0]), picture("b.jpg", recompressed(PAINTED[0]), size=9)
    twin = replace(other[0], name="c.jpg"), other[1]
    one = replace(best[0], name="d.jpg"), best[1]
    assert grouped(best, other, twin, one) == [
        Group(
            "a.jpg",
            (
                Other("d.jpg", 0, "exact"),
                *(Other(name, found_distance(best, other), "near") for name in ("b.jpg", "c.jpg")),
            ),
        )
    ]


def found_distance(
    one: tuple[Picture, dict[str, Look]], other: tuple[Picture, dict[str, Look]]
) -> int:
    thumbs = [np.frombuffer(seen[p.sha].thumb, np.uint8) for p, seen in (one, other)]
    codes = hashes(np.stack(thumbs).reshape(2, THUMB, THUMB, 3))
    return int(codes[0] ^ codes[1]).bit_count()


def test_without_looks_only_the_content_counts() -> None:
    one, copy = picture("a.jpg", PAINTED[0])[0], picture("b.jpg", PAINTED[0])[0]
    assert finish(groups([one, copy], {}, NEAR)) == []
    twin = replace(copy, sha=one.sha)
    assert finish(groups([one, twin], {}, NEAR)) == [Group("a.jpg", (Other("b.jpg", 0, "exact"),))]


def test_a_kept_picture_leads_and_is_in_no_group() -> None:
    large, small = picture("a.jpg", PAINTED[0]), picture("b.jpg", PAINTED[0].resize((128, 160)))
    found = grouped(large, small, fixed={"b.jpg"})
    assert [(group.keep, group.others[0].name) for group in found] == [("b.jpg", "a.jpg")]
    assert grouped(large, small, fixed={"a.jpg", "b.jpg"}) == []


def test_parts_of_one_file_are_no_copies() -> None:
    image = PAINTED[0]
    whole = picture("a.png", image)
    box = (4, 4, SIZE[0], SIZE[1])
    view = picture("a@r1c1.png", image.crop(box), file="a.png", box=box, whole=SIZE)
    assert grouped(whole, view) == []
    assert len(grouped(whole, picture("b.png", image.crop(box)))) == 1


def test_a_squeezed_picture_and_a_flat_one_are_no_copies() -> None:
    whole, squeezed = picture("a.png", PAINTED[0]), picture("b.png", PAINTED[0].resize((512, 512)))
    assert grouped(whole, squeezed) == []
    black = picture("c.png", Image.new("RGB", SIZE))
    dark = picture("d.png", Image.new("RGB", SIZE, "#010101"))
    assert grouped(black, dark) == []
