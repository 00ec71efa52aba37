"""What kinds of captioners there are, and what each is good at by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dataprep.captioners.parts import MOST_PIXELS
from dataprep.errors import UsageError

Name = Literal["blip", "blip-2", "florence2", "chat", "endpoint"]

DESCRIBE = (
    "Describe this picture in one paragraph, as a caption for training an image generator: the "
    "subject, how it looks and what it wears, what it does, the surroundings, the light, and the "
    "style of the picture. Say only what can be seen, without an introduction."
)
TASKS = ("<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>")
"""Florence-2's own prompts that give text."""
NO_CAPTIONS = (
    "<OD>",
    "<OCR_WITH_REGION>",
    "<DENSE_REGION_CAPTION>",
    "<REGION_PROPOSAL>",
    "<CAPTION_TO_PHRASE_GROUNDING>",
    "<REFERRING_EXPRESSION_SEGMENTATION>",
    "<REGION_TO_SEGMENTATION>",
    "<OPEN_VOCABULARY_DETECTION>",
)
"""Those that give boxes and outlines."""


@dataclass(frozen=True, slots=True)
class Family:
    """What holds for all captioners of one kind."""

    name: Name
    prompt: str
    """Where none is given."""
    max_new_tokens: int
    beams: int = 1
    repetition_penalty: float = 0.0
    """0: the model's own."""
    max_pixels: int = MOST_PIXELS
    """Of a picture that goes in; what the model makes of it is its own affair."""
    batch_cpu: int = 1
    batch_cuda: int = 8
    architecture: str = ""
    """The class it must be, where a model_type has several."""


FAMILIES: Mapping[Name, Family] = {
    family.name: family
    for family in (
        Family(
            "blip",
            "",
            60,
            beams=3,
            repetition_penalty=1.1,
            batch_cpu=4,
            batch_cuda=32,
            architecture="BlipForConditionalGeneration",
        ),
        Family(
            "blip-2",
            "",
            60,
            beams=3,
            batch_cuda=16,
            architecture="Blip2ForConditionalGeneration",
        ),
        Family(
            "florence2",
            TASKS[-1],
            1024,
            beams=3,
            # it looks at 768×768, so there is no sense in giving it less
            max_pixels=4 * MOST_PIXELS,
            batch_cpu=4,
            batch_cuda=16,
            architecture="Florence2ForConditionalGeneration",
        ),
        Family("chat", DESCRIBE, 300),
        Family("endpoint", DESCRIBE, 300),
    )
}


def family_of(config: Mapping[str, Any]) -> Family:
    """The family that a ``config.json`` speaks of: what is none of ours is a chat model."""
    kind = config.get("model_type")
    return next((f for f in FAMILIES.values() if f.architecture and f.name == kind), CHAT)


CHAT = FAMILIES["chat"]
ENDPOINT = FAMILIES["endpoint"]


def check_prompt(family: Family, prompt: str) -> None:
    """Raise ``UsageError`` for a prompt that the family cannot answer with a caption."""
    if family.name != "florence2":
        return
    for task in NO_CAPTIONS:
        if task in prompt:
            raise UsageError(f"prompt: {task} gives boxes and no caption", _TASK_HINT)
    for task in TASKS:
        if task in prompt and prompt.strip() != task:
            raise UsageError(f"prompt: {task} must stand alone", _TASK_HINT)
    if not prompt.strip():
        raise UsageError("prompt: Florence-2 needs a task", _TASK_HINT)


_TASK_HINT = f"Florence-2 takes {', '.join(TASKS)}, and what a finetune's own page names"
