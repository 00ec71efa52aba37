"""`retag` chooses anew among remembered scores: no network is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dataprep import scoring
from dataprep.cli import main
from dataprep.dataset import Dataset
from dataprep.decisions import Crop, encode_crop
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages import retag, tag
from tests.tiny_onnx import write_tagger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(5):
        rng = np.random.default_rng(number)
        fields = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
        fields.resize((64, 64), Image.Resampling.NEAREST).save(folder / f"{number}.png")
    return folder


def tagged(folder: Path, model: Path, **values: Any) -> Report:
    with Dataset.open(folder) as dataset:
        settings = build(tag.Settings, {"model": str(model), **values}, "test")
        return finish(tag.run(dataset, settings))


def retagged(folder: Path, **values: Any) -> Report:
    with Dataset.open(folder) as dataset:
        return finish(retag.run(dataset, build(retag.Settings, values, "test")))


def captions(folder: Path) -> list[str]:
    return [path.read_text("utf-8").strip() for path in sorted(folder.glob("*.txt"))]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return write_tagger(tmp_path / "tiny")


def test_it_says_what_tagging_anew_would_say(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagged(folder, model)
    wishes = {"general": 0.6, "character": 0.2, "max_tags": 3, "order": "score", "rating": True}
    tagged(folder, model, overwrite=True, **wishes)
    expected = captions(folder)
    tagged(folder, model, overwrite=True)
    first = captions(folder)
    monkeypatch.delattr(scoring, "open_tagger")
    report = retagged(folder, **wishes)
    assert captions(folder) == expected != first
    assert (report.done, report.facts["models"]) == (5, ["tiny"])
    retagged(folder)
    assert captions(folder) == first
    again = retagged(folder)
    assert (again.done, again.unchanged) == (0, 5)


def test_captions_by_hand_stay(folder: Path, model: Path) -> None:
    tagged(folder, model)
    (folder / "2.txt").write_text("by hand\n")
    report = retagged(folder, general=0.05, character=0.05)
    assert captions(folder)[2] == "by hand"
    assert (report.facts["protected"], report.done) == (1, 4)
    assert "1 were written by hand and stay (--touch-edited)" in report.lines[0]
    retagged(folder, general=0.05, character=0.05, touch_edited=True)
    assert captions(folder)[2] != "by hand"


def test_pictures_cut_since_have_no_scores_and_are_counted(folder: Path, model: Path) -> None:
    tagged(folder, model)
    with Dataset.open(folder) as dataset:
        crop = encode_crop(Crop((0, 0, 32, 32), 64, 64, "center"))
        dataset.edit("cut", [dataset.decision_change("1.png", "crop", crop)])
    before = captions(folder)
    report = retagged(folder, general=0.05, character=0.05)
    assert captions(folder)[1] == before[1]
    assert [issue.reason for issue in report.issues] == [
        "1 pictures have no scores as they are cut now; run `dataprep tag`"
    ]
    assert report.exit_code == 0


def test_several_taggers_together(folder: Path, model: Path, tmp_path: Path) -> None:
    tagged(folder, model)
    one = captions(folder)
    other = write_tagger(tmp_path / "other")
    # the same network under another name agrees with the first in everything
    tagged(folder, Path(f"{model}, {other}"), overwrite=True, combine="mean")
    assert captions(folder) == one
    report = retagged(folder, model="tiny, other", combine="vote")
    assert report.facts["models"] == ["tiny", "other"]
    assert captions(folder) == one


def test_what_did_not_run_is_said(folder: Path, model: Path) -> None:
    with pytest.raises(UsageError, match="no tagger has run here yet"):
        retagged(folder)
    tagged(folder, model)
    with pytest.raises(UsageError, match="tagger 'wd' has not run here") as caught:
        retagged(folder, model="wd")
    assert caught.value.hint == "these have: tiny"


def test_the_command(folder: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tagged(folder, model)
    flags = ["--general", "0.3", "--character", "0.8", "--mcut", "--max-tags", "30"]
    assert main(["retag", str(folder), *flags, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["stage"], facts["models"]) == ("retag", ["tiny"])
    assert main(["retag", str(folder), "--off", "nonsense"]) == 2
    assert "off" in capsys.readouterr().err


def test_scores_only_writes_no_caption(folder: Path, model: Path) -> None:
    (folder / "0.txt").write_text("by hand\n")
    report = tagged(folder, model, scores_only=True)
    assert captions(folder) == ["by hand"]
    assert (report.done, report.unchanged) == (5, 0)
    assert tagged(folder, model, scores_only=True).done == 0
    assert retagged(folder).done == 4


def test_only_what_is_written_is_run(folder: Path, model: Path) -> None:
    """The peers' "only if empty" that tags everything again."""
    for number in range(4):
        (folder / f"{number}.txt").write_text("there\n")
    report = tagged(folder, model)
    assert captions(folder)[:4] == ["there"] * 4
    assert (report.facts["written"], report.facts["kept"]) == (1, 4)
    with Dataset.open(folder) as dataset:
        assert len(dataset.store.scores(str(report.facts["key"]))) == 1
