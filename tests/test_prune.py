"""`prune` on a folder: each rule, what joins the concept, one edit that undo takes back whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dataprep import concept
from dataprep.captions import split_tags
from dataprep.dataset import Dataset
from dataprep.decisions import Decisions
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.settings import build, for_stage
from dataprep.stages import prune
from dataprep.store import Scores, TaggerRow
from dataprep.vocabulary import Entry

CAPTIONS = {
    "a": "1girl, solo, green hair, Long_Hair, smile, hat",
    "b": "zumi_(sample), 1girl, solo, green hair, bracelet, bra",
    "c": "1girl, solo, green hair, blue eyes, smile, ||| , outdoors",
    "d": "2girls, green hair, red hair, standing",
}
VOCABULARY = [
    Entry("1girl", "general", 900), Entry("green_hair", "general", 30), Entry("hat", "general", 80),
    Entry("smile", "general", 500), Entry("zumi_(sample)", "character", 5),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    root = tmp_path / "set"
    root.mkdir()
    for place, (name, text) in enumerate(CAPTIONS.items()):
        Image.new("RGB", (40, 30), (60 * place, 90, 120)).save(root / f"{name}.png")
        (root / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    return root


def run(root: Path, dry_run: bool = False, **values: Any) -> Report:
    with Dataset.open(root, dry_run=dry_run) as dataset:
        return finish(prune.run(dataset, build(prune.Settings, values, "test")))


def caption(root: Path, name: str) -> str:
    return (root / f"{name}.txt").read_text(encoding="utf-8").strip()


def pruned(root: Path) -> tuple[str, ...]:
    with Dataset.open(root) as dataset:
        return concept.read(dataset.store).pruned


def history(root: Path) -> list[str]:
    with Dataset.open(root) as dataset:
        return [edit.name for edit in dataset.history() if edit.state == "done"]


def remarks(report: Report) -> list[str]:
    return [issue.reason for issue in report.issues]


def scored(root: Path) -> None:
    """As after a tagging run: a says its hat is doubtful, d was never scored."""
    values = {"a": [0.9, 0.8, 0.3, 0.7], "b": [0.9, 0.8, 0.0, 0.0], "c": [0.9, 0.9, 0.0, 0.4]}
    run(root, dry_run=True, trigger="x")
    with Dataset.open(root) as dataset:
        dataset.store.put_tagger(TaggerRow("t@1", "tiny", "", {}), VOCABULARY)
        for picture in dataset.pictures():
            if picture.name[0] in values:
                row = np.array(values[picture.name[0]], np.float16)
                ids = np.flatnonzero(row).astype(np.uint32)
                rows = [(picture.sha, Decisions().render_key, Scores(ids, row[ids]))]
                dataset.store.put_scores("t@1", rows)


def test_by_name_pattern_and_expression_whole_words_only(folder: Path) -> None:
    report = run(folder, remove=("bra", "long*", "re:^blue eyes$"))
    assert caption(folder, "b") == "zumi_(sample), 1girl, solo, green hair, bracelet"
    assert caption(folder, "a") == "1girl, solo, green hair, smile, hat"
    assert caption(folder, "c") == "1girl, solo, green hair, smile ||| outdoors"
    assert history(folder) == ["prune: 3 tags in 3 captions"]
    assert pruned(folder) == ("bra", "Long_Hair", "blue eyes")
    # what was named letter by letter needs no list
    assert report.lines[:2] == (
        "blue eyes      1  named: re:^blue eyes$",
        "Long_Hair      1  named: long*",
    )
    assert (report.done, report.unchanged) == (3, 1)


def test_again_changes_nothing_and_makes_no_edit(folder: Path) -> None:
    settings = {"preset": "character", "trigger": "zumi", "more_than": "90%", "redundant": True}
    run(folder, **settings)
    before = {name: caption(folder, name) for name in CAPTIONS}
    assert before["c"] == "zumi, 1girl, solo, smile ||| outdoors"
    report = run(folder, **settings)
    assert (report.done, report.changes) == (0, ())
    assert {name: caption(folder, name) for name in CAPTIONS} == before
    assert len(history(folder)) == 1


def test_one_undo_restores_captions_and_concept(folder: Path) -> None:
    run(folder, remove=("hat",), trigger="zumi")
    files = {path.name: path.read_bytes() for path in folder.glob("*.txt")}
    run(folder, preset="character", forget=("hat",))
    assert "hat" not in pruned(folder)
    with Dataset.open(folder) as dataset:
        dataset.undo()
    assert {path.name: path.read_bytes() for path in folder.glob("*.txt")} == files
    assert pruned(folder) == ("hat",)
    with Dataset.open(folder) as dataset:
        dataset.undo()
    assert caption(folder, "d") == CAPTIONS["d"]
    assert pruned(folder) == ()


def test_a_tag_that_nobody_has_is_a_remark_with_the_nearest(folder: Path) -> None:
    report = run(folder, remove=("green_hiar", "x_*"), dry_run=True)
    assert remarks(report) == [
        "no caption has 'green_hiar'; did you mean 'green hair'?",
        "no caption has a tag like 'x_*'; tags are compared with spaces, in lower case",
    ]
    assert report.exit_code == 0


def test_a_slip_that_no_tagger_knows_is_not_noted_as_pruned(folder: Path) -> None:
    run(folder, remove=("red scarf",))
    assert pruned(folder) == ("red scarf",)
    scored(folder)
    (folder / "a.txt").write_text("1girl\n")
    report = run(folder, remove=("hat", "smyle"))
    assert pruned(folder) == ("red scarf", "hat")
    assert remarks(report) == [
        "no caption has 'hat'",
        "no caption has 'smyle', and no tagger knows it; did you mean 'smile'?",
    ]


def test_the_trigger_and_the_separator_stay(folder: Path) -> None:
    run(folder, trigger="zumi girl")
    report = run(folder, remove=("*girl", "|||", "re:.*zumi.*"), more_than="10%")
    left = {name: split_tags(caption(folder, name)) for name in CAPTIONS}
    assert left == {key: ["zumi girl"] for key in "abd"} | {"c": ["zumi girl", "|||"]}
    assert remarks(report) == ["'|||' is no tag and stays"]
    assert remarks(run(folder, remove=("Zumi_girl",))) == [
        "'Zumi_girl' is the trigger word and stays"
    ]
    assert not {"zumi girl", "Zumi_girl", "|||"} & set(pruned(folder))
    assert report.exit_code == 0


def test_another_trigger_takes_the_place_of_the_old(folder: Path) -> None:
    run(folder, trigger="zumi")
    run(folder, trigger="zumy")
    assert caption(folder, "d") == "zumy, 2girls, green hair, red hair, standing"
    assert history(folder)[-1] == "prune: 'zumy' first in 4 captions"


def test_two_pictures_with_one_caption_are_one_caption(folder: Path) -> None:
    Image.new("RGB", (40, 30), (1, 2, 3)).save(folder / "a.jpg")
    report = run(folder, more_than="3")
    assert (report.done, report.facts["taken"][0]["captions"]) == (4, 4)
    assert caption(folder, "a") == "1girl, solo, Long_Hair, smile, hat"


def test_a_recipe_may_say_a_list_as_one_text(folder: Path) -> None:
    (folder / "dataprep.toml").write_text('[prune]\nremove = "hat, bra"\n')
    with Dataset.open(folder) as dataset:
        settings = for_stage(prune.Settings, "prune", dataset.root, {})
    assert settings.remove == ("hat", "bra")


def test_keep_wins_over_every_rule(folder: Path) -> None:
    run(folder, remove=("green hair", "hat"), more_than="50%", keep=("* hair", "1girl", "solo"))
    assert caption(folder, "a") == "1girl, solo, green hair, Long_Hair, smile"
    assert pruned(folder) == ("hat",)


def test_by_frequency_and_only_what_is_common_joins_the_concept(folder: Path) -> None:
    run(folder, fewer_than="2")
    assert caption(folder, "b") == "1girl, solo, green hair"
    assert pruned(folder) == ()
    run(folder, more_than="80%")
    assert caption(folder, "b") == "1girl, solo"
    assert pruned(folder) == ("green hair",)
    run(folder, more_than="1")
    assert caption(folder, "d") == ""


def test_what_leaves_a_caption_empty_is_told(folder: Path) -> None:
    report = run(folder, remove=("*",), keep=("zumi*",))
    assert report.facts["emptied"] == 3
    assert "captions without any tag now: 3" in report.lines
    assert caption(folder, "b") == "zumi_(sample)"


def test_a_picture_without_a_caption_is_left_to_the_tagger(folder: Path) -> None:
    (folder / "a.txt").unlink()
    run(folder, remove=("green hair",))
    assert not (folder / "a.txt").exists()
    report = run(folder, trigger="zumi")
    assert "1 picture without a caption stays so, for `dataprep tag` to write one" in report.lines
    assert not (folder / "a.txt").exists()
    assert caption(folder, "d").startswith("zumi, ")


def test_by_a_file_whose_place_the_recipe_counts_from_the_project(folder: Path) -> None:
    (folder / "gone.list").write_text("# of no use\nhat, smile\nre:b(ra|lue eyes)\n")
    (folder / "dataprep.toml").write_text('[prune]\nfile = "gone.list"\n')
    with Dataset.open(folder) as dataset:
        finish(prune.run(dataset, for_stage(prune.Settings, "prune", dataset.root, {})))
    assert caption(folder, "a") == "1girl, solo, green hair, Long_Hair"
    assert caption(folder, "b") == "zumi_(sample), 1girl, solo, green hair, bracelet"
    with pytest.raises(UsageError, match="cannot be read"):
        run(folder, file="nowhere.txt")


def test_by_score_each_caption_for_itself_and_nothing_unscored(folder: Path) -> None:
    with pytest.raises(UsageError, match="no tagger has run"):
        run(folder, below=0.5)
    scored(folder)
    run(folder, below=0.5, keep=("zumi*",))
    assert caption(folder, "a") == "1girl, solo, green hair, Long_Hair, smile"
    # the score of smile is 0.4 on c; the other tags no tagger knows
    assert caption(folder, "c") == "1girl, solo, green hair, blue eyes ||| outdoors"
    assert caption(folder, "d") == CAPTIONS["d"]
    assert pruned(folder) == ()
    with pytest.raises(UsageError, match="these have: tiny"):
        run(folder, below=0.5, tagger="other")


def test_by_category_of_a_tagger_or_of_a_placed_list(folder: Path) -> None:
    with pytest.raises(UsageError, match="no tag has a category"):
        run(folder, category=("character",))
    models = folder.parent / "models"
    models.mkdir()
    (models / "danbooru.csv").write_text("outdoors,5,100,\nlong_hair,0,9,longhair\n")
    run(folder, category=("meta",))
    assert caption(folder, "c").endswith("smile |||")
    scored(folder)
    run(folder, category=("character",))
    assert caption(folder, "b").startswith("1girl")
    assert "no caption has a tag of the category artist" in remarks(
        run(folder, category=("artist",))
    )


def test_aliases_come_first_and_need_a_list(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"needs a list .*models.danbooru\.csv"):
        run(folder, aliases=True)
    path = tmp_path / "tags.csv"
    path.write_text('grin,0,50,smile\nlong_hair,0,9,"green_hair"\n', encoding="utf-8")
    run(folder, aliases=True, tag_list=path, remove=("long hair",))
    assert caption(folder, "a") == "1girl, solo, grin, hat"
    assert history(folder) == ["prune: 1 tag in 4 captions, 2 tags respelled"]
    run(folder, aliases=True, tag_list=path, trigger="green hair")
    assert caption(folder, "d").startswith("green hair, 2girls")


def test_redundant_tags_go_only_when_asked(folder: Path) -> None:
    (folder / "a.txt").write_text("hair, very long hair, long hair, chair\n")
    run(folder, remove=("nothing",))
    assert caption(folder, "a") == "hair, very long hair, long hair, chair"
    run(folder, redundant=True)
    assert caption(folder, "a") == "very long hair, chair"
    assert pruned(folder) == ("nothing",)


def test_contradictions_are_told_and_stay(folder: Path) -> None:
    (folder / "a.txt").write_text("solo, blue eyes, red eyes\n")
    report = run(folder, remove=("hat",))
    assert [(issue.file, issue.reason, issue.fatal) for issue in report.issues] == [
        ("", "no caption has 'hat'", False),
        ("a.png", "two eye colours: blue eyes, red eyes", False),
    ]
    assert caption(folder, "a") == "solo, blue eyes, red eyes"


def test_a_preset_lists_what_it_takes_and_asks_for_what_it_supposes(folder: Path) -> None:
    report = run(folder, preset="concept", concept="GreenHair")
    assert caption(folder, "d") == "2girls, red hair, standing"
    assert report.lines[:3] == (
        "green hair      4  the concept's name",
        "these stay; with --yes they go too:",
        "Long_Hair      1  '* hair'",
    )
    assert [row["tag"] for row in report.facts["asks"]] == ["Long_Hair", "red hair"]
    run(folder, preset="object", concept="GreenHair", yes=True)
    assert caption(folder, "d") == "2girls, standing"


def test_character_takes_names_by_category(folder: Path) -> None:
    report = run(folder, preset="character", dry_run=True)
    assert any("no tag has a category" in line for line in report.lines)
    scored(folder)
    run(folder, preset="character")
    assert caption(folder, "b") == "1girl, solo, bracelet, bra"


def test_forgotten_tags_are_no_longer_asked_for(folder: Path) -> None:
    run(folder, remove=("hat", "green hair", "blue eyes"))
    report = run(folder, forget=("* hair", "HAT", "nonsense"))
    assert pruned(folder) == ("blue eyes",)
    assert remarks(report) == ["'nonsense' was not pruned"]
    assert history(folder)[-1] == "prune: 2 tags forgotten"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "give --remove, --preset"),
        ({"preset": "concept"}, "go together"),
        ({"concept": "hat", "remove": ("a",)}, "go together"),
        ({"more_than": "0.8"}, 'such as "80%"'),
        ({"fewer_than": "101%"}, "not be above 100%"),
        ({"remove": ("re:(",)}, "missing \\)"),
        ({"trigger": "a, b"}, "one word or phrase"),
        ({"category": ("people",)}, "must be 'general', 'character'"),
    ],
)
def test_wrong_settings_are_one_sentence(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build(prune.Settings, values, "test")
