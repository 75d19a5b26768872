"""A page's HTML, read strictly: what a browser would mend is an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset({"meta", "link", "img", "input", "br", "hr"})
_CLOSED_BY_THEMSELVES: Final = frozenset({"rect", "line", "circle", "path"})
"""Of SVG: these may end in `/>`."""
_INSIDE: Final = {
    "li": {"ul", "ol"},
    "tr": {"thead", "tbody"},
    "td": {"tr"},
    "th": {"tr"},
    "dt": {"div", "dl"},
    "dd": {"div", "dl"},
    "summary": {"details"},
    "option": {"select"},
    "figcaption": {"figure"},
    "rect": {"svg", "pattern"},
    "circle": {"svg"},
    "title": {"head", "rect", "circle"},
}
_INLINE: Final = frozenset({"span", "small", "b", "a", "code"})
"""What stands within a line of text."""
_NOT_IN_A_PARAGRAPH: Final = frozenset(
    {"p", "div", "ul", "ol", "dl", "table", "section", "form", "h2", "h3", "h4", "figure"}
)


class InvalidError(AssertionError):
    """The page is no valid HTML."""


@dataclass(frozen=True, slots=True)
class Element:
    """A start tag with its attributes."""

    tag: str
    attributes: dict[str, str | None]


@dataclass(slots=True)
class WebPage:
    """What a page consists of."""

    elements: list[Element] = field(default_factory=list)
    text: str = ""

    @classmethod
    def parse(cls, html: str) -> WebPage:
        """Read a page. Raises `InvalidError`."""
        page = cls()
        reader = _Reader(page)
        reader.feed(html)
        reader.close()
        if reader.open:
            raise InvalidError(f"never closed: {reader.open}")
        page.text = " ".join(page.text.split())
        return page

    def values(self, attribute: str) -> list[str]:
        """Return what all elements have for an attribute."""
        return [value or "" for each in self.elements for name, value in each.attributes.items() if name == attribute]

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]


class _Reader(HTMLParser):
    def __init__(self, page: WebPage) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page
        self.open: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._take(tag, attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _CLOSED_BY_THEMSELVES:
            raise InvalidError(f"<{tag}/> closes nothing")
        self._take(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            raise InvalidError(f"</{tag}> within {self.open}")
        self.open.pop()
        self._part_from_others(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.page.text += data

    def _part_from_others(self, tag: str) -> None:
        if tag not in _INLINE:
            self.page.text += " "

    def _take(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._part_from_others(tag)
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            raise InvalidError(f"an attribute twice: <{tag} {attrs}>")
        if tag in _INSIDE and not (self.open and self.open[-1] in _INSIDE[tag]):
            raise InvalidError(f"<{tag}> within {self.open}")
        if tag in _NOT_IN_A_PARAGRAPH and "p" in self.open:
            raise InvalidError(f"<{tag}> within a paragraph")
        attributes = dict(attrs)
        if (identity := attributes.get("id")) is not None:
            if identity in self.ids:
                raise InvalidError(f"two elements with the id {identity}")
            self.ids.add(identity)
        self.page.elements.append(Element(tag, attributes))
