"""HTML in which text is escaped unless it was made here, and matplotlib's SVG as a part of it."""

import io
import re
from html import escape
from xml.etree import ElementTree

from matplotlib.figure import Figure

from orthoadapters.report.pictures.style import styled

VOID = {"input", "meta", "link"}  # elements without an end
TO_ID = re.compile(r"url\(#([^)]+)\)")


class Markup(str):
    """What needs no escaping any more."""


def tag(element: str, *content: str | None, **attributes: str | int | bool | None) -> Markup:
    """An element. Content that is no Markup is escaped; None and False leave content or an attribute out.

    In attributes' names an underscore is a hyphen, and one at the end is left out: class_, aria_label.
    """
    given = ""
    for name, value in attributes.items():
        if value is not None and value is not False:
            key = name.rstrip("_").replace("_", "-")
            given += f" {key}" if value is True else f' {key}="{escape(str(value))}"'
    if element in VOID:
        return Markup(f"<{element}{given}>")
    return Markup(f"<{element}{given}>{joined(*content)}</{element}>")


def joined(*content: str | None) -> Markup:
    """Parts one after another, escaped unless they are Markup."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in content if part is not None))


@styled
def inline_svg(figure: Figure, prefix: str, labelled_by: str) -> Markup:
    """The figure as an <svg> whose ids begin with `prefix`, so that several on one page do not take each other's.

    matplotlib's own <style> speaks of every element of a page, and is left to the page. labelled_by: its caption's id.
    """
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(content.getvalue())
    for parent in root.iter():
        parent.tag = _local(parent.tag)
        for child in [child for child in parent if _local(child.tag) in ("metadata", "style")]:
            parent.remove(child)
        for name, value in [(_local(name), value) for name, value in parent.attrib.items()]:
            if name == "id":
                value = prefix + value
            elif name == "href" and value.startswith("#"):
                value = f"#{prefix}{value[1:]}"
            parent.set(name, TO_ID.sub(rf"url(#{prefix}\1)", value))
        for name in [name for name in parent.attrib if "}" in name]:
            del parent.attrib[name]
    root.set("role", "img")
    root.set("aria-labelledby", labelled_by)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _local(name: str) -> str:
    """Without the namespace, which an element inside HTML has of itself."""
    return name.rpartition("}")[2]
