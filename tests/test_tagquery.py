"""The language of filters: what it means, and how it complains."""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.captions import tag_key
from dataprep.tagquery import FilterError, Query, Unsure, parse
from dataprep.tagquery.nodes import Every, Never, Node, Some
from dataprep.tagquery.terms import (
    FLAGS,
    NUMBERS,
    Bucket,
    Caption,
    Category,
    Comparison,
    Flag,
    Folder,
    Format,
    Found,
    Name,
    Number,
    Score,
    Tag,
    Text,
    Verdict,
)
from dataprep.vocabulary import CATEGORIES

PAGE = Path(__file__).parent.parent / "docs" / "filters.md"


@dataclass
class Made:
    """A subject of plain values."""

    name: str = "a.png"
    tags: Sequence[str] = ()
    numbers: dict[str, tuple[float, float]] = field(default_factory=dict)
    scores: dict[tuple[str, str], float] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    format: str = "PNG"
    verdict: str = "undecided"
    bucket: tuple[int, int] | None = None
    categories: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    prose: str = ""

    @property
    def text(self) -> str:
        return self.prose or ", ".join(self.tags)

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(map(tag_key, self.tags))

    def number(self, name: str) -> tuple[float, float] | None:
        return self.numbers.get(name)

    def score(self, tagger: str, key: str) -> float | None:
        return self.scores.get((tagger, key))

    def has(self, flag: str) -> bool:
        return flag in self.flags

    def found(self, kind: str) -> bool:
        return kind in self.kinds


def holds(text: str, **values: object) -> bool:
    return parse(text).holds(Made(**values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('tag:"long hair" AND NOT solo', 'tag:"long hair" AND NOT tag:"solo"'),
        ("a b", 'tag:"a" AND tag:"b"'),
        ("a or b AND c", 'tag:"a" OR tag:"b" AND tag:"c"'),
        ("(a OR b) c", '(tag:"a" OR tag:"b") AND tag:"c"'),
        ("a & b | c", 'tag:"a" AND tag:"b" OR tag:"c"'),
        ("not not a", 'tag:"a"'),
        ("NOT(a)", 'NOT tag:"a"'),
        ("NOT (a AND b)", 'NOT (tag:"a" AND tag:"b")'),
        ("saber_(fate) solo", 'tag:"saber_(fate)" AND tag:"solo"'),
        (r"saber_\(fate\)", r'tag:"saber_\(fate\)"'),
        ("(saber_(fate))", 'tag:"saber_(fate)"'),
        (":d", 'tag:":d"'),
        (">_<", 'tag:">_<"'),
        ("|_|", 'tag:"|_|"'),
        ("elf's_ears", 'tag:"elf\'s_ears"'),
        ("tag:'long hair'", 'tag:"long hair"'),
        ('"say ""hi"""', 'tag:"say ""hi"""'),
        ('"AND" and tag:not', 'tag:"AND" AND tag:"not"'),
        ('"edited"', 'tag:"edited"'),
        ('"re:zero"', 'tag:"re:zero"'),
        ('tag:"re:zero"', 'tag:"re:zero"'),
        ("Edited", "edited"),
        ("size<512", "size<512"),
        ("SIZE <= 512", "size<=512"),
        ("size< 512 solo", 'size<512 AND tag:"solo"'),
        ("size==.5", "size=0.5"),
        ("size:300..600", "size=300..600"),
        ("score:hat>0.6", 'score:"hat">0.6'),
        ("score:hat > 0.6 hat", 'score:"hat">0.6 AND tag:"hat"'),
        ("score:wd-v3:long_hair>=.5", 'score:"wd-v3":"long_hair">=0.5'),
        ('score:"nier:automata">0.5', 'score:"nier:automata">0.5'),
        ("score::d>0.5", 'score:":d">0.5'),
        ("score:>_<>0.6", 'score:">_<">0.6'),
        ("bucket:512×768", "bucket:512x768"),
        ("format:.JPG", "format:jpeg"),
        ("caption:re:^(a|b)$", 'caption:re:"^(a|b)$"'),
        ("name:a,b.png", 'name:"a,b.png"'),
    ],
)
def test_a_filter_means(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical).node == parse(text).node


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "a filter is expected"),
        ("   ", 4, "a filter is expected"),
        ("solo AND", 9, "the filter ends"),
        ("AND solo", 1, "not 'AND'"),
        ("solo OR OR hat", 9, "not 'OR'"),
        ("(solo", 1, "not closed"),
        ("solo)", 5, "never opened"),
        ("saber_(fate", 7, "not closed"),
        ('solo "long hair', 6, "quote is not closed"),
        ('""', 1, "nothing between the quotes"),
        ('"a"b', 4, "a blank is expected behind the quotes"),
        ("a,b", 2, "a comma is in no tag"),
        ("solo, hat", 5, "a comma is in no tag"),
        ("-solo", 1, "write NOT solo"),
        ("!hat", 1, "write NOT hat"),
        ("solo siz<512", 6, "did you mean 'size'?"),
        ("scor:hat>1", 1, "did you mean 'score'?"),
        ("nier:automata", 1, 'if it is a tag: tag:"nier:automata"'),
        ("size", 5, "size<512"),
        ("size<", 6, "a number is expected"),
        ("hat size<big", 10, "a number is expected, such as 512 or 0.6, not 'big'"),
        ("size<1e5", 6, "not '1e5'"),
        ("size<1..5", 6, "takes one number"),
        ("size:5..1", 6, "the smaller number comes first"),
        ("score:hat", 10, "a comparison is expected"),
        ("score:>0.6", 7, "a tag is expected"),
        ("score<0.6", 1, "score:hat>0.6"),
        ("tag:", 5, "something is expected behind tag:"),
        ("tag: solo", 5, "without a blank"),
        ("tag", 4, "a colon is expected"),
        ("bucket:512", 8, "such as 512x768"),
        ("verdict:kep", 9, "did you mean 'keep'?"),
        ("category:charakter", 10, "did you mean 'character'?"),
        ("format:*", 8, "such as png"),
        ("solo caption:re:^a[b", 19, "no regular expression"),
        ('tag:re:"a**"', 11, "no regular expression: multiple repeat"),
        ("tag:re:", 8, "a regular expression is expected"),
        ("tag:re:a{99999999999999999999}", 8, "too large"),
        ("(" * 100 + "a" + ")" * 100, 61, "no more than 60"),
    ],
)
def test_an_error_points_at_the_column(text: str, column: int, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert caught.value.column == column
    assert f"column {column}:" in caught.value.message
    assert says in str(caught.value)
    if text.strip() and len(text) < 96:
        _, shown, caret = caught.value.message.split("\n")
        assert shown == f"  {text}"
        assert caret.index("^") - 2 == column - 1


def test_the_caret_stands_below_letters_of_two_columns() -> None:
    with pytest.raises(FilterError) as caught:
        parse("夏の海 size<x")
    assert caught.value.message.split("\n")[2] == "  " + " " * 12 + "^"


def test_a_long_filter_is_shown_in_part() -> None:
    with pytest.raises(FilterError) as caught:
        parse("solo AND " * 60 + "size<x AND " + "hat " * 60)
    _, shown, caret = caught.value.message.split("\n")
    assert len(shown) < 100
    assert shown[caret.index("^")] == "x"


def test_tags_are_compared_whole_and_in_any_spelling() -> None:
    tags = ("Long_Hair", r"saber \(fate\)", "bracelet", "^_^")
    for text in (
        '"long hair"',
        "LONG_HAIR",
        '"saber (fate)"',
        "saber_(fate)",
        "^_^",
        "*hair",
        "br?celet",
    ):
        assert holds(text, tags=tags), text
    for text in ("bra", "hair", "long", '"^ ^"', "fate", "?"):
        assert not holds(text, tags=tags), text


def test_a_star_that_is_meant_is_written_with_a_backslash() -> None:
    assert holds(r"tag:\*", tags=("*",))
    assert not holds(r"tag:\*", tags=("hat",))
    assert holds(r"tag:!\?", tags=("!?",))


def test_regular_expressions_see_both_spellings_of_a_tag() -> None:
    assert holds("tag:re:^long_hair$", tags=("long_hair",))
    assert holds('tag:re:"^LONG hair$"', tags=("long_hair",))
    assert not holds("tag:re:^hair", tags=("long_hair",))


def test_words_of_a_caption_stand_by_themselves() -> None:
    assert holds("caption:hat", prose="A girl in a Hat.")
    assert not holds("caption:hat", prose="a girl that waves")
    assert holds("caption:hat*", prose="two hats")
    assert holds('caption:"red * hat"', prose="a red straw hat")
    assert holds("caption:hair", prose="long_hair")
    assert holds("caption:夏", prose="夏の海")
    assert holds("caption:re:^zumi", prose="Zumi, 1girl")
    assert not holds("caption:re:^zumi", prose="a zumi")


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("name:*.png", "city/a.PNG", True),
        ("name:a.png", "city/a.png", True),
        ("name:city/*", "city/a.png", True),
        ("name:ity/*", "city/a.png", False),
        ("name:a[1].png", "a[1].png", True),
        ("name:a[1].png", "a1.png", False),
        ("name:re:_[0-9]+", "a_12.png", True),
        ("folder:city", "city/a.png", True),
        ("folder:City/", "city/night/a.png", True),
        ("folder:city/night", "city/a.png", False),
        ("folder:ci*", "city/a.png", True),
        ("folder:cit", "city/a.png", False),
        ("folder:night", "city/night/a.png", False),
        ("folder:.", "a.png", True),
        ("folder:.", "city/a.png", False),
    ],
)
def test_names_and_folders(text: str, name: str, expected: bool) -> None:
    assert holds(text, name=name) is expected


def test_numbers() -> None:
    numbers = {"size": (512.0, 512.0), "aspect": (1.5, 1.5)}
    for text in ("size=512", "size<=512", "size>=512", "size!=511", "size:500..512", "aspect>1.4"):
        assert holds(text, numbers=numbers), text
    for text in ("size<512", "size>512", "size!=512", "size:513..600", "aspect<1.5"):
        assert not holds(text, numbers=numbers), text


def test_of_a_number_that_is_not_known_nothing_holds() -> None:
    assert not holds("size<512")
    assert not holds("size>=512")
    assert holds("NOT size<512")
    assert not holds("score:hat<0.4")
    assert holds("NOT score:hat>=0.4")


def test_scores_are_those_of_the_tagger_that_is_named() -> None:
    scores = {("", "long hair"): 0.7, ("wd", "long hair"): 0.2}
    assert holds("score:Long_Hair>0.6", scores=scores)
    assert not holds('score:wd:"long hair">0.6', scores=scores)


def test_tokens_that_are_known_in_part_settle_what_they_can() -> None:
    tokens = {"tokens": (40.0, 90.0)}
    assert holds("tokens>30", numbers=tokens)
    assert holds("tokens<=90", numbers=tokens)
    assert not holds("tokens>90", numbers=tokens)
    assert not holds("tokens=91", numbers=tokens)
    for text in ("tokens>75", "tokens=50", "tokens:50..60", "NOT tokens<75"):
        with pytest.raises(Unsure, match="at least 40 and at most 90"):
            holds(text, numbers=tokens)
    assert not holds("hat tokens>75", numbers=tokens), "it is not asked where that changes nothing"


def test_a_caption_is_not_asked_for_where_the_name_settles_it() -> None:
    class Shy(Made):
        @property
        def keys(self) -> frozenset[str]:
            raise AssertionError

    assert not parse("name:*.jpg solo").holds(Shy())
    assert parse("name:*.png OR solo").holds(Shy())


def test_every_example_of_the_page_parses() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE)
    examples = re.findall(r"^ {4}(?!dataprep)(.+?)  +# ", page, re.MULTILINE)
    commands = re.findall(r"--where '(.+)'$", page, re.MULTILINE)
    assert (len(table) > 25, len(examples), len(commands)) == (True, 10, 3)
    for text in [*(row.replace("\\|", "|") for row in table), *examples, *commands]:
        parse(text)
    told = " ".join([*table, page])
    for word in (*FLAGS, *NUMBERS):
        assert re.search(rf"\b{word}\b", told), word


def test_the_language_is_pure() -> None:
    code = "import sys, dataprep.tagquery; print({'PIL', 'numpy', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


WORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
TEXTS = st.builds(Text, WORDS.filter(str.strip))
REGEXES = st.builds(Text, st.sampled_from(["^a", "b$", "[a-c]+ x", "é|(y)", '"']), st.just(True))
PLAIN = st.integers(0, 10**10 - 1) | st.decimals(0, 9999, places=5).map(float)
TESTS = st.builds(Comparison, st.sampled_from(["<", "<=", "=", "!=", ">=", ">"]), PLAIN.map(float))
RANGES = st.tuples(PLAIN, PLAIN).map(lambda two: Comparison("..", float(min(two)), float(max(two))))
LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(Tag, TEXTS | REGEXES),
    st.builds(Name, TEXTS | REGEXES),
    st.builds(Folder, TEXTS | REGEXES),
    st.builds(Caption, TEXTS | REGEXES),
    st.builds(Flag, st.sampled_from(sorted(FLAGS))),
    st.builds(Number, st.sampled_from(sorted(NUMBERS)), TESTS | RANGES),
    st.builds(
        Score,
        st.just("") | WORDS.map(str.strip).filter(bool),
        WORDS.map(str.strip).filter(bool),
        TESTS | RANGES,
    ),
    st.builds(Format, st.sampled_from(["png", "jpeg"])),
    st.builds(Bucket, st.integers(0, 4096), st.integers(0, 4096)),
    st.builds(Verdict, st.sampled_from(["keep", "reject", "undecided"])),
    st.builds(Category, st.sampled_from(CATEGORIES)),
    st.builds(Found, st.sampled_from(["blurred", "too-small"])),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Never, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Every(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Some(tuple(parts))),
    ),
    max_leaves=8,
)
SUBJECTS = st.builds(
    Made,
    name=st.sampled_from(["a.png", "city/b.jpg"]),
    tags=st.lists(st.sampled_from(["a", "b", "A_b", "x"]) | WORDS, max_size=4),
    numbers=st.dictionaries(
        st.sampled_from(sorted(NUMBERS)), PLAIN.map(lambda n: (float(n), float(n)))
    ),
    flags=st.frozensets(st.sampled_from(sorted(FLAGS))),
    bucket=st.none() | st.just((512, 768)),
    categories=st.frozensets(st.sampled_from(CATEGORIES)),
)


@given(NODES)
def test_a_filter_is_read_as_it_is_printed(node: Node) -> None:
    assert parse(str(node)).node == node


@given(NODES, NODES, SUBJECTS)
def test_de_morgan(one: Node, other: Node, subject: Made) -> None:
    both = parse(f"NOT (({one}) AND ({other}))").holds(subject)
    assert both == parse(f"(NOT ({one})) OR (NOT ({other}))").holds(subject)
    either = parse(f"NOT (({one}) OR ({other}))").holds(subject)
    assert either == parse(f"NOT ({one}) NOT ({other})").holds(subject)


@given(NODES, SUBJECTS)
def test_terms_are_all_of_a_filter(node: Node, subject: Made) -> None:
    answers = [term.holds(subject) for term in Query("", node).terms()]
    assert answers
    if isinstance(node, Every | Some) and len(set(answers)) == 1 and "NOT" not in str(node):
        assert node.holds(subject) == answers[0]


PIECES = ["tag:", "re:", "score:", "size", "<", ">=", "..", "5", '"', "'", "(", ")", " ", "and"]
PIECES += ["NOT", "or", "\\", "*", "[", ",", "é", "name:", "|", "-", "hat", "\ud800", "夏", "\x00"]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join), SUBJECTS)
def test_any_text_is_a_filter_or_an_error_with_a_column(text: str, subject: Made) -> None:
    try:
        query = parse(text)
    except FilterError as error:
        column = error.column
        str(error).encode()
    else:
        query.holds(subject)
        assert parse(str(query)).node == query.node
        column = 1
    assert 1 <= column <= len(text) + 1
