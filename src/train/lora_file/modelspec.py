"""Stability's modelspec 1.0.1 (github.com/Stability-AI/ModelSpec): what a model is, for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from train.config import TrainConfig
from train.models.base import Base

GENERATIVE_MODELS = "https://github.com/Stability-AI/generative-models"
ALL_TIMESTEPS = (0, 1000)


def modelspec(config: TrainConfig, base: Base, started_at: float) -> dict[str, Any]:
    """The ``modelspec.*`` entries; what is not known is left out."""
    width, height = config.resolution
    steps = (config.min_timestep, config.max_timestep)
    spec: dict[str, Any] = {
        "sai_model_spec": "1.0.1",
        "architecture": f"{architecture(base)}/lora",
        "implementation": GENERATIVE_MODELS if base.family == "sdxl" else "diffusers",
        "title": config.metadata_title or config.output_name,
        "author": config.metadata_author,
        "description": config.metadata_description,
        "license": config.metadata_license,
        "tags": ", ".join(config.metadata_tags),
        "usage_hint": config.metadata_usage_hint,
        "trigger_phrase": config.concept.trigger_word,
        "resolution": f"{width}x{height}",
        "date": datetime.fromtimestamp(started_at, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "prediction_type": "v" if base.prediction_type == "v_prediction" else "epsilon",
        "timestep_range": "" if steps == ALL_TIMESTEPS else f"{steps[0]},{steps[1]}",
        "encoder_layer": "" if base.family == "sdxl" else config.clip_skip,
    }
    return {f"modelspec.{key}": value for key, value in spec.items() if value != ""}


def architecture(base: Base) -> str:
    """The base's own architecture, by the names of the specification."""
    if base.family == "sd2":
        return "stable-diffusion-v2-768-v" if base.is_768 else "stable-diffusion-v2-512"
    return {"sd1": "stable-diffusion-v1", "sdxl": "stable-diffusion-xl-v1-base"}[base.family]
