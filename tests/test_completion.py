"""What is proposed while one types a filter."""

from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataprep.captions import split_tags, tag_key
from dataprep.tagquery import parse
from dataprep.tagquery.completion import Known, Named, bare, behind_colon, complete

TAGS = ["long hair", "long sleeves", "hat", "saber_(fate)", "edited", ":)", "a:b", "red"]


def _tags(typed: str) -> list[Named]:
    return [(tag, "×2") for tag in TAGS if tag_key(typed) in tag_key(tag)]


KNOWN = Known(
    _tags,
    _tags,
    {
        "folder": [("city", "×3"), ("my folder", "×2")],
        "issue": [("blurred", "soft pictures teach softness")],
    },
)


def proposed(text: str) -> list[str]:
    """The whole filters that come of the proposals at the bar in a text, or at its end."""
    cursor = text.index("|") if "|" in text else len(text)
    plain = text.replace("|", "", 1)
    return [one.applied(plain) for one in complete(plain, cursor, KNOWN)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("lo", ['"long hair"', '"long sleeves"']),
        ("long_h", ["long_hair"]),
        ('"lo', ['"long hair"', '"long sleeves"']),
        ("tag:lo", ['tag:"long hair"', 'tag:"long sleeves"']),
        ('tag:"long h', ['tag:"long hair"']),
        ("tag:'long h", ['tag:"long hair"']),
        ("saber_(f", ["saber_(fate)"]),
        ("hat or(lo", ['hat or("long hair"', 'hat or("long sleeves"']),
        ("NOT (hat OR re", ["NOT (hat OR red"]),
        ("long ha", ['"long hair"', "long hat"]),
        ("not long ha", ['not "long hair"', "not long hat"]),
        ("score:ha", ['score:"long hair">', "score:hat>"]),
        ("folder:m", ['folder:"my folder"']),
        ("issue:bl", ["issue:blurred"]),
        ("verdict:r", ["verdict:reject"]),
        ("hat a", ["hat AND", "hat aspect>"]),
        ("hat AND size", ["hat AND size<", "hat AND size>", "hat AND size="]),
        ("un", ["untagged", "unreadable"]),
        ("so|lo hat", []),
        ("lo|ng hat", ['"long hair" hat', '"long sleeves" hat']),
        ('tag:"lo|ng hair" red', ['tag:"long sleeves" red']),
    ],
)
def test_what_may_be_meant(typed: str, first: list[str]) -> None:
    assert proposed(typed)[: len(first)] == first
    assert first or not proposed(typed)


@pytest.mark.parametrize(
    "typed", ["size<", "size <", "size < 5", "size<5", "score:hat>", "aspect=1"]
)
def test_a_number_is_nobodys_guess(typed: str) -> None:
    assert proposed(typed) == []


def test_an_empty_line_tells_the_words_of_the_language() -> None:
    shown = {one.shown: one for one in complete("", 0, KNOWN)}
    assert shown["tag:"].goes_on
    assert shown["untagged"].note == "it has no caption, or an empty one"
    assert not shown["untagged"].goes_on
    assert "AND" not in shown


def test_joining_words_come_behind_a_term() -> None:
    assert proposed("hat ")[:3] == ["hat AND", "hat OR", "hat NOT"]
    assert proposed("(hat) o")[0] == "(hat) OR"


@given(st.text(alphabet="ab :()\"'<>=_,|*?\\ñ漢tagscore", max_size=24), st.data())
def test_any_text_can_be_half_typed(text: str, data: st.DataObject) -> None:
    cursor = data.draw(st.integers(0, len(text)))
    for one in complete(text, cursor, KNOWN):
        assert 0 <= one.start <= cursor <= one.end <= len(text)
        assert one.applied(text) != text


@given(
    st.sampled_from(["", "hat ", "hat OR ", "NOT ", "(hat AND ", "size<5 "]),
    st.sampled_from(["", "l", "lon", "ha", "untag", "ver", "verdict:", "tag:", 'tag:"', "fold"]),
)
def test_what_needs_no_more_is_a_filter(before: str, typed: str) -> None:
    text = before + typed
    for one in complete(text, len(text), KNOWN):
        if not one.goes_on and one.text[-1] not in "<>=" and one.text not in ("AND", "OR", "NOT"):
            parse(one.applied(text) + (")" if before.startswith("(") else ""))


@example("\\\\", False)
@given(st.text(min_size=1, max_size=12).map(lambda text: " ".join(text.split())), st.booleans())
def test_a_tag_is_spelled_so_that_the_filter_finds_it(tag: str, underscores: bool) -> None:
    if split_tags(tag) != [tag] or tag.startswith("|||"):
        return
    subject = SimpleNamespace(tags=[tag], keys={tag_key(tag)})
    assert parse(bare(tag, underscores=underscores)).holds(subject)
    assert parse("tag:" + behind_colon(tag, underscores=underscores)).holds(subject)
