"""What stands beside a base's weights: its schedule, its tokenizers, its hashes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import rescale_zero_terminal_snr

from dataprep.errors import DataprepError
from tests import tiny_single
from tests.tiny_single import Files, Folders, in_file
from train import models
from train.models import Source
from train.models.betas import alphas_cumprod, zero_terminal

CPU = torch.device("cpu")


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


def test_the_schedule_ends_in_pure_noise_as_the_paper_has_it() -> None:
    alphas = alphas_cumprod({}, False)
    assert alphas[[0, -1]].tolist() == pytest.approx([0.99915, 0.0046598], rel=1e-4)
    betas = 1 - torch.cat([alphas[:1], alphas[1:] / alphas[:-1]])
    theirs = torch.cumprod(1 - rescale_zero_terminal_snr(betas.double()), 0)
    ours = zero_terminal(alphas)
    torch.testing.assert_close(ours, theirs.float(), rtol=1e-5, atol=1e-7)
    assert ours[-1] == 0
    assert ours[0] == pytest.approx(alphas[0].item(), rel=1e-7)
    assert torch.equal(ours, alphas_cumprod({"beta_schedule": "scaled_linear"}, True))


def _in_own_folder(root: Path) -> Path:
    return root / "models" / "clip-tokenizer"


def _in_the_cache(root: Path) -> Path:
    snapshots = root / "hub" / "models--stabilityai--stable-diffusion-2-1"
    (snapshots / "refs").mkdir(parents=True)
    (snapshots / "refs" / "main").write_text("abc")
    return snapshots / "snapshots" / "abc" / "tokenizer"


@pytest.mark.parametrize("place", [_in_own_folder, _in_the_cache])
def test_a_tokenizer_is_found_where_it_lies(
    place: Callable[[Path], Path],
    folders: Folders,
    files: Files,
    tmp_path: Path,
) -> None:
    from train.models.tokenizers import read_tokenizers

    source = Source(str(files["sdxl", "safetensors"]))
    with pytest.raises(DataprepError, match="CLIP's is not on this machine") as error:
        read_tokenizers(source, "sdxl")
    said = error.value.hint
    assert all(word in said for word in ("vocab.json", "merges.txt", "clip-tokenizer", "setting"))
    shutil.copytree(folders["sd2"] / "tokenizer", place(tmp_path))
    first, second = read_tokenizers(source, "sdxl")
    # the folder's own padding does not count: each encoder has its own
    assert (first.pad_token, second.pad_token, second.pad_token_id) == ("<|endoftext|>", "!", 0)


def test_a_tokenizer_that_does_not_fit_is_refused(
    folders: Folders, files: Files, tmp_path: Path
) -> None:
    path = files["sd1", "safetensors"]
    with pytest.raises(DataprepError, match=r"tokenizer: .* holds no vocab.json and merges.txt"):
        models.load(in_file(path, folders["sd1"], tokenizer=tmp_path), CPU)
    larger = shutil.copytree(folders["sd1"] / "tokenizer", tmp_path / "larger")
    (larger / "tokenizer.json").unlink(missing_ok=True)
    words = json.loads((larger / "vocab.json").read_text())
    (larger / "vocab.json").write_text(json.dumps(words | {"more</w>": len(words)}))
    with pytest.raises(DataprepError, match=f"knows {len(words)} tokens, the tokenizer"):
        models.load(in_file(path, folders["sd1"], tokenizer=larger), CPU)


def test_hashes_are_those_of_the_other_programs(tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    part = hashlib.sha256(content[0x100000 : 0x100000 + 0x10000]).hexdigest()
    assert models.file_hashes(path) == {
        "ss_sd_model_hash": part[:8],
        "ss_new_sd_model_hash": hashlib.sha256(content).hexdigest(),
    }
    path.write_bytes(content + b"more")
    after = models.file_hashes(path)
    assert after["ss_sd_model_hash"] == part[:8]
    assert after["ss_new_sd_model_hash"] == hashlib.sha256(content + b"more").hexdigest()
