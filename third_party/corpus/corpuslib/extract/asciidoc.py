"""AsciiDoc pages of Git's documentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..blocks import CUT, Block, assemble, without_sections
from ..clean import without_addresses
from ..document import Document

_DROPPED_SECTIONS = {
    "synopsis",
    "see also",
    "git",
    "author",
    "authors",
    "documentation",
    "appendix a",
    "todo",
    "reporting bugs",
    "identifier terminology",
    "symbolic identifiers",
    "notes for todo",
}
_INLINE = [
    (re.compile(r"\\(?=[{}~`'*_\[-])"), ""),
    (re.compile(r"\{empty\}"), ""),
    (re.compile(r"``([^`\n]+?)(?:''|``)"), r'"\1"'),
    (re.compile(r"linkgit:([\w.-]+)\[(\d)\]"), r"\1(\2)"),
    (re.compile(r"link:\S+?\[([^\]]*)\]"), r"\1"),
    (re.compile(r"(?:https?|git|ftp|mailto)://?[^\s\[]+\[([^\]]*)\]"), r"\1"),
    (re.compile(r"<<[\w:.-]+, ?([^>]+)>>"), r"\1"),
    (re.compile(r"<<([\w-]+)>>"), lambda match: re.sub(r"[-_]", " ", match[1])),
    (re.compile(r"\[\[\[?[\w:.-]+\]?\]\]"), ""),
    (
        re.compile(r"\{(?:caret|tilde|plus|asterisk|apostrophe|backtick)\}"),
        lambda match: {
            "caret": "^",
            "tilde": "~",
            "plus": "+",
            "asterisk": "*",
            "apostrophe": "'",
            "backtick": "`",
        }[match[0][1:-1]],
    ),
    (re.compile(r"\{litdd\}"), "--"),
    (re.compile(r"\{(?:startsb|endsb)\}"), ""),
    (re.compile(r"`\+?([^`\n]+?)\+?`"), r"\1"),
    (re.compile(r"(?<![\w'])'([^'\n]+)'(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w*])\*([^\s*][^*\n]*?)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_([^\s_][^_\n]*?)_(?![\w_])"), r"\1"),
    (re.compile(r"\+\+?([^+\n]+?)\+\+?(?=[\s,.;:)]|$)"), r"\1"),
    (re.compile(r"\$\$(.+?)\$\$"), r"\1"),
    (re.compile(r"footnote:\[[^\]]*\]"), ""),
]
_MARKED = re.compile(r"[`'*_+$\\<{\[]")
_FENCE = re.compile(r"^(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|--|```.*)\s*$")
_IGNORED = re.compile(r"^(?:include::|ifn?def::|endif::|ifeval::|:[\w!-]+:|//|image::|\[\[)")
_LIST = re.compile(r"^\s*(?:[*\-]{1,5}|(?P<number>\d+\.|\.{1,3}|[a-z]\.)|<\d+>) +(?=\S)")
_TERM = re.compile(r"^\s*(?P<term>\S.*?)(?:::+|;;)\s*(?P<rest>.*)$")


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each page that is not a mere list of options for other pages."""
    for path, data in files:
        text = plain(data.decode("utf-8", "replace"))
        if len(text.split()) >= 40:
            yield Document(path.partition("/git-doc/")[2].removesuffix(".txt"), text)


def plain(source: str) -> str:
    """The prose of a page: no listings, tables, attributes, anchors or inline marks."""
    blocks = _Page(source.expandtabs().splitlines()).blocks()
    return assemble(without_sections(_without_page_name(blocks), _DROPPED_SECTIONS))


def _inline(text: str) -> str:
    text = " ".join(text.split())
    if _MARKED.search(text):
        for pattern, replacement in _INLINE:
            text = pattern.sub(replacement, text)
    return without_addresses(text)


def _without_page_name(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if block.kind != "title" or not re.fullmatch(r"[\w-]+\(\d\)", block.text):
            yield block


class _Page:
    """State of one page: the lines, the open paragraph and the marker of its list item."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.position = 0
        self.pending: list[str] = []
        self.marker = ""
        self.in_item = False
        self.in_verse = False

    def blocks(self) -> Iterator[Block]:
        while self.position < len(self.lines):
            line = self.lines[self.position].rstrip()
            if title := self._title(line):
                yield from self._flush()
                self.marker, self.in_item = "", False
                yield title
            elif end := self._end_of_listing(line):
                yield from self._flush()
                self.position = end
                yield CUT
            elif not line or line == "+" or _FENCE.match(line) or _IGNORED.match(line):
                yield from self._flush()
                self.in_verse = self.in_verse and bool(line)
                self.position += 1
            else:
                yield from self._text(line)
                self.position += 1
        yield from self._flush()

    def _flush(self) -> Iterator[Block]:
        body = _inline("\n".join(self.pending))
        if body:
            kind = "item" if self.in_item else "text"
            yield Block(kind, f"{self.marker} {body}" if self.marker else body)
            self.marker = ""
        self.pending, self.in_item = [], bool(self.marker)

    def _title(self, line: str) -> Block | None:
        if self.pending:
            return None
        if match := re.match(r"^(={1,5}) (\S.*?)(?: =+)?$", line):
            self.position += 1
            return Block("title", _inline(match[2]), len(match[1]))
        if not line or line[0] in " [.*" or self.position + 1 == len(self.lines):
            return None
        below = self.lines[self.position + 1].rstrip()
        underlined = re.match(r"^([=\-~^+])\1+$", below) and len(below) > 2
        if underlined and abs(len(below) - len(line)) <= 3:
            self.position += 2
            return Block("title", _inline(line), "=-~^+".index(below[0]) + 1)
        return None

    def _end_of_listing(self, line: str) -> int:
        """The position after the listing, table or literal paragraph that starts here, or 0."""
        fence = _FENCE.match(line)
        if line.startswith("|===") or (fence and fence[1] != "--" and fence[1][0] not in "=*_"):
            mark = line[:4]
            for number in range(self.position + 1, len(self.lines)):
                below = self.lines[number].strip()
                if below.startswith(mark) and set(below) == set(mark):
                    return number + 1
            return self.position + 1
        inside = self.pending or self.in_item or self.marker or self.in_verse
        if line.startswith(" ") and not inside and not _starts_item(line):
            end = self.position
            while end < len(self.lines) and self.lines[end].strip():
                end += 1
            if _looks_literal(self.lines[self.position : end]):
                return end
        return 0

    def _text(self, line: str) -> Iterator[Block]:
        if re.match(r"^\[[^\]]*\]$", line):
            self.in_verse = "verse" in line
        elif self.in_verse or (re.match(r"^\.[A-Z]", line) and not self.pending):
            return
        elif match := _LIST.match(line):
            yield from self._flush()
            self.in_item = True
            number = match["number"] or "."
            self.marker = "-" if number.startswith(".") else number
            self.pending = [line[match.end() :]]
        elif (match := _TERM.match(line)) and _is_term(line, match, bool(self.pending)):
            yield from self._flush()
            self.in_item = True
            term = _inline(match["term"])
            chained = self.marker.endswith(":")
            self.marker = f"{self.marker[:-1]}, {term}:" if chained else f"{term}:"
            self.pending = [match["rest"]] if match["rest"] else []
        else:
            self.pending.append(line)


def _starts_item(line: str) -> bool:
    term = _TERM.match(line)
    return bool(_LIST.match(line)) or bool(term and _is_term(line, term, False))


def _is_term(line: str, match: re.Match[str], in_paragraph: bool) -> bool:
    """Whether a line that looks like a term of a definition list is one, not prose with `::`."""
    if len(match["term"]) > 160 or re.search(r"\w::\w", line):
        return False
    return not in_paragraph or not match["rest"] or ";;" in line


def _looks_literal(lines: list[str]) -> bool:
    text = " ".join(lines)
    return bool(re.search(r"[$#|<>{}=]|--\w|\bgit [a-z]", text)) or len(text.split()) < 6
