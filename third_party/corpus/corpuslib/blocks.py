"""Blocks of a structured page (headings, paragraphs, list items, cuts) put together as plain text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Iterator

from .clean import end_lead_in, letter_share

MIN_LETTER_SHARE = 0.6


@dataclasses.dataclass
class Block:
    """A piece of a page. `kind` is "title", "text", "item", or "cut" for something removed here
    (code, a table); `level` orders titles, 1 is the outermost."""

    kind: str
    text: str = ""
    level: int = 1


CUT = Block("cut")


def without_sections(blocks: Iterable[Block], dropped: Collection[str]) -> Iterator[Block]:
    """The blocks without the sections whose titles, in lower case, are in `dropped`.

    The title NAME of manual pages goes too, and titles in capitals become sentence case.
    """
    dropped_level = 0
    for block in blocks:
        if block.kind == "title":
            if dropped_level and block.level <= dropped_level:
                dropped_level = 0
            if not dropped_level and block.text.lower() in dropped:
                dropped_level = block.level
            if block.text == "NAME":
                continue
        if not dropped_level:
            yield _sentence_case(block)


def _sentence_case(block: Block) -> Block:
    if block.kind == "title" and block.text.isupper():
        return dataclasses.replace(block, text=block.text.capitalize())
    return block


def assemble(blocks: Iterable[Block]) -> str:
    """The page as text: paragraphs apart by a blank line, list items one a line.

    A title with nothing under it goes, so does the lead-in of a block that was cut, and blocks
    with few letters are cut.
    """
    kept: list[Block] = []
    after_cut = False
    for block in _without_noise(blocks):
        if block.kind == "cut":
            if kept and kept[-1].kind != "title" and not after_cut:
                _end_lead_in(kept)
        else:
            text = block.text.strip()
            if after_cut and block.kind == "text":
                text = _without_broken_start(text)
            while kept and block.kind == "title" and _is_empty_section(kept[-1], block):
                kept.pop()
            if text:
                kept.append(dataclasses.replace(block, text=text))
        after_cut = block.kind == "cut"
    while kept and kept[-1].kind == "title":
        kept.pop()
    if kept and kept[-1].text.endswith(":"):
        _end_lead_in(kept)
    pieces: list[str] = []
    for number, block in enumerate(kept):
        if number:
            pieces.append("\n" if block.kind == kept[number - 1].kind == "item" else "\n\n")
        pieces.append(block.text)
    return "".join(pieces)


def _without_noise(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if block.kind in ("title", "cut") or letter_share(block.text) >= MIN_LETTER_SHARE:
            yield block
        elif block.text.strip():
            yield CUT


def _end_lead_in(kept: list[Block]) -> None:
    last = kept.pop()
    if text := end_lead_in(last.text, whole_sentences=last.kind == "text"):
        kept.append(dataclasses.replace(last, text=text))


def _without_broken_start(text: str) -> str:
    """The text from its first full sentence on: the rest of a sentence that a cut broke off goes."""
    if not re.match(
        r"(?:and|or|but|so|then|again|which|where|while|when|if|as|to|in|on|at|for|from|with|will|would|"
        r"is|are|was|has|instead|you|you'll|we|it|they|this|that|these|the|a|an|after|before|because|"
        r"since|rather|not|by)\b",
        text,
    ):
        return text
    match = re.search(r"[.!?:] (?=[A-Z])", text)
    return text[match.end() :] if match else ""


def _is_empty_section(last: Block, title: Block) -> bool:
    return last.kind == "title" and title.level <= last.level


def merge_item(marker: str, blocks: Iterable[Block]) -> list[Block]:
    """The blocks of a list item as one item behind its marker; cuts end their lead-in."""
    body = " ".join(assemble(blocks).split())
    if not body:
        return []
    return [Block("item", f"{marker} {body}" if marker else body)]
