"""Captions vary as functions of what they are for, and are read as other programs read them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.seeds import Key, shuffled, stable_seed, uniform
from train.text.rules import CaptionRules
from train.text.vary import vary
from train.text.weighting import weighted
from train.text.wildcards import expanded

TAGS = st.lists(st.text("abc xyz", min_size=1).map(str.strip).filter(bool), unique=True)
SEEDS = st.integers(0, 2**32)


def varied(caption: str, *keys: Key, seed: int = 0, **rules: Any) -> str:
    epoch = rules.pop("epoch", 1)
    place = {name: rules.pop(name) for name in ("step", "total_steps") if name in rules}
    return vary(caption, CaptionRules(**rules), seed, *keys, epoch=epoch, **place)


def split(caption: str) -> list[str]:
    return caption.split(", ") if caption else []


@given(TAGS, SEEDS, st.integers(0, 4))
def test_shuffling_keeps_every_tag_and_the_first_in_place(
    tags: list[str], seed: int, keep: int
) -> None:
    found = split(varied(", ".join(tags), seed=seed, shuffle_caption=True, keep_tokens=keep))
    assert sorted(found) == sorted(tags)
    assert found[:keep] == tags[:keep]


@given(TAGS, SEEDS, st.floats(0, 1))
def test_dropped_tags_leave_the_others_in_order(tags: list[str], seed: int, rate: float) -> None:
    found = split(varied(", ".join(tags), seed=seed, caption_tag_dropout_rate=rate, keep_tokens=1))
    assert found[:1] == tags[:1]
    assert found == [tag for tag in tags if tag in found]


@given(st.text(), SEEDS, st.integers(1, 9), st.text(), st.booleans())
def test_a_caption_is_a_function_of_its_keys(
    caption: str, seed: int, epoch: int, name: str, wild: bool
) -> None:
    rules = CaptionRules(
        shuffle_caption=True,
        caption_tag_dropout_rate=0.5,
        caption_dropout_rate=0.2,
        enable_wildcard=wild,
        token_warmup_step=9,
    )
    once, again = (
        vary(caption, rules, seed, epoch, name, 0, epoch=epoch, step=3) for _ in range(2)
    )
    assert once == again


@given(st.text(), SEEDS)
def test_a_caption_stays_as_written_when_nothing_is_asked(caption: str, seed: int) -> None:
    assert varied(caption, seed=seed, keep_tokens=1) == caption
    assert varied(caption, seed=seed, caption_dropout_rate=1.0) == ""


@given(TAGS, TAGS, TAGS, SEEDS)
def test_a_separator_keeps_what_stands_before_the_first_and_behind_the_second(
    first: list[str], middle: list[str], last: list[str], seed: int
) -> None:
    caption = f"{', '.join(first)} ||| {', '.join(middle)} ||| {', '.join(last)}"
    found = split(
        varied(caption, seed=seed, shuffle_caption=True, keep_tokens_separator="|||", keep_tokens=9)
    )
    assert found[: len(first)] == first
    assert found[len(found) - len(last) :] == last
    assert sorted(found) == sorted([*first, *middle, *last])


def test_a_separator_is_never_trained_on() -> None:
    assert varied("zumi ||| a, b", keep_tokens_separator="|||") == "zumi, a, b"
    assert varied("zumi, a", keep_tokens_separator="|||") == "zumi, a"
    assert varied("zumi ||| a") == "zumi ||| a"


def test_the_draws_are_those_of_earlier_runs() -> None:
    caption, use = "zumi, a, b, c, d, e, f", (1, "1_zumi/a.png", 0)
    rules: dict[str, Any] = {"shuffle_caption": True, "seed": 42}
    assert varied(caption, *use, keep_tokens=1, **rules) == "zumi, c, f, b, e, d, a"
    dropped = varied(caption, *use, keep_tokens=2, caption_tag_dropout_rate=0.4, **rules)
    assert dropped == "zumi, a, d, c, f, e, b"
    rules |= {"caption_dropout_rate": 0.5, "keep_tokens_separator": "|||"}
    divided = "zumi ||| a, b, c ||| z"
    assert varied(divided, *use, **rules) == "zumi, c, b, a, z"
    assert varied(divided, 2, *use[1:], epoch=2, **rules) == ""


def test_uses_differ_and_rates_are_met() -> None:
    caption = "zumi, a, b, c, d, e, f"
    uses = {varied(caption, epoch, "a.png", shuffle_caption=True) for epoch in range(50)}
    assert len(uses) > 40
    empty = sum(varied(caption, n, "a.png", caption_dropout_rate=0.1) == "" for n in range(2000))
    assert 150 < empty < 250
    wild: Any = {"enable_wildcard": True}
    chosen = Counter(varied("{a|b|c}\n\nd", n, **wild) for n in range(2000))
    assert set(chosen) == set("abcd")
    assert 900 < chosen["d"] < 1100
    assert all(260 < chosen[letter] < 410 for letter in "abc")


def test_captions_are_dropped_in_every_so_many_epochs() -> None:
    dropped = [
        varied("a", epoch=epoch, caption_dropout_every_n_epochs=3) == "" for epoch in range(1, 8)
    ]
    assert dropped == [False, False, True, False, False, True, False]


def test_prefix_and_suffix_stand_around_each_line() -> None:
    rules: dict[str, Any] = {"caption_prefix": "p,", "caption_suffix": ", s"}
    assert varied("a", **rules) == "p, a , s"
    lines = {varied("a\nb", n, enable_wildcard=True, **rules) for n in range(20)}
    assert lines == {"p, a , s", "p, b , s"}
    assert varied("a, b", keep_tokens=1, shuffle_caption=True, **rules).startswith("p, ")
    assert varied("a", caption_dropout_rate=1.0, **rules) == ""


def test_a_secondary_separator_holds_tags_together() -> None:
    rules: dict[str, Any] = {"secondary_separator": ";;;", "shuffle_caption": True}
    found = {varied("a;;;b, c, d", n, **rules) for n in range(60)}
    assert found == {"a,b, c, d", "a,b, d, c", "c, a,b, d", "d, a,b, c", "c, d, a,b", "d, c, a,b"}
    halves = {varied("a;;;b", n, caption_tag_dropout_rate=0.5, **rules) for n in range(30)}
    assert halves == {"a,b", ""}
    assert varied("a;;;b", secondary_separator=";;;") == "a,b"


def test_another_separator_leaves_commas_within_tags() -> None:
    rules: dict[str, Any] = {"caption_separator": "|", "keep_tokens": 1}
    found = {varied("zumi | red, round | b", n, shuffle_caption=True, **rules) for n in range(20)}
    assert found == {"zumi, red, round, b", "zumi, b, red, round"}


def test_token_warm_up_begins_with_the_first_tags() -> None:
    def tags_at(step: int, **rules: Any) -> list[str]:
        return split(varied("z, a, b, c, d, e", keep_tokens=1, step=step, total_steps=40, **rules))

    counts = [len(tags_at(step, token_warmup_step=8)) - 1 for step in (0, 1, 2, 3, 4, 6, 7, 8, 20)]
    assert counts == [1, 1, 2, 2, 3, 4, 4, 5, 5]
    assert tags_at(0, token_warmup_step=8, token_warmup_min=3) == ["z", "a", "b", "c"]
    assert len(tags_at(0, token_warmup_step=8, token_warmup_min=9)) == 6
    # a share of all steps: 0.5 × 40 = 20
    assert tags_at(10, token_warmup_step=0.5) == ["z", "a", "b", "c"]
    assert len(tags_at(20, token_warmup_step=0.5)) == 6
    assert set(tags_at(4, token_warmup_step=8, shuffle_caption=True)) == {"z", "a", "b", "c"}


def test_draws_are_the_same_everywhere() -> None:
    assert stable_seed(42, "noise", 3, "a.png") == 2858689979960622272
    assert stable_seed(42, "noise", "3", "a.png") != stable_seed(42, "noise", 3, "a.png")
    assert 0 <= uniform(1, "x") < 1
    assert shuffled("abcdef", 0, "order") == shuffled("abcdef", 0, "order")
    assert sorted(shuffled("abcdef", 0, "order")) == list("abcdef")


# wildcards


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("{red|blue} hat, {a|b|c}", "red hat, a", "blue hat, c"),
        ("{one}", "one", "one"),
        ("a {|very }b", "a b", "a very b"),
        ("{{red|blue}} hat", "{red|blue} hat", "{red|blue} hat"),
        ("{a {red|blue} hat|{x|y}} z", "a red hat z", "y z"),
        ("{a|{b|{c|d}}}", "a", "d"),
        ("a|b, {} }", "a|b, {} }", "a|b, {} }"),
        ("{a|b", "{a|b", "{a|b"),
        ("x {a|b}} y", "x {a|b} y", "x {a|b} y"),
        ("{a|b {c|d} e", "{a|b c e", "{a|b d e"),
    ],
)
def test_choices(text: str, first: str, last: str) -> None:
    assert expanded(text, lambda place, count: 0) == first
    assert expanded(text, lambda place, count: count - 1) == last


@given(st.text("ab{}| \n"), SEEDS)
def test_unbalanced_braces_are_letters_and_nothing_is_invented(text: str, seed: int) -> None:
    found = expanded(text, lambda place, count: stable_seed(seed, place) % count)
    remaining = iter(text)
    # what is left stands in the order in which it was written
    assert all(letter in remaining for letter in found)
    assert "{" in text or found == text.replace("}}", "}")


def test_each_choice_is_drawn_by_its_place() -> None:
    asked: list[tuple[int, int]] = []

    def pick(place: int, count: int) -> int:
        asked.append((place, count))
        return 0

    expanded("{a|{b|c|d}} {e|f}", pick)
    assert sorted(asked) == [(0, 2), (1, 3), (2, 2)]


# weights


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("plain, text", [("plain, text", 1.0)]),
        ("", []),
        ("a (b) c", [("a ", 1.0), ("b", 1.1), (" c", 1.0)]),
        ("(b:1.3)", [("b", 1.3)]),
        ("[b]", [("b", 1 / 1.1)]),
        ("((b))", [("b", 1.1 * 1.1)]),
        ("(a [b] c)", [("a ", 1.1), ("b", 1 / 1.1 * 1.1), (" c", 1.1)]),
        (r"zumi \(series\)", [("zumi (series)", 1.0)]),
        (r"(x \(y\):1.5)", [("x (y)", 1.5)]),
        (r"a\\b \z \[", [("a\\b z [", 1.0)]),
        ("(never closed", [("never closed", 1.1)]),
        ("never opened)", [("never opened)", 1.0)]),
        ("ratio 1:2)", [("ratio 1:2)", 1.0)]),
        ("(b: 1)", [("b: 1", 1.1)]),
        ("(b:-.5) :d", [("b", -0.5), (" :d", 1.0)]),
        ("(one)(two)", [("onetwo", 1.1)]),
        ("[a:0.5]", [("a:0.5", 1 / 1.1)]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1.1 / 1.1), (" c", 1 / 1.1)]),
    ],
)
def test_weights_are_read(text: str, pieces: list[tuple[str, float]]) -> None:
    found = weighted(text)
    assert [piece for piece, _ in found] == [piece for piece, _ in pieces]
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in pieces])


def test_weights_multiply_as_in_a1111() -> None:
    # A1111's own example of prompt_parser
    found = weighted("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).")
    assert [piece for piece, _ in found] == [
        *("a ", "house", " ", "on", " a ", "hill", ", sun, ", "sky", ".")
    ]
    assert [weight for _, weight in found] == pytest.approx(
        [1.0, 1.573, 1.1, 1.0, 1.1, 0.55, 1.1, 1.4641, 1.1]
    )


@given(st.text("ab()[]:.1-\\ "))
def test_any_text_is_read_and_none_is_invented(text: str) -> None:
    found = "".join(piece for piece, _ in weighted(text))
    remaining = iter(text)
    assert all(letter in remaining for letter in found)
    assert [letter for letter in found if letter in "ab"] == [c for c in text if c in "ab"]
