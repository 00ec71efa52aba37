"""Captions: order kept, whole tags only, running twice is running once."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.captions import frequency, join_tags, prune, spaced, split_tags, tag_key

words = st.text(string.ascii_lowercase + " _()^:", min_size=1, max_size=12)
tag_lists = st.lists(words, max_size=12).map(lambda tags: split_tags(", ".join(tags)))


def test_split_keeps_order_and_drops_blanks_and_repeats() -> None:
    assert split_tags("b, a,, a ,long  hair,Long_Hair") == ["b", "a", "long hair"]
    assert split_tags("one\ntwo, three\r\n") == ["one", "two", "three"]
    assert split_tags("") == []


@given(tag_lists)
def test_joining_and_splitting_is_lossless(tags: list[str]) -> None:
    assert split_tags(join_tags(tags)) == tags


def test_prune_compares_whole_tags_in_any_spelling() -> None:
    tags = ["1girl", "bracelet", "Green Hair", "bra", "smile"]
    assert prune(tags, ["bra", "green_hair"], "zumi") == ["zumi", "1girl", "bracelet", "smile"]


@given(tag_lists, tag_lists, st.sampled_from(["", "zumi", "my girl"]))
def test_prune_twice_is_prune_once(tags: list[str], remove: list[str], trigger: str) -> None:
    once = prune(tags, remove, trigger)
    assert prune(once, remove, trigger) == once
    assert not {tag_key(tag) for tag in once[bool(trigger) :]} & {tag_key(tag) for tag in remove}


@given(tag_lists, tag_lists)
def test_prune_keeps_the_order_of_what_stays(tags: list[str], remove: list[str]) -> None:
    kept = prune(tags, remove)
    assert kept == [tag for tag in tags if tag in kept]


@pytest.mark.parametrize("face", ["^_^", "0_0", ">_<", "|_|"])
def test_kaomoji_keep_their_underscore(face: str) -> None:
    assert spaced(face) == face
    assert split_tags(f"{face}, long_hair") == [face, "long_hair"]


def test_booru_tags_are_spaced() -> None:
    assert spaced("hair_flower") == "hair flower"
    assert spaced("mira_(sample)") == "mira (sample)"


def test_frequency_counts_captions_not_spellings() -> None:
    rows = frequency([["smile", "1girl"], ["1girl", "Smile"], ["1girl", "hat"]])
    assert rows == [("1girl", 3), ("smile", 2), ("hat", 1)]
