"""Base models of each family, as a folder and as one file: the same weights, all of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils as oracle
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from dataprep.errors import DataprepError
from tests import tiny_single
from tests.tiny_single import Files, Folders, in_file
from train import models
from train.families import FAMILIES, Family
from train.models import Base, Source
from train.models.configs import config_of
from train.models.places import unet_places, vae_places

CPU = torch.device("cpu")
UNET, NOTHING = "model.diffusion_model.", torch.zeros(0)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return tiny_single.folders(tmp_path_factory)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return tiny_single.files(tmp_path_factory)


@pytest.fixture(autouse=True)
def _nothing_else_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "models"))


def parts(base: Base) -> list[nn.Module]:
    return [base.unet, *(text.encoder for text in base.texts)]


def same(one: nn.Module, other: nn.Module) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("end", ["safetensors", "ckpt"])
@pytest.mark.parametrize("family", list(FAMILIES))
def test_one_file_holds_what_the_folder_holds(
    family: Family, end: str, folders: Folders, files: Files
) -> None:
    folder = folders[family]
    whole = models.load(Source(str(folder)), CPU)
    single = models.load(in_file(files[family, end], folder), CPU)
    assert all(same(a, b) for a, b in zip(parts(whole), parts(single), strict=True))
    assert single.family == whole.family == family
    assert single.prediction_type == whole.prediction_type == tiny_single.PREDICTIONS[family]
    assert torch.equal(single.alphas_cumprod, whole.alphas_cumprod)
    assert not any(p.requires_grad or p.is_meta for m in parts(single) for p in m.parameters())
    assert not any(module.training for module in parts(single))
    assert not any(buffer.is_meta for module in parts(single) for buffer in module.buffers())
    for one, other in zip(whole.texts, single.texts, strict=True):
        ask = {"padding": "max_length", "max_length": 77, "return_tensors": "pt"}
        ids = [text.tokenizer("zumi, red circle", **ask).input_ids for text in (one, other)]
        assert torch.equal(*ids)
        answers = [text.encoder(ids[0]).last_hidden_state for text in (one, other)]
        assert torch.equal(*answers)
    assert set(single.hashes) == {"ss_sd_model_hash", "ss_new_sd_model_hash"}
    assert not whole.hashes


@pytest.mark.parametrize("family", list(FAMILIES))
def test_the_names_are_those_that_diffusers_reads(
    family: Family, folders: Folders, files: Files
) -> None:
    states = load_file(files[family, "safetensors"])
    base = models.load(Source(str(folders[family])), CPU)
    vae = models.load_vae(Source(str(folders[family])), CPU)
    readers: list[tuple[nn.Module, dict[str, torch.Tensor]]] = [
        (base.unet, oracle.convert_ldm_unet_checkpoint(states, dict(base.unet.config))),
        (vae, oracle.convert_ldm_vae_checkpoint(states, dict(vae.config))),
    ]
    if family == "sdxl":
        second = base.texts[1].encoder
        prefix = "conditioner.embedders.1.model."
        readers.append((second, oracle.convert_open_clip_checkpoint(second, states, prefix)))
    for module, converted in readers:
        wanted = module.state_dict()
        assert converted.keys() == wanted.keys()
        assert all(torch.equal(converted[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize(
    ("family", "unet", "texts", "names"),
    [
        ("sd1", 859_520_964, [123_060_480], 686),
        ("sd2", 865_910_724, [340_387_840], 686),
        ("sdxl", 2_567_463_684, [123_060_480, 694_659_840], 1680),
    ],
)
def test_the_bundled_shapes_are_those_of_the_real_models(
    family: Family, unet: int, texts: list[int], names: int
) -> None:
    kinds = (CLIPTextModel, CLIPTextModelWithProjection)
    with init_empty_weights():
        large = UNet2DConditionModel.from_config(config_of(family, "unet"))
        vae = AutoencoderKL.from_config(config_of(family, "vae"))
        encoders = [
            kind(CLIPTextConfig(**config_of(family, part)))
            for kind, part in zip(kinds, FAMILIES[family].text_parts, strict=False)
        ]
    assert [large.num_parameters(), vae.num_parameters()] == [unet, 83_653_863]
    assert [encoder.num_parameters() for encoder in encoders] == texts
    assert vae.config.scaling_factor == FAMILIES[family].scaling_factor
    there = {unet_places(large.config)(name)[0].key: it for name, it in large.state_dict().items()}
    back = oracle.convert_ldm_unet_checkpoint(there, dict(large.config))
    assert len(there) == names
    assert {name: it.shape for name, it in back.items()} == {
        name: it.shape for name, it in large.state_dict().items()
    }
    find = vae_places(vae.config, "first_stage_model.")
    there = {find(name)[0].key: it for name, it in vae.state_dict().items()}
    assert oracle.convert_ldm_vae_checkpoint(there, vae.config).keys() == vae.state_dict().keys()


def test_numbers_are_read_in_the_format_that_is_wanted(folders: Folders, tmp_path: Path) -> None:
    path = tiny_single.write(folders["sd1"], tmp_path / "a.safetensors", dtype=torch.float16)
    base = models.load(in_file(path, folders["sd1"]), CPU, torch.bfloat16)
    kinds = {parameter.dtype for module in parts(base) for parameter in module.parameters()}
    assert kinds == {torch.bfloat16}
    assert base.alphas_cumprod.dtype == torch.float32
    wide = models.load_vae(in_file(path, folders["sd1"]), CPU)
    assert {parameter.dtype for parameter in wide.parameters()} == {torch.float32}


def test_weights_of_the_file_are_never_written_to(folders: Folders, tmp_path: Path) -> None:
    for end in ("safetensors", "ckpt"):
        path = tiny_single.write(folders["sd1"], tmp_path / f"a.{end}")
        before = path.read_bytes()
        base = models.load(in_file(path, folders["sd1"]), CPU)
        with torch.no_grad():
            for parameter in base.unet.parameters():
                parameter.zero_()
        assert path.read_bytes() == before


def test_a_folder_of_half_precision_weights_alone_is_read(folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders["sd1"], tmp_path / "base")
    for path in [*folder.rglob("*.safetensors")]:
        states = {name: tensor.half() for name, tensor in load_file(path).items()}
        path.unlink()
        save_file(states, path.with_suffix(".fp16.safetensors"), {"format": "pt"})
    base = models.load(Source(str(folder)), CPU)
    whole = models.load(Source(str(folders["sd1"])), CPU)
    halved = [module.half().float() for module in parts(whole)]
    assert all(same(a, b) for a, b in zip(parts(base), halved, strict=True))
    models.load_vae(Source(str(folder)), CPU)


def _without_text_model(states: tiny_single.States) -> tiny_single.States:
    return {name.replace(".text_model.", "."): tensor for name, tensor in states.items()}


def _flat_projections(states: tiny_single.States) -> tiny_single.States:
    return {
        name: it[..., None, None] if it.dim() == 2 and ".proj_" in name and UNET in name else it
        for name, it in states.items()
    }


def _with_leftovers(states: tiny_single.States) -> tiny_single.States:
    ema = {f"model_ema.{number}": torch.ones(2) for number in range(3)}
    more = ("betas", "alphas_cumprod", "denoiser.sigmas", "first_stage_model.loss.logvar")
    text = "cond_stage_model.logit_scale"
    return states | ema | {name: torch.ones(1) for name in (*more, text)}


def _with_a_turned_projection(states: tiny_single.States) -> tiny_single.States:
    """As transformers has it."""
    key = "conditioner.embedders.1.model.text_projection"
    rest = {name: tensor for name, tensor in states.items() if name != key}
    return rest | {f"{key}.weight": states[key].T}


def _without_the_last_layer(states: tiny_single.States) -> tiny_single.States:
    return {name: tensor for name, tensor in states.items() if "resblocks.2." not in name}


@pytest.mark.parametrize(
    ("family", "change"),
    [
        ("sd1", _without_text_model),
        ("sd1", _with_leftovers),
        ("sd2", _flat_projections),
        ("sd2", _without_the_last_layer),
        ("sdxl", _with_a_turned_projection),
    ],
)
def test_what_programs_write_differently_is_read_the_same(
    family: Family,
    change: Callable[[tiny_single.States], tiny_single.States],
    folders: Folders,
    files: Files,
    tmp_path: Path,
) -> None:
    original = load_file(files[family, "safetensors"])
    changed = change(original)
    assert {n: t.shape for n, t in changed.items()} != {n: t.shape for n, t in original.items()}
    save_file({n: t.contiguous() for n, t in changed.items()}, tmp_path / "a.safetensors")
    whole = models.load(Source(str(folders[family])), CPU)
    single = models.load(in_file(tmp_path / "a.safetensors", folders[family]), CPU)
    assert all(same(a, b) for a, b in zip(parts(whole), parts(single), strict=True))


@pytest.mark.parametrize(
    ("without", "more", "said"),
    [
        (f"{UNET}out.2.", {}, rf"2 weights are missing \({UNET}out.2.weight, {UNET}out.2.bias\)"),
        (
            "cond_stage_model.transformer.text_model.encoder.layers.1.",
            {},
            r"16 weights are missing \(.*layers\.1\..*, …\)",
        ),
        ("\n", {f"{UNET}odd.weight": NOTHING}, rf"1 weights are unknown \({UNET}odd.weight\)"),
        ("\n", {f"{UNET}out.2.bias": torch.ones(9)}, r"1 .* of another shape .*\(9,\), not \(4,\)"),
    ],
)
def test_every_weight_is_needed_and_used(
    without: str, more: dict[str, Any], said: str, folders: Folders, tmp_path: Path
) -> None:
    path = tmp_path / "a.safetensors"
    tiny_single.write(folders["sd1"], path, without=(without,), more=more)
    with pytest.raises(DataprepError, match=said) as error:
        models.load(in_file(path, folders["sd1"]), CPU)
    assert "model_config_dir" in error.value.hint


def test_a_base_of_another_size_needs_its_configs(folders: Folders, files: Files) -> None:
    vocabulary = folders["sd1"] / "tokenizer"
    with pytest.raises(DataprepError, match=r"weights are missing.* weights are of another shape"):
        models.load(Source(str(files["sd1", "safetensors"]), tokenizer=vocabulary), CPU)


def _older(states: tiny_single.States) -> tiny_single.States:
    names = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value."}
    names[".to_out.0."] = ".proj_attn."
    found = {}
    for name, tensor in states.items():
        for here, there in names.items():
            name = name.replace(here, there)
        found[name] = tensor
    return found


def _own_folder(vae: Any, root: Path) -> Path:
    vae.save_pretrained(root)
    return root


def _with_part(vae: Any, root: Path) -> Path:
    vae.save_pretrained(root / "vae")
    return root


def _file(names: Callable[[Any], tiny_single.States], end: str) -> Callable[[Any, Path], Path]:
    def write(vae: Any, root: Path) -> Path:
        states = {name: tensor.contiguous() for name, tensor in names(vae).items()}
        path = root.with_suffix(end)
        save_file(states, path) if end == ".safetensors" else torch.save(states, path)
        return path

    return write


@pytest.mark.parametrize(
    "write",
    [
        _own_folder,
        _with_part,
        _file(tiny_single.vae_states, ".safetensors"),
        _file(tiny_single.vae_states, ".pt"),
        _file(
            lambda vae: tiny_single.below("first_stage_model.", tiny_single.vae_states(vae)),
            ".safetensors",
        ),
        _file(lambda vae: vae.state_dict(), ".safetensors"),
        _file(lambda vae: _older(vae.state_dict()), ".safetensors"),
    ],
    ids=["folder", "part", "original", "pt", "whole model", "diffusers", "older diffusers"],
)
def test_another_vae_is_read_in_every_form(
    write: Callable[[Any, Path], Path], folders: Folders, tmp_path: Path
) -> None:
    other = AutoencoderKL.from_pretrained(folders["sdxl"], subfolder="vae")
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += 0.5
    path = write(other, tmp_path / "other")
    found = models.load_vae(
        Source(str(folders["sd1"]), vae=str(path))
        if path.is_dir()
        else in_file(_single(folders, tmp_path), folders["sd1"], vae=str(path)),
        CPU,
    )
    assert same(found, other)
    assert not any(parameter.requires_grad for parameter in found.parameters())


def _single(folders: Folders, root: Path) -> Path:
    return tiny_single.write(folders["sd1"], root / "base.safetensors")


def test_a_file_without_vae_asks_for_one(folders: Folders, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    tiny_single.write(folders["sd1"], path, without=("first_stage_model.",))
    with pytest.raises(DataprepError, match="there is no VAE in it") as error:
        models.load_vae(in_file(path, folders["sd1"]), CPU)
    assert "vae" in error.value.hint
    with pytest.raises(DataprepError, match=r"nowhere/vae.safetensors: no such"):
        models.load_vae(in_file(path, folders["sd1"], vae="nowhere/vae.safetensors"), CPU)
