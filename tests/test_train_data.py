"""What lies in the folders: found, planned in batches, and what is wrong said in sentences."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tiny_base
from PIL import Image

from dataprep.errors import UsageError
from train import data
from train.config import TrainConfig
from train.plan import plan


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "3_thing")
    return tmp_path


def config(root: Path, **values: Any) -> TrainConfig:
    return tiny_base.config(Path("base"), root, **values)


def refusal(settings: TrainConfig) -> str:
    with pytest.raises(UsageError) as caught:
        data.scan(settings)
    return str(caught.value)


def reasons(settings: TrainConfig) -> dict[str, tuple[str, bool]]:
    return {issue.file: (issue.reason, issue.fatal) for issue in data.scan(settings).issues}


def test_pictures_captions_repeats_and_buckets_are_found(root: Path) -> None:
    items = data.scan(config(root)).items
    assert [item.name for item in items] == [f"3_thing/{n}.png" for n in range(6)]
    assert items[0].caption == "zumi, red, circle, background"
    assert {item.repeats for item in items} == {3}
    assert [item.bucket for item in items] == [(64, 64)] * 3 + [(80, 48)] * 3
    assert {i.bucket for i in data.scan(config(root, enable_bucket=False)).items} == {(64, 64)}
    assert (96, 64) not in {i.bucket for i in data.scan(config(root)).items}


def test_the_plan_counts_what_the_epochs_hold(root: Path) -> None:
    settings = config(root, max_train_epochs=4, train_batch_size=2)
    found = plan(settings)
    assert (found.images, found.steps_per_epoch, found.epochs, found.steps) == (6, 10, 4, 40)
    assert found.buckets == {(64, 64): 9, (80, 48): 9}
    assert found.batch_sizes == {1: 2, 2: 8}
    assert len(data.epoch(settings, data.scan(settings).items, 3)) == 10
    by_steps = plan(config(root, max_train_epochs=None, max_train_steps=25))
    assert (by_steps.epochs, by_steps.steps) == (3, 25)


def test_an_epoch_uses_every_repeat_once_in_an_order_of_its_own(root: Path) -> None:
    settings = config(root)
    items = data.scan(settings).items
    epochs = [data.epoch(settings, items, number) for number in (1, 2, 1)]
    for batches in epochs:
        uses = Counter((use.item.name, use.repeat) for batch in batches for use in batch)
        assert len(uses) == 18
        assert set(uses.values()) == {1}
        for batch in batches:
            assert len({use.item.bucket for use in batch}) == 1
    assert epochs[0] == epochs[2] != epochs[1]


def test_repeats_of_a_picture_rarely_meet(tmp_path: Path) -> None:
    tiny_base.paint(tmp_path / "img" / "10_thing")
    settings = config(tmp_path, enable_bucket=False, train_batch_size=3)
    batches = data.epoch(settings, data.scan(settings).items, 1)
    meetings = sum(len(batch) - len({use.item for use in batch}) for batch in batches)
    assert meetings <= 4


def test_a_concept_folder_given_for_its_parent(root: Path) -> None:
    leaf = root / "img" / "3_thing"
    assert refusal(config(root, train_data_dir=leaf)) == (
        f"train_data_dir {leaf}: this is a concept folder itself\n  give its parent: {leaf.parent}"
    )


def test_a_folder_without_repeats(tmp_path: Path) -> None:
    tiny_base.paint(tmp_path / "img" / "thing")
    top = tmp_path / "img"
    assert refusal(config(tmp_path)).startswith(
        f"train_data_dir {top}: no folder named like 10_name (there is: thing)"
    )
    assert "the pictures lie here" in refusal(config(tmp_path, train_data_dir=top / "thing"))
    assert "no such folder" in refusal(config(tmp_path, train_data_dir=top / "nowhere"))


def test_other_folders_are_left_out_with_a_word(root: Path) -> None:
    for name in ("notes", "0_off", "2_empty", ".latents"):
        (root / "img" / name).mkdir()
    left_out = "left out: the name does not begin with repeats, as in 10_name"
    assert reasons(config(root)) == {
        "notes": (left_out, False),
        "0_off": (left_out, False),
        "2_empty": ("no pictures in this folder", False),
    }


def test_captions_that_are_missing_long_or_not_text(root: Path) -> None:
    folder = root / "img" / "3_thing"
    (folder / "0.txt").unlink()
    (folder / "1.txt").write_bytes("zumi, caf\xe9".encode("latin-1"))
    (folder / "2.txt").write_text("\ufeffzumi, one\nzumi, two\n", encoding="utf-8")
    assert reasons(config(root)) == {
        "3_thing/0.png": ("no .txt file with a caption: 'thing' is used", False),
        "3_thing/1.png": ("caption 1.txt is not UTF-8 text (byte 9)", True),
        "3_thing/2.png": ("only the first line of 2.txt is used", False),
    }
    captions = {item.name: item.caption for item in data.scan(config(root)).items}
    assert captions["3_thing/0.png"] == "thing"
    assert captions["3_thing/2.png"] == "zumi, one"
    assert "3_thing/1.png" not in captions


def test_a_file_that_is_no_picture_is_named(root: Path) -> None:
    (root / "img" / "3_thing" / "x.png").write_bytes(b"not a picture")
    reason = "not an image, or of a kind that cannot be read"
    assert reasons(config(root)) == {"3_thing/x.png": (reason, True)}


def test_a_turned_photo_is_measured_upright(tmp_path: Path) -> None:
    folder = tmp_path / "img" / "1_thing"
    folder.mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (96, 48)).save(folder / "a.jpg", exif=exif)
    (item,) = data.scan(config(tmp_path)).items
    assert item.bucket[0] < item.bucket[1]
