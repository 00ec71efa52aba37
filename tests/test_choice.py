"""Which scores become tags: thresholds by category, MCut, limits, order, several taggers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.store import Scores
from dataprep.taggers import select
from dataprep.taggers.choice import Choice, Rules, Voice, mcut
from dataprep.vocabulary import CATEGORIES, Category, Entry
from tests.tiny_onnx import TAGS

SCORES = np.array([0.9, 0.1, 0.99, 0.35, 0.349, 0.5, 0.2, 0.36, 0.85, 0.84], np.float32)
OWN: dict[Category, float] = {"general": 0.35, "character": 0.85}


def scores(values: np.ndarray) -> Scores:
    ids = np.flatnonzero(values >= 0.05).astype(np.uint32)
    return Scores(ids, values[ids].astype(np.float16))


def chosen(rules: Rules, values: np.ndarray = SCORES) -> list[str]:
    return Choice([Voice(TAGS, OWN)], rules).tags([scores(values)])


def test_the_models_order_is_kept_and_ratings_are_left_out() -> None:
    expected = ["1girl", "long hair", "^_^", "white background", "hatsune miku"]
    assert select(SCORES, TAGS, OWN) == chosen(Rules()) == expected
    assert select(SCORES, TAGS, {"general": 0.35, "character": 0.84})[-1] == "zumi (original)"
    assert select(SCORES, TAGS, {"general": 1, "character": 1}) == []


def test_a_remembered_order_changes_nothing() -> None:
    ids = np.flatnonzero(SCORES > 0.05).astype(np.uint32)[::-1]
    row = Scores(ids, SCORES[ids].astype(np.float16))
    assert Choice([Voice(TAGS, OWN)], Rules()).tags([row]) == chosen(Rules())


def test_undesired_tags_are_compared_whole_in_either_spelling() -> None:
    rules = Rules(undesired=("Long_Hair", "white background", "girl"))
    assert chosen(rules) == ["1girl", "^_^", "hatsune miku"]
    assert chosen(Rules(undesired=("* background", "hatsune*"))) == ["1girl", "long hair", "^_^"]


def test_an_undesired_tag_that_is_not_predicted_is_no_error() -> None:
    assert chosen(Rules(undesired=("no such tag", "red eyes"))) == chosen(Rules())


def test_each_categorys_threshold_is_its_own() -> None:
    assert chosen(Rules({"character": 0.5}))[-2:] == ["hatsune miku", "zumi (original)"]
    assert chosen(Rules({"general": 0.98})) == ["1girl", "hatsune miku"]
    assert chosen(Rules(categories=("character",))) == ["hatsune miku"]


def test_one_rating_stands_at_the_end() -> None:
    assert chosen(Rules(categories=("character", "rating"))) == ["hatsune miku", "general"]


def test_the_likeliest_tags_in_three_orders() -> None:
    assert chosen(Rules(max_tags=3)) == ["1girl", "^_^", "hatsune miku"]
    assert chosen(Rules(max_tags=3, order="score")) == ["1girl", "hatsune miku", "^_^"]
    entries = [Entry("b", "meta"), Entry("a", "general"), Entry("c", "character")]
    rules = Rules(dict.fromkeys(CATEGORIES, 0.1), order="category")
    row = scores(np.array([0.9, 0.8, 0.7]))
    assert Choice([Voice(entries, {})], rules).tags([row]) == ["a", "c", "b"]


def test_spelling() -> None:
    assert "long_hair" in chosen(Rules(underscores=True))
    assert chosen(Rules({"character": 0.5}, escape=True))[-1] == r"zumi \(original\)"
    assert "^_^" in chosen(Rules(escape=True))


@pytest.mark.parametrize(
    ("values", "cut"),
    [([0.9, 0.8, 0.2, 0.1], 0.5), ([0.6], 0.0), ([], 0.0), ([0.1, 0.9], 0.5), ([0.3, 0.3], 0.3)],
)
def test_mcut_is_the_middle_of_the_largest_gap(values: list[float], cut: float) -> None:
    assert mcut(np.array(values)) == pytest.approx(cut)


def test_mcut_takes_what_is_above_the_gap_and_heeds_given_thresholds() -> None:
    # general: .99 | .5 .36 .35 .349 .2; characters: .85 .84, no gap but themselves
    assert chosen(Rules(mcut=True)) == ["1girl", "hatsune miku"]
    low = np.array([0.9, 0.1, 0.5, 0.45, 0.06, 0.05, 0.2, 0.36, 0.06, 0.05], np.float32)
    assert chosen(Rules(mcut=True), low) == ["1girl", "long hair", "white background"]
    assert chosen(Rules({"general": 0.4}, mcut=True), low) == ["1girl", "long hair"]


FIRST = [Entry("1girl", "general"), Entry("hat", "general"), Entry("bow", "general")]
SECOND = [Entry("bow", "general"), Entry("1girl", "general"), Entry("sky", "general")]


def together(combine: str, first: list[float], second: list[float] | None) -> list[str]:
    voices = [Voice(FIRST, {"general": 0.4}), Voice(SECOND, {"general": 0.6})]
    rows = [scores(np.array(first)), None if second is None else scores(np.array(second))]
    return Choice(voices, Rules(combine=combine)).tags(rows)  # type: ignore[arg-type]


def test_taggers_are_asked_about_what_they_know() -> None:
    first, second = [0.9, 0.5, 0.45], [0.5, 0.7, 0.65]
    assert together("union", first, second) == ["1girl", "hat", "bow", "sky"]
    # the second says no to the bow, and knows no hat
    assert together("intersection", first, second) == ["1girl", "hat", "sky"]
    assert together("vote", first, second) == ["1girl", "hat", "sky"]
    # (.45 + .5) / 2 is below (.4 + .6) / 2
    assert together("mean", first, second) == ["1girl", "hat", "sky"]
    assert together("mean", [0.9, 0.5, 0.55], second) == ["1girl", "hat", "bow", "sky"]


def test_a_tagger_that_did_not_see_the_picture_is_not_asked() -> None:
    for combine in ("union", "intersection", "vote", "mean"):
        assert together(combine, [0.9, 0.5, 0.45], None) == ["1girl", "hat", "bow"]


VALUES = st.lists(st.floats(0, 1, width=16), min_size=len(TAGS), max_size=len(TAGS))


@given(VALUES, st.floats(0.05, 1), st.floats(0.05, 1))
def test_a_higher_threshold_only_takes_away(values: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    more = chosen(Rules({"general": low, "character": low}), np.array(values, np.float32))
    less = chosen(Rules({"general": high, "character": high}), np.array(values, np.float32))
    assert [tag for tag in more if tag in less] == less


@given(VALUES, VALUES)
def test_two_voices_of_one_tagger_agree_with_it(one: list[float], other: list[float]) -> None:
    voices = [Voice(TAGS, OWN), Voice(TAGS, OWN)]
    rows = [scores(np.array(values, np.float32)) for values in (one, other)]
    alone = [set(Choice(voices[:1], Rules()).tags([row])) for row in rows]
    union, both = (
        set(Choice(voices, Rules(combine=combine)).tags(rows))
        for combine in ("union", "intersection")
    )
    assert union == alone[0] | alone[1]
    assert both == alone[0] & alone[1]
