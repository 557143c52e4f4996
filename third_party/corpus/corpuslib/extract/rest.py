"""reStructuredText: Python's documentation and the kernel's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..blocks import CUT, Block, assemble, merge_item
from ..document import Document

_DIRECTIVE = re.compile(r"^\.\. (?:(?P<name>[\w:-]+)::(?: |$)(?P<argument>.*)|.*)$|^\.\.$")
_KEPT_DIRECTIVES = {
    "note",
    "warning",
    "tip",
    "important",
    "caution",
    "hint",
    "attention",
    "topic",
    "sidebar",
    "glossary",
    "impl-detail",
    "admonition",
    "epigraph",
}
_UNDERLINE = re.compile(r"^([=\-~^\"'`#*+.:_])\1{2,}\s*$")
_ITEM = re.compile(r"^(?P<marker>[*\-+\u2022]|#\.|\(?\d{1,2}[.)]|\(?[a-z]\))(?P<space> +)(?=\S)")
_GRID = re.compile(r"^\s*(?:\+[-=+]+\+|\|.*\|)\s*$")
_SIMPLE_TABLE = re.compile(r"^=+(?: +=+)+\s*$")
_LABEL = re.compile(
    r"^\.\. _([\w.-]+):[ ]*\n(?:[ ]*\n|\.\. .*\n)*(?:[=*#]{3,}\n)?(\S.*)\n([=\-~^\"'`#*+])(?:\3)+[ ]*$",
    re.M,
)
_REFERENCE = re.compile(r":ref:`([\w.-]+)`")
_INLINE = [
    (re.compile(r"\[(?:\d+|#\w*|\*)\]_"), ""),
    (re.compile(r"\|[\w .-]+\|_?"), ""),
    (re.compile(r":(?:func|meth|c:func|cfunc):`!?~?([^`<>]+?)(?:\(\))?`"), r"\1()"),
    (re.compile(r":(?:[\w+-]+:){0,1}[\w+-]+:`([^`<>]*?)\s*<[^`]*>`", re.S), r"\1"),
    (re.compile(r":pep:`(\d+)`"), r"PEP \1"),
    (re.compile(r":rfc:`(\d+)`"), r"RFC \1"),
    (re.compile(r":issue:`\d+`|:gh:`\d+`|:source:`[^`]*`"), ""),
    (re.compile(r":(?:[\w+-]+:){0,1}[\w+-]+:`!?~?([^`]+)`"), r"\1"),
    (re.compile(r"``(.+?)``"), r"\1"),
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`__?"), r"\1"),
    (re.compile(r"`([^`]+)`__?"), r"\1"),
    (re.compile(r"(?<![\w`])`([^`]+)`(?!\w)"), r"\1"),
    (re.compile(r"\*\*(\S(?:.*?\S)?)\*\*"), r"\1"),
    (re.compile(r"(?<![\w*\\])\*([^\s*](?:[^*]*[^\s*])?)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<=\w) ?--- ?(?=\w)|(?<=\S) -{2,3} (?=\S)"), " \u2014 "),
    (re.compile(r"\\(?=[*`_|\\])"), ""),
    (re.compile(r"\\ "), ""),
]


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each page."""
    pages = [(path, data.decode("utf-8", "replace")) for path, data in files]
    labels: dict[str, str] = {}
    for _, source in pages:
        labels |= {match[1]: match[2].strip() for match in _LABEL.finditer(source)}
    for path, source in pages:
        text = plain(source, labels)
        if len(text.split()) >= 40:
            name = re.sub(r"^.*?/(?:_sources|Documentation)/", "", path)
            yield Document(re.sub(r"\.rst(?:\.txt)?(?:\.gz)?$", "", name), text)


def plain(source: str, labels: dict[str, str] | None = None) -> str:
    """The prose of a page: no code, tables, directives, labels or inline marks.

    `labels` gives the titles that references without a text show.
    """
    known = labels or {}

    def titled(match: re.Match[str]) -> str:
        return known.get(match[1], match[1].replace("-", " "))

    levels: dict[str, int] = {}
    return assemble(_blocks(_REFERENCE.sub(titled, source.expandtabs()).splitlines(), levels))


def _inline(text: str) -> str:
    text = " ".join(text.split())
    literals: list[str] = []

    def keep(match: re.Match[str]) -> str:
        literals.append(match[1])
        return f"\x00{len(literals) - 1}\x00"

    text = re.sub(r"``(.+?)``", keep, text)
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    text = re.sub(r"\x00(\d+)\x00", lambda match: literals[int(match[1])], text)
    return re.sub(r" +([,.;:?!)])(?=\s|$)", r"\1", " ".join(text.split()))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _indented(lines: list[str], start: int, width: int) -> int:
    """The end of the lines from `start` that are blank or indented by at least `width`."""
    end = start
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) >= width):
        end += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return end


def _dedent(lines: list[str]) -> list[str]:
    width = min((_indent(line) for line in lines if line.strip()), default=0)
    return [line[width:] for line in lines]


def _blocks(lines: list[str], levels: dict[str, int]) -> Iterator[Block]:
    position = 0
    while position < len(lines):
        line = lines[position].rstrip()
        if not line:
            position += 1
        elif line[0] == " ":
            end = _indented(lines, position, 1)
            yield from _blocks(_dedent(lines[position:end]), levels)
            position = end
        elif match := _DIRECTIVE.match(line):
            end = _indented(lines, position + 1, 1)
            yield from _directive(match, lines[position + 1 : end], levels)
            position = end
        elif _GRID.match(line) or _SIMPLE_TABLE.match(line):
            position = _after_table(lines, position)
            yield CUT
        elif title := _title(lines, position, levels):
            yield title
            position += 3 if _UNDERLINE.match(line) else 2
        elif match := _ITEM.match(line):
            end = _indented(lines, position + 1, 1)
            body = [" " * len(match[0]) + line[len(match[0]) :], *lines[position + 1 : end]]
            marker = match["marker"] if match["marker"][0] not in "*-+\u2022#" else "-"
            yield from merge_item(marker, _blocks(_dedent(body), levels))
            position = end
        else:
            end = position
            while end < len(lines) and lines[end].strip() and not _starts_cut(lines[end]):
                end += 1
            end = max(end, position + 1)
            if position + 1 < end and lines[position + 1].startswith(" "):
                end = _indented(lines, position + 1, 1)
                yield from _definition(line, lines[position + 1 : end], levels)
                position = end
            else:
                paragraph = lines[position:end]
                position = end
                yield from _paragraph(paragraph)
                if paragraph[-1].rstrip().endswith("::"):
                    position = _indented(lines, position, 1)
                    yield CUT


def _starts_cut(line: str) -> bool:
    return bool(_GRID.match(line)) or line.startswith(".. ")


def _after_table(lines: list[str], position: int) -> int:
    if _SIMPLE_TABLE.match(lines[position]):
        rules = 0
        for number in range(position, len(lines)):
            if _SIMPLE_TABLE.match(lines[number]):
                rules += 1
                following = lines[number + 1] if number + 1 < len(lines) else ""
                if rules > 1 and not following.strip():
                    return number + 1
        return len(lines)
    while position < len(lines) and lines[position].strip():
        position += 1
    return position


def _title(lines: list[str], position: int, levels: dict[str, int]) -> Block | None:
    first = lines[position].rstrip()
    second = lines[position + 1].rstrip() if position + 1 < len(lines) else ""
    third = lines[position + 2].rstrip() if position + 2 < len(lines) else ""
    if _UNDERLINE.match(first) and _UNDERLINE.match(third) and second.strip():
        key, text = first[0] * 2, second
    elif _UNDERLINE.match(second) and len(second) >= min(len(first), 4):
        key, text = second[0], first
    else:
        return None
    return Block("title", _inline(text), levels.setdefault(key, len(levels) + 1))


def _directive(match: re.Match[str], body: list[str], levels: dict[str, int]) -> Iterator[Block]:
    name = match["name"]
    if name not in _KEPT_DIRECTIVES:
        if name:
            yield CUT
        return
    while body and re.match(r"\s*:[\w-]+:", body[0]):
        body = body[1:]
    argument = match["argument"].strip()
    if name in ("topic", "sidebar", "admonition", "glossary"):
        argument = ""
    width = min((_indent(line) for line in body if line.strip()), default=0)
    yield from _blocks([argument, *[line[width:] for line in body]], levels)


def _definition(term: str, body: list[str], levels: dict[str, int]) -> Iterator[Block]:
    text = _inline(term)
    if text.startswith(":") or text.startswith(">>>"):
        return
    if text.endswith("::"):
        yield Block("text", text[:-1])
        yield CUT
        return
    yield from merge_item(text.rstrip(":") + ":", _blocks(_dedent(body), levels))


def _paragraph(lines: list[str]) -> Iterator[Block]:
    first = lines[0]
    if first.startswith((">>>", "...")):
        yield CUT
    elif re.match(r"^:[A-Za-z][\w ]*:(?:\s|$)|^__ |^\.\. ", first) or _UNDERLINE.match(first):
        return
    else:
        text = _inline("\n".join(lines))
        if len(text) < 120 and re.search(r"<\S+@\S+>", text):
            return
        if text.endswith("::"):
            text = text[:-1].removesuffix(" :")
        yield Block("text", text if text != ":" else "")
