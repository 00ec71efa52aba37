"""Whatever is in a file: a config, or one sentence about it; never a traceback."""

from __future__ import annotations

import random
import shutil
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataprep.errors import DataprepError
from train.compat import words
from train.given import Given, load

SAMPLES = sorted((Path(__file__).parent / "compat_files").iterdir())
NAMED_BY = {"dataset.toml": "sd_scripts.toml", "prompts.txt": "sd_scripts.toml"}
CALM = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
INSERTS = (b'"', b"'", b"\\", b"`", b"\n", b"=", b"[", b"{", b"--", b"$", b"\0", b"\xff", b"1e999")


def check(path: Path) -> None:
    sentence, found = "", None
    try:
        found = load(path)
    except DataprepError as error:
        sentence = error.message
    assert isinstance(found, Given) or sentence
    assert "\n" not in sentence


def changed(content: bytes, rng: random.Random) -> bytes:
    """A few bytes flipped, cut out, doubled or put in."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at : at + rng.randint(1, 40)]
        elif kind == 3:
            data[at:at] = data[at : at + 60]
        else:
            data[at:at] = rng.choice(INSERTS)
    return bytes(data)


def damage(path: Path, folder: Path, times: int) -> None:
    """One file is damaged; what it names, and what names it, lies beside it."""
    for sample in SAMPLES:
        shutil.copy(sample, folder)
    rng = random.Random(path.name)
    reader = NAMED_BY.get(path.name, path.name)
    for _ in range(times):
        (folder / path.name).write_bytes(changed(path.read_bytes(), rng))
        check(folder / reader)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_damaged_files(path: Path, tmp_path: Path) -> None:
    damage(path, tmp_path, 60)


@pytest.mark.slow
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_damaged_files_at_length(path: Path, tmp_path: Path) -> None:
    damage(path, tmp_path, 2000)


@pytest.mark.parametrize("ending", [".toml", ".json", ".txt", ".ps1"])
@CALM
@given(content=st.binary(max_size=200))
def test_any_bytes(content: bytes, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"any{ending}"
    path.write_bytes(content)
    check(path)


@CALM
@given(
    keys=st.lists(st.sampled_from(["network_dim", "resume", "epoch", "LoRA_type", "seed", "vae"])),
    values=st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner),
            max_leaves=3,
        ),
        min_size=6,
        max_size=6,
    ),
)
def test_any_values_in_json(keys: list[str], values: list[object], tmp_path: Path) -> None:
    import json

    path = tmp_path / "any.json"
    path.write_text(json.dumps(dict(zip(keys, values, strict=False))))
    check(path)


@CALM
@given(
    st.lists(
        st.text(string.ascii_letters + string.digits + " /._-=\\:", min_size=1).filter(
            lambda word: not word.endswith("\\")
        )
    )
)
def test_quoted_words_come_back(given_words: list[str]) -> None:
    assert words.split(" ".join(f'"{word}"' for word in given_words)) == given_words


def test_deep_nesting_is_a_sentence(tmp_path: Path) -> None:
    for name, text in (("a.json", '{"seed": ' + "[" * 99_999), ("a.toml", "a = " + "[" * 9999)):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(DataprepError):
            load(path)
