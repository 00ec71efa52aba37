"""How far a project is, as the rail and ``dataprep status`` say it."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataprep.cli import main
from dataprep.dataset import Dataset
from dataprep.exporting.manifest import MANIFEST
from dataprep.recipes import command_line, remember, training_folder
from dataprep.settings import read_recipe
from dataprep.standing import Standing, next_of
from tests.test_tui_folder import paint_project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return paint_project(tmp_path / "zumi")


def status(root: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    # the broken picture is told, by the exit code as well
    assert main(["status", str(root), "--json"]) == 1
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_a_new_project(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = status(root, capsys)
    states = {name: room["state"] for name, room in said["rooms"].items()}
    assert states == {
        "import": "done",
        "clean": "todo",
        "crop": "todo",
        "background": "todo",
        "tag": "part",
        "prune": "todo",
        "review": "todo",
        "export": "todo",
        "train": "todo",
        "pick": "todo",
    }
    assert said["next"] == "clean"
    assert said["rooms"]["import"]["problems"] == 1
    assert said["rooms"]["tag"]["done"] == 3
    assert said["rooms"]["review"]["problems"] == 2


def test_the_states_follow_the_work(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["dedupe", str(root)])
    main(["crop", str(root), "--size", "64"])
    main(["tag", str(root), "--model", "demo"])
    main(["prune", str(root), "--remove", "horns", "--trigger", "zumi"])
    main(["export", str(root), str(root / "lora"), "--concept", "zumi"])
    rooms = status(root, capsys)["rooms"]
    done = {name for name, room in rooms.items() if room["state"] == "done"}
    assert done == {"import", "clean", "crop", "tag", "prune", "export"}
    # another cut: what the tagger saw, and what was written, is not what will be trained on
    written = root / "lora" / MANIFEST
    os.utime(written, (written.stat().st_atime, written.stat().st_mtime - 2))
    main(["crop", str(root), "--size", "128"])
    rooms = status(root, capsys)["rooms"]
    assert rooms["tag"]["state"] == "stale"
    assert rooms["export"]["state"] == "stale"
    # the pruned tag comes back by hand
    with Dataset.open(root) as dataset:
        change = dataset.caption_change("lake.png", ["zumi", "horns"])
        dataset.edit("by hand", [change], origin="hand")
    assert status(root, capsys)["rooms"]["prune"]["state"] == "stale"


def test_what_is_next_is_never_what_one_can_do_without() -> None:
    rooms = {"a": Standing("done"), "b": Standing("todo", optional=True), "c": Standing("part")}
    assert next_of(rooms) == "c"
    assert next_of({name: replace(one, state="done") for name, one in rooms.items()}) == ""


def test_the_recipe_keeps_its_comments(root: Path) -> None:
    path = root / "dataprep.toml"
    path.write_text('# mine\n[crop]\nsize = 64 # small\n\n[tag]\nmodel = "demo"\n')
    remember(root, "crop", {"size": 96, "buckets": True, "mode": None})
    remember(root, "prune", {"remove": ("a", "b"), "trigger": "zumi"})
    assert path.read_text().startswith("# mine\n[crop]\nsize = 96 # small\nbuckets = true\n")
    assert read_recipe(root)["prune"] == {"remove": ["a", "b"], "trigger": "zumi"}
    remember(root, "crop", {"buckets": None})
    assert read_recipe(root)["crop"] == {"size": 96}
    remember(root, "crop", {"size": "128", "margin": "0.25", "mode": "face"})
    assert read_recipe(root)["crop"] == {"size": 128, "margin": 0.25, "mode": "face"}


def test_the_training_folder_is_the_recipes(root: Path) -> None:
    assert training_folder(root) == root / "lora"
    remember(root, "export", {"out": "../out"})
    assert training_folder(root) == root / "../out"


def test_command_lines() -> None:
    def line(verb: str, values: dict[str, Any], recipe: dict[str, Any] | None = None) -> str:
        return command_line(verb, "my char", values, recipe)

    assert line("crop", {"size": 512}) == "dataprep crop 'my char'"
    assert line("crop", {"size": 768}) == "dataprep crop 'my char' --size 768"
    assert line("crop", {"size": 512}, {"size": 768}) == "dataprep crop 'my char' --size 512"
    assert line("crop", {"upscale": False}) == "dataprep crop 'my char' --no-upscale"
    assert (
        line("prune", {"remove": ["a b", "c"], "trigger": "zumi"})
        == "dataprep prune 'my char' --remove 'a b, c' --trigger zumi"
    )
    assert line("import", {"sources": ["a.zip", "b"]}) == "dataprep import a.zip b 'my char'"
    assert (
        line("export", {"out": "lora", "concept": "zumi", "parts": ["1_a=x", "2_b=y"]})
        == "dataprep export 'my char' lora --concept zumi --parts 1_a=x --parts 2_b=y"
    )
    assert line("tag", {"general": 0.4}).endswith("--general 0.4")
