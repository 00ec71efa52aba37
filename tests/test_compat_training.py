"""Files that people already have, trained as they are: the LoRA says what the file said."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import compat_place
import pytest
import tiny_base
from compat_cases import CASES, STEPS, Case

from dataprep import runs
from dataprep.cli import main
from dataprep.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from dataprep.jobs import finish
from train import given, lora_file, plan
from train.config.reading import load
from train.families import Family
from train.presets import Wanted
from train.printing import dump
from train.recipe import train

BY_COMMAND = [pytest.param(it, marks=() if it.quick else pytest.mark.slow) for it in CASES]
Place = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the processes that a command starts: in such small steps threads only wait."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Place:
    """A file among the cases, with all that it names, in the test's folder."""

    def placed(name: str) -> Path:
        case = next(case for case in CASES if case.name == name)
        base = tiny_base.shared(tmp_path_factory, case.family, case.prediction)
        return compat_place.place(name, tmp_path, base)

    return placed


def arguments(*overrides: str) -> list[str]:
    return [part for pair in overrides for part in ("--set", pair)]


def metadata(path: Path) -> dict[str, str]:
    weights, found = lora_file.load(path)
    # after three steps something was learned: what begins as zero is no more
    assert any(tensor.any() for key, tensor in weights.items() if key.endswith(("_up.weight", "b")))
    return found


def told(found: Mapping[str, str], says: Mapping[str, str]) -> dict[str, str]:
    return {
        key: found.get(f"ss_{key}", "").removesuffix(".0" * key.endswith("steps")) for key in says
    }


@pytest.mark.parametrize("case", BY_COMMAND, ids=lambda case: case.name)
def test_a_file_trains_by_the_command(
    case: Case, place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place(case.name)
    assert main(["train", str(path), *arguments(*case.overrides)]) == EXIT_OK
    out, err = capsys.readouterr()
    assert f"LoRA: {tmp_path / case.lora}\n" in out
    assert [part for part in case.report if part not in err] == []
    # a score needs a train.toml, which is not here
    assert "dataprep score" not in out
    assert told(metadata(tmp_path / case.lora), case.says) == case.says


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_file_says_reaches_the_lora(case: Case, place: Place, tmp_path: Path) -> None:
    found = given.load(place(case.name), case.overrides)
    said = finish(train(found.config))
    assert said["steps"] == 3
    assert said["lora"] == str(tmp_path / case.lora)
    assert told(metadata(tmp_path / case.lora), case.says) == case.says
    lines = "".join(f"{line}\n" for line in found.lines())
    assert [part for part in case.report if part not in lines] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_printed_is_the_same_run(case: Case, place: Place, tmp_path: Path) -> None:
    path = place(case.name)
    config = given.load(path).config
    printed = tmp_path / "printed" / "train.toml"
    printed.parent.mkdir()
    printed.write_text(dump(given.read(path)[0]), encoding="utf-8")
    assert load(printed) == config
    assert plan.plan(load(printed)).to_json() == plan.plan(config).to_json()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_report_fits_a_terminal_and_says_first_what_needs_a_look(
    case: Case, place: Place
) -> None:
    lines = given.load(place(case.name)).lines()
    # a path is one word, to be copied
    assert [line for line in lines if len(line) > 80 and "/" not in line] == []
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    order = ["not known:", "not done:", "taken over under another name or value:"]
    order += ["taken over as it is:", "not given; that program then has:", "without effect here:"]
    assert titles[1:] == [title for title in order if title in titles]


@pytest.mark.parametrize(
    ("algo", "arguments", "expected"),
    [
        ("locon", "conv_dim=4 conv_alpha=2", {"conv_dim": "4", "conv_alpha": "2.0"}),
        ("loha", "conv_dim=4 conv_alpha=2", {"conv_dim": "4", "conv_alpha": "2.0"}),
        ("lora", "conv_dim=0", {}),
    ],
)
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_networks_of_lycoris_in_a_command(
    family: Family,
    algo: str,
    arguments: str,
    expected: dict[str, str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tiny_base.paint(tmp_path / "img" / "1_zumi", count=2)
    script = {"sd1": "train_network.py", "sdxl": "sdxl_train_network.py"}[family]
    path = tmp_path / "line.txt"
    path.write_text(
        f"accelerate launch {script} --train_data_dir=img --output_dir=out --output_name={algo}"
        f" --pretrained_model_name_or_path={tiny_base.shared(tmp_path_factory, family).as_posix()}"
        f" --network_module=lycoris.kohya --network_args algo={algo} {arguments}"
        " --network_dim=4 --network_alpha=2 --learning_rate=1e-3 --resolution=64"
        " --max_train_steps=2 --caption_extension=.txt"
    )
    finish(train(given.load(path).config))
    weights, found = lora_file.load(tmp_path / "out" / f"{algo}.safetensors")
    assert (found["ss_network_dim"], found["ss_network_alpha"]) == ("4", "2.0")
    assert all(f'"{key}": "{value}"' in found["ss_network_args"] for key, value in expected.items())
    convolutions = [key for key in weights if "resnets_0_conv1" in key or "in_layers_2" in key]
    assert bool(convolutions) == bool(expected)
    assert any(key.endswith("hada_w1_a") for key in weights) == (algo == "loha")


def test_a_printed_file_trains_from_its_folder(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place("sd_scripts.toml")
    capsys.readouterr()
    assert main(["train", str(path), "--print-config", "--expert"]) == EXIT_OK
    out, err = capsys.readouterr()
    assert tomllib.loads(out)["network"]["network_type"] == "dylora"
    assert err.startswith("read as a TOML file of sd-scripts:\n")
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "train.toml").write_text(out, encoding="utf-8")
    plans = []
    for config in (path, tmp_path / "y"):
        assert main(["train", str(config), "--dry-run"]) == EXIT_OK
        plans.append(capsys.readouterr())
    assert plans[0].out == plans[1].out
    assert "8 pictures and 4 of regularization" in plans[0].out
    # a dry run says it as well; of a train.toml there is nothing to say
    assert ("not known:" in plans[0].err, "not known:" in plans[1].err) == (True, False)


def test_nothing_that_a_file_names_has_to_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(compat_place.SAMPLES / "easy.json")
    assert main(["train", path, "--print-config"]) == EXIT_OK
    out, err = capsys.readouterr()
    assert tomllib.loads(out)["dataset"]["train_data_dir"] == "D:/lora/img"
    assert "not there (--set KEY=PATH names another):\n  pretrained_model_name_or_path = D:" in err
    assert main(["train", path, "--dry-run"]) == EXIT_USAGE
    assert "error: train_data_dir D:/lora/img: no such folder" in capsys.readouterr().err


def test_a_preset_says_what_the_file_leaves_open(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(place("kohya_ss.json"))
    goal = ["--goal", "character", "--memory", "8"]
    assert main(["train", path, *goal, "--print-config"]) == EXIT_OK
    out, err = capsys.readouterr()
    values = {key: value for table in tomllib.loads(out).values() for key, value in table.items()}
    # the file's own rank and rates; the family is told from the base
    assert (values["network_dim"], values["unet_lr"], values["train_batch_size"]) == (16, 3e-4, 4)
    assert "from the preset:\n" in err
    found = given.load(path, [], Wanted("style", 24, "sd15"))
    assert found.report is not None
    assert dict(found.report.preset) == {"flip_aug": True}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--goal", "person"], "goal: must be 'character', 'style' or 'object' (got 'person')"),
        (["--family", "sd3", "--goal", "style"], "family: must be 'sd15', 'sd2' or 'sdxl'"),
        (["--family", "sdxl"], "--family goes with --goal or --memory"),
        (["--goal", "style", "--memory", "4"], "memory 4 GB: too little to train on a GPU"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    more: list[str], sentence: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(place("easy.json"))
    capsys.readouterr()
    assert main(["train", path, "--print-config", *more]) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert out == ""
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert sentence in errors[0]


def test_what_cannot_be_trained_is_printed_with_a_word_of_why(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    path, wrong = str(place("easy.json")), ["--set", "network_dim=many"]
    sentence = "network_dim: must be a whole number (got 'many')"
    assert main(["train", path, "--print-config", *wrong]) == EXIT_OK
    out, err = capsys.readouterr()
    assert tomllib.loads(out)["network"]["network_dim"] == "many"
    assert f"it cannot be trained like this: {path}: {sentence}\n" in err
    assert main(["train", path, "--dry-run", *wrong]) == EXIT_USAGE
    assert f"error: {path} with --set: {sentence}\n" in capsys.readouterr().err


def test_fp16_without_a_gpu_says_what_to_do(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(place("train_old.ps1"))
    assert main(["train", path, "--set", "device=cpu"]) == EXIT_FAILED
    err = capsys.readouterr().err
    assert "error: mixed_precision fp16 needs a GPU\n  on a CPU use no or bf16" in err


def test_a_folder_with_only_such_a_file_is_answered_with_its_name(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place("kohya_ss.json")
    # captions and prompts are texts, too, and no settings
    assert main(["train", str(tmp_path)]) == EXIT_USAGE
    err = capsys.readouterr().err
    assert f"{tmp_path / 'train.toml'}: no such file\n" in err
    assert err.count("dataprep train") == 1
    assert f"`dataprep train {path}` trains with what another program's file says" in err


@pytest.mark.slow
def test_a_run_of_such_a_file_goes_on_alone(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place("easy.json")
    assert main(["train", str(path), "--detach", *arguments(STEPS)]) == EXIT_OK
    assert main(["watch", str(tmp_path)]) == EXIT_OK
    assert "LoRA: " in capsys.readouterr().out
    found = runs.find(path)
    assert found is not None
    assert found.state == "finished"
    assert any("read as a JSON file" in line for line in found.log_tail(200))
