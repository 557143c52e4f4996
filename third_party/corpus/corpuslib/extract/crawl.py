"""Dungeon Crawl Stone Soup description files: entries that lines with %%%% separate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..clean import page_name, join_lines, split_paragraphs, without_addresses
from ..document import Document

_UNTITLED = {"FAQ", "hints", "tutorial"}


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each described thing, its name first; questions stay with their answers."""
    for path, data in files:
        topic = page_name(path)
        question = ""
        for number, entry in enumerate(
            re.split(r"^%%%%.*$", data.decode("utf-8", "replace"), flags=re.M)
        ):
            entry = re.sub(r"^#.*$", "", entry, flags=re.M)
            key, _, body = entry.strip().partition("\n")
            text = _body(body)
            if not text:
                continue
            if key.startswith("Q:"):
                question = text
                continue
            name = re.sub(r"\s+(?:spell|ability|card|skill|mutation)$", "", key.strip())
            if topic in _UNTITLED:
                title, question = question, ""
                text = re.sub(r"^A:\s*", "", text)
            elif re.search(r"[{}<>_@$\[]|^:", name):
                continue
            else:
                title = name[:1].upper() + name[1:]
            yield Document(f"{topic}/{number:04d}-{name}", f"{title}\n\n{text}" if title else text)


def _body(body: str) -> str:
    if re.search(r"[{}@$]|^[:<w]:?\d*\s*$", body):
        return ""
    paragraphs = [_plain(block) for block in split_paragraphs(body)]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _plain(block: str) -> str:
    if re.match(r"^<[^<>]*>$|^w:\d+$", block):
        return ""
    text = re.sub(r"</?[a-z]+>", "", without_addresses(join_lines(block)))
    return "" if "<" in text or "]]" in text else text
