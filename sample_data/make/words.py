"""The demo base's tokenizer: CLIP's byte pairs, learned until each word of the world is one token.

A word the world does not have, such as a new character's name, falls into short pieces.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

from .world import VOCABULARY

START, END = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"
LENGTH = 77

Pair = tuple[str, str]


def prompt_of(tag: str) -> str:
    """A tag as it is written in a caption."""
    return tag.replace("_", " ")


def world_words() -> list[str]:
    """Every word of every tag as CLIP splits captions: runs of letters, single digits."""
    text = " ".join(prompt_of(tag.name) for tag in VOCABULARY)
    return sorted(set(re.findall(r"[a-z]+", text.lower())))


def byte_symbols() -> list[str]:
    """The 256 printable stand-ins for bytes, in the order of CLIP's vocabulary."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    printable += range(ord("®"), ord("ÿ") + 1)
    rest = len(set(range(256)) - set(printable))
    return [chr(code) for code in printable] + [chr(256 + extra) for extra in range(rest)]


def learned_merges(words: list[str]) -> list[Pair]:
    """Byte pair encoding: the most frequent pair first, until nothing is left to join.

    Replaying the merges in this order splits each word exactly as learning it did: into itself.
    """
    splits = [[*word[:-1], word[-1] + END_OF_WORD] for word in words]
    merges: list[Pair] = []
    while pairs := Counter(pair for split in splits for pair in pairwise(split)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        splits = [_joined(split, best) for split in splits]
    return merges


def _joined(split: list[str], pair: Pair) -> list[str]:
    joined: list[str] = []
    for piece in split:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def vocabulary(merges: list[Pair]) -> dict[str, int]:
    """Bytes, bytes that end a word, merges, and the two marks last, as CLIP has them."""
    symbols = byte_symbols()
    ending = [symbol + END_OF_WORD for symbol in symbols]
    names = [*symbols, *ending, *("".join(pair) for pair in merges), START, END]
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def write_tokenizer(folder: Path) -> None:
    """The files that CLIPTokenizer reads."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = learned_merges(world_words())
    marks = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH, **marks}
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    _write(folder / "merges.txt", "\n".join(lines) + "\n")
    _write(folder / "vocab.json", json.dumps(vocabulary(merges), ensure_ascii=False))
    _write(folder / "tokenizer_config.json", json.dumps(config, indent=2) + "\n")
    _write(folder / "special_tokens_map.json", json.dumps(marks, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
