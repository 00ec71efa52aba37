"""The score is arithmetic, the grid is a picture of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep import uptake
from dataprep.grid import save_grid
from dataprep.lora_files import of_last_run
from dataprep.uptake import Sample

tags = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


def test_recall_is_the_mean_share_of_wanted_tags() -> None:
    found = [["green hair", "smile"], ["Green_Hair", "twintails"], []]
    assert uptake.recall(found, ["green hair", "twintails"]) == pytest.approx((0.5 + 1 + 0) / 3)
    assert uptake.recall([], ["a"]) == uptake.recall([["a"]], []) == 0.0


@given(st.lists(tags, min_size=1), tags.filter(bool))
def test_recall_lies_between_0_and_1_and_grows_with_tags(
    found: list[list[str]], wanted: list[str]
) -> None:
    value = uptake.recall(found, wanted)
    assert 0 <= value <= uptake.recall([[*row, wanted[0]] for row in found], wanted) <= 1


def test_only_the_lora_and_prompt_asked_for_count() -> None:
    samples = [
        Sample("base", "zumi", 1, "", ()),
        Sample("last", "zumi", 1, "", ("hat",)),
        Sample("last", "zumi, smile", 1, "", ()),
    ]
    assert uptake.of(samples, "base", "zumi", ["hat"]) == 0
    assert uptake.of(samples, "last", "zumi", ["hat"]) == 1


def test_the_sentence() -> None:
    assert uptake.sentence("zumi", 0.11, 0.857) == (
        'trigger "zumi": 11 % → 86 % of pruned tags appear when only the trigger is prompted'
    )


def test_the_grid_shows_every_cell_in_its_place(tmp_path: Path) -> None:
    columns = [("base", "11 %"), ("epoch 1", "50 %"), ("last, a very long name", "86 %")]
    rows = [("zumi", 1), ("zumi", 2), ("zumi, smile", 1)]
    cells, colours = {}, {}
    for x, (name, _) in enumerate(columns):
        for y, (prompt, seed) in enumerate(rows):
            path = tmp_path / f"{x}{y}.png"
            colours[x, y] = (50 + 60 * x, 40 + 70 * y, 90)
            Image.new("RGB", (64, 64), colours[x, y]).save(path)
            cells[name, prompt, seed] = path
    save_grid(tmp_path / "grid.png", columns, rows, cells, best="epoch 1")
    with Image.open(tmp_path / "grid.png") as grid:
        seen = {colour: count for count, colour in grid.convert("RGB").getcolors(1 << 24)}
        places = [grid.getpixel((6 + 70 * x + 32, 44 + 22 + 32)) for x in range(3)]
    assert all(seen[colour] >= 64 * 64 for colour in colours.values())
    assert places == [colours[x, 0] for x in range(3)]


def lora(path: Path, started: str) -> None:
    header = json.dumps({"__metadata__": {"ss_training_started_at": started}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def test_only_the_files_of_the_last_run_are_scored(tmp_path: Path) -> None:
    for number in range(1, 10):
        lora(tmp_path / f"zumi-{number:06}.safetensors", "2" if number < 3 else "1")
    lora(tmp_path / "zumi.safetensors", "2")
    lora(tmp_path / "zumi-other.safetensors", "3")
    lora(tmp_path / "other.safetensors", "3")
    found = of_last_run(tmp_path, "zumi")
    assert {label: path.name for label, path in found.items()} == {
        "epoch 1": "zumi-000001.safetensors",
        "epoch 2": "zumi-000002.safetensors",
        "last": "zumi.safetensors",
    }
    assert list(found) == ["epoch 1", "epoch 2", "last"]
    assert of_last_run(tmp_path, "none") == {}
