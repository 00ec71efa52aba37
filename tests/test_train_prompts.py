"""sd-scripts' options in a sample's prompt."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import UsageError
from train.prompts import SamplePrompt, parse, plain


def test_all_options() -> None:
    text = "1girl, smile --n lowres, bad hands --w 512 --h 768 --d 1 --l 7.5 --s 28"
    assert parse(text) == SamplePrompt("1girl, smile", "lowres, bad hands", 512, 768, 28, 7.5, 1)


def test_none_of_them() -> None:
    assert parse("1girl, smile") == SamplePrompt("1girl, smile", "", None, None, None, None, None)


def test_any_order_gives_the_same() -> None:
    options = ("--n blurry, low-quality", "--w 640", "--s 12", "--d 3")
    found = {parse(" ".join(["zumi", *some])) for some in itertools.permutations(options)}
    assert found == {SamplePrompt("zumi", "blurry, low-quality", 640, None, 12, None, 3)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zumi --w 519 --h 767", SamplePrompt("zumi", width=512, height=760)),
        ("zumi  --d 18446744073709551615", SamplePrompt("zumi", seed=2**64 - 1)),
        ("zumi --d 12345678901234567", SamplePrompt("zumi", seed=12345678901234567)),
        ("zumi --l 7", SamplePrompt("zumi", guidance=7.0)),
        ("zumi --l 1", SamplePrompt("zumi", guidance=1.0)),
        ("zumi\t--s\t5", SamplePrompt("zumi", steps=5)),
        ("--n blurry", SamplePrompt("", "blurry")),
        # what only looks like an option belongs to the prompt
        ("sword--shield, a -- b, well-known", SamplePrompt("sword--shield, a -- b, well-known")),
        ("zumi --n a -- b", SamplePrompt("zumi", "a -- b")),
    ],
)
def test_what_is_meant(text: str, expected: SamplePrompt) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("zumi --x 3", "unknown option --x"),
        ("zumi --width 512", "unknown option --width"),
        ("zumi --ss euler_a", "unknown option --ss"),
        ("zumi --w", "--w (width) takes a whole number, 64 or more, not nothing"),
        ("zumi --n --w 512", "--n (negative) takes a text, not nothing"),
        ("zumi --w 512x768", "--w (width) takes a whole number, 64 or more, not '512x768'"),
        ("zumi --w 63", "not '63'"),
        ("zumi --s 0", "--s (steps) takes a whole number, 1 to 1000, not '0'"),
        ("zumi --s 28.5", "not '28.5'"),
        ("zumi --l nan", "--l (guidance) takes a number, 1 or more, not 'nan'"),
        ("zumi --d 18446744073709551616", "--d (seed) takes a whole number"),
        ("zumi --d -1", "not '-1'"),
        ("zumi --w 512 --w 768", "width is given twice"),
    ],
)
def test_what_cannot_be_meant(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert said in str(caught.value)
    assert repr(text) in str(caught.value)


def test_a_caption_is_all_prompt() -> None:
    assert plain("zumi --x 3").prompt == "zumi --x 3"


words = st.text(st.characters(whitelist_categories=("L", "N"), whitelist_characters=" ,()-"))


@given(
    prompt=words.map(str.strip).filter(lambda text: "--" not in text),
    width=st.integers(64, 4096),
    seed=st.integers(0, 2**64 - 1),
    guidance=st.floats(1, 1000),
)
def test_what_is_written_is_read(prompt: str, width: int, seed: int, guidance: float) -> None:
    found = parse(f"{prompt} --l {guidance!r} --d {seed} --w {width}")
    assert found == SamplePrompt(prompt, width=width // 8 * 8, guidance=guidance, seed=seed)
