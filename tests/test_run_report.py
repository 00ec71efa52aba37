"""What a person is told of a run before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_base

from dataprep.runs.report import report_of
from train.plan import plan


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.shared(tmp_path_factory)


def told(base: Path, root: Path, **values: Any) -> tuple[str, ...]:
    """The lines about a run of six pictures used twice."""
    if not (root / "img").exists():
        tiny_base.paint(root / "img" / "2_zumi")
    made = plan(tiny_base.config(base, root, **values))
    return report_of(made.to_json(), root, dry_run=True).lines


def test_steps_are_those_of_whole_epochs_or_as_many_as_were_asked_for(
    base: Path, tmp_path: Path
) -> None:
    assert "6 steps × 3 epochs = 18 steps" in told(base, tmp_path, max_train_epochs=3)
    asked = told(base, tmp_path, max_train_epochs=None, max_train_steps=10)
    assert "10 steps, 6 an epoch" in asked


def test_regularization_pictures_are_counted_apart(base: Path, tmp_path: Path) -> None:
    tiny_base.paint(tmp_path / "reg" / "1_circle", 2)
    assert told(base, tmp_path)[0] == "6 pictures (2_zumi: 6)"
    with_reg = told(base, tmp_path, reg_data_dir=tmp_path / "reg")
    assert with_reg[0] == "6 pictures and 2 of regularization (2_zumi: 6, reg/1_circle: 2)"


def test_memory_is_told_where_it_is_known(base: Path, tmp_path: Path) -> None:
    assert told(base, tmp_path)[-1].startswith("memory: about 0.6 GB")
    assert not any("memory" in line for line in told(Path("owner/of-the-hub"), tmp_path))
