"""What the score found is kept, and an epoch is picked by it."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from dataprep import scoresheet
from dataprep.cli import main
from dataprep.errors import DataprepError
from dataprep.scoresheet import Column, Sheet
from dataprep.uptake import Sample


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A training folder after a run of two epochs, without a score."""
    out = tmp_path / "lora"
    (out / "model").mkdir(parents=True)
    (out / "train.toml").write_text(
        '[output]\noutput_dir = "model"\noutput_name = "zumi"\n[concept]\ntrigger_word = "zumi"\n'
    )
    for place, name in enumerate(("zumi-000001", "zumi"), start=1):
        weights = {"lora_unet_x.alpha": np.full(1, place, np.float32)}
        metadata = {"ss_training_started_at": "12.5"}
        save_file(weights, out / "model" / f"{name}.safetensors", metadata=metadata)
    return out


def sheet(out: Path) -> Sheet:
    columns = (
        Column("base", "", (0.1,)),
        Column("epoch 1", str(out / "model" / "zumi-000001.safetensors"), (0.9,)),
        Column("last", str(out / "model" / "zumi.safetensors"), (0.8,)),
    )
    samples = tuple(
        Sample(column.name, "zumi", seed, str(out / "samples" / f"{column.name}{seed}.png"), ("a",))
        for column in columns
        for seed in (2, 1)
    )
    return Sheet("zumi", ("green hair",), ("zumi",), columns, samples, "epoch 1")


def test_a_sheet_comes_back_also_from_a_folder_that_was_moved(trained: Path) -> None:
    scoresheet.write(trained, sheet(trained))
    assert scoresheet.read(trained) == sheet(trained)
    assert sheet(trained).seeds == [1, 2]
    moved = trained.with_name("elsewhere")
    trained.rename(moved)
    found = scoresheet.read(moved)
    assert found is not None
    assert Path(found.column("last").file) == moved / "model" / "zumi.safetensors"


def test_no_sheet_and_a_broken_one(trained: Path) -> None:
    assert scoresheet.read(trained) is None
    (trained / scoresheet.FILE).write_text('{"trigger": 1}')
    with pytest.raises(DataprepError, match=r"score\.json: cannot be read"):
        scoresheet.read(trained)


def picked(out: Path, *arguments: str) -> int:
    return main(["pick", str(out), *arguments])


def test_the_best_epoch_is_copied_under_a_name(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scoresheet.write(trained, sheet(trained))
    there = tmp_path / "Lora"
    assert picked(trained, str(there), "--name", "My Zumi", "--json") == 0
    copy = there / "My Zumi.safetensors"
    assert copy.read_bytes() == (trained / "model" / "zumi-000001.safetensors").read_bytes()
    said = json.loads(capsys.readouterr().out)
    assert (said["epoch"], said["copy"]) == ("epoch 1", str(copy))
    # again: it is there already
    assert picked(trained, str(there), "--name", "My Zumi") == 0
    assert "is there already" in capsys.readouterr().out


def test_another_file_of_that_name_is_not_replaced_unasked(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "Lora"
    assert picked(trained, str(there), "--epoch", "1") == 0
    assert picked(trained, str(there), "--epoch", "last") == 1
    assert "zumi.safetensors: is there already" in capsys.readouterr().err
    assert picked(trained, str(there), "--epoch", "last", "--overwrite") == 0
    assert (there / "zumi.safetensors").read_bytes() == (
        trained / "model" / "zumi.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["TO"], 1, "was not scored"),
        (["TO", "--epoch", "7"], 1, "'7' was not saved"),
        (["TO", "--epoch", "1", "--name", "a<b"], 2, "a file name without"),
        (["--epoch", "1"], 2, "to: is required"),
    ],
)
def test_what_cannot_be_picked_gets_a_sentence(
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    sentence: str,
) -> None:
    given = [str(tmp_path / "to") if word == "TO" else word for word in arguments]
    assert picked(trained, *given) == code
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "to").exists()
