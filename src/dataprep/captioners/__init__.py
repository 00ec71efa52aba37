"""Captioners: models of transformers in a folder, and servers that speak OpenAI's protocol."""

from dataprep.captioners.folder import CaptionModel, read_folder
from dataprep.captioners.parts import Answer, Ask, Generation
from dataprep.captioners.prompts import Template

__all__ = ["Answer", "Ask", "CaptionModel", "Generation", "Template", "read_folder"]
