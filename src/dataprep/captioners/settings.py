"""The settings of ``dataprep caption``."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from dataprep.captioners.families import Family
from dataprep.captioners.loading import Dtype
from dataprep.captioners.parts import Generation
from dataprep.cluster import Engine
from dataprep.inference import Device
from dataprep.writing import Writing

LOCAL_ONLY = (
    "beams",
    "min_length",
    "repetition_penalty",
    "batch_size",
    "device",
    "dtype",
    "offline",
    "engine",
)
SERVER_ONLY = ("key_from", "requests", "tries", "timeout")
NUCLEUS_ONLY = ("top_p", "temperature")


class Settings(Writing, Engine):
    """Which captioner, what it is asked, and how it chooses its words."""

    model: str
    """Name of a captioner, a repository on the Hugging Face Hub, or a folder; with an endpoint,
    the name that the server gives it."""
    endpoint: str = Field(default="", json_schema_extra={"metavar": "URL"})
    """Ask a server that speaks OpenAI's protocol (vLLM, Ollama, llama.cpp, OpenAI), by its base
    URL, such as http://localhost:8000/v1."""
    key_from: str = Field(default="", json_schema_extra={"metavar": "VARIABLE"})
    """Name of the environment variable that holds the server's key; never the key itself."""
    prompt: str = Field(default="", json_schema_extra={"metavar": "TEXT"})
    """What the captioner is asked, without it what is good for its kind; {tags}, {trigger} and
    {name} stand for the picture's tags, the trigger word and the file's name."""
    prompt_file: str = Field(default="", json_schema_extra={"metavar": "FILE"})
    """The same out of a text file."""
    system: str = Field(default="", json_schema_extra={"metavar": "TEXT"})
    """What a chat model is told before, such as "You are a helpful image captioner."."""
    max_new_tokens: int = Field(default=0, ge=0, le=8192)
    """Longest caption in tokens; 0: 60 with BLIP, 1024 with Florence-2, 300 with chat models."""
    min_length: int = Field(default=0, ge=0, le=8192)
    """Shortest caption in tokens; 0: as short as the model likes."""
    beams: int = Field(default=0, ge=0, le=32)
    """How many captions are followed at once to find the likeliest; 0: 3 with BLIP and Florence-2,
    1 with chat models."""
    nucleus: bool = False
    """Draw words by chance among the likely ones, instead of always the likeliest."""
    top_p: float = Field(default=0.9, gt=0, le=1)
    """With nucleus: the likely words are those that share so much of the probability."""
    temperature: float = Field(default=0.7, gt=0, le=5)
    """With nucleus: higher is bolder."""
    seed: int = Field(default=0, ge=0)
    """With nucleus: another seed draws other words."""
    repetition_penalty: float = Field(default=0.0, ge=0, le=5)
    """Above 1: words that were said become less likely; 0: the model's own (BLIP: 1.1)."""
    max_pixels: int = Field(default=0, ge=0, le=1 << 26)
    """A picture with more pixels is shown smaller, since costs grow with them; 0: 1048576 (1024
    by 1024), and 4194304 with Florence-2."""
    redo: bool = False
    """Ask again also where the answer is remembered."""
    batch_size: int = Field(default=0, ge=0, le=512)
    """Pictures per batch; 0 chooses."""
    device: Device = "auto"
    """Where the model runs; "auto" takes CUDA where it can."""
    dtype: Dtype = "auto"
    """Precision; "auto": bfloat16 on a GPU that has it, else float16; float32 on the CPU."""
    offline: bool = False
    """Never fetch a model that is not on this machine."""
    requests: int = Field(default=4, ge=1, le=256)
    """With an endpoint: how many pictures it is asked about at once."""
    tries: int = Field(default=5, ge=1, le=20)
    """With an endpoint: how often a request is tried, with longer and longer pauses."""
    timeout: float = Field(default=120.0, gt=0, le=3600)
    """With an endpoint: seconds until an answer that does not come is given up."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.prompt and self.prompt_file:
            raise ValueError("prompt and prompt_file exclude each other")
        if self.endpoint and (given := self._given(LOCAL_ONLY)):
            raise ValueError(f"{given} is for models that run here, not for an endpoint")
        if not self.endpoint and (given := self._given(SERVER_ONLY)):
            raise ValueError(f"{given} goes with an endpoint; give --endpoint URL")
        if not self.nucleus and (given := self._given(NUCLEUS_ONLY)):
            raise ValueError(f"{given} goes with nucleus; give --nucleus")
        if self.nucleus and self.beams > 1:
            raise ValueError("nucleus draws one caption; it does not go with beams")
        if self.max_new_tokens and self.min_length > self.max_new_tokens:
            raise ValueError("min_length is more than max_new_tokens")
        return self

    def _given(self, names: tuple[str, ...]) -> str:
        """The first of these that is not as it is by itself."""
        fields = type(self).model_fields
        return next((name for name in names if getattr(self, name) != fields[name].default), "")

    def generation(self, family: Family) -> Generation:
        """How a captioner of this family chooses its words."""
        return Generation(
            max_new_tokens=max(self.max_new_tokens or family.max_new_tokens, self.min_length),
            beams=1 if self.nucleus else self.beams or family.beams,
            nucleus=self.nucleus,
            top_p=self.top_p,
            temperature=self.temperature,
            seed=self.seed,
            min_length=self.min_length,
            repetition_penalty=self.repetition_penalty or family.repetition_penalty,
        )
