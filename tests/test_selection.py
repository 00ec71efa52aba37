"""Filters on a project: which pictures a command means, and what it says of the filter."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from dataprep import selection, tokens
from dataprep.cli import main
from dataprep.dataset import NOTHING, Dataset
from dataprep.decisions import Crop, encode, encode_crop
from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import finish
from dataprep.selection import Chosen, choose, named, unfiltered, where
from dataprep.settings import Selected
from dataprep.stages.scan import refresh
from dataprep.store import Scores, TaggerRow
from dataprep.vocabulary import Entry

VOCABULARY = (
    Entry("long_hair", "general"),
    Entry("hat", "general"),
    Entry("zumi_(original)", "character"),
)
CROP = Crop((0, 0, 90, 60), 96, 64)


def put_scores(dataset: Dataset, name: str, at: str, scores: dict[str, Sequence[float]]) -> None:
    """What a tagger would have remembered of pictures as they are rendered now."""
    dataset.store.put_tagger(TaggerRow(f"{name}@1", name, at, {}), VOCABULARY)
    decided, known = dataset.decisions(), {p.name: p for p in dataset.pictures()}
    rows = []
    for picture, values in scores.items():
        ids = np.flatnonzero(values).astype(np.uint32)
        found = Scores(ids, np.array(values, np.float16)[ids])
        key = decided.get(picture, NOTHING).render_key
        rows.append((known[picture].sha, key, found))
    dataset.store.put_scores(f"{name}@1", rows)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    (root / "city").mkdir(parents=True)
    coarse = Image.fromarray(np.random.default_rng(3).integers(0, 256, (8, 8, 3), np.uint8))
    sharp = coarse.resize((90, 60), Image.Resampling.NEAREST)
    sharp.save(root / "a.png")
    sharp.rotate(90, expand=True).save(root / "b.jpg")
    sharp.save(root / "city" / "c.png")
    large = coarse.resize((700, 700), Image.Resampling.NEAREST)
    large.filter(ImageFilter.GaussianBlur(20)).save(root / "soft.png")
    (root / "broken.png").write_bytes(b"no picture")
    (root / "a.txt").write_text("zumi, long_hair, solo, hat", encoding="utf-8")
    (root / "b.txt").write_text("zumi, Long Hair, two hats", encoding="utf-8")
    (root / "city" / "c.txt").write_bytes(b"caf\xe9")
    with Dataset.open(root) as dataset:
        finish(refresh(dataset))
        changes = [
            dataset.decision_change("a.png", "crop", encode_crop(CROP)),
            dataset.decision_change("b.jpg", "verdict", encode("reject")),
            dataset.caption_change("soft.png", ["zumi", "zumi (original)"]),
        ]
        dataset.edit("made", changes, "machine")
        old = {"a.png": (0.9, 0.9, 0.9), "b.jpg": (0, 0.5, 0)}
        put_scores(dataset, "wd-old", "2024-01-01", old)
        put_scores(dataset, "wd-v3", "2024-02-01", {"a.png": (0.8, 0.2, 0), "b.jpg": (0.1, 0.7, 0)})
    return root


def chosen(root: Path, text: str) -> list[str]:
    with Dataset.open(root) as dataset:
        finish(refresh(dataset))
        return sorted(where(dataset, text))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('tag:"long hair" AND NOT solo', "b.jpg"),
        ("long_hair", "a.png b.jpg"),
        ("two_*", "b.jpg"),
        ("score:hat>0.6", "b.jpg"),
        ("score:wd-old:hat>0.6", "a.png"),
        ('score:"wd-v3@1":"long hair">0.6', "a.png"),
        ('score:"zumi (original)"<0.1', "a.png b.jpg"),
        ("hat score:hat<0.3", "a.png"),
        ("name:*.png", "a.png broken.png city/c.png soft.png"),
        ("folder:city", "city/c.png"),
        ("size<512", "a.png b.jpg city/c.png"),
        ("aspect<1", "b.jpg"),
        ("width=700 height>699 megapixels<0.5 pixels>=490000", "soft.png"),
        ("bucket:96x64", "a.png"),
        ("cropped", "a.png"),
        ("masked OR view", ""),
        ("format:jpg", "b.jpg"),
        ("caption:re:^zumi.*hat", "a.png b.jpg"),
        ("caption:hat", "a.png"),
        ("edited", "a.png b.jpg"),
        ("untagged", "broken.png"),
        ("tagged", "a.png b.jpg city/c.png soft.png"),
        ("tags>3", "a.png"),
        ("tags=0", "broken.png city/c.png"),
        ("tokens<2", "broken.png city/c.png"),
        ("verdict:reject", "b.jpg"),
        ("verdict:undecided NOT unreadable", "a.png city/c.png soft.png"),
        ("category:character", "soft.png"),
        ("unreadable", "broken.png"),
        ("issue:blurred", "soft.png"),
        ("issue:unreadable OR issue:blurred", "broken.png soft.png"),
    ],
)  # fmt: skip
def test_a_filter_chooses(project: Path, text: str, names: str) -> None:
    assert chosen(project, text) == names.split()


def test_a_filter_leaves_nothing_but_its_pictures_in_the_dataset(project: Path) -> None:
    with Dataset.open(project) as dataset:
        issues = finish(refresh(dataset, Selected(where="hat OR unreadable")))
        assert [picture.name for picture in dataset.pictures()] == ["a.png", "broken.png"]
        assert [picture.name for picture in dataset.usable()] == ["a.png"]
        assert list(dataset.all_tags()) == ["a.png"]
        assert {issue.file for issue in issues} == {"broken.png"}
        with unfiltered(dataset):
            assert len(dataset.pictures()) == 5
        assert len(dataset.pictures()) == 2
        finish(refresh(dataset))
        assert len(dataset.pictures()) == 5


def remarks(root: Path, text: str) -> Chosen:
    with Dataset.open(root) as dataset:
        finish(refresh(dataset))
        return finish(choose(dataset, text))


def test_when_nothing_matches_it_is_said_and_the_slip_named(project: Path) -> None:
    said = remarks(project, "long hair OR hatt OR name:nix")
    assert not said.names
    assert [issue.reason for issue in said.remarks] == [
        "the filter holds for none of 5 pictures",
        "no caption has the tag 'long'; did you mean 'long hair'?",
        "no caption has the tag 'hair'; did you mean 'long hair'?",
        "no caption has the tag 'hatt'; did you mean 'hat'?",
    ]
    assert not any(issue.fatal for issue in said.remarks)


def test_pictures_without_scores_are_counted(project: Path) -> None:
    said = remarks(project, "score:hat<2")
    assert said.names == {"a.png", "b.jpg"}
    assert [issue.reason.split(" have")[0] for issue in said.remarks] == ["2 of 3 pictures"]


def test_exact_scores_serve_where_a_fast_run_had_nothing_left_to_do(project: Path) -> None:
    with Dataset.open(project) as dataset:
        row = TaggerRow("wd-v3@1-fast", "wd-v3", "2024-03-01", {})
        dataset.store.put_tagger(row, VOCABULARY)
    assert chosen(project, "score:hat>0.6") == ["b.jpg"]


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("solo score:hatt>1", 12, "wd-v3 does not know the tag 'hatt'\n  solo"),
        ("score:long_hiar>0.5", 7, "did you mean 'long hair'?"),
        ("score:wd-old:hatt>0.5", 14, "wd-old does not know"),
        ("score:camie:hat>0.5", 7, "tagger 'camie' has not run here"),
        ("solo issue:blured", 12, "did you mean 'blurred'?"),
    ],
)
def test_what_only_the_project_knows_has_a_column_too(
    project: Path, text: str, column: int, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(project, text)
    assert f"column {column}:" in caught.value.message
    assert says in str(caught.value)


def test_before_any_tagger_ran_scores_and_categories_are_an_error(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    for text in ("score:hat>0.5", "NOT category:character"):
        with pytest.raises(UsageError, match="no tagger has run here"):
            chosen(tmp_path, text)


def test_tokens_are_never_guessed(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tokens, "_folders", lambda bases: [])
    assert chosen(project, "tokens>3 tokens<100") == ["a.png", "b.jpg", "soft.png"]
    with pytest.raises(DataprepError, match=r"a\.png, whose tokens are at least") as caught:
        chosen(project, "tokens>12")
    assert "vocab.json" in caught.value.hint
    assert caught.value.exit_code == 1
    assert chosen(project, "name:soft.png tokens>50 tokens>9") == []


def test_a_name_is_looked_for_among_all_pictures(project: Path) -> None:
    with Dataset.open(project) as dataset:
        finish(refresh(dataset, Selected(where="hat")))
        assert named(dataset, dataset.usable(), ("b.jpg",)) == []
        assert [p.name for p in named(dataset, dataset.usable(), ("*.png",))] == ["a.png"]
        with pytest.raises(UsageError, match=r"no picture is called 'nix\.png'"):
            named(dataset, dataset.usable(), ("nix.png",))


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[str], str]:
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err


def test_list_prints_names_for_pipes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "list", project, "--where", "size<512 tagged")[1] == [
        "a.png",
        "b.jpg",
        "city/c.png",
    ]
    code, lines, _ = run(capsys, "list", project, "--where", "verdict:reject OR hat", "--long")
    assert lines == [
        "a.png        90×60  PNG    undecided  zumi, long_hair, solo, hat",
        "b.jpg        60×90  JPEG   reject     zumi, Long Hair, two hats",
    ]
    _, lines, _ = run(capsys, "list", project, "--where", "soft", "--json")
    report = json.loads(lines[0])
    assert (code, report["names"]) == (0, [])
    assert report["issues"][0]["reason"] == "the filter holds for none of 5 pictures"


COMMANDS = (
    "scan", "list", "check", "dedupe --exact", "verdict keep", "split", "buckets", "crop",
    "tags", "history",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_filter_that_holds_for_nothing_is_no_failure(
    project: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    verb, *more = command.split()
    code, _, err = run(capsys, verb, project, *more, "--where", "nothing_here")
    assert code == 0
    assert "note: the filter holds for none of 5 pictures" in err
    with Dataset.open(project) as dataset:
        assert len(dataset.history()) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_filter_that_is_wrong_is_wrong_usage(
    project: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    verb, *more = command.split()
    code, _, err = run(capsys, verb, project, *more, "--where", "solo AND siz<5")
    assert code == 2
    assert "error: filter, column 10:" in err


def test_scan_counts_what_the_filter_leaves(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, lines, _ = run(capsys, "scan", project, "--where", "zumi")
    assert lines == ["3 pictures (2 PNG, 1 JPEG), 3 with a caption, 0 unreadable"]


def test_check_judges_what_the_filter_leaves(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "nobody.txt").write_text("an orphan", encoding="utf-8")
    everything = json.loads(run(capsys, "check", project, "--json")[1][0])
    assert {"unreadable", "blurred", "orphan-caption"} <= everything["counts"].keys()
    report = json.loads(run(capsys, "check", project, "--json", "--where", "name:soft.png")[1][0])
    assert (report["pictures"], set(report["counts"])) == (1, {"blurred"})
    assert run(capsys, "check", project, "--where", "name:soft.png")[0] == 0


def test_a_training_folder_has_no_filters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "img" / "10_zumi").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "img" / "10_zumi" / "a.png")
    code, _, err = run(capsys, "check", tmp_path, "--where", "solo")
    assert code == 2
    assert "filters are for projects" in err
    assert not (tmp_path / ".dataprep").exists()


def test_verdict_takes_a_filter_for_its_reason(project: Path) -> None:
    assert main(["verdict", str(project), "reject", "--where", "size<70 hat"]) == 0
    with Dataset.open(project) as dataset:
        assert dataset.decisions()["a.png"].why == "size<70 hat"
        assert dataset.history()[-1].name == "reject a.png (size<70 hat)"


def test_dedupe_looks_only_among_the_pictures_meant(project: Path) -> None:
    main(["dedupe", str(project), "--exact", "--where", "NOT folder:city"])
    assert chosen(project, "verdict:reject") == ["b.jpg"]
    main(["dedupe", str(project), "--exact", "--where", "format:png"])
    assert chosen(project, "verdict:reject name:*.png") == ["city/c.png"]


def test_a_crop_of_some_pictures_leaves_the_projects_sizes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["crop", str(project), "--size", "128", "--buckets"])
    before = chosen(project, "cropped")
    main(["crop", str(project), "--size", "256", "--where", "name:soft.png"])
    assert chosen(project, "bucket:256x256") == ["soft.png"]
    _, lines, _ = run(capsys, "buckets", project)
    assert "128 px buckets" in " ".join(lines)
    assert chosen(project, "cropped") == before


def test_export_writes_what_the_filter_leaves(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    main(["export", str(project), str(out), "--concept", "zumi", "--where", "hat"])
    written = {path.name for path in (out / "img" / "10_zumi").iterdir() if path.name[0] != "."}
    assert written == {"a.png", "a.txt"}
    code, _, err = run(capsys, "export", project, out, "--concept", "zumi", "--where", "nix")
    assert code == 2
    assert "the filter holds for no usable picture: nix" in err
    assert (out / "img" / "10_zumi" / "a.png").is_file(), "it is not emptied by a slip"


def test_history_lists_the_edits_of_the_pictures_meant(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["verdict", str(project), "keep", "--names", "soft.png"])
    capsys.readouterr()
    _, lines, _ = run(capsys, "history", project, "--where", "name:a.png")
    assert len(lines) == 1
    assert "made" in lines[0]
    assert len(run(capsys, "history", project, "--where", "name:soft.png")[1]) == 2
    _, lines, _ = run(capsys, "history", project, "--where", "unreadable")
    assert lines == ["no edit changed these pictures"]


def test_each_caption_is_read_once_and_only_when_it_is_asked_for(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Dataset.open(project) as dataset:
        finish(refresh(dataset))
        read: list[str] = []
        caption = dataset.caption
        monkeypatch.setattr(dataset, "caption", lambda name: read.append(name) or caption(name))
        where(dataset, "size<512 score:hat>0.1")
        assert read == []
        where(dataset, "name:*.png (solo OR tags>5 OR caption:hat)")
        assert sorted(read) == ["a.png", "broken.png", "city/c.png", "soft.png"]


def test_select_and_matches_are_as_they_were() -> None:
    assert selection.matches("sub/B2 [x].png", "b2 [x].png")
    assert selection.matches("sub/b.png", "sub\\*.png")
    assert not selection.matches("sub/b.png", "a*")
