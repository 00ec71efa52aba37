"""The record of what exports wrote: whose a file is, whatever happened in between."""

from __future__ import annotations

import json
import os
from pathlib import Path

from dataprep.exporting.manifest import LOG, MANIFEST, Manifest

NAME = "img/1_x/a.png"


def folder(tmp_path: Path) -> Path:
    (tmp_path / "img/1_x").mkdir(parents=True)
    return tmp_path


def written(out: Path, data: bytes, source: str = "one") -> None:
    manifest = Manifest(out)
    manifest.write(NAME, source, data)
    manifest.save()


def state(out: Path) -> tuple[str, str | None]:
    whose, entry = Manifest(out).look(NAME)
    return whose, entry.source if entry else None


def test_a_file_is_absent_ours_or_somebody_elses(tmp_path: Path) -> None:
    out = folder(tmp_path)
    assert state(out) == ("absent", None)
    written(out, b"pixels")
    assert state(out) == ("ours", "one")
    (out / NAME).write_bytes(b"painted over")
    assert state(out) == ("foreign", None)
    (out / NAME).unlink()
    assert state(out) == ("absent", None)


def test_a_touched_or_copied_file_is_still_ours(tmp_path: Path) -> None:
    out = folder(tmp_path)
    written(out, b"pixels")
    os.utime(out / NAME, (1, 1))
    assert state(out) == ("ours", "one")


def test_a_kill_before_the_rename_leaves_the_old_file_ours(tmp_path: Path) -> None:
    out = folder(tmp_path)
    written(out, b"pixels")
    before = (out / NAME).stat()
    killed = Manifest(out)
    killed.write(NAME, "two", b"new pixels")
    killed.close()
    assert (out / LOG).is_file()
    assert state(out) == ("ours", "two")
    (out / NAME).write_bytes(b"pixels")
    os.utime(out / NAME, ns=(before.st_atime_ns, before.st_mtime_ns))
    manifest = Manifest(out)
    assert manifest.look(NAME)[1].source == "one"
    manifest.save()
    assert state(out) == ("ours", "one")
    assert not (out / LOG).exists()


def test_a_log_cut_short_loses_one_line_at_most(tmp_path: Path) -> None:
    out = folder(tmp_path)
    killed = Manifest(out)
    killed.write(NAME, "one", b"pixels")
    killed.write("img/1_x/b.png", "b", b"more")
    killed.close()
    with (out / LOG).open("r+b") as log:
        log.truncate(log.seek(0, os.SEEK_END) - 20)
    assert state(out) == ("ours", "one")
    manifest = Manifest(out)
    assert manifest.look("img/1_x/b.png")[0] == "foreign"
    assert not manifest.adopt("img/1_x/b.png", "b", b"other")
    assert manifest.adopt("img/1_x/b.png", "b", b"more"), "exactly what we would write"
    manifest.save()
    assert Manifest(out).look("img/1_x/b.png")[0] == "ours"


def test_a_file_that_lost_its_bytes_in_a_power_cut_is_ours(tmp_path: Path) -> None:
    out = folder(tmp_path)
    written(out, b"pixels")
    (out / NAME).write_bytes(b"")
    assert state(out) == ("ours", None)
    (out / "img/1_x/b.png").write_bytes(b"")
    assert Manifest(out).look("img/1_x/b.png")[0] == "foreign"


def test_a_damaged_manifest_makes_every_file_a_strangers(tmp_path: Path) -> None:
    out = folder(tmp_path)
    written(out, b"pixels")
    for text in ("{", "[]", "7", '{"train": {}, "files": {"a": [1]}}'):
        (out / MANIFEST).write_text(text)
        assert state(out) == ("foreign", None)


def test_saving_again_without_news_writes_nothing(tmp_path: Path) -> None:
    out = folder(tmp_path)
    written(out, b"pixels")
    before = (out / MANIFEST).stat().st_mtime_ns
    Manifest(out).save()
    assert (out / MANIFEST).stat().st_mtime_ns == before
    assert json.loads((out / MANIFEST).read_text())["files"].keys() == {NAME}


def test_entries_follow_a_renamed_folder(tmp_path: Path) -> None:
    out = folder(tmp_path)
    written(out, b"pixels")
    manifest = Manifest(out)
    (out / "img/1_x").rename(out / "img/2_x")
    manifest.rename_folder("img/1_x", "img/2_x")
    assert manifest.look("img/2_x/a.png")[0] == "ours"
    assert manifest.names() == ["img/2_x/a.png"]
