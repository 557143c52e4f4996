"""Perl's Plain Old Documentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..blocks import CUT, Block, assemble, without_sections
from ..clean import page_name, without_addresses
from ..document import Document

_DROPPED_SECTIONS = {
    "author",
    "authors",
    "copyright",
    "license",
    "copyright and license",
    "see also",
    "synopsis",
    "version",
    "author and copyright",
    "acknowledgments",
    "acknowledgements",
    "disclaimer",
    "credits",
    "contributors",
    "date",
    "support",
    "revision",
    "authors and contributors",
    "maintainer",
    "authors and maintainers",
    "copyright and licence",
}
_CODE = re.compile(r"([A-Z])<([^<>]*)>")
_WIDE_CODE = re.compile(r"([A-Z])(<{2,})\s(.+?)\s(>{2,})", re.S)
_ENTITIES = {
    "lt": "<",
    "gt": ">",
    "sol": "/",
    "verbar": "|",
    "amp": "&",
    "quot": '"',
    "mdash": "\u2014",
}


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each page."""
    for path, data in files:
        text = plain(data.decode("utf-8", "replace"))
        if len(text.split()) >= 40:
            yield Document(page_name(path), text)


def plain(source: str) -> str:
    """The prose of a page: no verbatim text, index marks or formatting codes."""
    return assemble(without_sections(_blocks(source), _DROPPED_SECTIONS))


def _inline(text: str) -> str:
    text = " ".join(text.split())
    text = _WIDE_CODE.sub(lambda m: _protect(_code(m[1], _inline(m[3]))), text)
    text = re.sub(r"E<(\w+)>", lambda m: _protect(_entity(m[1])), text)
    text = re.sub(
        r"(?<![A-Z])([<>]|->|=>|<=)", lambda m: _protect(m[1]) if m[1] != ">" else ">", text
    )
    previous = None
    while previous != text:
        previous = text
        text = _CODE.sub(lambda m: _code(m[1], m[2]), text)
    text = " ".join(text.replace("\x01", "<").replace("\x02", ">").split())
    return without_addresses(re.sub(r"(?<=\w)--(?=\w)|(?<=\S) -- (?=\S)", " \u2014 ", text))


def _protect(text: str) -> str:
    return text.replace("<", "\x01").replace(">", "\x02")


def _entity(name: str) -> str:
    if name in _ENTITIES:
        return _ENTITIES[name]
    if name.isdigit():
        return chr(int(name))
    return ""


def _code(letter: str, content: str) -> str:
    if letter in "XZ":
        return ""
    if letter == "L":
        label, bar, target = content.partition("|")
        if bar:
            return label
        page, slash, section = target.partition("/") if bar else content.partition("/")
        if re.match(r"\w+:", content) and not content.startswith("/") and "::" not in content:
            return content
        section = section.strip('"')
        if slash and page:
            return f'"{section}" in {page}'
        return f'"{section}"' if slash else page.strip('"')
    return content


def _blocks(source: str) -> Iterator[Block]:
    tag = ""
    for command, argument in _paragraphs(source):
        if command.startswith("head"):
            tag = ""
            yield Block("title", _inline(argument), int(command[4:] or 1))
        elif command == "item":
            tag = _tag(_inline(argument))
        elif command:
            tag = ""
        elif argument[0] in " \t":
            yield CUT
        elif tag:
            yield Block("item", f"{tag} {_inline(argument)}")
            tag = ""
        else:
            yield Block("text", _inline(argument))


def _tag(item: str) -> str:
    """The start of a list item: a dash, a number, or its term and a colon."""
    if item in ("*", ""):
        return "-"
    if item.isdigit():
        return f"{item}."
    item = re.sub(r"^\* ", "- ", item)
    return item if re.search(r"[.:?!]$", item) else f"{item}:"


def _paragraphs(source: str) -> Iterator[tuple[str, str]]:
    """(command, rest) of each paragraph, the command empty for text; skips what is not for reading."""
    skipping = False
    for paragraph in re.split(r"\n[ \t]*\n+", source):
        text = paragraph.strip("\n")
        match = re.match(r"=(\w+)\s*(.*)", text, re.S)
        command = match[1] if match else ""
        if command in ("begin", "cut"):
            skipping = True
        elif command in ("end", "pod") or command.startswith("head"):
            skipping = False
        if not skipping and text.strip() and command not in ("end", "pod", "for", "encoding"):
            yield command, match[2] if match else text
