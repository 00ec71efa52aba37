"""A prompt in a chat model's own template, whichever of the ways in use that template reads."""

from __future__ import annotations

from typing import Any

from dataprep.errors import DataprepError

PICTURE = {"type": "image"}


class Chat:
    """The template of one model. ``system`` may be empty."""

    def __init__(self, processor: Any, name: str, system: str) -> None:
        self._processor, self._name, self._system = processor, name, system
        tokenizer = processor.tokenizer
        self.bos = str(getattr(tokenizer, "bos_token", None) or "")
        self._image = str(getattr(processor, "image_token", None) or "<image>")
        if not (getattr(processor, "chat_template", None) or tokenizer.chat_template):
            raise DataprepError(
                f"{name}: has no chat template, so there is no telling how it is asked",
                "take the checkpoint whose name ends in -Instruct, -it or -hf, if there is one",
            )

    def render(self, prompt: str) -> str:
        """The whole text that goes in, with the picture's place in it. Raises ``DataprepError``.

        Most templates take the content in parts; JoyCaption's and other older ones take text and
        put the picture there by themselves, or leave that to whoever asks.
        """
        parts = [PICTURE, {"type": "text", "text": prompt}]
        alone = self._try(parts[1:])
        whole = self._try(parts)
        # a template that knows no parts prints them as Python does
        if whole and prompt in whole and "'type'" not in whole and whole != alone:
            return whole
        for text in (self._try(prompt), self._try(f"{self._image}\n{prompt}")):
            if text and prompt in text and self._image in text:
                return text
        raise DataprepError(f"{self._name}: its chat template has no place for a picture")

    def _try(self, content: Any) -> str:
        from jinja2 import TemplateError

        system: Any = self._system
        if system and not isinstance(content, str):
            system = [{"type": "text", "text": system}]
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": content})
        try:
            return str(
                self._processor.apply_chat_template(
                    messages, add_generation_prompt=True, tokenize=False
                )
            )
        except (TemplateError, TypeError, KeyError):
            return ""

    def adds_special(self, text: str) -> bool:
        """Whether the tokenizer still has to begin the text: a second BOS spoils the answer."""
        return not (self.bos and text.lstrip().startswith(self.bos))
