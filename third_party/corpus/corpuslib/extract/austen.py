"""The novels of Jane Austen in an R package: compressed, serialised character vectors."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator

from ..clean import join_lines, split_paragraphs
from ..document import Document

_STRSXP = 16
_TITLES = {
    "SENSE AND SENSIBILITY",
    "PRIDE AND PREJUDICE",
    "MANSFIELD PARK",
    "EMMA",
    "NORTHANGER ABBEY",
    "PERSUASION",
}
_CHAPTER = re.compile(r"^(?:chapter|volume|letter) +(?:[ivxlc]+|\d+)\.?$", re.I)


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each chapter; whole works: novels."""
    for _, data in files:
        for lines in character_vectors(data):
            title = next((line.strip().upper() for line in lines if line.strip()), "")
            if title in _TITLES:
                yield from _chapters(title.title().replace(" And ", " and "), lines)


def character_vectors(database: bytes) -> Iterator[list[str]]:
    """The character vectors of an R lazy-load database (.rdb), in file order.

    A record is its length (4 bytes, big-endian) and a zlib stream with R's XDR serialisation; records of
    other types are passed over.
    """
    position = 0
    while position + 4 < len(database):
        stream = zlib.decompressobj()
        try:
            value = stream.decompress(database[position + 4 :])
        except zlib.error as error:
            raise ValueError(f"not an R database record at byte {position}: {error}") from None
        position = len(database) - len(stream.unused_data)
        strings = _strings(value)
        if strings is not None:
            yield strings


def _strings(value: bytes) -> list[str] | None:
    if value[:2] != b"X\n":
        return None
    version = struct.unpack(">i", value[2:6])[0]
    position = 14
    if version >= 3:
        position += 4 + struct.unpack(">i", value[14:18])[0]
    flags, length = struct.unpack(">ii", value[position : position + 8])
    if flags & 0xFF != _STRSXP:
        return None
    position += 8
    strings = []
    for _ in range(length):
        size = struct.unpack(">i", value[position + 4 : position + 8])[0]
        position += 8
        strings.append(value[position : position + max(size, 0)].decode("utf-8", "replace"))
        position += max(size, 0)
    return strings


def _chapters(novel: str, lines: list[str]) -> Iterator[Document]:
    chapters: list[list[str]] = []
    for line in lines:
        if re.match(r"^\s*(?:THE END|FINIS)\.?\s*$", line, re.I):
            break
        if _CHAPTER.match(line.strip()):
            chapters.append([])
        elif chapters:
            chapters[-1].append(line)
    number = 0
    for chapter in chapters:
        paragraphs = [_plain(block) for block in split_paragraphs("\n".join(chapter))]
        if paragraphs:
            number += 1
            yield Document(f"{novel}/{number}", "\n\n".join(paragraphs), group=novel)


def _plain(block: str) -> str:
    text = join_lines(block)
    text = re.sub(r"_([^_]+)_", r"\1", text)
    return re.sub(r"-{2,}", "\u2014", text)
