"""The walls between the rooms, as design says: static contracts, and what really is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {"torch", "diffusers", "transformers", "onnxruntime", "cv2", "rembg", "textual"}

LOADED = "import sys; print(' '.join(sorted({name.partition('.')[0] for name in sys.modules})))"


def loaded_after(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}\n{LOADED}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


def test_import_contracts_hold() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("code", "forbidden"),
    [
        ("from dataprep.cli import main\nmain(['--help'])", HEAVY | {"PIL", "numpy", "pydantic"}),
        ("from dataprep.cli import main\nmain(['--version'])", HEAVY),
        ("import dataprep.cli.command", HEAVY | {"train", "tui"}),
        ("import dataprep.dataset", HEAVY | {"train", "tui"}),
        (
            "from dataprep.stages import STAGES\n[stage.load() for stage in STAGES.values()]",
            HEAVY | {"train", "tui"},
        ),
        ("import train.config", HEAVY | {"tui"}),
        ("import tui.app", HEAVY - {"textual"}),
        ("import dataprep.captions, dataprep.buckets, dataprep.journal", {"PIL", "numpy"}),
    ],
)
def test_what_is_loaded(code: str, forbidden: set[str]) -> None:
    assert loaded_after(code) & forbidden == set()


def test_a_train_py_in_the_users_folder_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print('mine')")
    from dataprep.jobs import module_command

    result = subprocess.run(
        module_command("train", "--help"), cwd=tmp_path, capture_output=True, text=True
    )
    assert "mine" not in result.stdout
    assert result.returncode == 0
