"""What prune is made of: patterns, word lists, presets, implications, the cut. No files but CSV."""

from __future__ import annotations

import string
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.captions import KAOMOJI, split_tags, tag_key
from dataprep.errors import UsageError
from dataprep.pruning import taglist
from dataprep.pruning.census import census
from dataprep.pruning.cut import Cut
from dataprep.pruning.implications import clashes, redundant, says
from dataprep.pruning.names import names, words_of
from dataprep.pruning.patterns import all_meant, entries, entries_of, entry, meant
from dataprep.pruning.presets import rulings, varied
from dataprep.pruning.words import group, table

KNOWN = (
    "hair", "long hair", "very long hair", "absurdly long hair", "blonde hair", "blue hair",
    "eyes", "blue eyes", "red eyes", "closed eyes", "bra", "bracelet", "smile", "grin", "solo",
    "1girl", "no panties", "panties", "hat", "witch hat", "^_^", "zumi", "sky", "starry sky",
    "saber (fate)", "Long_Hair", "Red_Eyes", "white background", "simple background",
)  # fmt: skip
words = st.text(string.ascii_lowercase + " _()^:", min_size=1, max_size=9)
tags = st.one_of(st.sampled_from(KNOWN), words)
captions = st.lists(tags, max_size=14).map(lambda found: split_tags(", ".join(found)))
globs = st.text(string.ascii_lowercase + " _*?!()", min_size=1, max_size=8)


@given(globs.filter(lambda text: text.strip() and ("*" in text or "?" in text)), tags)
def test_a_joker_is_fnmatch_on_the_whole_key(text: str, tag: str) -> None:
    assert entry(text).matches(tag_key(tag)) == fnmatchcase(tag_key(tag), tag_key(text))


@given(captions, st.lists(st.one_of(tags, globs), max_size=5), st.lists(tags, max_size=2))
def test_a_cut_keeps_order_touches_nothing_else_and_is_idempotent(
    caption: list[str], remove: list[str], keep: list[str]
) -> None:
    keys = [tag_key(tag) for tag in caption]
    gone = all_meant(entries(remove), keys)
    kept = {tag_key(tag) for tag in keep}
    cut = Cut(gone, keep=kept)
    left = cut.tags("a", caption)
    assert left == [tag for tag in caption if tag_key(tag) not in gone.keys() - kept]
    assert cut.tags("a", left) == left
    assert {key for key, _ in cut.taken} == (gone.keys() & set(keys)) - kept


@given(captions, st.lists(tags, max_size=4), st.sampled_from(["", "zumi", "zumi girl"]))
def test_everything_together_twice_is_once(
    caption: list[str], remove: list[str], trigger: str
) -> None:
    def once(found: list[str]) -> list[str]:
        keys = [tag_key(tag) for tag in found]
        cut = Cut(
            all_meant(entries(remove), keys),
            trigger=trigger,
            old_trigger=trigger,
            redundant=True,
            respelled={"blue hair": "aqua hair", "Long_Hair": "long hair"},
        )
        return cut.tags("a", found)

    left = once(caption)
    assert once(left) == left
    assert not trigger or left[0] == trigger


def test_bra_is_not_bracelet_however_it_is_asked() -> None:
    keys = ["bra", "bracelet", "zebra", "black bra"]
    assert meant(entry("bra"), keys) == ["bra"]
    assert meant(entry("re:bra"), keys) == ["bra"]
    assert meant(entry("re:^BRA$"), keys) == ["bra"]
    assert meant(entry("*_bra"), keys) == ["black bra"]
    assert redundant(["bracelet", "bra"]) == {}


def test_a_tag_that_looks_like_a_pattern_is_itself() -> None:
    assert meant(entry("!?"), ["!?", "!!"]) == ["!?"]
    assert meant(entry("!?"), ["!!", "!a"]) == ["!!", "!a"]
    assert meant(entry("^_^"), ["^_^", "^ ^"]) == ["^_^"]
    assert meant(entry("saber_\\(fate\\)"), ["saber (fate)"]) == ["saber (fate)"]


@pytest.mark.parametrize(("text", "said"), [("re:(a", "missing )"), ("re:a{1", "not closed")])
def test_a_wrong_expression_is_said_with_its_text(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=text.replace("(", "\\(")) as raised:
        entry(text)
    assert said in raised.value.message


def test_a_file_of_tags() -> None:
    text = "\ufeffhat, red eyes # why\n# all of this\n\n#hashtag\nre:a{1,2} b\nc#, d\n"
    assert entries_of(text) == ["hat", "red eyes", "re:a{1,2} b", "c#", "d"]


def test_the_word_lists_name_no_tag_twice() -> None:
    seen: dict[str, str] = {}
    for row in table()["group"]:
        for tag in {*row.get("tags", []), *row.get("nouns", []), *row.get("exact", [])}:
            assert tag_key(tag) not in seen, (tag, row["name"], seen[tag_key(tag)])
            assert tag == tag_key(tag) or tag in KAOMOJI
            seen[tag_key(tag)] = row["name"]


GROUPS = {
    "trait": "green hair, twintails, long hair, hair between eyes, blue eyes, mole under eye,"
    " cat ears, fox tail, dark skin, heterochromia, blunt bangs, cat girl, ahoge, scar on cheek",
    "clothing": "yellow scarf, blue dress, hair flower, witch hat, school uniform, white gloves,"
    " black thighhighs, red necktie, striped shirt, glasses, hair ribbon, bare shoulders",
    "stays": "closed eyes, half-closed eyes, open mouth, smile, standing, from above, night, solo,"
    " looking at viewer, white background, outdoors, holding sword, hand on own hip, full body,"
    " 1girl, ^_^, floating hair, adjusting hair, hair flip, blush, starry sky, ?, signature",
    "style": "sketch, watercolor (medium), oil painting, official style, greyscale, 1990s (style),"
    " traditional media, anime coloring, pixel art, lineart",
}


@pytest.mark.parametrize(("kind", "listed"), GROUPS.items())
def test_what_kind_common_tags_are(kind: str, listed: str) -> None:
    found = {tag: group(tag) for tag in split_tags(listed)}
    assert {tag: one and one.kind for tag, one in found.items()} == dict.fromkeys(found, kind)


@pytest.mark.parametrize("tag", ["ponytails are nice", "chairs", "ringtone", "eyesore", "sword"])
def test_a_word_within_a_word_is_in_no_list(tag: str) -> None:
    assert group(tag) is None


def test_character_takes_traits_always_and_clothing_where_it_never_changes() -> None:
    same = ["1girl", "solo", "smile", "green hair", "yellow scarf", "amulet of doom", "sketch"]
    counted = census([[*same, "hat"], same, same, same, [*same, "closed eyes", "cat ears"]])
    found = rulings("character", counted, {})
    assert list(found) == ["green hair", "yellow scarf", "amulet of doom", "cat ears"]
    assert found["yellow scarf"].reason == "in 100 % of the captions, clothing"
    assert all(ruling.sure for ruling in found.values())
    assert "hat" in rulings("character", counted, {}, share=0.2)


def test_character_takes_its_own_name_and_asks_for_a_companions() -> None:
    counted = census([["solo", "zumi (sample)"]] * 3 + [["2girls", "zumi (sample)", "mira"]] * 2)
    found = rulings("character", counted, {"zumi (sample)": "character", "mira": "character"})
    assert found["zumi (sample)"].sure
    assert not found["mira"].sure


def test_style_takes_style_and_artists_and_no_content() -> None:
    tags = ["1girl", "blue hair", "sketch", "ink (medium)", "somebody", "city", "signature"]
    found = rulings("style", census([tags] * 5), {"somebody": "artist", "1girl": "general"})
    assert list(found) == ["sketch", "ink (medium)", "somebody"]


def test_a_concepts_own_names_go_and_what_is_near_is_asked_for() -> None:
    tags = ["love", "eyes", "blue eyes", "heart eyes", "heart", "eyesore", "love letter", "smile"]
    found = rulings("concept", census([tags]), {}, concept="LoveEyes")
    assert [key for key, ruling in found.items() if ruling.sure] == ["love", "eyes", "heart eyes"]
    assert [key for key, ruling in found.items() if not ruling.sure] == ["blue eyes", "heart"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LoveEyes", ["love", "eyes"]), ("love_eyes-2", ["love", "eyes"]),
        ("RGBLight", ["rgb", "light"]),
        ("witch hat", ["witch", "hat"]), ("ЖарПтица", ["жарптица"]), ("", []), ("_2_", []),
    ],
)  # fmt: skip
def test_the_words_of_a_name(name: str, expected: list[str]) -> None:
    assert words_of(name) == expected


@given(st.text(max_size=30), captions)
def test_any_name_can_be_asked_for(name: str, caption: list[str]) -> None:
    keys = [tag_key(tag) for tag in caption]
    found = names(name, keys)
    assert {*found.exact, *found.near} <= set(keys)
    assert not found.exact.keys() & found.near.keys()


@pytest.mark.parametrize(
    ("caption", "gone"),
    [
        ("long hair, very long hair", "long hair"),
        ("long hair, absurdly long hair, hair, very long hair", "long hair, hair, very long hair"),
        ("hair, blonde hair", "hair"),
        ("simple background, white background", "simple background"),
        ("smile, grin", "smile"),
        ("animal ears, cat ears", "animal ears"),
        ("panties, no panties", ""),
        ("eyes, closed eyes", ""),
        ("eye, mole under eye", ""),
        ("hair, chair", ""),
        ("saber (fate), (fate)", ""),
        ("blue hair, long hair", ""),
    ],
)
def test_what_others_say_too(caption: str, gone: str) -> None:
    assert set(redundant(split_tags(caption))) == set(split_tags(gone))


def test_no_tag_says_itself_in_a_circle() -> None:
    listed = table()["implied"]
    every = {tag_key(tag) for tag in (*listed, *(t for row in listed.values() for t in row))}
    for start in every:
        seen, todo = set[str](), {start}
        while todo:
            seen |= todo
            todo = {other for key in todo for other in says(key)} - seen
            assert not any(start in says(key) for key in seen), start


@given(st.lists(st.sampled_from(KNOWN).map(tag_key), unique=True, max_size=12))
def test_something_always_says_what_went(keys: list[str]) -> None:
    gone = redundant(keys)
    left = [key for key in keys if key not in gone]
    assert redundant(left) == {}
    assert all(any(key in says(other) for other in keys) for key in gone)


@pytest.mark.parametrize(
    ("caption", "names"),
    [
        ("solo, blue eyes, red eyes", ["eye colours"]),
        ("solo, Blue_Hair, dark red hair", ["hair colours"]),
        ("solo, short hair, very long hair", ["hair lengths"]),
        ("solo, blue eyes, red eyes, heterochromia", []),
        ("solo, blue hair, red hair, multicolored hair, blue eyes, red eyes", ["eye colours"]),
        ("solo, blue eyes, light blue eyes, long hair, very long hair", []),
        ("2girls, blue eyes, red eyes", []),
        ("solo, multiple views, blue eyes, red eyes", []),
        ("solo, closed eyes, blue eyes, gradient background", []),
    ],
)
def test_contradictions_of_one_person(caption: str, names: list[str]) -> None:
    assert [clash.name for clash in clashes(split_tags(caption))] == names


def test_traits_that_vary_are_told() -> None:
    counted = census([["blue eyes", "green hair"], ["red eyes", "green hair"], ["green eyes"]])
    (said,) = varied(counted)
    assert said.startswith("eye colours vary (")
    assert varied(counted, keep={"blue eyes", "red eyes", "green eyes"}) == []


LIST = (
    '1girl,0,6000000,"1girls,sole_female"\nlong_hair,0,4000000,"/lh,longhair"\n'
    'hatsune_miku,4,100000,"miku,初音ミク"\nsaber_(fate),4,9000,"altria"\nhighres,5,5000000,\n'
    'a,0,10,"both"\nb,0,9,"both,long_hair"\n^_^,0,20000,"^^"\n'
)


@pytest.fixture
def tag_list(tmp_path: Path) -> taglist.TagList:
    path = tmp_path / "danbooru.csv"
    path.write_text(LIST, encoding="utf-8")
    return taglist.read(path)


def test_other_spellings_become_the_canonical_one(tag_list: taglist.TagList) -> None:
    respelled = {tag: tag_list.respelled(tag) for tag in ("Sole Female", "sole_female", "miku")}
    assert respelled == {
        "Sole Female": "1girl", "sole_female": "1girl", "miku": "hatsune miku",
    }  # fmt: skip
    assert tag_list.respelled("altria") == "saber (fate)"
    assert tag_list.respelled("^^") == "^_^"
    # what two tags claim, what is a tag itself, and what is unknown stay
    assert [tag_list.respelled(tag) for tag in ("both", "long hair", "xyz")] == [
        "both", "long hair", "xyz",
    ]  # fmt: skip
    assert tag_list.categories["hatsune miku"] == "character"
    assert tag_list.categories["highres"] == "meta"
    assert tag_list.pictures["long hair"] == 4_000_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1girl,0,6\nlong_hair;0;4\n", "line 2"),
        ("name,category,count\n1girl,x,6\n", "line 2"),
        ("", "no rows"),
    ],
)
def test_a_wrong_list_is_said_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "danbooru.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        taglist.read(path)


def test_a_list_of_e621_has_its_own_numbers(tmp_path: Path) -> None:
    path = tmp_path / "e621.csv"
    path.write_text("name,category,count,aliases\nwolf,5,9,\nhi_res,7,8,\n", encoding="utf-8")
    assert taglist.read(path).categories == {"wolf": "species", "hi res": "meta"}
