"""Settings of the machine, of the files that are written, and of what is told meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dataprep.settings import Settings
from train.config.kinds import Count, Every, Prompts, Texts


class RunKeys(Settings):
    """Where and how a run is carried out, and what it leaves behind."""

    output_dir: Path
    """Where the LoRA files go."""
    output_name: Annotated[str, Field(min_length=1, pattern=r"^[^/\\]+$")] = "lora"
    """File name of the LoRA, without ending."""
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    """Number format of the forward pass; fp16 needs a GPU."""
    no_half_vae: bool = False
    """Encode pictures in float32 even with mixed_precision fp16."""
    gradient_checkpointing: bool = False
    """Compute parts of the forward pass twice instead of keeping them: less memory, slower."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto takes a GPU when there is one."""
    cache_latents_to_disk: bool = True
    """Keep encoded pictures beside the data for the next run."""
    vae_batch_size: Count = 4
    """Pictures that are encoded at once."""
    save_every_n_epochs: Every = 1
    """Write a LoRA file after every so many epochs; 0: only at the end."""
    save_every_n_steps: Every = 0
    """Write a LoRA file after every so many steps; 0: never."""
    save_last_n_epochs: Count | None = None
    """Of the files written after epochs keep only so many (left out: all)."""
    save_last_n_steps: Count | None = None
    """Of the files written after steps keep only those of the last so many steps."""
    save_precision: Literal["float", "fp16", "bf16"] = "fp16"
    """Number format of the LoRA file."""
    save_state: bool = False
    """Write beside each LoRA file what is needed to go on from there as if nothing had been."""
    save_state_on_train_end: bool = False
    """Write it at the end only."""
    save_last_n_epochs_state: Count | None = None
    """Of those written after epochs keep only so many (left out: as save_last_n_epochs)."""
    save_last_n_steps_state: Count | None = None
    """Of those written after steps keep only the last so many steps'."""
    resume: Path | None = None
    """Go on from a folder that save_state wrote."""
    no_metadata: bool = False
    """Write into the LoRA file only what programs need to load it."""
    training_comment: str = ""
    """Any text, kept in the LoRA file."""
    metadata_title: str = ""
    """Title of the LoRA (left out: output_name)."""
    metadata_author: str = ""
    """Author of the LoRA."""
    metadata_description: str = ""
    """What the LoRA is."""
    metadata_license: str = ""
    """Its licence."""
    metadata_tags: Texts = ()
    """Words it is to be found by."""
    metadata_usage_hint: str = ""
    """How it is used."""
    logging_dir: Path | None = None
    """Where TensorBoard's files go (left out: log beside the settings, where that folder is)."""
    log_with: Literal["tensorboard", "wandb", "all"] = "tensorboard"
    """Who is told loss and learning rates, beside the run's own record."""
    log_prefix: str = ""
    """Begins the name of the log's folder."""
    log_tracker_name: str = ""
    """Project of wandb (left out: output_name)."""
    wandb_run_name: str = ""
    """Name of the run in wandb."""
    sample_every_n_epochs: Count | None = None
    """Draw samples after every so many epochs (left out: only when one wishes)."""
    sample_every_n_steps: Count | None = None
    """Draw samples after every so many steps."""
    sample_at_first: bool = False
    """Draw samples before the first step as well, to compare with."""
    sample_prompts: Prompts = ()
    """What is drawn, a picture each (left out: the trigger word, alone and with the kept tags);
    kohya's options may follow: --n negative --w 512 --h 768 --s 28 --l 7 --d 1."""
    compat: Literal["none", "kohya"] = "none"
    """kohya: choose and weigh as sd-scripts does, defects included, to compare with it."""
