"""How many CLIP tokens a caption has, with the tokenizer of the base or any that lies here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dataprep.errors import UsageError
from dataprep.weights import find_base, hub_snapshot, model_folders

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.models import Model

REPOSITORY = "openai/clip-vit-large-patch14"
OWN = "clip-tokenizer"
"""The name of our own folder for it, among the models."""
VOCABULARY, MERGES, WHOLE = "vocab.json", "merges.txt", "tokenizer.json"
UNKNOWN = "<|endoftext|>"
PIECES = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)
"""What CLIP cuts a text into before it looks for tokens (Radford et al. 2021, simple_tokenizer)."""
CHUNK = 75
BUDGETS = (75, 150, 225)
"""Tokens that trainers read of a caption: one to three times CLIP's 77 without begin and end."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts the tokens of captions."""

    tokenizer: Tokenizer
    source: Path | None
    """The folder it was read from; None: there is none, and pieces of text are counted."""

    def count(self, caption: str) -> int:
        """Tokens without the two at the ends; without a vocabulary at least so many."""
        return self.count_all([caption])[0]

    def count_all(self, captions: Sequence[str]) -> list[int]:
        """The same of several captions; the library spreads them over the cores."""
        encoded = self.tokenizer.encode_batch_fast(list(captions), add_special_tokens=False)
        return [len(one) for one in encoded]

    def says(self, count: int) -> str:
        """A count in words."""
        return f"{'' if self.source else 'at least '}{count} tokens"


def counter(bases: Iterable[str] = ()) -> Counter:
    """A counter with the first CLIP tokenizer that is found, else one of a lower bound.

    Looked at: the folder of each base model, our own folder, the Hugging Face cache.
    """
    for folder in _folders(bases):
        if (tokenizer := _read(folder)) is not None:
            return Counter(tokenizer, folder)
    return pieces_only()


def how_to_place() -> str:
    """What to do so that tokens are counted exactly."""
    return (
        f"put {VOCABULARY} and {MERGES} from https://huggingface.co/{REPOSITORY} "
        f"into {model_folders(OWN)[0]}"
    )


def budget_for(tokens: int) -> int | None:
    """The smallest budget that holds so many tokens; None: not even the largest does."""
    return next((budget for budget in BUDGETS if tokens <= budget), None)


def _folders(bases: Iterable[str]) -> list[Path]:
    found = []
    for base in bases:
        try:
            found.append(Path(find_base(base)) / "tokenizer")
        except UsageError:
            # a base that is gone is for the trainer to say
            continue
    hub = hub_snapshot(REPOSITORY)
    return [*found, *model_folders(OWN), *([hub] if hub is not None else [])]


def _read(folder: Path) -> Tokenizer | None:
    """The tokenizer of a folder; None when it holds none, or one that is damaged."""
    from tokenizers.models import BPE

    try:
        vocabulary, merges = _lists(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # the library's own complaint about this could not be caught by its kind
    if not all({*pair, "".join(pair)} <= vocabulary.keys() for pair in merges):
        return None
    model = BPE(
        vocabulary,
        merges,
        unk_token=UNKNOWN,
        continuing_subword_prefix="",
        end_of_word_suffix="</w>",
    )
    return _clip(model)


def _lists(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges, from the two files of the slow format or the one of the fast."""
    if (folder / VOCABULARY).is_file():
        vocabulary = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        lines = (folder / MERGES).read_text(encoding="utf-8").split("\n")
        merges = [line for line in lines if line and not line.startswith("#version")]
    else:
        model = json.loads((folder / WHOLE).read_text(encoding="utf-8"))["model"]
        vocabulary, merges = model["vocab"], model["merges"]
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    return dict(vocabulary), [(first, second) for first, second in pairs]


def pieces_only() -> Counter:
    """A counter of the pieces of a text, each of which is at least one token."""
    from tokenizers.models import WordLevel

    return Counter(_clip(WordLevel({UNKNOWN: 0}, unk_token=UNKNOWN)), None)


def _clip(model: Model) -> Tokenizer:
    """A tokenizer with CLIP's way of cutting a text: lower case, words, digits one by one."""
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer
