"""Paths as they are typed, pasted and dropped; folders as one walks through them."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import UsageError
from dataprep.paths import at_home, completed, exists, line_of, listing, new_folder, typed

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Zebra", "apple", ".hidden"):
        (tmp_path / name).mkdir()
    for name in ("b.PNG", "a.zip", "notes.txt", "[x] [b].png", "film.mp4"):
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_lists_what_can_be_opened_or_imported(folder: Path) -> None:
    found = listing(folder)
    assert found.folders == ("apple", "Zebra")
    assert found.files == ("[x] [b].png", "a.zip", "b.PNG", "film.mp4")
    assert found.pictures == 2


def test_what_is_no_folder_says_so(folder: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        listing(folder / "nowhere")
    with pytest.raises(UsageError, match="is a file"):
        listing(folder / "a.zip")


def test_a_half_typed_path_is_completed(folder: Path) -> None:
    assert completed(f"{folder}/ap") == f"{folder}/apple/"
    assert completed(f"{folder}/zeb") == f"{folder}/Zebra/"
    assert completed(f"{folder}/a.z") is None
    assert completed(f"{folder}/a.z", files=True) == f"{folder}/a.zip"
    assert completed(f"{folder}/") is None
    assert completed("") is None
    assert completed(f"{folder}/nowhere/x") is None


def test_a_tilde_is_kept_while_it_is_completed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert completed("~/app") == "~/apple/"
    assert typed("~/apple") == ["~/apple"]
    assert exists("~/apple")
    assert at_home(folder / "apple") == "~/apple"
    assert at_home(folder.parent) == str(folder.parent)


def test_dropped_files_arrive_as_their_paths(folder: Path) -> None:
    picture = folder / "[x] [b].png"
    assert typed(str(picture)) == [str(picture)]
    assert typed(f"'{picture}' ") == [str(picture)]
    assert typed(str(picture).replace(" ", "\\ ")) == [str(picture)]
    assert typed(picture.as_uri()) == [str(picture)]
    assert typed(f"{picture}\n{folder}/a.zip\n") == [str(picture), f"{folder}/a.zip"]
    assert typed(f"'{picture}' {folder}/a.zip") == [str(picture), f"{folder}/a.zip"]


def test_patterns_and_lone_quotes_stay_what_they_are() -> None:
    assert typed('"photos/**/*.jpg"') == ["photos/**/*.jpg"]
    assert typed("mother's pictures") == ["mother's pictures"]
    assert typed(r"C:\pictures\zumi") == [r"C:\pictures\zumi"]
    assert typed(r'"C:\my pictures" D:\more') == [r"C:\my pictures", r"D:\more"]
    assert typed(" \n ") == []


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_what_is_written_into_the_line_is_read_back(names: list[str]) -> None:
    words = [f"/nowhere/{name}" for name in names]
    assert typed(line_of(words)) == words


@given(st.text(max_size=30))
def test_anything_that_is_typed_can_be_read(text: str) -> None:
    for word in typed(text):
        assert word
    assert all(word for word in typed(shlex.quote(text)))


def test_a_new_folder_gets_a_number_where_there_is_one(tmp_path: Path) -> None:
    assert new_folder(tmp_path, "demo") == tmp_path / "demo"
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").mkdir()
    assert new_folder(tmp_path, "demo") == tmp_path / "demo-3"
