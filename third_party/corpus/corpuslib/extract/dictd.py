"""Dictionaries in dictd format: The Devil's Dictionary and FOLDOC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..clean import end_lead_in, join_lines, letter_share, split_paragraphs, without_addresses
from ..document import Document

_SLUR = re.compile(r"\b(?:negro\w*|nigger\w*|afro-american|mongolian|darkey)\b", re.I)
_DEVIL_HEAD = re.compile(r"^(?=[A-Z][A-Z' -]+(?:,|\.)(?: |$))", re.M)


def devil(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each entry of The Devil's Dictionary."""
    for _, data in files:
        text = data.decode("utf-8", "replace")
        start = text.index("\nABASEMENT")
        for number, entry in enumerate(_DEVIL_HEAD.split(text[start + 1 :])):
            paragraphs = [_devil_paragraph(block) for block in re.split(r"\n\s*\n", entry)]
            body = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
            if body and not _SLUR.search(body):
                head = re.match(r"[A-Z' -]+", body)
                name = head[0].strip().lower() if head else "entry"
                yield Document(f"{number:04d}-{name}", body)


def _devil_paragraph(block: str) -> str:
    lines = [line for line in block.split("\n") if line.strip()]
    if not lines:
        return ""
    verse = all(line.startswith("    ") for line in lines)
    last = lines[-1]
    signed = len(lines) > 1 and len(last) - len(last.lstrip()) > 30
    if signed:
        lines.pop()
    if verse and max(map(len, lines)) < 66 and sum(map(len, lines)) / len(lines) < 58:
        text = "\n".join(line.strip() for line in lines)
    else:
        text = join_lines("\n".join(lines))
    if signed:
        text += f"\n\u2014 {last.strip()}"
    text = re.sub(r"\b_([^_\n]+)_\b", r"\1", text)
    return re.sub(r" ?-{2,} ?", " \u2014 ", text)


def foldoc(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each entry of the Free On-line Dictionary of Computing that has prose."""
    for _, data in files:
        text = data.decode("utf-8", "replace")
        text = re.sub(r"\{[^{}]*\((?:https?|ftp|gopher|news|telnet|mailto):[^{}]*\}", "", text)
        entries = re.split(r"^(?=[\w/&.@+#*-])", text, flags=re.M)
        heads: list[str] = []
        for number, entry in enumerate(entries):
            head, _, body = entry.partition("\n")
            if head.strip():
                heads.append(head.strip())
            if not body.strip():
                continue
            head, heads = heads[0], []
            if head.startswith("00-database") or "[{Jargon File}" in body:
                continue
            paragraphs = [
                paragraph
                for block in split_paragraphs(body)
                if (paragraph := _foldoc_paragraph(block))
            ]
            if paragraphs:
                content = "\n\n".join([head, *paragraphs])
                yield Document(f"{number:05d}-{head}", content)


def _foldoc_paragraph(block: str) -> str:
    text = join_lines(block)
    if re.match(r"^(?:\(\d{4}-\d\d-\d\d\)$|\[|See:? |E-mail:|Telephone:|Usenet newsgroup)", text):
        return ""
    text = re.sub(r"\{(?:Home|RFC|\()[^}]*\}", "", text)
    text = re.sub(r"\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"^((?:\d+\.\s*)?)<[^<>]+>\s*", r"\1", text)
    text = re.sub(r"__([^_]+)__", r"\1", without_addresses(text))
    text = re.sub(r"\s*\(\d{4}-\d\d-\d\d\)", "", text)
    if letter_share(text) < 0.72 or len(text.split()) < 3:
        return ""
    if len(re.findall(r"[A-Z]", text)) > 0.3 * len(text):
        return ""
    return end_lead_in(text) if text.endswith(":") else text
