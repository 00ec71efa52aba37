"""Which tags may be meant by what is typed."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.captions import entries, tag_key
from dataprep.pruning import taglist
from dataprep.tagwords import (
    Index,
    Manner,
    Word,
    elsewhere,
    is_prose,
    note,
    own,
    segment,
    short,
    tagwords,
)
from dataprep.vocabulary import Entry

SLOWEST = 0.05
"""Seconds a key may take with 200,000 words; on a quiet machine it is some milliseconds."""
TAGGER = [
    Entry("long_hair", "general", 4_000_000),
    Entry("hair_ornament", "general", 1_200_000),
    Entry("hat", "general", 1_000_000),
    Entry("hatsune_miku", "character", 100_000),
    Entry("chat", "general", 5),
    Entry("saber_(fate)", "character", 60_000),
    Entry("^_^", "general", 30_000),
]


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> taglist.TagList:
    path = tmp_path_factory.mktemp("list") / "danbooru.csv"
    path.write_text(
        'hatsune_miku,4,120000,"miku,初音ミク"\nlonghair,0,3,\nblue_eyes,0,1900000,"blueeyes"\n',
        encoding="utf-8",
    )
    return taglist.read(path)


def tags(words: list[Word]) -> list[str]:
    return [word.tag for word in words]


def test_what_begins_so_comes_first_then_what_has_such_a_word_then_the_rest() -> None:
    words = tagwords([["hat", "zumi"], ["straw hat"]], elsewhere(TAGGER))
    assert tags(words.complete("hat")) == ["hat", "hatsune miku", "straw hat", "chat"]
    assert tags(words.complete("ha")) == [
        "hat",
        "hair ornament",
        "hatsune miku",
        "straw hat",
        "long hair",
        "chat",
    ]


def test_a_word_tells_what_is_known_of_it() -> None:
    words = tagwords([["hat"], ["hat", "zumi"]], elsewhere(TAGGER))
    hat, miku = words.complete("hat")[:2]
    assert (hat.count, hat.posts, hat.source) == (2, 1_000_000, "project")
    assert (miku.count, miku.category, miku.source) == (0, "character", "tagger")
    assert note(hat) == "1M  ×2"
    assert note(miku) == "character  100k"


def test_underscores_blanks_and_case_are_the_same() -> None:
    words = tagwords([], elsewhere(TAGGER))
    for typed in ("long h", "long_h", "LONG H", " long  h"):
        assert tags(words.complete(typed)) == ["long hair"]


def test_another_spelling_leads_to_the_tag(csv: taglist.TagList) -> None:
    words = tagwords([["blue eyes"]], elsewhere(TAGGER, csv))
    (miku,) = words.complete("miku")
    assert (miku.tag, miku.posts, miku.alias) == ("hatsune miku", 120_000, "miku")
    assert words.complete("hatsune")[0].alias == ""
    (found,) = words.complete("初音")
    assert (found.tag, found.alias) == ("hatsune miku", "初音ミク")
    (eyes,) = words.complete("blueeyes")
    assert (eyes.tag, eyes.alias, eyes.count) == ("blue eyes", "blueeyes", 1)


def test_tags_are_spelled_as_the_project_does() -> None:
    plain = tagwords([["red eyes", "a (b)"]], elsewhere(TAGGER))
    assert tags(plain.complete("saber")) == ["saber (fate)"]
    lined = tagwords([["red_eyes", "blue_hair"]], elsewhere(TAGGER))
    assert tags(lined.complete("long")) == ["long_hair"]
    backslashed = tagwords([["red eyes", "a \\(b\\)"]], elsewhere(TAGGER))
    assert tags(backslashed.complete("saber")) == ["saber \\(fate\\)"]
    assert tags(lined.complete("^_")) == ["^_^"]
    assert Manner.of([]) == Manner(False, False)


def test_the_projects_own_spelling_wins() -> None:
    words = tagwords([["Long Hair"]], elsewhere(TAGGER))
    assert tags(words.complete("long")) == ["Long Hair"]


def test_filters_are_offered_the_projects_tags_only() -> None:
    words = tagwords([["hat"], ["hat", "zumi"]], elsewhere(TAGGER))
    assert tags(words.in_captions("")) == ["hat", "zumi"]
    assert tags(words.in_captions("ha")) == ["hat"]


def test_two_hundred_thousand_words_are_no_hindrance() -> None:
    dice = random.Random(1)
    parts = ["".join(dice.choices(["ha", "ir", "lo", "ng", "blu", "e"], k=3)) for _ in range(216)]
    made = {"_".join(dice.choices(parts, k=4)) for _ in range(200_000)}
    words = tagwords([["hat"]], elsewhere(Entry(tag, "general", len(tag)) for tag in made))
    assert len(words.elsewhere) > 190_000
    took = []
    for typed in ("h", "ha", "hair", "e", "lohang ha", "ngha", "zzz"):
        began = time.perf_counter()
        words.complete(typed)
        took.append(time.perf_counter() - began)
    assert sorted(took)[len(took) // 2] < SLOWEST


@given(
    st.lists(st.text("ab_ c", min_size=1, max_size=8), max_size=30), st.text("ab_ c", max_size=4)
)
def test_nothing_that_matches_is_lost(spelled: list[str], typed: str) -> None:
    words = tagwords([[tag] for tag in spelled if tag.strip()], Index())
    key = tag_key(typed)
    found = [tag_key(word.tag) for word in words.complete(typed, most=100)]
    known = {tag_key(tag) for tag in spelled if tag.strip()}
    begun = {tag for tag in known if any(word.startswith(key) for word in (tag, *tag.split()))}
    inside = {tag for tag in known if key in tag} if len(key) > 1 else set()
    assert sorted(found) == sorted(begun | inside if typed.strip() else set())


def test_the_most_common_are_kept_when_there_are_many() -> None:
    index = own([[f"x{n} y", f"x{n}"] for n in range(300)] + [["x7"], ["b x9"]])
    assert index.matches("x", most=2)[0][1].tag == "x7"
    assert len(index.matches("y", most=5)) == 5


def test_the_tag_at_the_cursor() -> None:
    text = "hat,  red scarf , {a, b|c} eyes"
    assert [text[slice(*segment(text, at))] for at in (0, 3, 8, len(text))] == [
        "hat",
        "hat",
        "red scarf",
        "{a, b|c} eyes",
    ]
    assert segment("hat, ", 5) == (5, 5)
    assert segment("a{b, c", 6) == (5, 6)
    assert segment("{,{}", 0) == (0, 1)


@given(st.text("ab, {}|\n", max_size=20), st.data())
def test_the_cursor_is_in_its_segment(text: str, data: st.DataObject) -> None:
    cursor = data.draw(st.integers(0, len(text)))
    start, end = segment(text, cursor)
    assert 0 <= start <= cursor <= end <= len(text)
    assert len(entries(text[start:end].replace("|||", ""))) <= 1


def test_counts_in_few_letters() -> None:
    shown = [short(n) for n in (0, 999, 1000, 1250, 9_960, 34_400, 999_600, 1_234_567, 40_000_000)]
    assert shown == ["0", "999", "1k", "1.2k", "10k", "34k", "1M", "1.2M", "40M"]


def test_prose_is_told_from_tags() -> None:
    assert is_prose("A girl with horns stands in the rain. She smiles.")
    assert is_prose("a girl with long hair who stands in front of a house")
    assert is_prose("一个女孩站在雨中。")
    assert not is_prose("1girl, solo, long hair, smile")
    assert not is_prose("zumi, mr. fox, ...")
    assert not is_prose("")
