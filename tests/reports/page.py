"""A page as a browser would read it, and what every page of ours must be: whole, and harmless."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img", "hr", "base", "col", "embed", "source", "track", "wbr", "area"}


class Page(HTMLParser):
    """Reads a page as a browser does and keeps what matters for safety and structure."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.misnested: list[str] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.misnested.append(tag)

    def handle_data(self, data: str) -> None:
        kind = self.open[-1] if self.open else ""
        {"script": self.scripts, "style": self.styles}.get(kind, self.texts).append(data)

    @property
    def text(self) -> str:
        """What a person reads."""
        return re.sub(r"\s+", " ", "".join(self.texts))

    @property
    def tags(self) -> list[str]:
        """The element names in their order."""
        return [tag for tag, _ in self.elements]

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.elements if name in attributes]


LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "xlink:href", "ping", "manifest"}
"""Attributes by which an element fetches something or sends it away."""


def assert_harmless(page: Page, *, scripts: int = 1) -> None:
    """Nothing runs but our own script, nothing is loaded, and only links to the RFC Editor lead out.

    A page with plots has four `scripts`: their data, the library that draws them, what tells it how, and our own.
    """
    assert (page.misnested, page.open) == ([], [])
    assert page.tags.count("script") == len(page.scripts) == scripts
    assert page.tags.count("style") == len(page.styles) == 1
    assert not {"img", "iframe", "object", "embed", "link", "base", "form", "image", "use"} & set(page.tags)
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "srcdoc"}]
        assert not LOADING & set(attributes)
        href = attributes.get("href")
        if href is not None:
            assert tag == "a"
            assert href.startswith(("#", "https://www.rfc-editor.org/rfc/rfc"))
    assert "@import" not in page.styles[0]
    assert set(re.findall(r"url\(([^)]*)\)", page.styles[0])) == {"#hatch"}
