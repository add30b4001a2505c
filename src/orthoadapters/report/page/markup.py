"""HTML in which text is escaped unless it is Markup, and matplotlib's SVG as a part of it."""

import re
from collections.abc import Iterable
from html import escape
from xml.etree import ElementTree

# The elements that have no end.
VOID = {"input", "meta", "link"}
TO_ID = re.compile(r"url\(#([^)]+)\)")


class Markup(str):
    """A text that is HTML already, and is not escaped again."""


def tag(element: str, *content: str | None, **attributes: str | int | bool | None) -> Markup:
    """Makes an element. Content that is no Markup is escaped; None and False leave content or an attribute out.

    In attributes' names an underscore is a hyphen, and one at the end is left out: class_, aria_label.
    """
    start = element
    for name, value in attributes.items():
        if value is not None and value is not False:
            key = name.rstrip("_").replace("_", "-")
            start += f" {key}" if value is True else f' {key}="{escape(str(value))}"'
    if element in VOID:
        return Markup(f"<{start}>")
    return Markup(f"<{start}>{join(*content)}</{element}>")


def join(*content: str | None) -> Markup:
    """Puts parts one after another; those that are no Markup are escaped."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in content if part is not None))


def bullets(sentences: Iterable[str], ident: str | None = None) -> Markup:
    """Makes a list with a point for each sentence. ident: its id."""
    return tag("ul", *(tag("li", sentence) for sentence in sentences), id=ident)


def definitions(facts: Iterable[tuple[str, str | None]]) -> Markup:
    """Makes a list of names, each with a text; a name whose text is None is left out."""
    return tag("dl", *(join(tag("dt", name), tag("dd", text)) for name, text in facts if text is not None))


def comma_list(parts: Iterable[str]) -> Markup:
    """Puts parts one after another with commas between them."""
    with_commas = [piece for part in parts for piece in (", ", part)]
    return join(*with_commas[1:])


def with_minus(number: str) -> str:
    """Gives a number the minus sign that is as wide as a plus."""
    return number.replace("-", "−")


def inline_svg(content: bytes, prefix: str, labelled_by: str) -> Markup:
    """Makes an <svg> of a file's content. Its ids begin with `prefix`, so that no two figures of a page share one.

    matplotlib's own <style> would hold for the whole page, so it is left out. labelled_by: the id of the caption.
    """
    root = ElementTree.fromstring(content)
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
    """Returns a name without its namespace, which HTML gives to an <svg> by itself."""
    return name.rpartition("}")[2]
