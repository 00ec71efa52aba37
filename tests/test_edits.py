"""Edits of one caption: what each does to ``a, b, c``, and what none of them may do."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.captions import join_tags, split_tags, tag_key
from dataprep.edits import FREE, Edit, Fixed
from dataprep.edits.cleaning import Cleaning, cleaning
from dataprep.edits.patterns import check_template, pattern, patterns
from dataprep.edits.places import adding, meaningless, moving, sorting
from dataprep.edits.replacing import replacing
from dataprep.errors import UsageError

TRIGGER = Fixed("zumi")
names = st.sampled_from(["a", "b", "c", "long hair", "Long_Hair", "^_^", "zumi", "花", "x (y)"])
letters = st.text(string.ascii_lowercase + " _()", min_size=1, max_size=6)
captions = st.lists(st.one_of(names, st.just("|||"), letters), max_size=10).map(
    lambda tags: split_tags(", ".join(tags))
)
few = st.lists(names, min_size=1, max_size=3)


def after(edit: Edit, caption: str) -> str:
    return join_tags(edit(split_tags(caption)))


@pytest.mark.parametrize(
    ("old", "new", "caption", "result"),
    [
        ("b", "x", "a, b, c", "a, x, c"),
        ("long_hair", "long, hair", "a, Long Hair, c", "a, long, hair, c"),
        ("a, c", "x", "a, b, c", "x, b"),
        ("b", "c", "a, b, c", "a, c"),
        ("b", "a", "a, b, c", "a, c"),
        ("B", "B", "a, b, c", "a, B, c"),
        ("b", "b, x", "a, b, c", "a, b, x, c"),
        ("* hair", r"\1 fur", "Long_Hair, hair bow, blue hair", "Long fur, hair bow, blue fur"),
        ("?", "x", "a, bb, c", "x, bb"),
        (r"\?", "x", "a, ?, c", "a, x, c"),
        (r"re:(\w+) (\w+)", r"\2 \1", "blue hat, a", "hat blue, a"),
        ("re:x{1,2}", "y", "x, xx, xxx", "y, xxx"),
        ("re:long_.*", "y", "long_hair, long hair", "y"),
        ("x (y)", "x \\(z\\)", "a, x \\(y\\)", "a, x \\(z\\)"),
        ("^_^", "smile", "a, ^_^", "a, smile"),
        ("花", "flower", "花, a", "flower, a"),
        ("bra", "vest", "bracelet, bra", "bracelet, vest"),
        ("a", "x", "b ||| a, c ||| d", "b ||| x, c ||| d"),
    ],
)
def test_replace(old: str, new: str, caption: str, result: str) -> None:
    assert after(replacing(patterns(old), new), caption) == result


def test_replace_changes_only_the_tag_it_names() -> None:
    """sd-scripts' tagger replaced every tag, and threw the result away."""
    edit = replacing(patterns("b"), "x")
    assert edit(["a", "c"]) == ["a", "c"]
    assert edit(["a", "b"]) == ["a", "x"]


def test_merging_needs_all_of_them() -> None:
    edit = replacing(patterns("a, c"), "x", every=True)
    assert after(edit, "c, b, a") == "x, b"
    assert after(edit, "a, b") == "a, b"


def test_the_trigger_is_never_replaced() -> None:
    assert after(replacing(patterns("*"), "x", fixed=TRIGGER), "zumi, a, b") == "zumi, x"


@given(captions)
def test_replacing_a_tag_with_itself_is_nothing(tags: list[str]) -> None:
    for tag in tags:
        if tag != "|||":
            assert replacing([pattern(tag)], tag)(tags) == tags


@given(captions, few, few)
def test_replace_keeps_the_order_of_the_others_and_doubles_none(
    tags: list[str], olds: list[str], news: list[str]
) -> None:
    edit = replacing(tuple(map(pattern, olds)), ", ".join(news))
    once = edit(tags)
    keys = [tag_key(tag) for tag in once if tag != "|||"]
    assert len(keys) == len(set(keys))
    gone = {tag_key(tag) for tag in olds}
    if gone.isdisjoint(map(tag_key, news)):
        assert edit(once) == once
    others = [tag for tag in tags if tag_key(tag) not in gone]
    assert [tag for tag in once if tag in others] == others


def test_an_expression_that_is_none_points_at_the_place() -> None:
    with pytest.raises(UsageError, match=r"'re:a\(': missing \), .* at column 5"):
        pattern("re:a(")
    with pytest.raises(UsageError, match="invalid group reference 2"):
        check_template(patterns("re:(a)"), r"\2")
    check_template(patterns("a"), r"\2")


def test_add_keeps_the_order_it_was_given() -> None:
    """sd-scripts inserted always_first_tags in reverse order."""
    assert after(adding(["x", "y"], "front"), "a, b") == "x, y, a, b"
    assert after(adding(["x", "y"], "front", fixed=TRIGGER), "zumi, a, b") == "zumi, x, y, a, b"
    assert after(adding(["x", "y"]), "a, b") == "a, b, x, y"
    assert after(adding(["x", "B"]), "a, b") == "a, b, x"
    assert after(adding(["x", "y"], "after", pattern("a")), "a, b") == "a, x, y, b"
    assert after(adding(["x", "y"], "before", pattern("b*")), "a, b") == "a, x, y, b"
    assert after(adding(["x"], "after", pattern("c")), "a, b") == "a, b"


def test_separators_and_kept_tokens_bound_what_moves() -> None:
    text = "zumi, hat ||| b, a ||| end"
    assert after(adding(["x"], "front"), text) == "zumi, hat ||| x, b, a ||| end"
    assert after(adding(["x"], "back"), text) == "zumi, hat ||| b, a, x ||| end"
    assert after(sorting(tag_key), text) == "zumi, hat ||| a, b ||| end"
    assert after(moving(patterns("b, hat"), "end"), text) == "zumi, hat ||| a, b ||| end"
    assert after(sorting(tag_key, Fixed(keep=2)), "z, y, x, w") == "z, y, w, x"
    assert after(sorting(tag_key, Fixed("zumi", 0)), "Zumi, y, x") == "Zumi, x, y"
    assert after(sorting(tag_key, TRIGGER), "z, y, x") == "x, y, z"


def test_move_puts_them_in_the_order_given() -> None:
    assert after(moving(patterns("c, a"), "front"), "a, b, c") == "c, a, b"
    assert after(moving(patterns("c, a"), "end"), "a, b, c") == "b, c, a"
    assert after(moving(patterns("* x"), "end"), "b x, a x, c") == "c, b x, a x"
    moved = after(moving(meaningless(), "end", TRIGGER), "zumi, white_background, highres, hat")
    assert moved == "zumi, hat, white_background, highres"


edits = st.one_of(
    st.builds(lambda new: adding(new, "front", fixed=TRIGGER), few),
    st.builds(lambda new: adding(new, "back", fixed=TRIGGER), few),
    st.builds(lambda tag, new: adding(new, "after", pattern(tag), TRIGGER), names, few),
    st.builds(lambda keep: sorting(tag_key, Fixed("zumi", keep)), st.integers(0, 3)),
    st.builds(lambda tags: moving(tuple(map(pattern, tags)), "end", TRIGGER), few),
    st.builds(lambda tags: moving(tuple(map(pattern, tags)), "front", TRIGGER), few),
)


@given(captions, edits)
def test_placing_twice_is_placing_once_and_loses_nothing(tags: list[str], edit: Edit) -> None:
    once = edit(tags)
    assert edit(once) == once
    assert set(tags) <= set(once)
    assert once.count("|||") == tags.count("|||")
    if tags and tag_key(tags[0]) == "zumi":
        assert once[0] == tags[0]


@given(captions, few)
def test_tags_that_are_not_named_keep_their_order(tags: list[str], named: list[str]) -> None:
    """kohya-colab passes captions through a set."""
    keys = {tag_key(tag) for tag in named}
    rest = [tag for tag in tags if tag_key(tag) not in keys]
    for to in ("front", "end"):
        moved = moving(tuple(map(pattern, named)), to, FREE)(tags)  # type: ignore[arg-type]
        assert [tag for tag in moved if tag_key(tag) not in keys] == rest
    added = adding(named, "back")(tags)
    assert [tag for tag in added if tag in tags] == tags


def test_lead_brings_the_trigger_forward_and_never_in() -> None:
    assert TRIGGER.lead(["a", "Zumi", "|||", "b"]) == ["zumi", "a", "|||", "b"]
    assert TRIGGER.lead(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("how", "caption", "result"),
    [
        (Cleaning(), " b,, a ,long_hair,Long  Hair,", "b, a, long hair"),
        (Cleaning(), "^_^, O_O, ;_;, my_char, a_bc", "^_^, O_O, ;_;, my_char, a bc"),
        (Cleaning(), "score_9, score_8_up, source_anime", "score_9, score_8_up, source_anime"),
        (Cleaning(), "<lora:my_thing:1>, __hats__, a_cat", "<lora:my_thing:1>, __hats__, a cat"),
        (Cleaning(), "一个女孩，长发、微笑", "一个女孩, 长发, 微笑"),
        (Cleaning(wide_commas=False), "一个女孩，长发", "一个女孩，长发"),
        (Cleaning("underscores"), "long hair, a b, ^_^, my char", "long_hair, a_b, ^_^, my char"),
        (Cleaning("underscores"), "a girl is standing here, hat", "a girl is standing here, hat"),
        (Cleaning("keep"), "long_hair, blue eyes", "long_hair, blue eyes"),
        (Cleaning(parentheses="escape"), "x (y), z \\(y\\)", "x \\(y\\), z \\(y\\)"),
        (Cleaning(parentheses="plain"), "x \\(y\\), X (y)", "x (y)"),
        (Cleaning(lowercase=True), "Hat, HAT, My_Char", "hat, My_Char"),
        (Cleaning(), "zumi|||b_cd, |||,e", "zumi ||| b cd ||| e"),
        (Cleaning(), "", ""),
    ],
)
def test_clean(how: Cleaning, caption: str, result: str) -> None:
    assert cleaning(how, Fixed("my_char"))(caption) == result


@given(
    st.text(string.ascii_letters + " _,()\\{}|，^\n", max_size=30),
    st.builds(
        Cleaning,
        st.sampled_from(["spaces", "underscores", "keep"]),
        st.sampled_from(["escape", "plain", "keep"]),
        st.booleans(),
        st.booleans(),
    ),
)
def test_cleaning_twice_is_cleaning_once(text: str, how: Cleaning) -> None:
    clean = cleaning(how, TRIGGER)
    once = clean(text)
    assert clean(once) == once
