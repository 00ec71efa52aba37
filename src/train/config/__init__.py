"""What a training run is told: one frozen, validated model with kohya's names. No torch here.

A config is a TOML file. Its sections are for the reader's eye and are flattened, as sd-scripts
does; only ``[concept]`` and ``[[subsets]]`` are tables of their own. Relative paths start at the
file's folder.
"""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from dataprep.settings import Settings
from train.config.base_model import BaseModelKeys
from train.config.captions import CaptionKeys
from train.config.dataset import DatasetKeys, Subset
from train.config.diffusion import DiffusionKeys
from train.config.kinds import sides
from train.config.learning import LearningKeys
from train.config.network import NetworkKeys
from train.config.running import RunKeys
from train.families import LATENT_PIXELS

__all__ = ["LATENT_PIXELS", "Concept", "Subset", "TrainConfig"]


class Concept(Settings):
    """What the LoRA is meant to learn: written into the file and used for the proof."""

    trigger_word: str = ""
    """The word that calls the concept."""
    pruned_tags: tuple[str, ...] = ()
    """Tags taken out of the captions, which the trigger word has to learn."""
    kept_tags: tuple[str, ...] = ()
    """Tags left in the captions, which stay separate from the trigger word."""
    tagger: str = ""
    """Which tagger wrote the captions."""


class TrainConfig(
    BaseModelKeys,
    DatasetKeys,
    CaptionKeys,
    NetworkKeys,
    LearningKeys,
    DiffusionKeys,
    RunKeys,
):
    """Everything that decides the outcome of a run."""

    concept: Concept = Concept()
    """What the LoRA is meant to learn."""

    @model_validator(mode="before")
    @classmethod
    def _bucket_defaults(cls, values: Any) -> Any:
        given = sides(values.get("resolution", 512)) if isinstance(values, dict) else None
        if not isinstance(given, list | tuple) or not all(isinstance(s, int) for s in given):
            return values
        shortest = min(given)
        fine = max(LATENT_PIXELS, shortest // 4 // LATENT_PIXELS * LATENT_PIXELS)
        return {
            "min_bucket_reso": max(LATENT_PIXELS, min(256, shortest // 2)),
            "max_bucket_reso": max(1024, *given),
            "bucket_reso_steps": min(64, fine),
            **values,
        }

    @model_validator(mode="after")
    def _agree(self) -> TrainConfig:
        if (self.max_train_epochs is None) == (self.max_train_steps is None):
            raise ValueError("give either max_train_epochs or max_train_steps")
        if self.train_data_dir is None and not self.subsets:
            raise ValueError("train_data_dir is missing: the parent of the N_concept folders")
        if not any(self.rates.values()):
            raise ValueError("unet_lr and text_encoder_lr are both 0: nothing would be trained")
        if not self.unet_lr and self._stops_text_encoder:
            raise ValueError(
                "stop_text_encoder_training with unet_lr = 0: nothing would be learned after it"
            )
        if self.min_timestep >= self.max_timestep:
            raise ValueError(
                f"min_timestep ({self.min_timestep}) must be below max_timestep "
                f"({self.max_timestep})"
            )
        if self.enable_bucket:
            self._check_buckets()
        elif any(side % LATENT_PIXELS for side in self.resolution):
            raise ValueError(f"without buckets, resolution must be a multiple of {LATENT_PIXELS}")
        self._check_network()
        return self

    def _check_buckets(self) -> None:
        if self.min_bucket_reso > min(self.resolution):
            raise ValueError(
                f"min_bucket_reso ({self.min_bucket_reso}) must be at most the resolution "
                f"({min(self.resolution)})"
            )
        if self.max_bucket_reso < max(self.resolution):
            raise ValueError(
                f"max_bucket_reso ({self.max_bucket_reso}) must be at least the resolution "
                f"({max(self.resolution)})"
            )
        if self.bucket_reso_steps > min(self.resolution):
            raise ValueError(
                f"bucket_reso_steps ({self.bucket_reso_steps}) must be at most the resolution "
                f"({min(self.resolution)})"
            )

    def _check_network(self) -> None:
        if self.network_type == "dylora" and self.network_dim % self.unit:
            raise ValueError(f"network_dim ({self.network_dim}) must be a multiple of unit")
        if self.dora_wd and self.network_type not in ("lora", "locon"):
            raise ValueError(f"dora_wd goes with lora and locon, not with {self.network_type}")
        if self.network_args and self.network_type != "lycoris":
            raise ValueError('network_args are for network_type = "lycoris"')
        if self.dim_from_weights and self.network_weights is None:
            raise ValueError("dim_from_weights needs network_weights")
        if len(self.base_weights_multiplier) > len(self.base_weights):
            raise ValueError("base_weights_multiplier has more entries than base_weights")

    @property
    def _stops_text_encoder(self) -> bool:
        """Whether it may stop before the end, as far as that is known here."""
        last, steps = self.stop_text_encoder_training, self.max_train_steps
        return last is not None and (steps is None or last < steps)

    @property
    def rates(self) -> dict[str, float]:
        """The learning rate of each part: ``unet``, ``text_encoder``, ``text_encoder_2``."""
        second = self.text_encoder2_lr
        return {
            "unet": self.unet_lr,
            "text_encoder": self.text_encoder_lr,
            "text_encoder_2": self.text_encoder_lr if second is None else second,
        }

    @property
    def trains_text(self) -> bool:
        """Whether a text encoder learns."""
        return self.text_encoder_lr > 0 or bool(self.text_encoder2_lr)

    @property
    def scale(self) -> float:
        """alpha / dim: a learning rate of x moves the weights as x × this does at alpha = dim."""
        root = self.network_dim**0.5 if self.rs_lora else self.network_dim
        return self.network_alpha / root

    @property
    def is_kohya(self) -> bool:
        """Whether to choose and weigh as sd-scripts does, defects included."""
        return self.compat == "kohya"
