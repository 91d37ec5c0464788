"""What stands in the text of other generators' articles besides Markdown, as Markdown, or left out.

Hugo's shortcodes, Jekyll's Liquid and kramdown's attributes, Pelican's ``{static}``. Code stays as it is. What
needs the other generator (its includes and variables) is left out; what it encloses stays. Everything is pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from publisher.articles.dialects import Dialect

__all__ = ["without_macros"]

_CODE = re.compile(
    r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[`~]*[ \t]*$|(?<!`)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)", re.S | re.M
)
_ARGUMENT = re.compile(r"""(?:(?P<key>[\w-]+)=)?(?:"(?P<quoted>[^"]*)"|`(?P<raw>[^`]*)`|(?P<bare>[^\s"`]+))""")
_SHORTCODE = re.compile(
    r"\{\{(?P<mark>[<%])(?!/\*)\s*(?P<end>/?)\s*(?P<name>[\w./-]+)(?P<arguments>.*?)/?\s*[%>]\}\}", re.S
)
_SHOWN_SHORTCODE = re.compile(r"\{\{([<%])/\*(.*?)\*/([%>])\}\}", re.S)
_HUGO_CODE = re.compile(
    r"\{\{[<%]\s*highlight\s+(?P<language>[\w+#-]+).*?[%>]\}\}\n?(?P<code>.*?)\{\{[<%]\s*/\s*highlight\s*[%>]\}\}", re.S
)
_LIQUID_CODE = re.compile(
    r"\{%-?\s*highlight\s+(?P<language>[\w+#-]+).*?%\}\n?(?P<code>.*?)\{%-?\s*endhighlight\s*-?%\}", re.S
)
_LIQUID_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}(?P<inner>.*?)\{%-?\s*endraw\s*-?%\}", re.S)
_LIQUID_COMMENT = re.compile(r"\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}", re.S)
_LIQUID_POST = re.compile(r"\{%-?\s*post_url\s+(?P<name>\S+)\s*-?%\}")
_LIQUID_ADDRESS = re.compile(r"""\{\{-?\s*["'](?P<path>[^"']*)["']\s*\|\s*(?:relative_url|absolute_url)\s*-?\}\}""")
_LIQUID = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.S)
_KRAMDOWN = re.compile(r"^[ \t]*\{:[^}\n]*\}[ \t]*\n?|(?<=\S)\{:[^}\n]*\}", re.M)
_CONTENTS = re.compile(r"^[*-] (?:TOC|toc)[ \t]*\n(?=\{:toc)", re.M)
_PELICAN = re.compile(r"[{|](?P<kind>static|attach|filename)[}|](?P<path>[^)\s\"'>#]*)")

Address = Callable[[str], str]


def without_macros(body: str, dialect: Dialect, address: Address) -> str:
    """``body`` as plain Markdown. ``address`` gives the address of an article by its file's name without ending."""
    if dialect == "jekyll":
        body = _LIQUID_CODE.sub(_fenced, _CONTENTS.sub("", body))
        return _outside_code(body, lambda text: _liquid(text, address))
    if dialect == "pelican":
        return _outside_code(body, lambda text: _PELICAN.sub(lambda found: _placed(found, address), text))
    if "{{<" in body or "{{%" in body:
        body = _HUGO_CODE.sub(_fenced, body)
        return _outside_code(body, lambda text: _shortcodes(text, address))
    return body


def _outside_code(body: str, change: Callable[[str], str]) -> str:
    parts, at = [], 0
    for code in _CODE.finditer(body):
        parts += [change(body[at : code.start()]), code[0]]
        at = code.end()
    return "".join((*parts, change(body[at:])))


def _fenced(found: re.Match[str]) -> str:
    return f"```{found['language']}\n{found['code'].rstrip()}\n```"


def _shortcodes(text: str, address: Address) -> str:
    text = _SHORTCODE.sub(lambda found: _shortcode(found, address), text)
    return _SHOWN_SHORTCODE.sub(r"{{\1\2\3}}", text)


def _shortcode(found: re.Match[str], address: Address) -> str:
    if found["end"]:
        return ""
    named: dict[str, str] = {}
    for argument in _ARGUMENT.finditer(found["arguments"]):
        value = argument["quoted"] or argument["raw"] or argument["bare"] or ""
        named[argument["key"] or str(len(named))] = value
    first = named.get("0", "")
    match found["name"]:
        case "figure":
            caption = named.get("caption") or named.get("title") or ""
            title = f' "{caption}"'.replace('""', "") if caption else ""
            return f"![{named.get('alt', '')}](<{named.get('src', first)}>{title})" if named.get("src", first) else ""
        case "youtube" if identity := named.get("id", first):
            return f"<https://www.youtube.com/watch?v={identity}>"
        case "vimeo" if identity := named.get("id", first):
            return f"<https://vimeo.com/{identity}>"
        case "ref" | "relref" if target := named.get("path", first):
            path, mark, fragment = target.partition("#")
            stem = re.sub(r"(?:/_?index)?\.md$", "", path).rstrip("/").rpartition("/")[2]
            return f"{address(stem) if stem else ''}{mark}{fragment}"
    return ""


def _liquid(text: str, address: Address) -> str:
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found["inner"])
        return f"\x00{len(kept) - 1}\x00"

    text = _LIQUID_COMMENT.sub("", _LIQUID_RAW.sub(keep, text))
    text = _LIQUID_POST.sub(lambda found: address(found["name"].rpartition("/")[2]), text)
    text = _LIQUID_ADDRESS.sub(lambda found: found["path"], text)
    text = _KRAMDOWN.sub("", _LIQUID.sub("", text))
    return re.sub("\x00(\\d+)\x00", lambda found: kept[int(found[1])], text)


def _placed(found: re.Match[str], address: Address) -> str:
    path = found["path"]
    if found["kind"] == "filename":
        return address(re.sub(r"\.\w+$", "", path).rpartition("/")[2])
    return path if found["kind"] == "attach" else f"/{path.lstrip('/')}"
