"""A Bible text in the SWORD zText format: zlib blocks of OSIS mark-up."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator

from ..document import Document

_NOTE = re.compile(r"<note\b.*?</note>", re.S)
_TITLE = re.compile(r"<title\b.*?</title>", re.S)
_CHAPTER = re.compile(r'<chapter [^>]*osisID="([^"]+)"[^>]*/>')
_PARAGRAPH = re.compile(r"<(?:div|lg|list|p)\b[^>]*/?>|</(?:div|lg|list|p)>")
_LINE = re.compile(r"</?(?:l|item|speaker)\b[^>]*/?>")
_TAG = re.compile(r"<[^>]+>")


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each chapter; whole works: books."""
    contents = {path.rsplit("/", 1)[-1]: data for path, data in files}
    for testament in ("ot", "nt"):
        for block in _blocks(contents[f"{testament}.bzs"], contents[f"{testament}.bzz"]):
            yield from _chapters(block)


def _blocks(index: bytes, data: bytes) -> Iterator[str]:
    for offset, size, _ in struct.iter_unpack("<III", index):
        yield zlib.decompress(data[offset : offset + size]).decode("utf-8", "replace")


def _chapters(block: str) -> Iterator[Document]:
    pieces = _CHAPTER.split(_TITLE.sub("", _NOTE.sub(" ", block)))
    for name, markup in zip(pieces[1::2], pieces[2::2], strict=True):
        text = plain(markup)
        if text:
            yield Document(name, text, group=name.rpartition(".")[0])


def plain(markup: str) -> str:
    """Paragraphs of an OSIS fragment without notes, verse numbers and word tags."""
    text = _PARAGRAPH.sub("\n\n", _LINE.sub("\n", markup.replace("\n", " ")))
    text = _TAG.sub("", text)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, character)
    lines = [re.sub(r" +([,.;:?!])", r"\1", " ".join(line.split())) for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
