"""Groups of like pictures as a person goes through them, and what check names as a remedy."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep import cleaning
from dataprep.check.kinds import KINDS
from dataprep.check.remedy import read_problems, remedy
from dataprep.cleaning import Likes, fingerprint, likeness, present, read_groups, state
from dataprep.dataset import Dataset
from dataprep.decisions import Verdict
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.similar import Other
from dataprep.stages import check, dedupe
from tests.painted import painted

GROUP = Likes("best.png", (Other("exact.png", 0, "exact"), Other("near.png", 3, "near")))
VERDICTS = st.sampled_from(["keep", "reject", "undecided"])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "zumi"
    root.mkdir()
    image = painted((160, 160), 1)
    image.save(root / "large.png")
    image.resize((120, 120)).save(root / "small.png")
    image.resize((110, 110)).save(root / "smaller.png")
    painted((160, 160), 2).save(root / "other.png")
    return root


def looked(root: Path, dry_run: bool = True) -> Report:
    with Dataset.open(root, dry_run=dry_run) as dataset:
        return finish(dedupe.run(dataset, dedupe.Settings()))


def verdicts(root: Path) -> dict[str, tuple[Verdict, str]]:
    with Dataset.open(root) as dataset:
        return {name: (d.verdict, d.why) for name, d in dataset.decisions().items()}


def settled(root: Path, group: Likes, keep: str) -> None:
    with Dataset.open(root) as dataset:
        dataset.edit("settle", cleaning.settle(dataset, group, keep), origin="hand")


def test_groups_come_back_from_json_as_they_were(project: Path) -> None:
    facts = looked(project).facts
    (group,) = read_groups(json.loads(json.dumps(facts)))
    assert group.names == ("large.png", "small.png", "smaller.png")
    assert group.because == "larger"
    assert group.sharpness.keys() == set(group.names)
    assert read_groups({"groups": facts["groups"]})[0].because == "same"


def test_a_group_of_which_one_is_gone_is_dropped(project: Path) -> None:
    groups = read_groups(looked(project).facts)
    names = {"large.png": 1, "small.png": 1, "smaller.png": 1}
    assert present(groups, names) == groups
    del names["small.png"]
    assert present(groups, names) == []


@given(VERDICTS, VERDICTS, VERDICTS)
def test_the_state_of_a_group_is_in_its_verdicts(
    best: Verdict, exact: Verdict, near: Verdict
) -> None:
    known = {"best.png": best, "exact.png": exact, "near.png": near}
    alive = [name for name in GROUP.names if known[name] != "reject"]
    found, keep = state(GROUP, known)
    assert keep == (alive[0] if alive else "")
    if len(alive) < 2:
        assert found == "settled"
    else:
        assert (found == "kept") == all(known[name] == "keep" for name in alive)


def test_settling_writes_what_the_stage_would(project: Path) -> None:
    (group,) = read_groups(looked(project).facts)
    settled(project, group, "large.png")
    by_hand = verdicts(project)
    with Dataset.open(project) as dataset:
        dataset.undo()
    looked(project, dry_run=False)
    assert verdicts(project) == by_hand
    assert by_hand.keys() == {"small.png", "smaller.png"}
    assert state(group, {name: v for name, (v, _) in by_hand.items()}) == ("settled", "large.png")


def test_one_that_was_chosen_against_the_proposal_stays_chosen(project: Path) -> None:
    (group,) = read_groups(looked(project).facts)
    settled(project, group, "small.png")
    assert verdicts(project) == {
        "small.png": ("keep", ""),
        "large.png": ("reject", "duplicate of small.png"),
        "smaller.png": ("reject", "duplicate of small.png"),
    }
    # and back: what was rejected only here is open again
    settled(project, group, "large.png")
    found = verdicts(project)
    assert "large.png" not in found
    assert found["small.png"][0] == found["smaller.png"][0] == "reject"


def test_pictures_that_all_stay_are_no_group_for_the_next_look(project: Path) -> None:
    (group,) = read_groups(looked(project).facts)
    with Dataset.open(project) as dataset:
        dataset.edit("keep all", cleaning.keep_all(dataset, group), origin="hand")
    assert {verdict for verdict, _ in verdicts(project).values()} == {"keep"}
    assert looked(project).facts["groups"] == []


def test_how_a_copy_is_like_the_best() -> None:
    assert [likeness(copy) for copy in GROUP.others] == ["exact", "like it: distance 3"]
    assert likeness(Other("a", 4, "mirrored")) == "mirrored: distance 4"


def test_why_one_is_the_best(project: Path) -> None:
    with Dataset.open(project) as dataset:
        keep = dataset.decision_change("smaller.png", "verdict", '"keep"')
        dataset.edit("keep", [keep])
    assert looked(project).facts["because"] == {"smaller.png": "hand"}
    (project / "twin.png").write_bytes((project / "other.png").read_bytes())
    assert looked(project).facts["because"]["other.png"] == "same"


@given(st.lists(st.text(max_size=5), max_size=5), st.lists(st.text(max_size=5), max_size=5))
def test_other_parts_have_another_fingerprint(one: list[str], two: list[str]) -> None:
    # a name has no zero byte in it
    one, two = ([part.replace("\0", "") for part in parts] for parts in (one, two))
    assert (fingerprint(one) == fingerprint(two)) == (one == two)


def test_every_command_that_check_names_is_a_stage_with_settings() -> None:
    for kind in KINDS.values():
        fix = kind.mends("project", Path("my folder"), "two words")
        found = remedy(fix)
        assert (found is not None) == fix.startswith("dataprep "), fix
    found = remedy("dataprep verdict 'my folder' reject --found blurred")
    assert found is not None
    assert (found.verb, found.values) == ("verdict", {"verdict": "reject", "found": "blurred"})
    found = remedy("dataprep prune DIR --remove 'green hair'")
    assert found is not None
    assert found.values == {"remove": ("green hair",)}


@pytest.mark.parametrize(
    "fix", ["", "rename the files", "dataprep", "dataprep nothing DIR", "dataprep crop 'DIR"]
)
def test_what_is_no_single_command_is_for_a_person(fix: str) -> None:
    assert remedy(fix) is None
    assert remedy("dataprep prune DIR --remove a; dataprep prune DIR --remove b") is None


def test_problems_come_back_and_shrink(project: Path) -> None:
    report = finish(check.run(project, check.Settings(size=512)))
    problems = {problem.name: problem for problem in read_problems(report.facts)}
    small = problems["too-small"]
    assert {name for name, _ in small.files} == {
        "large.png",
        "small.png",
        "smaller.png",
        "other.png",
    }
    assert all("enlarged" in detail for _, detail in small.files)
    assert len(small.without({"large.png"}).files) == 3
    found = small.remedy
    assert found is not None
    # most are too small: another size is the better remedy
    assert found.verb == "crop"
    assert problems["missing-caption"].remedy is not None
