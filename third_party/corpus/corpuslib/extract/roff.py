"""Manual pages in the man macros."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..blocks import CUT, Block, assemble, without_sections
from ..document import Document

_DROPPED_SECTIONS = {
    "synopsis",
    "see also",
    "colophon",
    "author",
    "authors",
    "library",
    "attributes",
    "standards",
    "conforming to",
    "versions",
    "copyright",
    "reporting bugs",
    "program source",
    "files",
    "maintainers",
    "availability",
}
_GLYPHS = {
    "aq": "'",
    "dq": '"',
    "bu": "-",
    "em": "\u2014",
    "en": "-",
    "rs": "\\",
    "ti": "~",
    "ha": "^",
    "lq": '"',
    "rq": '"',
    "oq": "'",
    "cq": "'",
    "la": "<",
    "ra": ">",
    "ga": "`",
    "co": "(c)",
    "mu": "\u00d7",
    "+-": "\u00b1",
    "<=": "<=",
    ">=": ">=",
    "->": "->",
    "mc": "\u00b5",
    "lB": "[",
    "rB": "]",
    "lC": "{",
    "rC": "}",
    "at": "@",
    "sh": "#",
    "Do": "$",
    "sl": "/",
    "ba": "|",
    "or": "|",
    "hy": "-",
    "if": "infinity",
    "sc": "\u00a7",
    "12": "1/2",
    "de": "\u00b0",
    "OA": "\u00c5",
    "ss": "\u00df",
    "'e": "\u00e9",
    "'a": "\u00e1",
    ":a": "\u00e4",
    ":o": "\u00f6",
    ":u": "\u00fc",
    "-D": "\u00d0",
    "Po": "\u00a3",
    "Eu": "\u20ac",
    "*m": "\u03bc",
    "*p": "\u03c0",
    "no": "not",
    "!=": "!=",
    "fm": "'",
}
_ESCAPE = re.compile(
    r"\\(?:f(?:\[\w*\]|\(..|.)|s[+-]?\d+|\*(?:\[[^\]]*\]|\((?P<s2>..)|.)|\[(?P<long>[^\]]+)\]"
    r"|\((?P<short>..)|[hvwlLD]'[^']*'|[mnkFM](?:\[[^\]]*\]|\(..|.)|(?P<single>.))"
)
_SINGLE = {
    "-": "-",
    "e": "\\",
    "~": " ",
    " ": " ",
    "0": " ",
    "'": "'",
    "`": "`",
    ".": ".",
    "\\": "\\",
}
_ALTERNATING = {"BR", "RB", "BI", "IB", "IR", "RI"}
_WORDS = re.compile(r'"((?:[^"]|"")*)"?|(\S+)')
_LICENSE = re.compile(r'SPDX-License-Identifier: *([^\n"]+)')


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each page with prose; its licence is that of the page header."""
    for path, data in files:
        source = data.decode("utf-8", "replace")
        if re.search(r"^\.(?:so|Dd) ", source, re.M):
            continue
        text = plain(source)
        if len(text.split()) >= 40:
            name = re.sub(r"\.gz$", "", path.rsplit("/", 1)[-1])
            licence = _LICENSE.search(source)
            yield Document(name, text, license=licence[1].strip() if licence else "")


def unescape(text: str) -> str:
    """The text with roff escapes replaced by the characters they print."""

    def replacement(match: re.Match[str]) -> str:
        name = match["long"] or match["short"]
        if name:
            if unicode := re.fullmatch(r"u([0-9A-F]{4,5})", name):
                return chr(int(unicode[1], 16))
            return _GLYPHS.get(name, "")
        if match["s2"]:
            return _GLYPHS.get(match["s2"], "")
        return _SINGLE.get(match["single"] or "", "")

    return _ESCAPE.sub(replacement, re.sub(r'\\["#].*', "", text))


def plain(source: str) -> str:
    """The prose of a page: no synopsis, program text, tables or references."""
    return assemble(without_sections(_Page().blocks(source.splitlines()), _DROPPED_SECTIONS))


def _arguments(text: str) -> list[str]:
    text = re.sub(r'\s*\\".*', "", text)
    return [a.replace('""', '"') if a or not b else b for a, b in _WORDS.findall(text)]


class _Page:
    """State of one page: the open paragraph, its tag, and what is being left out."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.tag = ""
        self.wants_tag = False
        self.until: tuple[str, ...] = ()

    def flush(self) -> Iterator[Block]:
        body = " ".join(re.sub(r"\\f[BIRP]", "", " ".join(self.words)).split())
        body = re.sub(r" +([,.;:)])", r"\1", body)
        tag, self.words = self.tag, []
        if not body:
            return
        self.tag = ""
        if tag in ("-", "*", "o"):
            yield Block("item", f"- {body}")
        elif tag:
            separator = "" if re.fullmatch(r"[\[(]?\w{1,2}[.)\]]", tag) else ":"
            yield Block("item", f"{tag.rstrip(':')}{separator} {body}")
        else:
            yield Block("text", body)

    def blocks(self, lines: list[str]) -> Iterator[Block]:
        for line in self._joined(lines):
            request, rest = self._request(line)
            if self.until and request != "SH":
                if request in self.until:
                    self.until = ()
                continue
            if request in ("SH", "SS"):
                yield from self.flush()
                self.tag, self.wants_tag, self.until = "", False, ()
                title = unescape(" ".join(_arguments(rest)))
                yield Block("title", title, 1 if request == "SH" else 2)
            elif request in ("nf", "EX", "TS", "EQ", "de", "ig", "SY"):
                yield from self.flush()
                yield CUT
                ends = {"nf": ("fi",), "EX": ("EE",), "TS": ("TE",), "EQ": ("EN",), "SY": ("YS",)}
                self.until = ends.get(request, (".",))
            elif request in ("PP", "P", "LP", "HP", "sp", "RS", "RE"):
                yield from self.flush()
                if request not in ("RS", "sp"):
                    self.tag = ""
            elif request == "TP":
                yield from self.flush()
                self.tag, self.wants_tag = "", True
            elif request == "TQ":
                self.wants_tag = True
            elif request == "IP":
                yield from self.flush()
                arguments = _arguments(rest)
                self.tag = " ".join(unescape(arguments[0]).split()) if arguments else ""
            else:
                self._text(request, rest)
        yield from self.flush()

    @staticmethod
    def _joined(lines: list[str]) -> Iterator[str]:
        held = ""
        for line in lines:
            line = held + line
            if (
                line.endswith("\\")
                and not line.endswith("\\\\")
                and not line.startswith((".\\", "'\\"))
            ):
                held = line[:-1]
                continue
            held = ""
            yield line

    @staticmethod
    def _request(line: str) -> tuple[str, str]:
        match = re.match(r"^[.']\s*(\\[\"#]|[A-Za-z]{1,3}|\.)?(?:\s+(.*)|(.*))$", line)
        if not match:
            return "", line
        return match[1] or "\\", match[2] or match[3] or ""

    def _text(self, request: str, rest: str) -> None:
        if request == "":
            text = unescape(rest)
        elif request in _ALTERNATING:
            text = unescape("".join(_arguments(rest)))
        elif request in ("B", "I", "SB", "SM"):
            text = unescape(" ".join(_arguments(rest)))
        elif request in ("UE", "ME") and rest:
            if self.words:
                self.words[-1] += unescape(rest.strip())
            return
        else:
            return
        if self.wants_tag:
            if text.strip():
                clean = " ".join(text.split())
                self.tag = f"{self.tag}, {clean}" if self.tag else clean
                self.wants_tag = False
        elif text.strip():
            self.words.append(text)
