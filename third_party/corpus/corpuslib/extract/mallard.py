"""GNOME help pages (Mallard XML)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from ..blocks import CUT, Block, assemble, merge_item
from ..clean import page_name
from ..document import Document

_CUT = {"media", "table", "code", "screen", "listing", "figure", "synopsis"}
_SKIPPED = {"info", "links", "comment"}
_CONTAINERS = {"page", "section", "note", "quote", "example", "div", "if", "choose", "when"}


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each page with prose."""
    pages = [(path, ElementTree.fromstring(data)) for path, data in files]
    titles: dict[str, str] = {}
    for _, root in pages:
        identity = root.get("id", "")
        for element in root.iter():
            name = element.get("id")
            title = next((child for child in element if _tag(child) == "title"), None)
            if name and title is not None:
                key = identity if element is root else f"{identity}#{name}"
                titles[key] = " ".join("".join(title.itertext()).split())
    for path, root in pages:
        text = assemble(_Page(root.get("id", ""), titles).blocks(root, 1))
        if len(text.split()) >= 25:
            yield Document(f"{path.split('/')[-2]}/{page_name(path)}", text)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "comment"


class _Page:
    """A page's identity and the titles of all pages, which links without a text show."""

    def __init__(self, identity: str, titles: dict[str, str]) -> None:
        self.identity = identity
        self.titles = titles

    def blocks(self, element: ElementTree.Element, level: int) -> Iterator[Block]:
        """The blocks of an element; `level` is that of its title."""
        for child in element:
            tag = _tag(child)
            if tag in _CUT:
                yield CUT
            elif tag == "title":
                yield Block("title", self._inline(child), level)
            elif tag in ("subtitle", "p"):
                yield Block("text", self._inline(child))
            elif tag in ("steps", "list", "terms"):
                yield from self._items(child, tag)
            elif tag in _CONTAINERS and tag not in _SKIPPED:
                yield from self.blocks(child, level + 1)

    def _items(self, element: ElementTree.Element, kind: str) -> Iterator[Block]:
        number = 0
        for item in element:
            if _tag(item) != "item":
                continue
            number += 1
            body = list(self.blocks(item, 9))
            if kind == "terms":
                marker = ", ".join(block.text for block in body if block.kind == "title") + ":"
                body = [block for block in body if block.kind != "title"]
            else:
                marker = f"{number}." if kind == "steps" else "-"
            yield from merge_item(marker, body)

    def _inline(self, element: ElementTree.Element) -> str:
        text = " ".join(self._flatten(element).split())
        return re.sub(r" +([,.;:)])", r"\1", text).replace(":.", ".")

    def _flatten(self, element: ElementTree.Element) -> str:
        tag = _tag(element)
        if tag in ("media", "comment"):
            return ""
        if tag in ("keyseq", "guiseq"):
            parts = [" ".join(self._flatten(child).split()) for child in element]
            return ("+" if tag == "keyseq" else " > ").join(parts)
        pieces = [element.text or ""]
        for child in element:
            pieces += [self._flatten(child), child.tail or ""]
        text = "".join(pieces)
        if tag == "link" and not text.strip():
            target = element.get("xref", "")
            target = self.identity + target if target.startswith("#") else target
            title = self.titles.get(target) or element.get("href", "")
            text = f'"{title}"' if title and "://" not in title else ""
        return text
