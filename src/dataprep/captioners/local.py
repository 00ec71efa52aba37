"""Runs a captioner of transformers: pictures and prompts in, lines of text out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from dataprep.captioners.chat import Chat
from dataprep.captioners.families import Family
from dataprep.captioners.folder import CaptionModel
from dataprep.captioners.loading import Dtype, load, place
from dataprep.captioners.parts import Answer, Ask, Generation, answered
from dataprep.errors import DataprepError
from dataprep.inference import Device, first_line


class Captioner:
    """A network ready to write, and how it is asked. Use it from one thread at a time."""

    def __init__(
        self,
        model: CaptionModel,
        generation: Generation,
        system: str = "",
        device: Device = "auto",
        dtype: Dtype = "auto",
    ) -> None:
        where = place(device, dtype)
        self.device, self.fallback = where.words, where.fallback
        self.at_once = 1 << 16
        """How many pictures go through the network together at most; less once memory was out."""
        self._network, self._processor = load(model, where)
        self._where, self._generation, self._name = where, generation, model.name
        self._family: Family = model.family
        self._is_encoder_decoder = bool(self._language.config.is_encoder_decoder)
        self._chat = Chat(self._processor, model.name, system) if self._is_chat else None
        self._stopped = threading.Event()
        _settle(self._language.generation_config)
        # a chat goes on where the prompt ends, so that is where all of them must end
        side = "right" if self._is_encoder_decoder else "left"
        self._processor.tokenizer.padding_side = side

    @property
    def _is_chat(self) -> bool:
        return self._family.name == "chat"

    @property
    def _language(self) -> Any:
        """The part of the network that writes and whose generation settings count."""
        if self._family.name == "blip":
            return self._network.text_decoder
        return self._network.language_model if self._family.name == "blip-2" else self._network

    def stop(self) -> None:
        """End what is being written as soon as possible; what comes out of it is of no use."""
        self._stopped.set()

    def write(self, asks: Sequence[Ask]) -> list[Answer]:
        """A text for each; in parts where memory does not take them all.

        Raises ``DataprepError`` where it does not take even one.
        """
        answers: list[Answer] = []
        while len(answers) < len(asks) and not self._stopped.is_set():
            part = asks[len(answers) : len(answers) + self.at_once]
            written = self._unless_out_of_memory(part)
            if written is None:
                self._take_less(len(part))
            else:
                answers += written
        return answers

    def _take_less(self, count: int) -> None:
        import torch

        torch.cuda.empty_cache()
        if count == 1:
            raise DataprepError(
                f"{self._name}: the memory of the graphics card does not take one picture",
                "a smaller --max-pixels, --beams 1, or a smaller model; or --device cpu",
            )
        self.at_once = count // 2

    def _unless_out_of_memory(self, asks: Sequence[Ask]) -> list[Answer] | None:
        import torch

        try:
            with torch.inference_mode():
                return self._write(asks)
        except torch.cuda.OutOfMemoryError:
            # nothing is tried again in here: the error holds on to the memory
            return None

    def _write(self, asks: Sequence[Ask]) -> list[Answer]:
        if self._family.name == "blip" and len(asks) > 1:
            # its positions count the padding, so only prompts of one length go together
            return _in_groups(asks, self._prompt_length, self._run)
        return self._run(asks)

    def _prompt_length(self, ask: Ask) -> int:
        return len(self._processor.tokenizer(ask.prompt)["input_ids"])

    def _run(self, asks: Sequence[Ask]) -> list[Answer]:
        try:
            inputs = self._inputs(asks)
            problem = self._too_long(inputs)
            if not problem:
                rows = self._network.generate(**inputs, **self._options(asks))
                return [self._answer(row, inputs) for row in rows]
        except ValueError as error:
            # so the library refuses a picture, such as one of a far too narrow shape
            problem = first_line(error)
        if len(asks) == 1:
            return [Answer("", problem=problem)]
        return [answer for ask in asks for answer in self._run([ask])]

    def _inputs(self, asks: Sequence[Ask]) -> dict[str, Any]:
        """Tensors on the device."""
        import torch

        images = [ask.image for ask in asks]
        texts = [ask.prompt for ask in asks]
        options: dict[str, Any] = {"padding": True}
        if self._chat is not None:
            texts = [self._chat.render(text) for text in texts]
            options["add_special_tokens"] = self._chat.adds_special(texts[0])
            images = [[image] for image in images]  # type: ignore[misc]
        if any(texts):
            inputs = self._processor(images=images, text=texts, return_tensors="pt", **options)
        else:
            inputs = self._processor(images=images, return_tensors="pt")
        dtype = getattr(torch, self._where.dtype)
        return {
            name: value.to(self._where.device, dtype if value.is_floating_point() else None)
            for name, value in inputs.items()
            if isinstance(value, torch.Tensor)
        }

    def _too_long(self, inputs: dict[str, Any]) -> str:
        """Why a prompt does not fit; empty when it does."""
        ids = inputs.get("input_ids")
        text = self._language.config.get_text_config()
        most = getattr(text, "max_position_embeddings", None)
        if ids is None or most is None:
            return ""
        new = 0 if self._is_encoder_decoder else self._generation.max_new_tokens
        if ids.shape[1] + new <= most:
            return ""
        more = f" and {new} for the caption" if new else ""
        return f"its prompt takes {ids.shape[1]} tokens{more}; the model can do {most}"

    def _options(self, asks: Sequence[Ask]) -> dict[str, Any]:
        from dataprep.captioners.sampling import Nucleus, Stopping

        chosen = self._generation
        options: dict[str, Any] = {
            "do_sample": False,
            "num_beams": chosen.beams,
            "max_new_tokens": chosen.max_new_tokens,
            "stopping_criteria": [Stopping(self._stopped.is_set)],
        }
        if chosen.min_length:
            options["min_new_tokens"] = chosen.min_length
        if chosen.repetition_penalty:
            options["repetition_penalty"] = chosen.repetition_penalty
        if chosen.nucleus:
            options["logits_processor"] = [Nucleus(chosen, [ask.seed for ask in asks])]
        return options

    def _answer(self, row: Any, inputs: dict[str, Any]) -> Answer:
        """One row of tokens as text; ``cut`` when it has no end."""
        ids = row.tolist()
        new = ids[self._prompt_tokens(inputs) :]
        cut = not self._ends & set(new)
        # what BLIP was given to begin with belongs to its caption
        shown = ids if self._family.name == "blip" else new
        # of Florence-2's post_process_generation no more than this is about text
        text = self._processor.tokenizer.decode(shown, skip_special_tokens=True)
        return answered(text, cut)

    def _prompt_tokens(self, inputs: dict[str, Any]) -> int:
        """How many tokens of a row were there before the first new one."""
        ids = inputs.get("input_ids")
        if self._is_encoder_decoder:
            return 1
        if self._family.name == "blip":
            # the tokenizer's end token is taken off; without a prompt a BOS stands alone
            return 1 if ids is None else ids.shape[1] - 1
        if ids is None:
            return int(self._network.config.num_query_tokens) + 1
        return int(ids.shape[1])

    @property
    def _ends(self) -> set[int]:
        if self._family.name == "blip":
            return {int(self._network.config.text_config.sep_token_id)}
        ends = self._language.generation_config.eos_token_id
        if ends is None:
            ends = self._language.config.get_text_config().eos_token_id
        return set(ends) if isinstance(ends, (list, tuple)) else {ends}


def _settle(config: Any) -> None:
    """Take the checkpoint's own sampling back: there is no chance but where it is asked for."""
    for name in ("temperature", "top_p", "top_k", "min_p", "typical_p"):
        setattr(config, name, None)
    config.do_sample = False
    # it would hide that a caption ran into the limit
    config.forced_eos_token_id = None


def _in_groups(
    asks: Sequence[Ask], key: Callable[[Ask], int], run: Callable[[Sequence[Ask]], list[Answer]]
) -> list[Answer]:
    """``run`` of asks that are alike, the answers in the order of all."""
    groups: dict[int, list[int]] = {}
    for place_, ask in enumerate(asks):
        groups.setdefault(key(ask), []).append(place_)
    answers: dict[int, Answer] = {}
    for places in groups.values():
        answers |= zip(places, run([asks[p] for p in places]), strict=True)
    return [answers[place_] for place_ in range(len(asks))]
