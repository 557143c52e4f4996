"""A document, and the operations on lists of documents: de-duplicate, split, hold out."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterable

from .clean import normalise, split_paragraphs

MIN_CHARS = 60
MAX_CHARS = 20_000
REPEATED_LINE_CHARS = 160


@dataclasses.dataclass(frozen=True)
class Document:
    """One text of a source.

    `id` is unique within the source and stable between runs. `group` names the whole
    work that the text is a part of (a novel, a book, a man page): validation holds out
    whole groups. Empty `group`: the document is its own group. `license` overrides the
    licence of the source.
    """

    id: str
    text: str
    group: str = ""
    license: str = ""

    @property
    def unit(self) -> str:
        return self.group or self.id


def content_hash(text: str) -> str:
    """Hex sha256 of the words of the text in lower case, without punctuation and white space."""
    return hashlib.sha256("".join(re.findall(r"\w+", text.lower())).encode()).hexdigest()


def tidy(documents: Iterable[Document]) -> list[Document]:
    """Normalised, de-duplicated documents of MIN_CHARS to about MAX_CHARS characters, in order.

    A document that says the same as an earlier one is dropped, and so is a long line that
    an earlier document already has (boilerplate, text included in several pages).
    Raises ValueError if two different documents share an id.
    """
    seen_texts: set[str] = set()
    seen_lines: set[bytes] = set()
    result: list[Document] = []
    for document in documents:
        text = _without_repeats(normalise(document.text), seen_lines)
        if len(text) < MIN_CHARS:
            continue
        digest = content_hash(text)
        if digest in seen_texts:
            continue
        seen_texts.add(digest)
        parts = split_long(text, MAX_CHARS)
        for number, part in enumerate(parts, start=1):
            if len(part) < MIN_CHARS:
                continue
            suffix = f"#{number}" if len(parts) > 1 else ""
            result.append(
                dataclasses.replace(
                    document, id=document.id + suffix, text=part, group=document.unit
                )
            )
    ids = [document.id for document in result]
    if len(set(ids)) != len(ids):
        repeated = sorted({name for name in ids if ids.count(name) > 1})[:3]
        raise ValueError(f"document ids are not unique: {repeated}")
    return result


def _without_repeats(text: str, seen: set[bytes]) -> str:
    kept = []
    for line in text.split("\n"):
        if len(line) >= REPEATED_LINE_CHARS:
            digest = hashlib.blake2b(line.encode(), digest_size=16).digest()
            if digest in seen:
                continue
            seen.add(digest)
        kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def split_long(text: str, limit: int) -> list[str]:
    """The text in parts of at most `limit` characters, cut between paragraphs.

    Parts are of similar length. A single paragraph above the limit is cut at a line end, then
    at a sentence end, then anywhere.
    """
    if len(text) <= limit:
        return [text]
    target = len(text) / (-(-len(text) // limit))
    parts: list[str] = []
    current = ""
    for piece in _pieces(text, limit):
        joined = f"{current}\n\n{piece}" if current else piece
        if current and (len(joined) > limit or len(current) >= target):
            parts.append(current)
            joined = piece
        current = joined
    if current:
        parts.append(current)
    return parts


def _pieces(text: str, limit: int) -> Iterable[str]:
    for paragraph in split_paragraphs(text):
        for pattern in (r"\n", r"(?<=[.!?]) "):
            if len(paragraph) > limit:
                separator = "\n" if pattern == r"\n" else " "
                paragraph = _regroup(re.split(pattern, paragraph), separator, limit)
        for piece in paragraph.split("\0"):
            for start in range(0, len(piece), limit):
                yield piece[start : start + limit].strip()


def _regroup(pieces: list[str], separator: str, limit: int) -> str:
    groups = [pieces[0]]
    for piece in pieces[1:]:
        if len(groups[-1]) + len(separator) + len(piece) <= limit:
            groups[-1] += separator + piece
        else:
            groups.append(piece)
    return "\0".join(groups)


def hold_out(
    documents: list[Document], named: frozenset[str] = frozenset(), fraction: float = 0.03
) -> tuple[list[Document], list[Document]]:
    """(train, validation) with whole groups on either side.

    With `named`, exactly those groups are held out. Otherwise groups are taken in the order of
    their content hash until `fraction` of the bytes is reached; a group that would bring the
    share above twice the fraction is passed over, unless it is the only way to hold out one.
    Raises ValueError if there are fewer than two groups, or a named one does not exist.
    """
    groups: dict[str, list[str]] = {}
    for document in documents:
        groups.setdefault(document.unit, []).append(document.text)
    if len(groups) < 2:
        raise ValueError("hold-out needs at least two whole documents")
    if named:
        missing = sorted(named - groups.keys())
        if missing:
            raise ValueError(f"no such document to hold out: {missing}")
        held = set(named)
    else:
        held = _hold_out_by_hash(groups, fraction)
    train = [document for document in documents if document.unit not in held]
    validation = [document for document in documents if document.unit in held]
    return train, validation


def _hold_out_by_hash(groups: dict[str, list[str]], fraction: float) -> set[str]:
    sizes = {name: sum(len(t.encode()) for t in texts) for name, texts in groups.items()}
    order = sorted(groups, key=lambda name: content_hash("".join(groups[name])))
    total = sum(sizes.values())
    held: set[str] = set()
    taken = 0
    for name in order:
        if taken >= fraction * total:
            break
        if taken + sizes[name] <= 2 * fraction * total:
            held.add(name)
            taken += sizes[name]
    if not held:
        held = {min(order, key=lambda name: (sizes[name], name))}
    return held
