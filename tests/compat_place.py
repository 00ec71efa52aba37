"""The files in ``compat_files`` made true: a base and pictures lie where each says they do.

Only paths, sizes in pixels and lengths are others than in the file; every other word stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tiny_base

SAMPLES = Path(__file__).parent / "compat_files"
SMALL: Mapping[str, str] = {
    "max_bucket_reso = 1024": "max_bucket_reso = 96",
    "min_bucket_reso = 256": "min_bucket_reso = 32",
    "max_bucket_reso = 2048": "max_bucket_reso = 96",
    "max_bucket_reso=2048": "max_bucket_reso=96",
    "min_bucket_reso=512": "min_bucket_reso=32",
    "max_bucket_reso=1024": "max_bucket_reso=96",
    "min_bucket_reso=256": "min_bucket_reso=32",
}
"""Sides of buckets, pixels; the pictures have 64 and 96."""
DATASET: Mapping[str, str] = {"resolution = 768": "resolution = 64", "[512, 768]": "[64, 96]"}
PLACES: Mapping[str, Mapping[str, str]] = {
    "easy.json": {
        "D:/models/anime_full.safetensors": "BASE",
        "D:/lora": "HERE/lora",
        "512,768": "64,96",
    },
    "easy_saved.json": {
        "models/anime.safetensors": "BASE",
        '"train_resolution": 512': '"train_resolution": 64',
        '"min_bucket_resolution": 320': '"min_bucket_resolution": 32',
        '"max_bucket_resolution": 960': '"max_bucket_resolution": 96',
    },
    "kohya_ss.json": {
        "stabilityai/stable-diffusion-xl-base-1.0": "BASE",
        # a path of Windows seen from the file, as this system can follow it
        "C:\\\\lora": ".\\\\lora",
        "1024,1024": "64,64",
        '"min_bucket_reso": 256': '"min_bucket_reso": 32',
        '"max_bucket_reso": 2048': '"max_bucket_reso": 96',
        '"bucket_reso_steps": 64': '"bucket_reso_steps": 16',
        "--w 832 --h 1216 --s 28": "--w 64 --h 64 --s 2",
    },
    "lora_scripts.toml": {
        "./sd-models/anime.ckpt": "BASE",
        "512,512": "64,64",
        **SMALL,
    },
    "train.sh": {"./sd-models/model.ckpt": "BASE", "512,768": "64,96", **SMALL},
    "train.ps1": {
        "./sd-models/model.ckpt": "BASE",
        "./train/zumi": ".\\train\\zumi",
        "1024,1024": "64,64",
        **SMALL,
    },
    "train_old.ps1": {"./sd-models/model.ckpt": "BASE", "768,768": "64,64", **SMALL},
    "command_bash.txt": {
        "/models/anime full.safetensors": "BASE",
        "/lora/out put": "HERE/lora/out put",
    },
    "command_powershell.txt": {
        "D:\\stable diffusion\\models\\illustrious.safetensors": "BASE",
        "D:\\My Loras": ".\\My Loras",
        "D:\\reg": ".\\reg",
        "1024,1024": "64,64",
        **SMALL,
    },
    "sd_scripts.toml": {'"base"': '"BASE"', "--h 768": "--h 64", "--w 512": "--w 64"},
}
"""What is replaced in each file; BASE and HERE are the folders given to ``place``."""
PICTURES: Mapping[str, tuple[str, ...]] = {
    "easy.json": ("lora/img/2_zumi", "lora/reg/1_girl"),
    "easy_saved.json": ("lora/img/2_zumi",),
    "kohya_ss.json": ("lora/img/2_zumi",),
    "lora_scripts.toml": ("train/zumi/2_zumi",),
    "train.sh": ("train/aki/2_aki",),
    "train.ps1": ("train/zumi/2_zumi",),
    "train_old.ps1": ("train/zumi/2_zumi",),
    "command_bash.txt": ("img/zumi", "img/reg", "img/faces"),
    "command_powershell.txt": ("My Loras/zumi/img/2_zumi", "reg/1_girl"),
    "sd_scripts.toml": ("img/zumi", "img/reg", "img/faces"),
}
"""The folders of pictures that each file speaks of."""
ENCODINGS: Mapping[str, str] = {"train_old.ps1": "gb18030", "train.ps1": "utf-8-sig"}


def place(name: str, folder: Path, base: Path) -> Path:
    """The file ``name`` in ``folder``, with everything it names."""
    for pictures in PICTURES[name]:
        tiny_base.paint(folder / pictures, count=4)
    _copy("prompts.txt", folder, {"--w 512 --h 768 --s 28": "--w 64 --h 64 --s 2"}, {})
    _copy("dataset.toml", folder, DATASET, {})
    return _copy(name, folder, PLACES[name], {"BASE": base.as_posix(), "HERE": folder.as_posix()})


def _copy(name: str, folder: Path, words: Mapping[str, str], places: Mapping[str, str]) -> Path:
    encoding = ENCODINGS.get(name, "utf-8")
    text = (SAMPLES / name).read_bytes().decode(encoding)
    for old, new in words.items():
        text = text.replace(old, new)
    for old, new in places.items():
        text = text.replace(old, new)
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path
