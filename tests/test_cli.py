"""The command line as a person and a script meet it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from dataprep.cli import main

Streams = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (100, 80), "#4466aa").save(tmp_path / name)
        (tmp_path / name).with_suffix(".txt").write_text("1girl, hat\n")
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    return tmp_path


def test_help_lists_every_verb_and_version_answers(capsys: Streams) -> None:
    from dataprep.stages import STAGES

    assert main([]) == main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {verb} " in out for verb in [*STAGES, "tui"])
    assert main(["--version"]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["scna", "."], "unknown command 'scna'\n  did you mean 'scan'?"),
        (["scan", "nowhere"], "nowhere: no such folder"),
        (["scan"], "the following arguments are required: DIR"),
        (["crop", ".", "--size", "100"], "size: must be a multiple of 64, such as 64 or 128"),
        (["crop", ".", "--szie", "64"], "unrecognized arguments: --szie"),
        (["prune", "."], "give --remove, --preset, another rule of what goes, or --trigger"),
        (["prune", ".", "--trigger", "a, b"], "trigger: must be one word or phrase"),
        (["export", ".", "out", "--concept", "a/b"], "concept: must be a folder name"),
        (["run", "."], "dataprep.toml: no such recipe"),
        (["train", "nowhere"], "nowhere: no such file"),
        (["tui", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_wrong_usage_is_one_sentence_and_2(
    arguments: list[str],
    sentence: str,
    folder: Path,
    capsys: Streams,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert "Traceback" not in err


def test_a_broken_picture_is_reported_the_rest_done_and_the_code_is_1(
    folder: Path, capsys: Streams
) -> None:
    assert main(["scan", str(folder), "--json"]) == 1
    streams = capsys.readouterr()
    facts = json.loads(streams.out)
    assert (facts["pictures"], facts["unreadable"]) == (2, 1)
    assert [issue["file"] for issue in facts["issues"]] == ["bad.jpg"]
    assert main(["crop", str(folder), "--size", "64"]) == 1
    streams = capsys.readouterr()
    assert "2 pictures: 2 at 64×64" in streams.out
    assert "skipped: bad.jpg: " in streams.err


def test_dry_run_prints_the_diff_and_changes_nothing(folder: Path, capsys: Streams) -> None:
    (folder / "bad.jpg").unlink()
    arguments = ["prune", str(folder), "--remove", "hat", "--trigger", "zumi"]
    assert main([*arguments, "--dry-run"]) == 0
    assert "a.png:\n  - hat\n  + zumi\n" in capsys.readouterr().out
    assert (folder / "a.txt").read_text() == "1girl, hat\n"
    assert main(arguments) == 0
    assert (folder / "a.txt").read_text() == "zumi, 1girl\n"
    assert main(["undo", str(folder)]) == 0
    assert (folder / "a.txt").read_text() == "1girl, hat\n"
    assert main(["undo", str(folder), "--json"]) == 1
    assert "nothing to undo" in capsys.readouterr().err


def test_the_recipe_sets_what_flags_do_not(folder: Path, capsys: Streams) -> None:
    (folder / "bad.jpg").unlink()
    (folder / "dataprep.toml").write_text("[crop]\nsize = 64\n")
    assert main(["crop", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sizes"] == {"64x64": 2}
    assert main(["run", str(folder), "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["seconds"]) == ["scan", "crop"]
    (folder / "dataprep.toml").write_text("[corp]\nsize = 64\n")
    assert main(["run", str(folder)]) == 2
    assert "unknown table [corp]" in capsys.readouterr().err


def test_ctrl_c_and_a_polite_kill_end_with_130(tmp_path: Path) -> None:
    noise = Image.effect_noise((1500, 1500), 90)
    for number in range(40):
        noise.save(tmp_path / f"{number}.png", compress_level=1)
    for sign in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            [sys.executable, "-c", STARTED, str(tmp_path)],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, sign)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130, err
        assert "stopped" in err
        assert "Traceback" not in err


STARTED = """
import sys
from dataprep import images
from dataprep.cli import main
plain = images.probe
def told(*args):
    print("working", flush=True)
    return plain(*args)
images.probe = told
sys.exit(main(["scan", sys.argv[1]]))
"""


def test_import_takes_the_last_place_for_the_project_or_else_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (64, 64), "red" if name == "one" else "blue").save(
            tmp_path / name / "a.png"
        )
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    monkeypatch.chdir(here)
    assert main(["import", "../one"]) == 0
    assert [path.name for path in here.glob("*.png")] == ["a.png"]
    assert main(["import", "../one", "../two", "../there", "--flat"]) == 0
    assert sorted(path.name for path in there.glob("*.png")) == ["a-2.png", "a.png"]


def test_a_rejected_broken_picture_fails_no_more(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert main(["scan", str(tmp_path)]) == 1
    assert main(["verdict", str(tmp_path), "reject", "--found", "unreadable"]) == 0
    assert main(["scan", str(tmp_path)]) == 0
    assert main(["undo", str(tmp_path)]) == 0
    assert main(["scan", str(tmp_path)]) == 1
