"""The trainer: a folder in kohya's N_concept layout becomes a LoRA in kohya's format."""
