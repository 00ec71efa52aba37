"""Files as people have them: what each says comes out, and what is none is called what it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dataprep.errors import EXIT_USAGE, UsageError
from train import given, presets
from train.compat import command_line, dataset, encoding, json_files, words
from train.compat.foreign import Source
from train.compat.reasons import REFUSED
from train.compat.report import MappingReport
from train.config.dataset import Subset
from train.given import Given

SAMPLES = Path(__file__).parent / "compat_files"
NAMES = json.loads((Path(__file__).parent / "compat_names.json").read_text(encoding="utf-8"))


def load(name: str, *overrides: str) -> Given:
    return given.load(SAMPLES / name, overrides)


def report_of(found: Given) -> MappingReport:
    assert found.report is not None
    return found.report


def keys_of(entries: Any) -> set[str]:
    return {entry[0] for entry in entries}


def written(folder: Path, text: str | bytes, name: str = "some.txt") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        given.load(path)
    assert caught.value.exit_code == EXIT_USAGE
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_file_of_lora_easy_with_comments() -> None:
    found = load("easy.json")
    config, report = found.config, report_of(found)
    assert report.source == json_files.EASY
    assert config.max_train_epochs == 8
    assert (config.unet_lr, config.text_encoder_lr) == (1e-4, 5e-5)
    assert (config.network_dim, config.network_alpha) == (32, 16)
    assert config.resolution == (512, 768)
    assert config.training_comment == "trigger: zumi // see {notes},]"
    assert (config.optimizer_type, config.lr_warmup_steps) == ("AdamW8bit", 0.05)
    assert (config.max_token_length, config.clip_skip, config.prior_loss_weight) == (150, 2, 0.8)
    assert report.refused == report.unknown == ()


def test_every_key_of_lora_easy_stands_in_the_report() -> None:
    report = report_of(load("easy.json"))
    told = keys_of(report.mapped) | keys_of(report.ignored) | keys_of(report.refused)
    assert set(NAMES["lora_easy"]) - told == set()


def test_a_file_that_lora_easy_saved() -> None:
    config = load("easy_saved.json").config
    assert (config.network_dim, config.network_alpha, config.max_train_epochs) == (16, 8, 5)
    # its warm-up is a share; empty rates are those of the whole
    assert config.lr_warmup_steps == 0.1
    assert config.unet_lr == config.text_encoder_lr == 1e-4
    assert (config.optimizer_type, config.weight_decay) == ("Lion", 0.0)
    assert (config.optimizer_args, config.network_type) == (("betas=0.9,0.99",), "lora")
    # keys that it leaves out are those of its ArgsList.py, and the report says so
    assert (config.seed, config.caption_extension, config.clip_skip) == (7, ".txt", 2)
    said = {entry.ours: entry.is_said for entry in report_of(load("easy_saved.json")).mapped}
    assert (said["seed"], said["caption_extension"]) == (True, False)
    assert (config.min_bucket_reso, config.max_bucket_reso) == (320, 960)


def test_a_file_of_kohya_ss() -> None:
    found = load("kohya_ss.json")
    config, report = found.config, report_of(found)
    assert report.source == json_files.KOHYA_SS
    assert (config.network_type, config.conv_dim, config.conv_alpha) == ("locon", 8, 4)
    assert config.dora_wd
    assert config.module_dropout == 0.1
    # percent of the steps; the empty number of cycles is the epochs'; rate 0 of the text encoder
    assert config.lr_warmup_steps == 0.1
    assert (config.max_train_epochs, config.lr_scheduler_num_cycles) == (12, 12)
    assert (config.unet_lr, config.text_encoder_lr) == (3e-4, 0)
    # of both kinds of noise the one that is chosen; what was typed into the last field
    assert (config.noise_offset, config.multires_noise_iterations) == (0.0357, 0)
    assert (config.max_grad_norm, config.zero_terminal_snr) == (0.5, True)
    assert (config.weight_decay, config.optimizer_args) == (0.1, ("betas=0.9,0.99",))
    assert config.sample_prompts == (
        "zumi, solo --n lowres --w 832 --h 1216 --s 28 --l 7 --d 1",
        "zumi, beach",
    )
    assert keys_of(report.refused) == {"sample_prompts --ss", "full_bf16"}
    assert keys_of(report.unknown) == {"a_key_of_long_ago"}


def test_every_key_of_kohya_ss_stands_in_the_report() -> None:
    report = report_of(load("kohya_ss.json"))
    lists = (report.mapped, report.ignored, report.refused, report.unknown)
    told = {name.split()[-1] for entries in lists for name in keys_of(entries)}
    whole = json.loads((SAMPLES / "kohya_ss.json").read_text())
    assert set(whole) - told == set()


def kohya_ss(folder: Path, **changes: Any) -> Path:
    values = json.loads((SAMPLES / "kohya_ss.json").read_text())
    return written(folder, json.dumps({**values, **changes}), "changed.json")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Standard", {"network_type": "lora", "conv_dim": None, "dora_wd": False}),
        ("Kohya LoCon", {"network_type": "locon", "conv_dim": 8}),
        ("Kohya DyLoRA", {"network_type": "dylora", "unit": 1}),
        ("LyCORIS/LoHa", {"network_type": "loha", "conv_dim": 8, "dora_wd": False}),
        ("LyCORIS/DyLoRA", {"network_type": "dylora"}),
        ("LyCORIS/LoKr", {"network_type": "lycoris"}),
    ],
)
def test_the_kinds_of_networks_of_kohya_ss(
    kind: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    config = given.load(kohya_ss(tmp_path, LoRA_type=kind)).config
    assert {key: getattr(config, key) for key in expected} == expected
    if kind == "LyCORIS/LoKr":
        assert "algo=lokr" in config.network_args
        assert "factor=-1" in config.network_args


def test_steps_of_kohya_ss_win_over_its_epochs(tmp_path: Path) -> None:
    config = given.load(kohya_ss(tmp_path, max_train_steps="900")).config
    assert (config.max_train_epochs, config.max_train_steps) == (None, 900)
    config = given.load(kohya_ss(tmp_path, max_train_steps=900, max_train_epochs=3)).config
    assert (config.max_train_epochs, config.max_train_steps) == (3, None)


def test_other_kinds_of_base_models_are_refused(tmp_path: Path) -> None:
    assert "flux1_checkbox is for another kind" in refusal(kohya_ss(tmp_path, flux1_checkbox=True))
    assert "LoRA_type Flux1" in refusal(kohya_ss(tmp_path, LoRA_type="Flux1"))
    flux = (SAMPLES / "train.ps1").read_bytes().replace(b'"sdxl"', b'"flux"', 1)
    assert "model_type flux cannot" in refusal(written(tmp_path, flux, "flux.ps1"))
    line = "accelerate launch flux_train_network.py --network_dim=4"
    assert "flux_train_network.py is not what trains" in refusal(written(tmp_path, line))


def test_a_toml_file_of_lora_scripts() -> None:
    found = load("lora_scripts.toml")
    assert report_of(found).source == "a TOML file of lora-scripts"
    assert found.config.lr_scheduler_num_cycles == 2
    assert (found.config.seed, found.config.caption_extension) == (1337, ".txt")
    # without prompts sd-scripts draws nothing
    assert found.config.sample_every_n_epochs is None


@pytest.mark.parametrize("name", ["train.sh", "train.ps1", "train_old.ps1"])
def test_every_variable_of_a_script_stands_in_the_report(name: str) -> None:
    report = report_of(load(name))
    lists = (report.mapped, report.ignored, report.refused)
    told = {part for entries in lists for key in keys_of(entries) for part in key.split()}
    list_name = name.replace(".", "_") if "old" not in name else "train_ps1_old"
    assert set(NAMES[list_name]) - {"model_type"} - told == set()
    assert report.unknown == ()


def test_a_shell_script() -> None:
    config = load("train.sh").config
    assert (config.network_type, config.conv_dim, config.conv_alpha) == ("loha", 4, 2)
    # what the script's own command says, not what others fix
    assert (config.mixed_precision, config.seed) == ("bf16", 2023)
    assert (config.output_name, config.log_prefix) == ("zumi", "zumi")
    assert (config.min_snr_gamma, config.shuffle_caption) == (5, True)
    assert config.lr_warmup_steps == 20


def test_a_powershell_script_with_a_mark_and_its_line_ends() -> None:
    found = load("train.ps1")
    config, report = found.config, report_of(found)
    assert report.encoding == "UTF-8 with a mark"
    assert config.resolution == (1024, 1024)
    assert (config.unet_lr, config.text_encoder_lr) == (1e-4, 0)
    assert (config.noise_offset, config.max_bucket_reso) == (0.0357, 2048)


def test_an_old_script_in_gbk_without_its_command() -> None:
    found = load("train_old.ps1")
    config, report = found.config, report_of(found)
    assert report.encoding == "GBK"
    assert "GBK" in report.lines()[0]
    assert (config.optimizer_type, config.clip_skip) == ("Lion", 2)
    # what all of these scripts fix
    assert (config.max_token_length, config.seed, config.mixed_precision) == (225, 1337, "fp16")
    assert config.shuffle_caption
    assert config.enable_bucket


def test_a_script_for_stable_diffusion_2_passes_no_clip_skip(tmp_path: Path) -> None:
    text = (SAMPLES / "train.sh").read_text().replace('model_type="sd1.5"', "is_v2_model=1")
    found = given.load(written(tmp_path, text, "train.sh"))
    assert (found.config.v2, found.config.clip_skip) == (True, 1)


def test_a_command_of_a_shell_with_a_dataset_configuration() -> None:
    found = load("command_bash.txt")
    config, report = found.config, report_of(found)
    assert config.pretrained_model_name_or_path == "/models/anime full.safetensors"
    assert config.output_dir == Path("/lora/out put")
    assert (config.network_type, config.conv_dim, config.rank_dropout) == ("locon", 8, 0.1)
    assert (config.max_train_epochs, config.max_train_steps) == (5, None)
    assert config.adaptive_noise_scale == -0.01
    assert (config.weight_decay, config.optimizer_args) == (0.05, ("betas=0.9,0.99",))
    assert [tuple(entry) for entry in report.unknown] == [("networkdim", "network_dim")]
    assert keys_of(report.refused) == {"fp8_base", "face_crop_aug_range"}
    assert len(config.subsets) == 3


def test_a_command_of_powershell_with_paths_of_windows() -> None:
    config = load("command_powershell.txt").config
    assert config.pretrained_model_name_or_path == (
        "D:\\stable diffusion\\models\\illustrious.safetensors"
    )
    assert str(config.train_data_dir) == "D:\\My Loras\\zumi\\img"
    # a backslash before the closing quote is part of the path
    assert str(config.output_dir) == "D:\\My Loras\\zumi\\out\\"
    assert (config.network_type, config.network_args) == ("lycoris", ("algo=lokr", "factor=8"))
    assert (config.unet_lr, config.text_encoder_lr, config.optimizer_type) == (1, 0, "Prodigy")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("a --b=c", ["a", "--b=c"]),
        ("--b 'c d' \"e f\"", ["--b", "c d", "e f"]),
        ('--b="c d"', ["--b=c d"]),
        (r"--b=D:\x\y --c", [r"--b=D:\x\y", "--c"]),
        (r'--b="D:\x y\" --c', ["--b=D:\\x y\\", "--c"]),
        (r"--b=/x\ y", ["--b=/x y"]),
        (r'--b="say \"hi\" now"', ['--b=say "hi" now']),
        ('--b ""', ["--b", ""]),
    ],
)
def test_words_of_a_command(command: str, expected: list[str]) -> None:
    assert words.split(command) == expected


@pytest.mark.parametrize("end", [" \\", " `", " ^", "\\", "", " \\  "])
def test_lines_of_a_command_go_on(end: str, tmp_path: Path) -> None:
    # a backslash right behind a path of Windows belongs to it
    data = "D:\\img" if end != "\\" else "img"
    lines = ["accelerate launch train_network.py", f"  --train_data_dir={data}", "  --seed 1"]
    path = written(tmp_path, f"{end}\r\n".join(lines))
    foreign = command_line.read(encoding.read(path))
    assert foreign.options == {"train_data_dir": data, "seed": "1"}


def test_an_option_may_be_shortened_repeated_and_dashed_by_a_web_page(tmp_path: Path) -> None:
    text = "python sdxl_train_network.py —network_dim 4 --pretrained_model x --network_dim=8 --v2"
    foreign = command_line.read(Source(tmp_path / "x", text))
    assert foreign.options == {
        "network_dim": "8",
        "pretrained_model_name_or_path": "x",
        "v2": True,
    }


def test_variables_of_a_persons_own_are_put_in(tmp_path: Path) -> None:
    text = 'MODEL="/m/a b.ckpt"\nDIR=/d\naccelerate launch train_network.py --seed=1 \\\n'
    text += ' --pretrained_model_name_or_path="$MODEL" --output_dir=${DIR}/out --vae=$NONE\n'
    values, report = given.read(written(tmp_path, text, "go.sh"))
    assert values["pretrained_model_name_or_path"] == "/m/a b.ckpt"
    assert values["output_dir"] == "/d/out"
    assert "vae" not in values
    assert report is not None
    assert report.unknown == ()


def test_a_toml_file_of_sd_scripts_with_its_dataset() -> None:
    found = load("sd_scripts.toml")
    config, report = found.config, report_of(found)
    assert (config.v2, config.v_parameterization) == (True, True)
    assert (config.network_type, config.unit) == ("dylora", 4)
    assert config.concept.trigger_word == "zumi"
    assert config.sample_prompts == (
        "zumi, solo, portrait --n lowres, bad anatomy --w 512 --h 768 --s 28 --l 7.5 --d 1",
        "zumi, beach --d 2",
    )
    assert config.sample_every_n_steps == 400
    # [general] is for all; a dataset's keys are its subsets'; the first one's size is the run's
    assert (config.resolution, config.train_batch_size) == ((768, 768), 2)
    assert (config.keep_tokens, config.caption_extension) == (1, ".txt")
    faces = Subset(
        image_dir=Path.cwd() / "img/faces", num_repeats=2, resolution=(512, 768), flip_aug=True
    )
    assert config.subsets[2] == faces
    assert config.subsets[0].class_tokens == "zumi girl"
    assert (config.subsets[1].is_reg, config.subsets[1].keep_tokens) == (True, 0)
    assert keys_of(report.refused) == {"face_crop_aug_range", "validation_split"}


def test_a_dataset_configuration_alone_is_too_little() -> None:
    assert "it names no base model" in refusal(SAMPLES / "dataset.toml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[datasets]]\n[[datasets.subsets]]\nnum_repeats = 2", "no subset has an image_dir"),
        ("datasets = 3", "datasets must be tables"),
        ("general = 3", "general must be a table"),
        ('[[datasets]]\nresolution = "x"', "[datasets] resolution: must be a width and a height"),
    ],
)
def test_a_dataset_configuration_that_is_wrong(text: str, reason: str, tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "sd_scripts.toml", tmp_path)
    if "image_dir" not in text:
        text += '\n[[datasets]]\n[[datasets.subsets]]\nimage_dir = "a"' * ("[[" in text)
        text = text if "num_repeats" not in text else text.rpartition("\n[[datasets]]")[0]
    written(tmp_path, text, "dataset.toml")
    assert reason in refusal(tmp_path / "sd_scripts.toml")


def test_a_dataset_configuration_that_is_not_there_is_reported(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "sd_scripts.toml", tmp_path)
    _, report = given.read(tmp_path / "sd_scripts.toml")
    assert report is not None
    assert {"dataset_config", "sample_prompts"} <= keys_of(report.refused)


def test_a_command_reads_its_config_file_and_wins_over_it(tmp_path: Path) -> None:
    written(tmp_path, 'network_dim = 8\nnetwork_alpha = 4\noutput_dir = "o"', "a.toml")
    line = "accelerate launch train_network.py --config_file a --network_dim 16"
    values, _ = given.read(written(tmp_path, line))
    assert (values["network_dim"], values["network_alpha"]) == (16, 4.0)


def test_prompts_in_json_and_toml(tmp_path: Path) -> None:
    entries = [{"prompt": "a", "negative_prompt": "b", "width": 64, "seed": None, "sampler": "x"}]
    written(tmp_path, json.dumps(entries), "p.json")
    written(tmp_path, '[prompt]\nscale = 5\n[[prompt.subset]]\nprompt = "c"', "p.toml")
    base = "accelerate launch train_network.py --network_dim 4 --sample_prompts"
    assert given.read(written(tmp_path, f"{base} p.json"))[0]["sample_prompts"] == [
        "a --n b --w 64"
    ]
    assert given.read(written(tmp_path, f"{base} p.toml"))[0]["sample_prompts"] == ["c --l 5"]


def test_relative_paths_start_at_the_file_if_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, here = tmp_path / "files", tmp_path / "here"
    (files / "img").mkdir(parents=True)
    (files / "base").mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    line = "accelerate launch train_network.py --train_data_dir=.\\img --output_dir=./out"
    line += " --pretrained_model_name_or_path=base --vae some/repository"
    values, _ = given.read(written(files, line))
    assert values["train_data_dir"] == str(files / "img")
    assert values["pretrained_model_name_or_path"] == str(files / "base")
    assert values["vae"] == "some/repository"
    # what a run makes lies where the pictures do; of a line whose files lie elsewhere it is there
    assert values["output_dir"] == str(files / "out")
    (here / "imgs").mkdir()
    line = "accelerate launch train_network.py --train_data_dir=imgs --output_dir=./out"
    values, _ = given.read(written(files, line))
    assert values["train_data_dir"] == str(here / "imgs")
    assert values["output_dir"] == str(here / "out")


OURS = 'pretrained_model_name_or_path = "b"\noutput_dir = "o"\ntrain_data_dir = "i"\n'
OURS += "max_train_epochs = 2\n"


def test_which_toml_is_ours(tmp_path: Path) -> None:
    found = given.load(written(tmp_path, OURS, "mine.toml"))
    assert found.report is None
    # our defaults, not those of sd-scripts
    assert (found.config.caption_extension, found.config.network_dim) == (".txt", 16)
    assert found.config.train_data_dir == tmp_path / "i"
    theirs = given.load(written(tmp_path, OURS + "xformers = true", "theirs.toml"))
    assert (theirs.config.caption_extension, theirs.config.network_dim) == (".caption", 4)
    concept = given.load(written(tmp_path, f"{OURS}[concept]\ntrigger_word = 'a'", "c.toml"))
    assert concept.report is None
    assert given.load(written(tmp_path, OURS, "train.toml")) == given.load(tmp_path)
    assert "unknown setting 'xformers'" in refusal(
        written(tmp_path, OURS + "xformers = true", "train.toml")
    )


def test_a_toml_of_neither_is_answered_with_line_and_nearest(tmp_path: Path) -> None:
    path = written(tmp_path, OURS + "network_dmi = 4\n", "typo.toml")
    assert refusal(path) == f"{path}, line 5: unknown setting 'network_dmi'"
    with pytest.raises(UsageError) as caught:
        given.load(path)
    assert caught.value.hint == "did you mean 'network_dim'?"


def test_set_wins_over_any_file() -> None:
    config = load("easy.json", "max_train_steps=5", "concept.trigger_word=zumi").config
    assert (config.max_train_epochs, config.max_train_steps) == (None, 5)
    assert config.concept.trigger_word == "zumi"
    with pytest.raises(UsageError, match="unknown setting 'xformers'"):
        load("easy.json", "xformers=true")


def test_utf_16_of_powershell(tmp_path: Path) -> None:
    text = (SAMPLES / "command_powershell.txt").read_text()
    path = written(tmp_path, text.encode("utf-16"))
    found = given.load(path)
    assert report_of(found).encoding == "UTF-16"
    assert found.config == load("command_powershell.txt").config


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b" \n\t", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n....", "a PNG picture, no configuration"),
        (b"\xff\xd8\xff\xe0....", "a JPEG picture, no configuration"),
        (bytes(range(256)), "not a text file"),
        (b"1girl, solo, long hair, looking at viewer", "no known format"),
        (b"<!DOCTYPE html><html></html>", "a web page or XML"),
        (b"[1, 2]", "a JSON list"),
        (b'{"a": 1}', "a JSON file without any key of a training"),
        (b'{"network_dim": 4', "no JSON (Expecting ',' delimiter: line 1"),
        (b'{"training_method": "LORA", "model_type": "SDXL"}', "a configuration of OneTrainer"),
        (
            b"[[subsets]]\n[general_args.args]\nseed = 1",
            "a TOML file of LoRA_Easy_Training_Scripts",
        ),
        (b"job: extension\nconfig:\n  name: x", "a configuration of ai-toolkit"),
        (b"model:\n  name: x", "a YAML file"),
        (b'{"--model_type": "lora"}', "a configuration of SimpleTuner"),
        (b'{"last_node_id": 3, "nodes": []}', "a workflow of ComfyUI"),
        (b"python train_db.py --max_train_steps=4", "train_db.py is not what trains a LoRA"),
        (b'train_network.py --output_name="a', 'a quote " is not closed'),
    ],
)
def test_what_nobody_means_as_a_configuration(content: bytes, reason: str, tmp_path: Path) -> None:
    assert reason in refusal(written(tmp_path, content))


def test_single_backslashes_in_json_are_explained(tmp_path: Path) -> None:
    path = written(tmp_path, '{"train_data_dir": "C:\\images", "epoch": 3}', "a.json")
    with pytest.raises(UsageError) as caught:
        given.load(path)
    assert caught.value.hint == "write \\ in a path as \\\\ or /"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    line = "accelerate launch train_network.py --pretrained_model_name_or_path=a --output_dir=b"
    assert "train_data_dir is missing" in refusal(written(tmp_path, line))
    assert "no such file" in refusal(tmp_path / "none.json")
    large = tmp_path / "base.safetensors"
    with large.open("wb") as file:
        file.truncate(encoding.LARGEST + 1)
    assert "too large to be a configuration" in refusal(large)


def test_the_page_names_all_that_is_not_done() -> None:
    page = (Path(__file__).parent.parent / "docs" / "configs.md").read_text(encoding="utf-8")
    assert [option for option in (*REFUSED, *dataset.REASONS) if f"`{option}`" not in page] == []
    assert [name for name in presets.GOALS + presets.FAMILIES if f"`{name}`" not in page] == []
