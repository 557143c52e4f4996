"""Battle for Wesnoth campaigns (WML .cfg files): stories, dialogue and unit descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..document import Document

_STRING = r'_?\s*"((?:[^"]|"")*)"'
_TOKEN = re.compile(
    r"""^[ \t]*(?:
        \[(?P<close>/?)(?:\+)?(?P<tag>\w+)\]
      | (?P<key>story|message|speaker|id|name|description|title)\s*=[ \t]*
        (?P<value>(?:_?[ \t]*"(?:[^"]|"")*"[ \t]*(?:\+[ \t]*\n?[ \t]*)?)+|[^"\n#]*)
    )""",
    re.M | re.X,
)
_PIECE = re.compile(_STRING)
_COMMENT = re.compile(r"^[ \t]*#.*$", re.M)
_RAW = re.compile(r"<<.*?>>", re.S)
_MARKUP = re.compile(r"</?[a-z]+(?:\s[^<>]*)?/?>")
_UNNAMED = {"narrator", "unit", "second_unit", "hidden", ""}


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each scenario, with story and dialogue in the order of the file, and one for
    each campaign with the descriptions of its units. Whole works: scenarios."""
    texts = [(path, data.decode("utf-8", "replace")) for path, data in files]
    names = _unit_names(text for _, text in texts)
    for path, text in texts:
        campaign, _, rest = path.partition("/campaigns/")[2].partition("/")
        lines = list(_lines(text, names))
        if lines:
            identity = f"{campaign}/{rest.removesuffix('.cfg')}"
            yield Document(identity, "\n\n".join(lines))


def _unit_names(texts: Iterable[str]) -> dict[str, str]:
    """Shown name by unit id, from every place that gives both."""
    names: dict[str, str] = {}
    pattern = re.compile(
        r'^[ \t]*id\s*=[ \t]*"?([\w\' -]+?)"?[ \t]*\n[ \t]*name\s*=[ \t]*_[ \t]*"([^"]+)"', re.M
    )
    for text in texts:
        for identity, name in pattern.findall(text):
            names.setdefault(identity, name)
    return names


def _lines(text: str, names: dict[str, str]) -> Iterator[str]:
    text = _RAW.sub("", _COMMENT.sub("", text))
    stack: list[dict[str, str]] = []
    for match in _TOKEN.finditer(text):
        if tag := match["tag"]:
            if not match["close"]:
                stack.append({"tag": tag})
            elif stack:
                yield from _element(stack.pop(), names)
        elif stack:
            stack[-1].setdefault(match["key"], _value(match["value"]))


def _value(raw: str) -> str:
    pieces = _PIECE.findall(raw)
    if not pieces:
        return raw.strip()
    parts = [piece.replace('""', '"') for piece in pieces]
    parts = [re.sub(r"^[^^\n]{0,60}\^", "", part) for part in parts]
    return "".join(parts).strip()


def _element(element: dict[str, str], names: dict[str, str]) -> Iterator[str]:
    tag = element["tag"]
    if tag == "part" and "story" in element:
        yield from _prose(element["story"])
    elif tag in ("message", "option") and "message" in element:
        said = " ".join(_prose(element["message"]))
        if said:
            speaker = _speaker(element, names)
            yield f"{speaker}: {said}" if speaker else said
    elif tag in ("unit_type", "campaign") and "description" in element:
        description = " ".join(_prose(element["description"]))
        name = element.get("name", "")
        if description and name and "$" not in name:
            yield f"{name}\n{description}"


def _speaker(element: dict[str, str], names: dict[str, str]) -> str:
    identity = element.get("speaker") or element.get("id", "")
    if identity in _UNNAMED or element["tag"] == "option":
        return ""
    name = names.get(identity, identity)
    if re.match(r"[A-Z]{2}[a-z]", name):
        return ""
    if re.fullmatch(r"[A-Z][\w'\u2019-]*(?: [\w'\u2019-]+)*", name) and not re.search(
        r"[_\d]", name
    ):
        return name
    return ""


def _prose(text: str) -> Iterator[str]:
    """Paragraphs without markup; nothing at all where the game would fill in a variable."""
    if "$" in text or "{" in text:
        return
    text = _MARKUP.sub("", text).replace("\\n", "\n").replace("&lt;", "<").replace("&amp;", "&")
    for paragraph in re.split(r"\n\s*\n", text):
        paragraph = " ".join(paragraph.split())
        if re.search(r"[A-Za-z]{2}", paragraph):
            yield paragraph
