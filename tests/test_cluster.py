"""`--engine ray` on a real cluster of two workers: what it makes equals what is made here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cluster import Engine, spread
from dataprep.cluster.shape import CORES, shape
from dataprep.dataset import Dataset
from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages import background, caption, crop, export, tag
from tests.tiny_captioners import shared
from tests.tiny_recipes import Numbers

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "sample_data" / "zumi"
NAMES = ("zumi_00.jpg", "zumi_06_transparent.png", "zumi_11_夏の海.jpg", "zumi_21_copy.jpg")
BROKEN = "zumi_23_truncated.jpg"


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of two workers, shared by all tests here."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'lora-dataprep[ray]'")
    # workers must find the recipes of the tests
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), before)))
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=128 << 20,
    )
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
    os.environ["PYTHONPATH"] = before


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Path, Path]:
    """Two projects with the same pictures, one that is worked on here, one on the cluster."""
    roots = tmp_path / "here", tmp_path / "there"
    for root in roots:
        root.mkdir()
        for name in NAMES:
            shutil.copy2(SAMPLE / name, root)
    return roots


def done(stage: Any, root: Path, **values: Any) -> Report:
    with Dataset.open(root) as dataset:
        return finish(stage.run(dataset, build(stage.Settings, values, "test")))


def on_both(
    stage: Any, twins: tuple[Path, Path], address: str, **values: Any
) -> tuple[Report, Report]:
    here, there = twins
    on_cluster = {"engine": "ray", "workers": 2, "address": address}
    return done(stage, here, **values), done(stage, there, **values, **on_cluster)


def contents(root: Path, pattern: str) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob(pattern) if p.is_file()}


def goes_bad(root: Path, name: str) -> None:
    """Let a picture be cut short after it was looked at: only a worker notices."""
    path = root / name
    stat = path.stat()
    path.write_bytes(path.read_bytes()[: stat.st_size // 3].ljust(stat.st_size, b"\0"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_tags_masks_and_exports_are_the_same_to_the_byte(
    twins: tuple[Path, Path], cluster: str
) -> None:
    for root in twins:
        done(crop, root, size=64)
        goes_bad(root, NAMES[0])
    here, there = twins
    local, far = on_both(tag, twins, cluster, model="demo")
    assert far.to_json() == local.to_json() | {"img_per_s": far.facts["img_per_s"]}
    assert [issue.file for issue in far.issues if issue.fatal] == [NAMES[0]]
    assert contents(there, "*.txt") == contents(here, "*.txt")
    assert len(contents(there, "*.txt")) == len(NAMES) - 1

    local, far = on_both(background, twins, cluster, model="demo", composite="alpha")
    assert far.to_json() == local.to_json() | {"img_per_s": far.facts["img_per_s"]}
    masks = contents(there / ".dataprep" / "masks", "*")
    assert masks == contents(here / ".dataprep" / "masks", "*")
    assert len(masks) == len(NAMES) - 1

    values = {"concept": "zumi", "repeats": 3, "masks": "folder"}
    reports = [
        done(export, here, out=here / "lora", **values),
        done(export, there, out=there / "lora", **values, engine="ray", workers=2, address=cluster),
    ]
    local, far = (report.to_json() for report in reports)
    assert far["folders"] == local["folders"]
    assert far["done"] == local["done"] == len(NAMES) - 1
    assert [issue["file"] for issue in far["issues"]] == [
        issue["file"] for issue in local["issues"]
    ]
    for pattern in ("*.png", "*.txt"):
        made = contents(there / "lora", pattern)
        assert made == contents(here / "lora", pattern)
        assert made
    assert not contents(there / "lora", "*.dataprep-tmp")
    # what a cluster wrote is known here, and the other way round
    assert done(export, there, out=there / "lora", **values).done == 0


@pytest.mark.slow
def test_captions_are_the_same_to_the_byte(
    twins: tuple[Path, Path], cluster: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    model = shared(tmp_path_factory, "blip")
    values = {"model": str(model), "max_new_tokens": 12, "device": "cpu"}
    local, far = on_both(caption, twins, cluster, **values)
    assert contents(twins[1], "*.txt") == contents(twins[0], "*.txt")
    assert (far.done, far.exit_code) == (local.done, 0) == (len(NAMES), 0)
    assert far.facts["device"] == local.facts["device"]


def squares(recipe: Numbers, address: str, count: int = 20) -> dict[int, int]:
    engine = Engine(engine="ray", workers=2, address=address)
    landed = [one for one in spread(engine, recipe, range(count), 4) if one is not None]
    assert len(landed) > 1
    return {number: square for one in landed for number, square in one.pairs}


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
@pytest.mark.slow
def test_the_work_of_a_worker_that_died_is_done_by_another(cluster: str, tmp_path: Path) -> None:
    marker = tmp_path / "died"
    assert squares(Numbers("dies", marker), cluster) == {n: n * n for n in range(20)}
    assert marker.exists()


@pytest.mark.slow
def test_what_is_wrong_on_a_worker_is_said_in_its_own_words(cluster: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="this model is none") as refused:
        squares(Numbers("refuses"), cluster)
    assert refused.value.hint == "take another"
    with pytest.raises(DataprepError, match=r"is not there on .*, a machine of the cluster"):
        squares(Numbers(sees=(tmp_path / "elsewhere",)), cluster)
    with pytest.raises(DataprepError, match=r"the cluster gave up: .*of the tests"):
        squares(Numbers("fails"), cluster)
    with pytest.raises(DataprepError, match=r"no Ray cluster can be reached at 127.0.0.1:9"):
        squares(Numbers(), "127.0.0.1:9")
    with pytest.raises(UsageError, match="workers: 3 are asked for, but the cluster has 2 CPUs"):
        list(spread(Engine(engine="ray", workers=3, address=cluster), Numbers(), [1], 1))


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_closing_the_job_ends_the_work(cluster: str, tmp_path: Path) -> None:
    import ray

    engine = Engine(engine="ray", workers=2, address=cluster)
    running = spread(engine, Numbers("sleeps", tmp_path / "began"), range(4), 1)
    while not (tmp_path / "began").exists():
        assert next(running) is None
    running.close()
    for _ in range(100):
        if ray.available_resources().get("CPU") == 2:
            break
        time.sleep(0.1)
    assert ray.available_resources()["CPU"] == 2


@pytest.mark.slow
def test_a_cluster_is_started_and_ended_and_says_nothing_of_its_own(
    twins: tuple[Path, Path],
) -> None:
    pytest.importorskip("ray")
    for root in twins:
        done(crop, root, size=64)
    values = {"concept": "zumi", "repeats": 3, "shards": 2}
    done(export, twins[0], out=twins[0] / "lora", **values)
    command = [sys.executable, "-m", "dataprep", "export", str(twins[1]), str(twins[1] / "lora")]
    command += ["--concept", "zumi", "--repeats", "3", "--shards", "2", "--json"]
    result = subprocess.run(
        [*command, "--engine", "ray", "--workers", "2"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)["shards"]) == 2
    assert all(line.startswith("export: ") for line in result.stderr.splitlines()), result.stderr
    shards = contents(twins[1] / "lora", "*.tar")
    assert shards == contents(twins[0] / "lora", "*.tar")
    assert len(shards) == 2


def test_without_ray_one_sentence_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, twins: tuple[Path, Path]
) -> None:
    monkeypatch.setattr("dataprep.cluster.spreading.find_spec", lambda _: None)
    with pytest.raises(DataprepError, match="needs Ray") as refused:
        done(tag, twins[0], model="demo", engine="ray")
    assert 'pip install "lora-dataprep[ray]"' in refused.value.hint


def test_settings_that_belong_to_a_cluster_are_refused_without_one() -> None:
    with pytest.raises(UsageError, match="workers goes with a cluster; give --engine ray"):
        build(tag.Settings, {"model": "demo", "workers": 2}, "test")
    with pytest.raises(UsageError, match="engine is for models that run here"):
        build(caption.Settings, {"model": "m", "endpoint": "http://h/v1", "engine": "ray"}, "test")
    with pytest.raises(UsageError, match="address must be HOST:PORT or auto"):
        build(tag.Settings, {"model": "m", "engine": "ray", "address": "ray://h:1"}, "test")


nodes = st.lists(
    st.fixed_dictionaries({"CPU": st.integers(1, 64)}, optional={"GPU": st.integers(0, 8)}),
    min_size=1,
    max_size=5,
)


@given(nodes)
def test_workers_fit_on_the_machines_there_are(machines: list[dict[str, float]]) -> None:
    found = shape(machines, 0, "auto")
    used = [m for m in machines if not found.gpus or m.get("GPU", 0)]
    places = sum(int(min(m["CPU"] // found.cores, m["GPU"] if found.gpus else 64)) for m in used)
    assert found.workers == places >= 1
    assert 1 <= found.cores <= CORES
    assert found.gpus == any(machine.get("GPU", 0) for machine in machines)
    assert shape(machines, 0, "cpu").gpus == 0


def test_workers_share_the_cores_and_graphics_cards_have_one_each() -> None:
    assert shape([{"CPU": 16}, {"CPU": 8}], 0, "auto") == shape([{"CPU": 24}], 6, "cpu")
    assert (shape([{"CPU": 2}], 2, "cpu").workers, shape([{"CPU": 2}], 2, "cpu").cores) == (2, 1)
    assert shape([{"CPU": 16, "GPU": 2}, {"CPU": 4}], 0, "auto").workers == 2
    with pytest.raises(DataprepError, match="no machine of the cluster has a GPU"):
        shape([{"CPU": 4}], 0, "cuda")
