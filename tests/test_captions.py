"""Captions: order kept, whole tags only, running twice is running once."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataprep.captions import (
    entries,
    escaped,
    frequency,
    join_tags,
    prune,
    spaced,
    split_tags,
    tag_key,
    unescaped,
    unique,
)

words = st.text(string.ascii_lowercase + " _()^:", min_size=1, max_size=12)
tag_lists = st.lists(words, max_size=12).map(lambda tags: split_tags(", ".join(tags)))
wild = st.lists(
    st.sampled_from([*"ab _,{}|\\()\n\r\t，、Zß花🐱é.", "|||", ", ", "^_^", "zumi", "\ufeff"]),
    max_size=30,
).map("".join)
"""Text with all that captions may hold, and worse."""


def test_split_keeps_order_and_drops_blanks_and_repeats() -> None:
    assert split_tags("b, a,, a ,long  hair,Long_Hair") == ["b", "a", "long hair"]
    assert split_tags("one\ntwo, three\r\n") == ["one", "two", "three"]
    assert split_tags("") == []
    assert entries("b, a,, a ,Long_Hair,\n") == ["b", "a", "a", "Long_Hair"]


@given(tag_lists)
def test_joining_and_splitting_is_lossless(tags: list[str]) -> None:
    assert split_tags(join_tags(tags)) == tags


@given(wild)
@example("{, }, {, x")
@example("a||||b, {c ||| d, e}|||")
def test_joining_and_splitting_is_stable_for_any_text(text: str) -> None:
    tags = split_tags(text)
    assert split_tags(join_tags(tags)) == tags == unique(entries(text))


@given(wild)
def test_a_key_is_its_own_key_and_never_blank(text: str) -> None:
    for tag in entries(text):
        assert tag_key(tag_key(tag)) == tag_key(tag) != ""
        assert tag_key(escaped(tag)) == tag_key(unescaped(tag)) == tag_key(tag)
        assert escaped(escaped(tag)) == escaped(tag)


def test_spellings_of_one_tag() -> None:
    assert {tag_key(tag) for tag in ("Long_Hair", "long  hair", "_long__hair")} == {"long hair"}
    assert tag_key("mira_\\(sample\\)") == tag_key("Mira (sample)")
    assert tag_key("^_^") == "^_^"
    assert tag_key("__") == "__"


def test_the_separator_is_an_entry_and_braces_hold_together() -> None:
    text = "zumi|||hat, {red, blue|green} eyes, {a ||| b, c}|||end"
    tags = ["zumi", "|||", "hat", "{red, blue|green} eyes", "{a ||| b, c}", "|||", "end"]
    assert split_tags(text) == tags
    assert join_tags(tags) == "zumi ||| hat, {red, blue|green} eyes, {a ||| b, c} ||| end"
    assert split_tags("{red, blue") == ["{red", "blue"]
    assert join_tags(split_tags("||| a, b |||")) == "||| a, b |||"


def test_prose_in_paragraphs_stays_prose() -> None:
    text = "A girl stands. She smiles, happy.\n\nThe sky is blue.\r\n"
    assert split_tags(text) == ["A girl stands. She smiles", "happy. The sky is blue."]
    assert split_tags("._.\nhat") == ["._.", "hat"]


def test_prune_compares_whole_tags_in_any_spelling() -> None:
    tags = ["1girl", "bracelet", "Green Hair", "bra", "smile"]
    assert prune(tags, ["bra", "green_hair"], "zumi") == ["zumi", "1girl", "bracelet", "smile"]


@given(tag_lists, tag_lists, st.sampled_from(["", "zumi", "my girl"]))
def test_prune_twice_is_prune_once(tags: list[str], remove: list[str], trigger: str) -> None:
    once = prune(tags, remove, trigger)
    assert prune(once, remove, trigger) == once
    assert not {tag_key(tag) for tag in once[bool(trigger) :]} & {tag_key(tag) for tag in remove}


@given(wild, st.sampled_from(["zumi", "a_b", "花", "🐱", "^_^", "(o)_(o)"]))
def test_the_trigger_is_first_and_once_in_any_caption(text: str, trigger: str) -> None:
    """kohya_ss adds its prefix again at every run, and joins it with a space."""
    line = join_tags(prune(split_tags(text), (), trigger))
    again = join_tags(prune(split_tags(line), (), trigger))
    assert again == line
    assert line == trigger or line.startswith((f"{trigger}, ", f"{trigger} |||"))
    assert [tag_key(tag) for tag in split_tags(line)].count(tag_key(trigger)) == 1


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
