"""Files of each format with everything that is hard, made from a number."""

import random
from html import escape as html_escape
from xml.sax.saxutils import escape

_WORDS = """
the cat sleeps on an old chair Grüße naïve don't 猫 мир well-known (really) “so” A. Smith e.g. now, then; here: yes! two
dogs? No. It costs more – much
"""
WORDS = _WORDS.split()
THINGS = (
    "%s", "%1$d", "%(name)s", "{0}", "{name}", "${x}", "{{ y }}", "%{z}", "%%", "3.14", "1,000", "42",
    "https://a.example/b?c=d&e=f#g", "me@example.org", "&nbsp;", "%-5.2f", "(%s)", "%s:",
)  # fmt: skip
ICU = (
    "{n, plural, one {# old file} other {# files in {dir}}}",
    "{who, select, female {She sleeps} male {He sleeps %s} other {They {n, plural, =0 {do not} other {# do}} sleep}}",
    "{n, plural, one {<b>#</b> dog runs} other {<i>all <b>#</b></i> dogs, '{' run}}",
)
CODES_IN_ICU = {
    "1.2": '{N, plural, =0 {no dogs} other {<x id="INTERPOLATION"/> <g id="in">dogs</g> run}}',
    "2.0": '{N, plural, =0 {no dogs} other {<ph id="i"/> <pc id="in">dogs</pc> run}}',
}


def words(rng: random.Random, n: int = 6) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, n)))


def sentence(rng: random.Random) -> str:
    parts = [rng.choice((words(rng), words(rng), rng.choice(THINGS))) for _ in range(rng.randint(1, 5))]
    if rng.random() < 0.15:
        parts.insert(rng.randint(0, len(parts)), rng.choice(ICU))
    parts = [rng.choice(WORDS), *parts, rng.choice(WORDS)]  # so that no number is glued to what is before or after
    if rng.random() < 0.9:
        return " ".join(parts)
    # what is glued to others is told apart from words, but numbers and addresses are not
    glued = [f" {part} " if (part[:1].isalnum() and part in THINGS) or part == "&nbsp;" else part for part in parts]
    return "".join(glued)


def _space(rng: random.Random) -> str:
    return rng.choice((" ", " ", "\n      "))


class _Codes:
    """Inline codes of XLIFF with numbers of their own."""

    def __init__(self, rng: random.Random, version: str) -> None:
        self.rng, self.version, self.n = rng, version, 0

    def content(self, depth: int = 0) -> str:
        rng = self.rng
        parts = []
        for _ in range(rng.randint(1, 4)):
            parts.append(rng.choice((self._text, self._text, self._pair, self._alone, self._crossing))(depth))
            parts.append(_space(rng))
        if rng.random() < 0.1:
            parts.append(CODES_IN_ICU[self.version])
        return "".join(parts)

    def _text(self, depth: int) -> str:
        text = sentence(self.rng)
        if self.rng.random() < 0.12:
            return f"<![CDATA[{text} <b>x</b> & y]]>"
        text = escape(text)
        return text.replace("e", "&#101;", 1) if self.rng.random() < 0.2 else text

    def _pair(self, depth: int) -> str:
        if depth > 2:
            return self._text(depth)
        self.n += 1
        n = self.n
        inner = self.content(depth + 1)
        if self.version == "1.2":
            return self.rng.choice(
                (
                    f'<g id="{n}" ctype="bold">{inner}</g>',
                    f'<bpt id="{n}">&lt;i&gt;</bpt>{inner}<ept id="{n}">&lt;/i&gt;</ept>',
                    f'<bx id="{n}"/>{inner}<ex id="{n}"/>',
                    f'<mrk mtype="term" mid="{n}">{inner}</mrk>',
                    f'<mrk mtype="protected" mid="{n}">{inner}</mrk>',
                )
            )
        return self.rng.choice(
            (
                f"<pc id=\"{n}\" dataRefStart = 'd1'>{inner}</pc>",
                f'<sc id="{n}"/>{inner}<ec startRef="{n}"/>',
                f'<mrk id="{n}" type="term">{inner}</mrk>',
                f'<mrk id="{n}" translate="no">{inner}</mrk>',
            )
        )

    def _crossing(self, depth: int) -> str:
        """Two pairs of which the second ends after the first, or one of codes that stand alone."""
        self.n += 2
        a, b = self.n - 1, self.n
        texts = [escape(words(self.rng)) for _ in range(3)]
        if self.version != "1.2":
            crossed = f'<sc id="{a}"/>{texts[0]} <sc id="{b}"/>{texts[1]}<ec startRef="{a}"/> {texts[2]}'
            return f'{crossed}<ec startRef="{b}"/>'
        if self.rng.random() < 0.4:
            return f'<x id="START_A{a}" />{texts[0]} glued<x id="{b}" ctype="lb"/>word<x id="CLOSE_A{a}"/>'
        crossed = f'<bx id="{a}"/>{texts[0]} <bx id="{b}"/>{texts[1]}<ex id="{a}"/> {texts[2]}'
        return f'{crossed}<ex id="{b}"/>'

    def _alone(self, depth: int) -> str:
        self.n += 1
        n = self.n
        if self.version == "1.2":
            return self.rng.choice(
                (f'<x id="{n}"/>', f'<ph id="{n}">&lt;br/&gt;</ph>', f'<it id="{n}" pos="open">(</it>')
            )
        return self.rng.choice((f'<ph id="{n}"/>', '<cp hex="001A"/>', "<!-- a note -->"))


def xliff12(rng: random.Random) -> bytes:
    codes = _Codes(rng, "1.2")
    units = []
    for n in range(rng.randint(1, 6)):
        target = rng.choice(("", "\n        <target/>", '\n        <target state="new"></target>'))
        inside = f"<source>{codes.content()}</source>{target}"
        if rng.random() < 0.2:
            segments = "".join(f'<mrk mtype="seg" mid="{i}">{codes.content()}</mrk> ' for i in range(2))
            inside = f"<source>{words(rng)}</source>\n        <seg-source>{segments}</seg-source>{target}"
        extra = rng.choice(("", "\n        <alt-trans><source>no</source><target/></alt-trans>", "<!-- note -->"))
        units.append(f'    <trans-unit id="u{n}" >\n        {inside}{extra}\n    </trans-unit>')
    units.append('    <trans-unit id="k" translate="no"><source>Keep &amp; this</source></trans-unit>')
    units.append('    <trans-unit id="d"><source>Done</source><target state="final">Fertig %s</target></trans-unit>')
    text = (
        '<?xml version="1.0" encoding="{}" standalone="yes"?>\n<!DOCTYPE xliff>\n'
        '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">\n'
        '  <file  original="a b" source-language="en" target-language="de" datatype="plaintext"><body>\n'
        + "\n".join(units)
        + "\n  </body></file>\n</xliff>\n"
    )
    return _encoded(rng, text)


def xliff2(rng: random.Random) -> bytes:
    codes = _Codes(rng, "2.0")
    units = []
    for n in range(rng.randint(1, 5)):
        segments = ""
        for _ in range(rng.randint(1, 2)):
            state, space = rng.choice(("", ' state="initial"')), rng.choice(("", ' xml:space="preserve"'))
            source, target = f"<source{space}>{codes.content()}</source>", rng.choice(("", "<target/>"))
            segments += f"\n      <segment{state}>\n        {source}{target}\n      </segment>"
            segments += "<ignorable><source> </source></ignorable>"
        units.append(f'    <unit id="u{n}">{segments}\n    </unit>')
    text = (
        '<?xml version="1.0" encoding="{}"?>\n'
        '<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en" trgLang="de">\n  '
        '<file id="f">\n' + "\n".join(units) + "\n  </file>\n</xliff>\n"
    )
    return _encoded(rng, text)


def _encoded(rng: random.Random, text: str) -> bytes:
    if rng.random() < 0.3:
        text = text.replace("\n", "\r\n")
    name, codec, bom = rng.choice(
        (("UTF-8", "utf-8", b""), ("utf-8", "utf-8", b"\xef\xbb\xbf"), ("UTF-16", "utf-16-le", b"\xff\xfe"))
    )
    return bom + text.replace("{}", name, 1).encode(codec)


def po(rng: random.Random) -> bytes:
    plural = rng.choice(PLURALS)
    header = f"""msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Language: de\\n"
"Plural-Forms: {plural}\\n"
"""
    entries = [header]
    for n in range(rng.randint(1, 8)):
        comment = rng.choice(("", "# a translator's note\n", "#: src/a.c:12\n#, no-c-format\n", "#. said\n"))
        context = f'msgctxt "context {n}"\n'
        end = rng.choice(("", "\\n"))
        if rng.random() < 0.3:
            forms = "".join(f'msgstr[{i}] ""\n' for i in range(rng.randint(1, min(2, int(plural[9])))))
            body = f"msgid {_po_text(rng, end)}msgid_plural {_po_text(rng, end)}{forms}"
        else:
            empty = rng.choice(('""', '""\n""'))
            body = f"msgid {_po_text(rng, end)}msgstr {empty}\n"
        entries.append(comment + context + body)
    entries.append('#, fuzzy\nmsgid "kept"\nmsgstr "gehalten %s"\n')
    entries.append('#~ msgid "old"\n#~ msgstr ""\n')
    text = "\n".join(entries)
    return (text.replace("\n", "\r\n") if rng.random() < 0.3 else text).encode()


PLURALS = (
    "nplurals=2; plural=(n != 1);",
    "nplurals=1; plural=0;",
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);",
    "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5;",
)


def _po_text(rng: random.Random, end: str) -> str:
    lines = [_with_tags(rng, 0) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    text = [line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\t", "\\t") for line in lines]
    if len(text) == 1 and rng.random() < 0.7:
        return f'"{text[0]}{end}"\n'
    return '""\n' + "".join(f'"{line}\\n"\n' for line in text[:-1]) + f'"{text[-1]}{end}"\n'


def _with_tags(rng: random.Random, depth: int) -> str:
    parts = []
    for _ in range(rng.randint(1, 3)):
        kind = rng.random()
        if kind < 0.25 and depth < 3:
            name = rng.choice(('a href="%s"', "b", "i", "span class='x'"))
            parts.append(f"<{name}>{_with_tags(rng, depth + 1)}</{name.split()[0]}>")
        elif kind < 0.35:
            parts.append("<br/>")
        else:
            parts.append(sentence(rng))
        parts.append(rng.choice(("", " ")))
    return "".join(parts)


def html(rng: random.Random) -> bytes:
    blocks = [_html_block(rng, 0) for _ in range(rng.randint(2, 7))]
    text = (
        '<!DOCTYPE html>\n<html>\n<head><meta charset="{}">\n<title>'
        + html_escape(words(rng))
        + "</title><style>p > a { color: red }</style>\n<script>if (a < b) { say('<p>') }</script></head>\n<body>\n"
        + "\n".join(blocks)
        + "\n</body></html>\n"
    )
    codec = rng.choice(("utf-8", "utf-8", "windows-1252"))
    if rng.random() < 0.3:
        text = text.replace("\n", "\r\n")
    return text.replace("{}", codec, 1).encode(codec, "xmlcharrefreplace")


def _html_block(rng: random.Random, depth: int) -> str:
    kind = rng.randrange(9)
    if kind < 4 or depth > 2:
        name = rng.choice(("p", "h1", "li", "td", "blockquote", "div"))
        return f"<{name}>{_html_inline(rng, 0)}</{name}>"
    if kind == 4:
        return f"<pre>{html_escape(sentence(rng))}\n  <b>x</b></pre><!-- {words(rng)} -->"
    if kind == 5:
        return f"<img src=a.png alt=\"{html_escape(words(rng))}\"><input placeholder='{html_escape(words(rng))}'>"
    if kind == 6:
        return (
            f'<div translate="no"><div>{words(rng)}</div> {words(rng)}</div><p class="a notranslate">{words(rng)}</p>'
        )
    if kind == 7:
        return f"<ul><li>{_html_inline(rng, 0)}<li>{_html_inline(rng, 0)}</ul>"
    return f"<div>{_html_inline(rng, 0)}{_html_block(rng, depth + 1)}{_html_inline(rng, 0)}</div>"


def _html_inline(rng: random.Random, depth: int) -> str:
    parts = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.random()
        if kind < 0.25 and depth < 3:
            name = rng.choice(
                ("b", "i", 'a href="x?a=1&amp;b=2" title="The &quot;way&quot; there"', "span class=x", "EM")
            )
            parts.append(f"<{name}>{_html_inline(rng, depth + 1)}</{name.split()[0]}>")
        elif kind < 0.4:
            parts.append(
                rng.choice(
                    ("<br>", "<code>a  &lt; b</code>", "<img alt='a cat'>", "<!-- x -->", "<svg><title>t</title></svg>",
                     "<span translate=no>Keep <b>it</b></span>")
                )
            )  # fmt: skip
        else:
            text = html_escape(sentence(rng), quote=rng.random() < 0.5)
            parts.append(text.replace(" ", rng.choice((" ", "\n  ", "&nbsp;")), 1))
        parts.append(rng.choice(("", " ")))
    return "".join(parts)


def markdown(rng: random.Random) -> bytes:
    front = "---\ntitle: a cat\n---\n\n" if rng.random() < 0.4 else ""
    blocks = [rng.choice(_BLOCKS)(rng) for _ in range(rng.randint(3, 9))]
    text = front + "\n\n".join(blocks) + '\n\n[ref]: https://x.example/y "the title"\n[^1]: A note here.\n'
    return (text.replace("\n", "\r\n") if rng.random() < 0.3 else text).encode()


def _md_words(rng: random.Random) -> str:
    special = (
        "2 \\* 3",
        "a_b_c",
        "&amp;",
        "&copy;",
        "\\[x\\]",
        "%s",
        "{name}",
        "42",
        "https://a.example/b_c_d",
        "5 < 6",
    )
    return " ".join(rng.choice((words(rng), words(rng), rng.choice(special))) for _ in range(rng.randint(1, 3)))


def _md_inline(rng: random.Random, depth: int = 0) -> str:
    parts = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.randrange(12)
        inner = _md_inline(rng, depth + 1) if depth < 2 and kind < 5 else ""
        parts.append(
            (
                f"**{words(rng)}**" if depth else f"**{inner}**", f"_{words(rng)}_",
                f"[{words(rng)} *x*](http://a.b/(c) \"t\")", f"[{words(rng)}][ref]", f"~~{words(rng)}~~",
                "`code  *x* ` ` `", "![an *image*](i.png)", "<https://auto.example>",
                "<b>html</b>", "[ref]", "word[^1]", _md_words(rng),
            )[kind]
        )  # fmt: skip
        parts.append(" " + _md_words(rng) + " ")
    return " ".join("".join(parts).split())


def _md_lines(rng: random.Random, prefix: str = "") -> str:
    return ("\n" + prefix).join(_safe(_md_inline(rng)) for _ in range(rng.randint(1, 3)))


def _safe(line: str) -> str:
    return line if line[:1].isalpha() else f"so {line}"


_BLOCKS = (
    lambda rng: _md_lines(rng),
    lambda rng: _md_lines(rng),
    lambda rng: f"{'#' * rng.randint(1, 4)} {_safe(_md_words(rng))}",
    lambda rng: f"{_safe(_md_words(rng))}\n=======",
    lambda rng: "> " + _md_lines(rng, "> "),
    lambda rng: "\n".join(f"- {_safe(_md_inline(rng))}" for _ in range(3)),
    lambda rng: f"1. {_md_lines(rng, '   ')}\n   - [ ] {_md_lines(rng, '     ')}\n2. > {_md_lines(rng, '   > ')}",
    lambda rng: f"```python\nx = '{words(rng)}'\n\ny\n```",
    lambda rng: f"    indented {words(rng)}",
    lambda rng: f"<div>\n{words(rng)}\n</div>",
    lambda rng: f"| {words(rng)} | {_md_words(rng)} |\n|---|:-:|\n| `a` {words(rng)} \\| x | **{words(rng)}** |",
    lambda rng: f"{_safe(words(rng))}  \nafter a hard break\\\n{_safe(words(rng))}",
    lambda rng: "* * *",
)


def srt(rng: random.Random) -> bytes:
    return _cues(rng, ",", "", lambda text: text)


def vtt(rng: random.Random) -> bytes:
    head = "WEBVTT - a title\n\nNOTE a cat sleeps\n\nSTYLE\n::cue { color: red }\n\n"
    return _cues(rng, ".", head, lambda text: escape(text))


def _cues(rng: random.Random, point: str, head: str, write: "object") -> bytes:
    assert callable(write)
    blocks = []
    for n in range(1, rng.randint(2, 8)):
        lines = []
        for _ in range(rng.randint(1, 3)):
            line = write(sentence(rng).replace("<", ""))
            kind = rng.random()
            if kind < 0.2:
                line = f"<i>{line}</i>"
            elif kind < 0.3:
                line = f"- {line}"
            elif kind < 0.4:
                line = f"{{\\an8}}{line} <b>{write(words(rng))}</b> {write(words(rng))}"
            elif kind < 0.5:
                line = f'<font color="#fff">{line}'
            lines.append(line)
        blocks.append(f"{n}\n00:00:{n:02}{point}000 --> 00:00:{n:02}{point}900\n" + "\n".join(lines) + "\n")
    text = head + "\n".join(blocks)
    if rng.random() < 0.4:
        text = text.replace("\n", "\r\n")
    return (b"\xef\xbb\xbf" if rng.random() < 0.2 else b"") + text.encode()


def document(rng: random.Random) -> bytes:
    paragraphs = []
    for _ in range(rng.randint(1, 6)):
        lines = [
            " ".join(sentence(rng) for _ in range(rng.randint(1, 4))).strip() or "x" for _ in range(rng.randint(1, 4))
        ]
        paragraphs.append(rng.choice(("", "  ")) + "\n".join(lines))
    text = "\n\n".join(paragraphs) + rng.choice(("", "\n", "\n\n"))
    return (text.replace("\n", "\r\n") if rng.random() < 0.3 else text).encode()
