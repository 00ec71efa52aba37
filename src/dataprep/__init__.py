"""Prepare a folder of pictures for LoRA training: every verb is a function over a dataset."""

__version__ = "0.1.0"
