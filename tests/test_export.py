"""Export: the N_concept folder, written once, changed only where something changed."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep.dataset import Dataset
from dataprep.decisions import encode
from dataprep.errors import UsageError
from dataprep.exporting.train_file import kept_tags
from dataprep.jobs import finish
from dataprep.layout import target_names
from dataprep.report import Report
from dataprep.stages import crop, export, prune, trigger

PICTURES = ("a.png", "b [x].jpg", "ñandú.webp", "sub/a.png", "a.jpg")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "zumi"
    for place, name in enumerate(PICTURES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (150 + 10 * place, 130), (40 * place, 90, 120)).save(path)
        path.with_suffix(".txt").write_text("1girl, hat, smile\n", encoding="utf-8")
    (root / "broken.png").write_bytes(b"no picture")
    with Dataset.open(root) as dataset:
        finish(crop.run(dataset, crop.Settings(size=64)))
        finish(prune.run(dataset, prune.Settings(remove=("hat",), trigger="zumi")))
    return root


def run(root: Path, out: Path, repeats: int = 4, dry_run: bool = False) -> Report:
    settings = export.Settings(out=out, concept="zumi", repeats=repeats)
    with Dataset.open(root, dry_run=dry_run) as dataset:
        return finish(export.run(dataset, settings))


def test_the_layout_is_what_kohya_reads(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = run(project, out)
    assert report.exit_code == 1
    assert [issue.file for issue in report.issues if issue.fatal] == ["broken.png"]
    folder = out / "img" / "4_zumi"
    assert sorted(path.name for path in folder.glob("*.png")) == [
        "a-2.png", "a.png", "b [x].png", "sub_a.png", "ñandú.png",
    ]  # fmt: skip
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            assert (image.size, image.mode) == ((64, 64), "RGB")
        assert path.with_suffix(".txt").read_bytes() == b"zumi, 1girl, smile\n"
    assert (out / "log").is_dir()
    assert (out / "model").is_dir()


def test_train_toml_says_what_is_known(project: Path, tmp_path: Path) -> None:
    (project / "dataprep.toml").write_text("[train]\nnetwork_dim = 4\nunet_lr = 1e-3\n")
    run(project, tmp_path / "out")
    tables = tomllib.loads((tmp_path / "out" / "train.toml").read_text(encoding="utf-8"))
    assert tables["dataset"]["train_data_dir"] == "img"
    assert tables["dataset"]["resolution"] == 64
    assert tables["network"] == {"network_dim": 4}
    assert tables["concept"] == {
        "trigger_word": "zumi", "pruned_tags": ["hat"], "kept_tags": ["1girl", "smile"],
    }  # fmt: skip


def test_what_a_person_wrote_into_train_toml_stays(project: Path, tmp_path: Path) -> None:
    run(project, tmp_path / "out")
    path = tmp_path / "out" / "train.toml"
    mine = path.read_text(encoding="utf-8").replace("max_train_epochs = 10", "max_train_epochs = 3")
    path.write_text(mine + "\n# mine\n", encoding="utf-8")
    run(project, tmp_path / "out")
    text = path.read_text(encoding="utf-8")
    assert "# mine" in text
    assert tomllib.loads(text)["training"]["max_train_epochs"] == 3


def test_keep_tokens_follow_the_trigger_unless_a_person_set_them(
    tmp_path: Path,
) -> None:
    root, out = tmp_path / "pictures", tmp_path / "out"
    root.mkdir()
    Image.new("RGB", (64, 64)).save(root / "a.png")
    (root / "a.txt").write_text("1girl, hat ||| smile, sky\n", encoding="utf-8")

    def dataset_table() -> dict[str, object]:
        run(root, out)
        return dict(tomllib.loads((out / "train.toml").read_text(encoding="utf-8"))["dataset"])

    assert dataset_table()["keep_tokens"] == 0
    assert dataset_table()["keep_tokens_separator"] == "|||"
    with Dataset.open(root) as dataset:
        finish(trigger.run(dataset, trigger.Settings(word="zumi")))
    assert dataset_table()["keep_tokens"] == 1
    assert (out / "img" / "4_zumi" / "a.txt").read_text("utf-8") == (
        "zumi, 1girl, hat ||| smile, sky\n"
    )
    text = (out / "train.toml").read_text("utf-8").replace("keep_tokens = 1", "keep_tokens = 3")
    (out / "train.toml").write_text(text, encoding="utf-8")
    assert dataset_table()["keep_tokens"] == 3


def test_running_again_writes_only_what_changed(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(project, out).done == 5
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    assert (run(project, out).done, run(project, out).unchanged) == (0, 5)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*")} == times
    (project / "a.txt").write_text("zumi, 1girl, night\n", encoding="utf-8")
    assert run(project, out).done == 2, "a.png and a.jpg share their caption"
    with Dataset.open(project) as dataset:
        finish(crop.run(dataset, crop.Settings(size=128)))
    assert run(project, out).done == 5


def test_a_rejected_picture_leaves_the_export_and_its_original_stays(
    project: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(project, out)
    (out / "img/4_zumi/own.png").write_bytes((project / "a.png").read_bytes())
    with Dataset.open(project) as dataset:
        dataset.edit("no", [dataset.decision_change("ñandú.webp", "verdict", encode("reject"))])
    assert run(project, out).facts["removed"] == 1
    assert not (out / "img/4_zumi/ñandú.png").exists()
    assert not (out / "img/4_zumi/ñandú.txt").exists()
    assert (out / "img/4_zumi/own.png").exists(), "not written by an export, so not removed by one"
    assert (project / "ñandú.webp").exists()


def test_what_a_person_did_in_the_training_folder_is_kept_and_said(
    project: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(project, out)
    edited, own = out / "img/4_zumi/a.txt", out / "img/4_zumi/sub_a.png"
    edited.write_text("by hand\n")
    own.write_bytes((project / "a.png").read_bytes())
    for _ in range(2):
        issues = {issue.file: issue.reason for issue in run(project, out).issues}
        assert "was edited, and is kept" in issues["a.jpg"]
        assert "was edited, and is kept" in issues["sub/a.png"]
    assert edited.read_text() == "by hand\n"
    assert own.read_bytes() == (project / "a.png").read_bytes()
    (project / "a.txt").write_text("zumi, night\n")
    run(project, out)
    assert edited.read_text() == "by hand\n"
    assert (out / "img/4_zumi/a-2.txt").read_text() == "zumi, night\n"


def test_captions_changed_after_a_kill_are_still_ours(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Dataset.open(project) as dataset:
        job = export.run(dataset, export.Settings(out=out, concept="zumi", repeats=4))
        while not (out / "img/4_zumi/a.txt").exists():
            next(job)
        job.close()
    for name in ("a.txt", "ñandú.txt"):
        (project / name).write_text("zumi, night\n", encoding="utf-8")
    report = run(project, out)
    assert [issue.kind for issue in report.issues if issue.fatal] == ["unreadable"]
    assert (out / "img/4_zumi/a.txt").read_text() == "zumi, night\n"


def test_other_repeats_rename_the_folder(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(project, out, repeats=4)
    assert run(project, out, repeats=9).done == 0
    assert [path.name for path in (out / "img").iterdir()] == ["9_zumi"]


def test_an_export_inside_the_project_is_not_taken_for_pictures(project: Path) -> None:
    run(project, project / "lora")
    assert run(project, project / "lora").facts["removed"] == 0
    with Dataset.open(project) as dataset:
        assert sorted(picture.name for picture in dataset.usable()) == sorted(PICTURES)


def test_a_dry_run_writes_nothing(project: Path, tmp_path: Path) -> None:
    report = run(project, tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()
    assert len(report.facts["would_write"]) == 5


def test_the_project_itself_is_no_target(project: Path) -> None:
    with pytest.raises(UsageError, match="is the project itself"):
        run(project, project)


@given(st.sets(st.from_regex(r"([aB]/)?[abAB]\.(png|jpg)", fullmatch=True)))
def test_target_names_never_collide(names: set[str]) -> None:
    stems = target_names(names)
    assert len({stem.casefold() for stem in stems.values()}) == len(names)
    assert set(stems) == names


def test_kept_tags_are_those_of_most_pictures() -> None:
    rows = [("zumi", 10), ("1girl", 9), ("smile", 5), ("hat", 4)]
    assert kept_tags(rows, 10, "Zumi", 12) == ["1girl", "smile"]


def test_kill_9_during_export_leaves_whole_files_and_the_next_run_completes(
    tmp_path: Path,
) -> None:
    root, out = tmp_path / "many", tmp_path / "out"
    root.mkdir()
    noise = Image.effect_noise((700, 700), 90).convert("RGB")
    for number in range(60):
        noise.rotate(number * 3).save(root / f"{number:02}.png", compress_level=0)
        (root / f"{number:02}.txt").write_text("1girl\n")
    command = [sys.executable, "-m", "dataprep", "export", str(root), str(out), "--concept", "x"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    folder = out / "img" / "10_x"
    while len(list(folder.glob("*.png"))) < 5:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    survivors = {path: path.read_bytes() for path in folder.glob("*.png")}
    assert 5 <= len(survivors) < 60
    for path in survivors:
        with Image.open(path) as image:
            image.load()
    again = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    facts = json.loads(again.stdout)
    assert facts["done"] + facts["unchanged"] == 60
    assert len(list(folder.glob("*.png"))) == len(list(folder.glob("*.txt"))) == 60
    assert not list(folder.glob("*.dataprep-tmp"))
    assert all(path.read_bytes() == data for path, data in survivors.items())
