"""A captioner's network and its processor out of a folder. Imports torch and transformers."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

from dataprep.captioners.folder import CaptionModel
from dataprep.errors import DataprepError, UsageError
from dataprep.inference import Device, first_line

Dtype = Literal["auto", "float32", "float16", "bfloat16"]


def require_libraries() -> None:
    """Raise ``DataprepError`` where what a captioner needs is not installed."""
    missing = [name for name in ("torch", "transformers") if not importlib.util.find_spec(name)]
    if missing:
        raise DataprepError(
            f"captioners need {' and '.join(missing)}, which is not installed",
            'pip install "lora-dataprep[train]", or ask a server with --endpoint',
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a network runs, and in which precision."""

    device: str
    dtype: str
    fallback: str
    """Why it is not on a graphics card; empty when it is, or when the CPU was asked for."""

    @property
    def words(self) -> str:
        """For people: "cuda, bfloat16"."""
        return f"{self.device}, {self.dtype}"


def place(device: Device, dtype: Dtype) -> Place:
    """What "auto" comes to on this machine. Raises ``DataprepError`` where "cuda" cannot be had."""
    import torch

    found = bool(torch.cuda.is_available())
    reason = "" if found else _no_cuda(torch.version.cuda)
    if device == "cuda" and not found:
        raise DataprepError(f"device cuda: {reason}", "see pytorch.org, or take --device cpu")
    on = "cuda" if found and device != "cpu" else "cpu"
    if dtype == "auto":
        # cards before Ampere only imitate it, slowly
        native = on == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        dtype = "float32" if on == "cpu" else "bfloat16" if native else "float16"
    if on == "cpu" and dtype == "float16":
        raise UsageError("dtype float16 is for graphics cards", "on the CPU take float32")
    return Place(on, dtype, f"on the CPU: {reason}" if device == "auto" and reason else "")


def _no_cuda(built_with: str | None) -> str:
    if built_with is None:
        return "this torch was built without CUDA"
    return f"torch (for CUDA {built_with}) finds no graphics card: driver missing or too old?"


def load(model: CaptionModel, where: Place) -> tuple[Any, Any]:
    """The network, ready to write, and its processor. Raises ``DataprepError`` in plain words."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return _network(model, where), _processor(model)


def _network(model: CaptionModel, where: Place) -> Any:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    try:
        network, info = AutoModelForImageTextToText.from_pretrained(
            model.path,
            dtype=getattr(torch, where.dtype),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except (
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        ImportError,
        AttributeError,
        SafetensorError,
    ) as error:
        raise _unloadable(model, error) from None
    missing = sorted([*info["missing_keys"], *info["mismatched_keys"]], key=str)
    if missing:
        raise DataprepError(
            f"{model.path}: its weights lack {len(missing)} parts of a "
            f"{type(network).__name__}, such as {missing[0]}",
            "they would be random: take the checkpoint made for this version of transformers",
        )
    try:
        return network.to(where.device).eval()
    except torch.cuda.OutOfMemoryError:
        raise DataprepError(
            f"{model.name}: the memory of the graphics card does not hold it",
            "take a smaller model, --device cpu, or a server with --endpoint",
        ) from None


def _unloadable(model: CaptionModel, error: Exception) -> DataprepError:
    kind = model.config["model_type"]
    if isinstance(error, ValueError) and (
        "Unrecognized" in str(error) or "model type" in str(error)
    ):
        return _unknown(model, kind)
    return DataprepError(
        f"{model.path}: cannot be loaded ({first_line(error)})",
        "the folder is not whole, or of another version of transformers",
    )


def _unknown(model: CaptionModel, kind: str) -> DataprepError:
    own = "; what it brings of its own program is never run" if "auto_map" in model.config else ""
    return DataprepError(
        f"{model.path}: model_type '{kind}' is nothing that transformers can ask about a "
        f"picture{own}",
        "take BLIP, BLIP-2, Florence-2, or a chat model that sees, such as Qwen-VL or LLaVA; "
        "or a newer transformers",
    )


def _processor(model: CaptionModel) -> Any:
    from transformers import AutoProcessor
    from transformers.utils import is_torchvision_available

    options = {"trust_remote_code": False, "local_files_only": True}
    try:
        kind = None if is_torchvision_available() else _video_class(model.config["model_type"])
        if kind is not None:
            return pictures_only(kind).from_pretrained(model.path, **options)
        return AutoProcessor.from_pretrained(model.path, **options)
    except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as error:
        raise DataprepError(
            f"{model.path}: its processor cannot be loaded ({first_line(error)})",
            "the folder must hold tokenizer and preprocessor files, as published",
        ) from None


def _video_class(model_type: str) -> Any:
    """The processor class of models that see videos too; None: of the others."""
    import inspect

    from transformers.models.auto import processing_auto

    name = processing_auto.PROCESSOR_MAPPING_NAMES.get(model_type)
    kind = processing_auto.processor_class_from_name(name) if name else None
    takes = inspect.signature(kind.__init__).parameters if kind is not None else {}
    return kind if "video_processor" in takes else None


def pictures_only(kind: Any) -> Any:
    """A processor class without its part for videos, which cannot be had without torchvision."""

    class PicturesOnly(kind):  # type: ignore[misc]
        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in super().get_attributes() if name != "video_processor"]

    PicturesOnly.__name__ = kind.__name__
    return PicturesOnly
