"""The languages of the interface: every text has a translation, with the same places in it."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from docs import words as catalogues
from tui import words

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "src" / "tui" / "locale").glob("*/LC_MESSAGES/*.po"))
DRAWN = {"Static", "Label", "Button", "notify", "say"}
"""What draws the text that it is given first."""


@pytest.fixture(autouse=True)
def _english_afterwards() -> Iterator[None]:
    yield
    words.use("en")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parts[-3])
def test_every_text_is_translated(path: Path) -> None:
    catalogue = catalogues.updated(path)
    assert catalogues.untranslated(catalogue) == []
    for message in catalogue:
        if message.id:
            assert places(message.string) == places(message.id), message.id


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parts[-3])
def test_the_file_is_as_the_tool_writes_it(path: Path) -> None:
    # a text that was taken out, or moved, is no longer there
    assert catalogues.written(path) == path.read_bytes()


def places(text: object) -> set[str]:
    """The names in braces; a plural's forms together."""
    forms = text if isinstance(text, (tuple, list)) else (text,)
    found = set()
    for form in forms:
        found |= {name for _, name, _, _ in string.Formatter().parse(str(form)) if name}
    return found


def test_the_interface_speaks_chinese_and_english_again() -> None:
    words.use("zh_CN")
    assert words._("Train") == "训练"
    assert words.n_("{n} picture", "{n} pictures", 3) == "3 张图片"
    assert words._("nobody says this") == "nobody says this"
    assert words._("") == ""
    words.use("en")
    assert words._("Train") == "Train"
    assert words.n_("{n} picture", "{n} pictures", 1) == "1 picture"
    assert words.n_("{n} picture", "{n} pictures", 0) == "0 pictures"


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("zh_CN.UTF-8", "zh_CN"),
        ("zh-Hans-CN", "zh_CN"),
        ("zh_SG", "zh_CN"),
        ("zh_TW.UTF-8", "en"),
        ("en_GB", "en"),
        ("C.UTF-8", "en"),
        ("de_DE.UTF-8", "en"),
    ],
)
def test_the_language_follows_the_locale(
    monkeypatch: pytest.MonkeyPatch, said: str, language: str
) -> None:
    monkeypatch.delenv("LANGUAGE", raising=False)
    monkeypatch.setenv("LC_ALL", said)
    assert words.of_system() == language
    monkeypatch.setenv("LC_ALL", "")
    monkeypatch.setenv("LANG", said)
    assert words.of_system() == language


def test_no_text_of_the_screens_is_left_out_of_the_catalogue() -> None:
    """Whatever is drawn is marked: a text of two words beside a widget's name is not."""
    bare = [
        f"{path.name}:{call.lineno}: {argument.value}"
        for path in sorted((ROOT / "src" / "tui").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and _called(call) in DRAWN and call.args
        for argument in [call.args[0]]
        if isinstance(argument, ast.Constant) and re.match(r"[^#]*[a-z]{2}", str(argument.value))
    ]
    assert bare == []


def test_every_marked_text_is_found_by_the_tool() -> None:
    # it does not look into f-strings
    known = {
        text
        for message in catalogues.texts()
        for text in (message.id if isinstance(message.id, tuple) else (message.id,))
    }
    marked = {
        argument.value
        for path in sorted((ROOT / "src" / "tui").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and _called(call) in ("_", "N_", "n_")
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    assert marked - known == {""} & marked


def _called(call: ast.Call) -> str:
    function = call.func
    return getattr(function, "attr", getattr(function, "id", ""))


def test_messages_with_a_plural_have_as_many_forms_as_their_language() -> None:
    for path in FILES:
        catalogue = catalogues.updated(path)
        for message in catalogue:
            assert isinstance(message, Message)
            if message.id and message.pluralizable:
                assert len(message.string) == catalogue.num_plurals, message.id
