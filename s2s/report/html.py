"""Pages in one file: no script, nothing loaded from elsewhere, whatever the text in them says."""

import re
from collections.abc import Iterable
from html import escape

from s2s.version import __version__

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_VOID = frozenset({"meta", "br", "hr"})

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--line:#d1d9e0;--page:#fff;--block:#f6f8fa;--bar:#9ec5f4;
--mark:#fff0b3;--good:#1a7f37;--bad:#b42318;--l0:#0969da;--l1:#bc4c00;--l2:#6639ba}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--page:#0d1117;--block:#161b22;
--bar:#1f4b82;--mark:#5a4a00;--good:#56d364;--bad:#ff9b90;--l0:#58a6ff;--l1:#f0883e;--l2:#bc8cff}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:70rem;margin:0 auto;
padding:1rem 1.5rem 4rem}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem}h3{font-size:1.05rem;margin-top:1.8rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;min-width:min(100%,40rem);margin:.5rem 0;
font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding-bottom:.3rem}
th,td{border-bottom:1px solid var(--line);padding:.3rem .7rem;text-align:left;vertical-align:top}
th{font-weight:600}td.n,th.n{text-align:right;white-space:nowrap}
td.bar{background:linear-gradient(to right,var(--bar) var(--share),transparent var(--share))}
code,.signature{font:.85rem/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}
mark{background:var(--mark);color:inherit;border-radius:2px;padding:0 .1em;text-decoration:underline}
.segment{background:var(--block);border:1px solid var(--line);border-radius:6px;padding:.6rem .9rem;margin:.7rem 0}
.segment dt{color:var(--soft);font-size:.85rem;margin-top:.35rem}.segment dd{margin:0;white-space:pre-wrap}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:0 1.5rem}
.segment dl{margin:0}
.flag{border:1px solid var(--bad);color:var(--bad);border-radius:1em;padding:0 .6em;font-size:.8rem;margin-left:.5em}
figure{margin:1rem 0}figcaption{color:var(--soft)}svg{max-width:44rem;width:100%;height:auto}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}.grid{stroke:var(--line)}
.mark{stroke:var(--soft);stroke-dasharray:4 3}
.line{fill:none;stroke-width:1.8}.line.l0{stroke:var(--l0)}.line.l1{stroke:var(--l1);stroke-dasharray:7 3}
.dot.l0,.block.l0{fill:var(--l0)}.dot.l1,.block.l1{fill:var(--l1)}.dot.l2,.block.l2{fill:var(--l2)}
.line.l2{stroke:var(--l2);stroke-dasharray:2 3}.key{margin-left:1em;padding-left:.4em}
.key.l0{border-left:1em solid var(--l0)}.key.l1{border-left:1em solid var(--l1)}.key.l2{border-left:1em solid var(--l2)}
pre{white-space:pre-wrap;background:var(--block);border:1px solid var(--line);border-radius:6px;padding:.6rem .9rem}
"""


class Html(str):
    """Text that is HTML already; any other text is escaped where it is put into it."""

    __slots__ = ()


def element(tag: str, /, *children: str, **attributes: str | None) -> Html:
    """An element.

    Args:
        tag: Its name.
        children: What stands in it; text that is not `Html` is escaped.
        attributes: Its attributes; a trailing `_` of a name is dropped, `_` becomes `-`; None for none.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(visible(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Html(f"<{tag}{given}>")
    return Html(f"<{tag}{given}>{join(children)}</{tag}>")


def join(parts: Iterable[str], between: str = "") -> Html:
    """Parts one after the other; those that are not `Html` are escaped."""
    return Html(_safe(between).join(_safe(part) for part in parts))


def table(caption: str, header: Iterable[str], rows: Iterable[Iterable[str]], *, n_words: int = 1) -> Html:
    """A table.

    Args:
        caption: What it shows.
        header: A name for each column.
        rows: The cells of each row; an `Html` cell that is a `td` itself stays as it is.
        n_words: Columns that hold words, from the left; the others hold figures.
    """
    names = [
        element("th", name, scope="col", class_=None if number < n_words else "n") for number, name in enumerate(header)
    ]
    lines = []
    for row in rows:
        cells = []
        for number, cell in enumerate(row):
            if isinstance(cell, Html) and cell.startswith("<td"):
                cells.append(cell)
            elif number == 0:
                cells.append(element("th", cell, scope="row"))
            else:
                cells.append(element("td", cell, class_=None if number < n_words else "n"))
        lines.append(element("tr", *cells))
    body = element("tbody", join(lines, "\n"))
    content = element("table", element("caption", caption), element("thead", element("tr", *names)), body)
    return element("div", content, class_="scroll", tabindex="0", role="region", aria_label=caption)


def bar(figure: str, share: float) -> Html:
    """A cell with a figure, and a bar behind it that has a share of its width."""
    percent = f"{100 * min(1.0, max(0.0, share)):.1f}%"
    return element("td", figure, class_="n bar", style=f"--share:{percent}")


def page(title: str, *parts: str, language: str = "en") -> str:
    """A whole document."""
    # nothing may be fetched or run, even if something should slip into the page
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(_STYLE)),
    )
    foot = element("p", f"Made by s2s {__version__}.", class_="soft")
    body = element("body", element("main", element("h1", title), *parts, foot))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang=language)}\n"


def _safe(text: str) -> str:
    return text if isinstance(text, Html) else escape(visible(text))


def visible(text: str) -> str:
    """Text with U+FFFD for controls, lone surrogates and what turns the direction of all that follows."""
    return _HIDDEN.sub("\ufffd", text)
