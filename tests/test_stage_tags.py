"""``dataprep tags``: counts, shares, places, and what stands beside what."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep.captions import frequency, tag_key
from dataprep.cli import main
from dataprep.columns import padded, printable, wide
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages.tags import Settings, run
from dataprep.store import TaggerRow
from dataprep.tagcounts import counted, folder_of, ordered
from dataprep.vocabulary import Entry

CAPTIONS = {
    "10_city/a.png": "zumi, solo, Hat, long_hair",
    "10_city/b.png": "zumi, hat ||| smile",
    "5_night/c.png": "zumi, long hair, smile, hat",
    "5_night/d.png": "zumi, smile, 夏の海",
    "e.png": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    for place, (name, caption) in enumerate(CAPTIONS.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (place, 0, 0)).save(path)
        if caption:
            path.with_suffix(".txt").write_text(caption, encoding="utf-8")
    with Dataset.open(root) as dataset:
        names = {"long_hair": "general", "hat": "general", "rin": "character", "smile": "general"}
        entries = [Entry(tag, category) for tag, category in names.items()]  # type: ignore[arg-type]
        dataset.store.put_tagger(TaggerRow("wd@1", "wd", "2024-01-01", {}), entries)
    main(["prune", str(root), "--trigger", "zumi"])
    return root


def tags(root: Path, **values: object) -> Report:
    with Dataset.open(root) as dataset:
        return finish(run(dataset, build(Settings, values, "dataprep tags")))


def rows(report: Report) -> dict[str, dict[str, object]]:
    return {row["tag"]: row for row in report.facts["rows"]}


def test_counts_shares_places_and_categories(project: Path) -> None:
    report = tags(project)
    assert (report.facts["pictures"], report.facts["captioned"]) == (5, 4)
    assert report.facts["tags"] == {
        "zumi": 4, "Hat": 3, "smile": 3, "long_hair": 2, "solo": 1, "夏の海": 1,
    }  # fmt: skip
    found = rows(report)
    assert found["Hat"] == {
        "tag": "Hat", "pictures": 3, "share": 0.75, "place": 3, "category": "general",
    }  # fmt: skip
    assert found["long_hair"]["place"] == 3, "the median of 4 and 2"
    assert found["zumi"]["category"] == "trigger"
    assert found["solo"]["category"] == ""


def test_the_table_is_aligned_also_with_letters_of_two_columns(project: Path) -> None:
    lines = tags(project).lines
    assert lines[0] == "6 tags in 4 of 5 pictures"
    assert lines[1:] == (
        "tag        pictures  share  place  category",
        "zumi              4  100 %      1  trigger",
        "Hat               3   75 %      3  general",
        "smile             3   75 %      3  general",
        "long_hair         2   50 %      3  general",
        "solo              1   25 %      2",
        "夏の海            1   25 %      3",
    )


def test_what_stands_beside_a_tag(project: Path) -> None:
    report = tags(project, with_="HAT", sort="lift")
    assert report.lines[0] == "3 of 4 pictures have 'HAT'; 4 tags stand beside it"
    assert report.facts["with_pictures"] == 3
    found = rows(report)
    assert list(found) == ["long_hair", "solo", "zumi", "smile"]
    assert (found["smile"]["with"], found["smile"]["with_share"]) == (2, 0.6667)
    assert found["smile"]["lift"] == 0.889, "2/3 beside it, 3/4 of all"
    assert found["long_hair"]["lift"] == 1.333
    assert report.facts["tags"]["zumi"] == 3


def test_an_unknown_tag_beside_which_nothing_stands_is_named(project: Path) -> None:
    with pytest.raises(UsageError) as caught:
        tags(project, with_="hatt")
    assert str(caught.value) == "no caption has the tag 'hatt'\n  did you mean 'hat'?"
    report = tags(project, with_="hatt", where="name:nix")
    assert report.issues[0].reason == "the filter holds for none of 5 pictures"


def test_by_folder(project: Path) -> None:
    report = tags(project, by_folder=True, where="tagged")
    assert report.facts["folders"] == {"10_city": 2, "5_night": 2}
    assert report.lines[1].endswith("10_city (2)  5_night (2)")
    assert rows(report)["smile"]["in 5_night"] == 2
    assert rows(report)["smile"]["in 10_city"] == 1


def test_filters_order_and_top(project: Path) -> None:
    report = tags(project, where="folder:5_night", top=2, sort="name")
    assert list(report.facts["tags"]) == ["hat", "long hair"]
    assert report.lines[0] == "5 tags in 2 of 2 pictures"
    assert list(tags(project, category=("general",)).facts["tags"]) == ["Hat", "smile", "long_hair"]
    by_category = list(tags(project, sort="category").facts["tags"])
    assert by_category == ["zumi", "Hat", "smile", "long_hair", "solo", "夏の海"]
    assert next(iter(tags(project, sort="place").facts["tags"])) == "zumi"


def test_csv_to_a_file_and_to_the_terminal(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tags.csv"
    (project / "e.txt").write_text('she said "a", b', encoding="utf-8")
    report = tags(project, csv=path, by_folder=True, with_="zumi")
    assert report.lines == (f"5 tags written to {path}",)
    with path.open(encoding="utf-8", newline="") as stream:
        table = list(csv.reader(stream))
    assert table[0] == [
        "tag", "pictures", "share", "place", "category", "with", "with_share", "lift",
        "in .", "in 10_city", "in 5_night",
    ]  # fmt: skip
    hat = ["Hat", "3", "0.6", "3", "general", "3", "0.75", "1.25", "0", "2", "1"]
    assert table[1] == hat
    capsys.readouterr()
    main(["tags", str(project), "--csv", "-"])
    out = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert len(out) == 9
    assert 'she said "a"' in {line[0] for line in out}


def test_mistakes_are_told_in_a_sentence(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, says in (
        (["--sort", "lift"], "--sort lift goes with --with TAG"),
        (["--csv", str(tmp_path / "nix" / "a.csv")], "cannot be written"),
        (["--csv", str(tmp_path)], "cannot be written"),
        (["--category", "hair"], "category.0: must be 'general', 'character'"),
    ):
        assert main(["tags", str(project), *arguments]) == 2
        assert says in capsys.readouterr().err


def test_categories_are_asked_for_in_vain_before_a_tagger_ran(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("solo", encoding="utf-8")
    with pytest.raises(UsageError, match="categories of tags are not known"):
        tags(tmp_path, category=("general",))


def test_the_flag_is_called_with(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["tags", str(project), "--with", "solo", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["with_pictures"] == 1


def test_an_exported_folder_is_counted_by_its_concepts(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    main(["export", str(project), str(out), "--by-folder", "--concept", "rest"])
    report = tags(out, by_folder=True)
    assert {"10_city": 2, "5_night": 2}.items() <= report.facts["folders"].items()


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("a.png", ""),
        ("city/a.png", "city"),
        ("city/night/a.png", "city"),
        ("img/10_city/a.png", "10_city"),
        ("reg/1_girl/a.png", "reg/1_girl"),
        ("10_city/more/a.png", "10_city"),
    ],
)
def test_the_concept_folder_of_a_picture(name: str, folder: str) -> None:
    assert folder_of(name) == folder


def test_columns_of_a_terminal() -> None:
    assert [wide(text) for text in ("hat", "夏の海", "é", "e\u0301", "ﾊ")] == [3, 6, 1, 1, 1]
    assert padded("夏", 4) + "|" == "夏  |"
    assert padded("夏", 4, right=True) == "  夏"
    assert printable("a\x1b[31mb\ud800") == "a?[31mb?"


CAPTION = st.lists(st.sampled_from(["a", "b", "c d", "c_d", "E", "e", "|||"]), max_size=6)


@given(st.dictionaries(st.sampled_from(["x.png", "f/y.png", "1_g/z.png"]), CAPTION))
def test_counting_agrees_with_a_plain_count(captions: dict[str, Sequence[str]]) -> None:
    unique = {name: list({tag_key(t): t for t in row}.values()) for name, row in captions.items()}
    counts = counted(unique)
    plain = {tag_key(tag): number for tag, number in frequency(unique.values())}
    assert {row.key: row.pictures for row in counts.rows} == plain
    for row in counts.rows:
        assert sum(row.folders.values()) == row.pictures
        places = [
            [tag_key(t) for t in tags if t != "|||"].index(row.key) + 1
            for tags in unique.values()
            if row.key in map(tag_key, tags)
        ]
        assert row.place == median(places)
        beside = counted(unique, row.tag)
        assert beside.beside == row.pictures
        for other in beside.rows:
            assert other.key != row.key
            expected = other.beside * counts.captioned / (row.pictures * other.pictures)
            assert other.lift == pytest.approx(expected)
    for by in ("count", "name", "place", "category", "lift"):
        same = sorted(row.key for row in ordered(counts.rows, by, {}, beside=False))
        assert same == sorted(row.key for row in counts.rows)
