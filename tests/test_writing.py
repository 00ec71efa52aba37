"""What is written over and what is not: modes, captions by hand, the trigger, .caption files."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dataprep import schema
from dataprep.concept import KEY, Concept, encoded
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.journal import PROJECT
from dataprep.settings import build
from dataprep.stages.scan import refresh
from dataprep.writing import Writer, Writing, plan, remarks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "abc":
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    return tmp_path


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted(folder.glob("?.[tc]*"))}


def write(folder: Path, found: list[str] | str, **values: Any) -> list[str]:
    """Give every picture this; what is said of the others."""
    settings = build(Writing, values, "test")
    with Dataset.open(folder) as dataset:
        finish(refresh(dataset, settings))
        planned = plan(dataset, dataset.usable(), settings)
        writer = Writer(dataset, settings)
        changes = [writer.change(picture.name, found) for picture in planned.pictures]
        dataset.edit("write", changes, settings.origin)
    return remarks(planned)


def concept(folder: Path, trigger: str, *pruned: str) -> None:
    with Dataset.open(folder) as dataset:
        change = dataset.decision_change(PROJECT, KEY, encoded(Concept(trigger, pruned)))
        dataset.edit("concept", [change])


def test_captions_that_are_there_stay_and_are_counted(folder: Path) -> None:
    (folder / "a.txt").write_text("mine\n")
    (folder / "b.txt").write_text(" \n")
    assert write(folder, ["x", "y"]) == ["1 keep the caption they have"]
    assert texts(folder) == {"a.txt": "mine\n", "b.txt": "x, y\n", "c.txt": "x, y\n"}
    assert write(folder, ["z"]) == ["3 keep the caption they have"]


def test_what_is_by_hand_is_not_written_over(folder: Path) -> None:
    (folder / "a.txt").write_text("mine\n")
    write(folder, ["x"])
    (folder / "b.txt").write_text("x, by another program\n")
    said = write(folder, ["y"], overwrite=True)
    assert said == ["2 were written by hand and stay (--touch-edited)"]
    assert [text.strip() for text in texts(folder).values()] == [
        "mine",
        "x, by another program",
        "y",
    ]
    write(folder, ["z"], overwrite=True, touch_edited=True)
    assert set(texts(folder).values()) == {"z\n"}
    # and from now on they are ours
    assert write(folder, ["v"], overwrite=True) == []


def test_a_bulk_edit_neither_makes_nor_unmakes_a_hand(folder: Path) -> None:
    (folder / "a.txt").write_text("mine\n")
    write(folder, ["x"])
    with Dataset.open(folder) as dataset:
        finish(refresh(dataset))
        names = ["a.png", "b.png", "c.png"]
        dataset.edit("add", [dataset.caption_change(n, ["t", *dataset.tags(n)]) for n in names])
        assert dataset.edited(dataset.pictures()) == {"a.png"}
        dataset.undo()
        assert dataset.edited(dataset.pictures()) == {"a.png"}
        dataset.edit("type", [dataset.caption_change("b.png", ["typed"])], "hand")
        assert dataset.edited(dataset.pictures()) == {"a.png", "b.png"}
        dataset.undo()
        assert dataset.edited(dataset.pictures()) == {"a.png"}


def test_adding_before_and_behind(folder: Path) -> None:
    (folder / "a.txt").write_text("mine, X\n")
    write(folder, ["x", "y"], append=True)
    assert texts(folder)["a.txt"] == "mine, X, y\n"
    write(folder, ["z", "y"], prepend=True)
    assert texts(folder)["a.txt"] == "z, mine, X, y\n"
    write(folder, ["z", "y"], prepend=True)
    assert texts(folder)["a.txt"] == "z, mine, X, y\n"
    with Dataset.open(folder) as dataset:
        finish(refresh(dataset))
        assert dataset.edited(dataset.pictures()) == {"a.png"}


def test_prose_is_added_once(folder: Path) -> None:
    (folder / "a.txt").write_text("mine\n")
    for _ in range(2):
        write(folder, "a girl, a hat,  and a bow", append=True)
    assert texts(folder)["a.txt"] == "mine, a girl, a hat, and a bow\n"
    assert texts(folder)["b.txt"] == "a girl, a hat, and a bow\n"


def test_the_trigger_stays_first_and_pruned_tags_stay_out(folder: Path) -> None:
    concept(folder, "zumi", "green hair")
    for _ in range(2):
        write(folder, ["1girl", "Green_Hair", "hat"], overwrite=True)
        assert texts(folder)["a.txt"] == "zumi, 1girl, hat\n"
    write(folder, ["sky", "green hair"], prepend=True)
    assert texts(folder)["a.txt"] == "zumi, sky, 1girl, hat\n"
    write(folder, ["1girl", "green hair"], overwrite=True, with_pruned=True)
    assert texts(folder)["a.txt"] == "zumi, 1girl, green hair\n"
    for _ in range(2):
        write(folder, "Zumi in a hat", overwrite=True)
        assert texts(folder)["a.txt"] == "zumi, Zumi in a hat\n"
        write(folder, "zumi, in a hat", overwrite=True)
        assert texts(folder)["a.txt"] == "zumi, in a hat\n"


def test_another_extension_is_another_caption(folder: Path) -> None:
    (folder / "a.txt").write_text("tags, by hand\n")
    write(folder, "a sentence", caption_extension=".caption")
    assert texts(folder) == {
        "a.caption": "a sentence\n",
        "a.txt": "tags, by hand\n",
        "b.caption": "a sentence\n",
        "c.caption": "a sentence\n",
    }
    with Dataset.open(folder) as dataset:
        dataset.undo()
    assert texts(folder) == {"a.txt": "tags, by hand\n"}


def test_the_recipe_says_the_extension_of_all(folder: Path) -> None:
    (folder / "dataprep.toml").write_text('[scan]\ncaption_extension = ".caption"\n')
    write(folder, ["x"])
    assert sorted(texts(folder)) == ["a.caption", "b.caption", "c.caption"]
    (folder / "dataprep.toml").write_text('[scan]\ncaption_extension = ".doc"\n')
    with pytest.raises(UsageError, match=r"caption_extension.*\.txt.*\.caption"):
        write(folder, ["x"])


def test_pictures_that_share_a_caption_and_captions_that_cannot_be_read(folder: Path) -> None:
    Image.new("RGB", (8, 8)).save(folder / "a.webp")
    (folder / "b.txt").write_bytes(b"\xff\xfe broken")
    write(folder, ["x"], overwrite=True, touch_edited=True)
    assert (folder / "a.txt").read_text() == "x\n"
    assert (folder / "b.txt").read_bytes() == b"\xff\xfe broken"


OLD = """
CREATE TABLE edits (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'undoing', 'undone')));
CREATE TABLE changes (edit INTEGER NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL,
    name TEXT NOT NULL, key TEXT NOT NULL, before TEXT, after TEXT, PRIMARY KEY (edit, position));
CREATE TABLE vocabularies (model TEXT NOT NULL, id INTEGER NOT NULL, tag TEXT NOT NULL,
    category INTEGER NOT NULL, PRIMARY KEY (model, id)) WITHOUT ROWID;
INSERT INTO edits VALUES (1, 'tag with tiny', '2026-01-01T00:00:00', 'done');
INSERT INTO changes VALUES (1, 0, 'caption', 'a.png', '', NULL, 'x' || char(10));
INSERT INTO vocabularies VALUES ('tiny@1.1', 0, 'safe', 9), ('tiny@1.1', 1, 'hat', 0),
    ('tiny@1.1', 2, 'miku', 4);
PRAGMA user_version = 2;
"""


def test_an_older_project_is_taken_over(folder: Path) -> None:
    (folder / ".dataprep").mkdir()
    with sqlite3.connect(folder / ".dataprep" / "state.sqlite") as old:
        old.executescript(OLD)
    old.close()
    (folder / "a.txt").write_text("x\n")
    (folder / "b.txt").write_text("typed\n")
    with Dataset.open(folder) as dataset:
        finish(refresh(dataset))
        assert dataset.edited(dataset.pictures()) == {"b.png"}
        assert [row.name for row in dataset.store.taggers()] == ["tiny"]
        entries = dataset.store.vocabulary("tiny@1.1")
        assert [entry.category for entry in entries] == ["rating", "general", "character"]
        assert dataset.history()[0].origin == "bulk"
        dataset.undo()
    assert texts(folder) == {"b.txt": "typed\n"}
    assert schema.SCHEMA_VERSION == 4


def test_what_another_program_writes_is_seen_at_once(folder: Path) -> None:
    with Dataset.open(folder) as dataset:
        finish(refresh(dataset))
        for text in ("one", "two", "six", "a longer one"):
            (folder / "a.txt").write_text(text)
            assert dataset.tags("a.png") == [text]
            dataset.tags("a.png").append("not kept")
            assert dataset.caption("a.png") == text
        (folder / "a.txt").unlink()
        assert dataset.caption_text("a.png") is None
