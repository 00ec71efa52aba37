"""Buckets against kohya's own numbers, and their properties for any picture."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataprep.buckets import (
    Rule,
    Target,
    choose,
    cover,
    lost,
    make_buckets,
    no_upscale,
    plan_batches,
    shares,
)

SIDES = st.integers(16, 6000)


@pytest.mark.parametrize(
    ("resolution", "low", "high", "count"),
    [(512, 256, 1024, 17), (768, 320, 1024, 17), (1024, 256, 2048, 41)],
)
def test_the_number_of_buckets_is_kohyas(resolution: int, low: int, high: int, count: int) -> None:
    buckets = make_buckets((resolution, resolution), low, high)
    assert len(buckets) == count
    assert list(buckets) == sorted(buckets)


@pytest.mark.parametrize(
    ("size", "bucket"),
    [
        ((512, 768), (384, 640)),
        ((1024, 768), (576, 448)),
        ((1920, 1080), (640, 384)),
        ((700, 1000), (448, 576)),
    ],
)
def test_kohyas_choices_at_512(size: tuple[int, int], bucket: tuple[int, int]) -> None:
    assert choose(*size, make_buckets((512, 512)), rule="kohya") == bucket


def test_a_picture_and_its_transpose_are_treated_alike_where_kohya_does_not() -> None:
    buckets = make_buckets((512, 512))
    assert choose(1130, 1000, buckets, "kohya") == (512, 512)
    assert choose(1000, 1130, buckets, "kohya") == (448, 576)
    assert choose(1130, 1000, buckets) == choose(1000, 1130, buckets) == (512, 512)


@pytest.mark.parametrize(
    ("size", "resolution", "bucket"),
    [
        ((512, 768), 512, (384, 576)),
        ((300, 300), 512, (256, 256)),
        ((500, 500), 512, (448, 448)),
        ((1050, 1080), 1024, (1024, 1024)),  # kohya: (960, 960)
        ((3072, 3000), 1024, (1024, 1024)),  # kohya: (960, 960)
        ((40, 500), 512, (64, 448)),
    ],
)
def test_no_upscale(size: tuple[int, int], resolution: int, bucket: tuple[int, int]) -> None:
    assert no_upscale(*size, (resolution, resolution), 64) == bucket


@given(width=SIDES, height=SIDES, step=st.sampled_from([8, 32, 64]))
def test_no_upscale_never_enlarges_and_never_exceeds_the_area(
    width: int, height: int, step: int
) -> None:
    w, h = no_upscale(width, height, (512, 512), step)
    assert w % step == h % step == 0
    assert step <= w <= max(width, step)
    assert step <= h <= max(height, step)
    assert w * h <= 512 * 512 or step in (w, h)


@pytest.mark.parametrize(
    ("size", "resolution", "bucket"),
    [
        ((1050, 1080), 1024, (960, 960)),
        ((3072, 3000), 1024, (960, 960)),
        ((1920, 1080), 512, (640, 384)),
        ((512, 768), 512, (384, 576)),
        ((300, 300), 512, (256, 256)),
        ((500, 500), 512, (448, 448)),
        ((700, 400), 512, (640, 384)),
    ],
)
def test_kohyas_own_way_without_upscaling(
    size: tuple[int, int], resolution: int, bucket: tuple[int, int]
) -> None:
    assert no_upscale(*size, (resolution, resolution), 64, "kohya") == bucket


def test_a_thin_picture_pays_for_its_width_with_its_length() -> None:
    assert no_upscale(40, 6000, (512, 512), 64) == (64, 4096)
    assert no_upscale(6000, 40, (512, 512), 64, "kohya") == (4096, 64)


TARGETS = st.builds(
    lambda size, **rest: Target((size * 64, size * 64), **rest),
    st.integers(4, 20),
    buckets=st.booleans(),
    min_size=st.sampled_from([64, 192, 256]),
    max_size=st.sampled_from([1280, 1536, 2048]),
    step=st.sampled_from([32, 64]),
    no_upscale=st.booleans(),
    rule=st.sampled_from(["log", "kohya"]),
)


@settings(max_examples=400)
@given(width=SIDES, height=SIDES, target=TARGETS)
@example(40, 6000, Target((512, 512), buckets=True, no_upscale=True))
@example(5999, 23, Target((1280, 1280), buckets=True, step=32, no_upscale=True, rule="kohya"))
def test_what_was_rendered_at_its_size_gets_that_size_again(
    width: int, height: int, target: Target
) -> None:
    sizes = target.sizes()
    chosen = target.choose(width, height, sizes)
    assert target.choose(*chosen, sizes) == chosen
    assert chosen[0] * chosen[1] <= target.resolution[0] * target.resolution[1]
    assert all(side % target.step == 0 for side in chosen)


@given(width=SIDES, height=SIDES, rule=st.sampled_from(["log", "kohya"]))
def test_without_upscaling_only_what_is_thinner_than_a_step_is_enlarged(
    width: int, height: int, rule: Rule
) -> None:
    chosen = no_upscale(width, height, (768, 768), 64, rule)
    assert chosen[0] <= max(width, 64)
    assert chosen[1] <= max(height, 64)


@given(width=SIDES, height=SIDES)
def test_no_other_bucket_has_a_nearer_aspect(width: int, height: int) -> None:
    buckets = make_buckets((512, 512))
    chosen = choose(width, height, buckets)
    if chosen == (width, height):
        return
    distance = {b: abs(math.log(width / height * b[1] / b[0])) for b in buckets}
    assert distance[chosen] <= min(distance.values()) + 1e-12
    assert choose(width, height, tuple(reversed(buckets))) == chosen


@given(width=SIDES, height=SIDES, bucket=st.sampled_from(make_buckets((512, 512))))
def test_cover_fills_the_bucket_and_keeps_the_aspect(
    width: int, height: int, bucket: tuple[int, int]
) -> None:
    scaled_w, scaled_h, left, top = cover(width, height, bucket)
    assert scaled_w >= bucket[0]
    assert scaled_h >= bucket[1]
    assert scaled_w == bucket[0] or scaled_h == bucket[1]
    assert 0 <= left <= scaled_w - bucket[0] - left <= left + 1
    assert 0 <= top <= scaled_h - bucket[1] - top <= top + 1
    assert abs(scaled_w * height - scaled_h * width) <= max(width, height)


@given(
    resolution=st.integers(64, 1024),
    low=st.integers(64, 512),
    high=st.integers(64, 2048),
    step=st.sampled_from([8, 32, 64]),
)
def test_buckets_are_multiples_of_the_step_within_the_area(
    resolution: int, low: int, high: int, step: int
) -> None:
    for width, height in make_buckets((resolution, resolution), low, high, step):
        assert width % step == height % step == 0
        assert width * height <= resolution * resolution


@given(st.lists(st.sampled_from([(64, 64), (64, 128)])), st.integers(1, 5))
def test_batches_keep_every_item_once_and_never_mix_buckets(
    kinds: list[tuple[int, int]], size: int
) -> None:
    batches = plan_batches(((bucket, (bucket, n)) for n, bucket in enumerate(kinds)), size)
    assert sorted(n for batch in batches for _, n in batch) == list(range(len(kinds)))
    for batch in batches:
        assert 1 <= len(batch) <= size
        assert len({bucket for bucket, _ in batch}) == 1


@given(width=SIDES, height=SIDES, bucket=st.sampled_from(make_buckets((512, 512))))
def test_what_is_lost_is_what_the_cut_leaves_out(
    width: int, height: int, bucket: tuple[int, int]
) -> None:
    # in whole pixels of the larger picture, so that rounding does not count
    scaled_w, scaled_h, _, _ = cover(width * 1000, height * 1000, (bucket[0] * 99, bucket[1] * 99))
    kept = bucket[0] * bucket[1] * 99 * 99 / (scaled_w * scaled_h)
    assert abs(lost(width, height, bucket) - (1 - kept)) < 1e-3


def test_shares_by_hand() -> None:
    assert shares({(1, 1): 6, (2, 1): 3, (3, 1): 1}, 20) == {(1, 1): 12, (2, 1): 6, (3, 1): 2}
    assert shares({(1, 1): 2, (2, 1): 1}, 4) == {(1, 1): 3, (2, 1): 1}
    assert shares({(1, 1): 98, (2, 1): 1, (3, 1): 1}, 3) == {(1, 1): 1, (2, 1): 1, (3, 1): 1}
    assert shares({(1, 1): 5, (2, 1): 3}, 1) == {(1, 1): 1, (2, 1): 0}


@given(
    st.dictionaries(st.tuples(st.integers(1, 9), st.just(1)), st.integers(1, 90), min_size=1),
    st.integers(0, 500),
)
def test_shares_add_up_and_forget_none(counts: dict[tuple[int, int], int], total: int) -> None:
    given_ = shares(counts, total)
    assert sum(given_.values()) == total
    assert min(given_.values()) >= (1 if total >= len(counts) else 0)
    assert set(given_) == set(counts)
