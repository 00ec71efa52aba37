"""Ten steps of each network on each family: losses to four digits; files that load elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_base
import tiny_single
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline
from lycoris.kohya import LycorisNetworkKohya, create_network_from_weights
from PIL import Image
from test_train_run import losses

from dataprep.jobs import Progress, finish
from train import lora_file, names
from train.draw import Column, DrawRequest, draw
from train.families import Family
from train.recipe import train

STARTED = 1_700_000_000.0
PROMPT, STEPS, GUIDANCE = "zumi, red circle", 4, 3
FAMILIES: dict[Family, str] = {"sd1": "epsilon", "sd2": "v_prediction", "sdxl": "epsilon"}
NETWORKS: dict[str, dict[str, Any]] = {
    "lora": {},
    "locon": {"network_type": "locon", "conv_dim": 2, "conv_alpha": 1},
    "loha": {"network_type": "loha", "conv_dim": 2},
    "dylora": {"network_type": "dylora", "unit": 2},
    "dora": {"dora_wd": True},
}
GOLDEN = {
    (family, network): [float(loss) for loss in losses]
    for family, network, *losses in map(
        str.split,
        """\
sd1 lora 1.0558 1.1582 1.1124 1.0776 1.0800 1.0991 0.9865 1.0082 1.0199 1.0086
sd1 locon 1.0558 1.1523 1.0935 1.0684 1.0340 1.0525 0.9429 0.9581 0.9665 0.9334
sd1 loha 1.0558 1.1315 1.0709 1.0599 0.9990 1.0153 0.8945 0.9001 0.9158 0.8470
sd1 dylora 1.0558 1.1647 1.1225 1.0810 1.0938 1.1076 0.9937 1.0253 1.0307 1.0286
sd1 dora 1.0558 1.1430 1.0936 1.0729 1.0654 1.0847 0.9785 0.9819 1.0053 0.9783
sd2 lora 0.8698 0.7319 0.8244 1.0167 0.4149 0.2492 0.4291 0.6079 0.1340 0.1149
sd2 locon 0.8698 0.7258 0.7927 1.0132 0.3788 0.2185 0.4082 0.5591 0.1046 0.0872
sd2 loha 0.8698 0.7075 0.7685 1.0005 0.3754 0.2168 0.3864 0.5385 0.1034 0.0859
sd2 dylora 0.8698 0.7409 0.8383 1.0263 0.4265 0.2553 0.4383 0.6256 0.1410 0.1265
sd2 dora 0.8698 0.7132 0.7974 1.0098 0.4040 0.2392 0.4212 0.5882 0.1235 0.1050
sdxl lora 1.0338 1.1715 1.1044 1.1466 1.1559 1.0560 1.1118 1.0225 1.1089 1.0673
sdxl locon 1.0338 1.1688 1.0987 1.1365 1.1361 1.0347 1.0682 0.9762 1.0495 1.0064
sdxl loha 1.0338 1.1569 1.0908 1.1402 1.1199 1.0383 1.0284 0.9696 1.0370 0.9547
sdxl dylora 1.0338 1.1722 1.1052 1.1478 1.1566 1.0552 1.1099 1.0241 1.1092 1.0675
sdxl dora 1.0338 1.1714 1.1027 1.1526 1.1542 1.0579 1.1043 1.0175 1.1116 1.0651
""".splitlines(),
    )
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], Path]:
    return lambda family: tiny_base.shared(tmp_path_factory, family, FAMILIES[family])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "3_thing")
    return tmp_path


def run(base: Path, root: Path, **values: Any) -> tuple[list[float], Path]:
    """The losses of ten steps, and the file."""
    progress: list[Progress] = []
    rates = {"unet_lr": 1e-2, "text_encoder_lr": 1e-3, "save_precision": "float"}
    length = {"max_train_epochs": None, "max_train_steps": 10}
    config = tiny_base.config(base, root, **rates, **length, **values)
    report = finish(train(config, started_at=STARTED), progress.append)
    return losses(progress), Path(report["lora"])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("network", NETWORKS)
def test_ten_steps(
    bases: Callable[[Family], Path], root: Path, family: Family, network: str
) -> None:
    seen, path = run(bases(family), root, **NETWORKS[network])
    assert seen == pytest.approx(GOLDEN[family, network], abs=5e-5)
    _, about = lora_file.load(path)
    assert about["ss_base_model_version"] == {"sd1": "sd_v1", "sd2": "sd_v2_v"}.get(
        family, "sdxl_base_v1-0"
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_base_in_one_file_gives_the_same(
    bases: Callable[[Family], Path], root: Path, tmp_path: Path, family: Family
) -> None:
    folder = bases(family)
    path = tiny_single.write(folder, tmp_path / "base.safetensors", family)
    seen, _ = run(
        path,
        root,
        tokenizer=folder / "tokenizer",
        model_config_dir=folder,
        v_parameterization=FAMILIES[family] == "v_prediction",
    )
    assert seen == pytest.approx(GOLDEN[family, "lora"], abs=5e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("network", ["lora", "locon"])
def test_diffusers_draws_with_it_what_we_draw(
    bases: Callable[[Family], Path], root: Path, family: Family, network: str
) -> None:
    _, path = run(bases(family), root, **NETWORKS[network])
    alone, ours = drawn(bases(family), path, root / "out")
    assert np.abs(alone - ours).max() > 8
    pipeline = pipeline_of(bases(family), family)
    pipeline.load_lora_weights(str(path))
    assert np.abs(drawn_by(pipeline) - ours).max() <= 2


@pytest.mark.parametrize("family", FAMILIES)
def test_lycoris_draws_with_a_loha_what_we_draw(
    bases: Callable[[Family], Path], root: Path, family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # of these it takes modules twice, in networks that it makes only to throw them away
    monkeypatch.setattr(LycorisNetworkKohya, "UNET_TARGET_REPLACE_NAME", [])
    _, path = run(bases(family), root, **NETWORKS["loha"])
    alone, ours = drawn(bases(family), path, root / "out")
    assert np.abs(alone - ours).max() > 8
    pipeline = pipeline_of(bases(family), family)
    encoders = [pipeline.text_encoder]
    if family == "sdxl":
        encoders.append(pipeline.text_encoder_2)
    # on its own sd-scripts it meets kohya's names; here it goes by the paths of these modules
    weights, _ = lora_file.load(path)
    named = lycoris_names(weights, pipeline.unet, family)
    network, _ = create_network_from_weights(
        1.0, None, None, encoders if family == "sdxl" else encoders[0], pipeline.unet, named
    )
    modules = network.unet_loras + network.text_encoder_loras
    assert len(modules) == len({key.partition(".")[0] for key in weights})
    for module in modules:
        module.apply_to()
    assert np.abs(drawn_by(pipeline) - ours).max() <= 2


def lycoris_names(
    weights: dict[str, torch.Tensor], unet: Any, family: Family
) -> dict[str, torch.Tensor]:
    ours = names.unet_targets(unet, family, convs=True)
    paths = {id(module): path.replace(".", "_") for path, module in unet.named_modules()}
    renamed = {name: f"lora_unet_{paths[id(it.module)]}" for name, it in ours.items()}
    found = {}
    for key, value in weights.items():
        name, _, suffix = key.partition(".")
        if name.startswith(("lora_te_", "lora_te1_")):
            # transformers 5 lays this encoder out flat
            name = name.replace("_text_model_", "_")
        found[f"{renamed.get(name, name)}.{suffix}"] = value
    return found


def drawn(base: Path, lora: Path, out: Path) -> list[np.ndarray[Any, Any]]:
    """By our own sampler, without the file and with it."""
    columns = (Column(name="base"), Column(name="on", path=lora))
    sizes = {"width": 64, "height": 64, "steps": STEPS, "guidance": GUIDANCE}
    request = DrawRequest(
        model=str(base), loras=columns, prompts=(PROMPT,), negative="blue", out_dir=out, **sizes
    )
    return [_pixels(Path(image["path"])) for image in finish(draw(request))["images"]]


def pipeline_of(base: Path, family: Family) -> Any:
    kind = StableDiffusionXLPipeline if family == "sdxl" else StableDiffusionPipeline
    pipeline = kind.from_pretrained(base)
    # our steps end at the last timestep and have no offset
    pipeline.scheduler = DDIMScheduler.from_config(
        pipeline.scheduler.config,
        timestep_spacing="trailing",
        steps_offset=0,
        set_alpha_to_one=True,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def drawn_by(pipeline: Any) -> np.ndarray[Any, Any]:
    noise = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(0))
    image = pipeline(
        PROMPT,
        negative_prompt="blue",
        latents=noise,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        height=64,
        width=64,
        output_type="np",
    ).images[0]
    return np.rint(image * 255)


def _pixels(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(image, dtype=np.float64)
