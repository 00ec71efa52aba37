"""Files appear whole under their name, or not at all."""

from pathlib import Path

import pytest

from dataprep import files


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def fail(temp: Path) -> None:
        temp.write_text("half")
        raise RuntimeError("no more room")

    with pytest.raises(RuntimeError):
        files.save(path, fail)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("夏" * 83 + ".txt")
    files.write_text(path, "1girl\n")
    assert path.read_bytes() == b"1girl\n"


def test_sweeping_takes_only_what_a_kill_left(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("stays")
    (tmp_path / f".0123.77{files.TEMP_SUFFIX}").write_text("half")
    assert files.sweep(tmp_path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]
