"""Sample configurations for nginx and Caddy: public/ alone, with the headers that our own server gives it.

They are samples: copy one, or include it, and add what the machine needs (certificates, other sites). Written beside
the build's state, for this folder and these settings. Fails with OutputError.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

from publisher.model.errors import OutputError
from publisher.model.publication import Publication
from publisher.syndication.addresses import EXTENSIONS, ascii_url, base_path, home
from publisher.syndication.headers import (
    FEED_JSON,
    HTML,
    MAX_AGE,
    MEDIA_TYPES,
    NAVIGATION,
    PAGE_POLICY,
    base_type,
    headers_of,
    is_text,
    varies,
)
from publisher.syndication.moves import former_addresses

__all__ = ["ENDPOINTS", "caddy_configuration", "nginx_configuration", "write_configurations"]

ENDPOINTS = ("/subscribe", "/follow/", "/confirm/", "/u/", "/preferences/", "/settings/", "/address/", "/private/")
"""What `publisher serve` has to answer: the page with the forms, too, which have the time in them."""

_SERVE = "127.0.0.1:8000"


def write_configurations(publication: Publication) -> tuple[Path, ...]:
    """Writes nginx.conf and Caddyfile into .publisher/, if they differ; gives what was written. Raises OutputError."""
    written = []
    for name, text in (
        ("nginx.conf", nginx_configuration(publication)),
        ("Caddyfile", caddy_configuration(publication)),
    ):
        file = publication.state / name
        try:
            with contextlib.suppress(FileNotFoundError):
                if file.read_text("utf-8") == text:
                    continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        except (OSError, ValueError) as error:
            raise OutputError(
                f"cannot be written ({getattr(error, 'strerror', error)})",
                where=f"{publication.state.name}/{name}",
                remedy="make the publication's folder writable",
            ) from error
        written.append(file)
    return tuple(written)


def nginx_configuration(publication: Publication) -> str:
    """For nginx 1.18 or newer, without any module of others; goes where nginx includes sites (http). Pure."""
    base = base_path(publication).rstrip("/")
    key = re.sub(r"\W", "_", publication.host)
    lines = [*_nginx_maps(publication, key), "", "server {", *_indented(_nginx_server(publication, base, key)), "}", ""]
    return "\n".join(["# Serves public/ as publisher's own server does. A sample, written by: publisher build", *lines])


def _nginx_maps(publication: Publication, key: str) -> Iterator[str]:
    """Variables, by what the client asks for and by the file that answers it; an empty header is not sent."""
    yield f"map $http_accept_encoding $br_{key} {{"
    yield '    default ".none";'
    yield r'    "~*(?:^|[\s,])br\s*(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:[,;]|$)" ".br";'
    yield "}"
    yield f"map $http_accept $opened_{key} {{"
    yield "    default 0;"
    yield r'    "~*application/(rss|atom)\+xml" 0;'
    yield '    "~*text/html" 1;'
    yield "}"
    yield f'map "$opened_{key} $uri" $type_{key} {{'
    yield f'    {_ending("1 .*", *_XML_FEEDS)} "{NAVIGATION}";'
    yield f'    {_ending(". /feeds/.*", ".json")} "{FEED_JSON}";'
    for extension in _TEXTS:
        yield f'    {_ending(". .*", extension)} "{MEDIA_TYPES[extension]}";'
    yield "}"
    for header, name in _BY_FILE.items():
        yield f"map $uri ${name}_{key} {{"
        for path, example in _EXAMPLES:
            if header in headers_of(example):
                yield f'    {_ending(path, example[example.rindex(".") :])} "{headers_of(example)[header]}";'
        yield "}"
    if publication.web.hub:
        topic = f"(?<topic_{key}>{re.escape(base_path(publication))}{_TOPIC})"
        yield f"map $request_uri $link_{key} {{"
        yield f'    "~^{topic}(\\?|$)" {_links(publication, f"$topic_{key}")};'
        yield "}"


def _links(publication: Publication, topic: str) -> str:
    """The value of a feed document's Link header, as `hub.link_header` has it, quoted."""
    hub = ascii_url(publication.web.hub).replace("$", "%24").replace("'", "%27")
    site = home(publication).removesuffix(base_path(publication))
    return _quoted(f'<{hub}>; rel="hub", <{site}{topic}>; rel="self"')


# As it was asked for, so that it can stand in a header.
_TOPIC = r"feeds/[\w.~%+-]+\.(?:" + "|".join(EXTENSIONS.values()) + ")"
_XML_FEEDS = tuple(extension for extension in MEDIA_TYPES if varies(f"x{extension}"))
_TEXTS = tuple(extension for extension in MEDIA_TYPES if is_text(f"x{extension}"))
_BY_FILE = {
    "vary": "vary",
    "content-security-policy": "policy",
    "access-control-allow-origin": "origin",
}
_EXAMPLES = (
    ("/feeds/.*", "feeds/x.json"),
    *((".*", f"x{extension}") for extension in _TEXTS),
)


def _ending(path: str, *extensions: str) -> str:
    """A map's pattern: a path with one of the extensions, or its compressed copy."""
    names = "|".join(extension[1:] for extension in extensions)
    return rf'"~^{path}\.({names})(\.br)?$"'


def _nginx_server(publication: Publication, base: str, key: str) -> Iterator[str]:
    yield "listen 80;"
    yield "listen [::]:80;"
    yield f"server_name {urlsplit(ascii_url(publication.url)).hostname};"
    yield f"root {_quoted(str(publication.public.absolute()))};"
    yield "absolute_redirect off;"
    yield "gzip on;"
    yield "gzip_static on;  # the copies that a build made; what has none is compressed here"
    yield "gzip_proxied any;"
    yield "gzip_http_version 1.0;"
    yield f"gzip_types {' '.join(base_type(MEDIA_TYPES[one]) for one in _TEXTS if one != '.html')};"
    yield "charset utf-8;"
    yield "charset_types text/css text/plain text/vtt application/xml;"
    yield "types {"
    yield from (f"    {base_type(kind)} {extension[1:]};" for extension, kind in MEDIA_TYPES.items())
    yield "}"
    yield "default_type application/octet-stream;"
    yield "error_page 404 /404.html;"
    yield ""
    for path, target in sorted(former_addresses(publication).items()):
        yield f"location = {_quoted(base + path)} {{ return {410 if target is None else f'301 {_quoted(target)}'}; }}"
    if publication.web.endpoints:
        for path in ENDPOINTS:
            yield f"location {'^~' if path.endswith('/') else '='} {base}{path} {{"
            yield f"    proxy_pass http://{_SERVE};  # publisher serve"
            yield "    proxy_set_header Host $host;"
            yield "    proxy_set_header X-Forwarded-For $remote_addr;"
            yield "}"
    yield "location = /404.html {"
    yield "    internal;"
    yield "    add_header Cache-Control no-cache always;"
    yield "    add_header X-Content-Type-Options nosniff always;"
    yield f'    add_header Content-Security-Policy "{PAGE_POLICY}" always;'
    yield "}"
    yield "location ^~ /.br/ {  # the brotli copy of what comes after it"
    yield "    internal;"
    yield "    gzip off;"
    yield "    gzip_static off;"
    yield r"    rewrite ^/\.br(/.*)$ $1.br break;"
    yield "    add_header Content-Encoding br;"
    yield from _nginx_headers(key, typed=True)
    if publication.web.hub:
        yield f"    add_header Link $link_{key};"
    yield "}"
    yield r"location ~ /\. { return 404; }"
    yield f"location ~ ^{re.escape(base)}(/.*)?/$ {{ rewrite ^ ${{uri}}index.html last; }}"
    feeds = "|".join(extension[1:] for extension in _XML_FEEDS)
    for pattern, typed in ((rf"/.*\.(?:{feeds})|/feeds/.*\.json", True), ("/.*", False)):
        # "inner" is the path below the publication's own.
        yield f"location ~ ^{re.escape(base)}(?<inner>{pattern})$ {{"
        yield f"    if (-f $document_root$inner$br_{key}) {{ rewrite ^ /.br$inner last; }}"
        yield "    if (-d $document_root$inner) { return 308 $uri/; }"
        yield "    rewrite ^ $inner break;"
        yield from _nginx_headers(key, typed=typed)
        if typed and publication.web.hub:
            yield f"    add_header Link $link_{key};"
        yield "}"


def _nginx_headers(key: str, *, typed: bool) -> Iterator[str]:
    if typed:  # nginx adds no type of its own, so that it can depend on who asks
        yield "    types { }"
        yield '    default_type "";'
        yield f"    add_header Content-Type $type_{key};"
    yield f"    add_header Cache-Control max-age={MAX_AGE};"
    yield "    add_header X-Content-Type-Options nosniff;"
    for header, name in _BY_FILE.items():
        yield f"    add_header {_cased(header)} ${name}_{key};"


def _cased(header: str) -> str:
    return "-".join(part.capitalize() for part in header.split("-"))


def caddy_configuration(publication: Publication) -> str:
    """For Caddy 2.6 or newer, which gets its certificate by itself. Pure."""
    address = ascii_url(publication.url)
    base = base_path(publication).rstrip("/")
    site = address.removesuffix(base) if base else address
    body = list(_caddy_site(publication))
    if base:
        body = [f"redir {base} {base}/ 308", f"handle_path {base}/* {{", *_indented(body), "}"]
    lines = [f"{site} {{", *_indented(body), *_indented(_caddy_errors(publication)), "}", ""]
    return "\n".join(["# Serves public/ as publisher's own server does. A sample, written by: publisher build", *lines])


def _caddy_site(publication: Publication) -> Iterator[str]:
    for path, target in sorted(former_addresses(publication).items()):
        at = _quoted(quote(path))
        if target is None:
            yield from (f"handle {at} {{", "    respond 410", "}")
        else:
            yield f"redir {at} {_quoted(target)} 301"
    if publication.web.endpoints:
        yield f"@endpoints path {' '.join(f'{path}*' if path.endswith('/') else path for path in ENDPOINTS)}"
        yield "handle @endpoints {"
        yield f"    reverse_proxy {_SERVE}  # publisher serve"
        yield "}"
    yield "handle {"
    yield f"    root * {_quoted(str(publication.public.absolute()))}"
    yield "    route {  # in this order"
    yield from _indented(_indented([*_caddy_hub(publication), *_caddy_files()]))
    yield "    }"
    yield "}"


def _caddy_errors(publication: Publication) -> Iterator[str]:
    yield "handle_errors {"
    yield f"    root * {_quoted(str(publication.public.absolute()))}"
    yield "    rewrite * /404.html"
    yield "    header Cache-Control no-cache"
    yield "    header X-Content-Type-Options nosniff"
    yield f'    header Content-Type "{HTML}"'
    yield "    header -Vary"
    yield f'    header Content-Security-Policy "{PAGE_POLICY}"'
    yield "    file_server"
    yield "}"


def _caddy_hub(publication: Publication) -> Iterator[str]:
    if publication.web.hub:
        path = re.escape(base_path(publication))
        yield rf"@topic vars_regexp topic {{http.request.orig_uri}} ^({path}{_TOPIC})(?:\?|$)"
        yield f"header @topic Link {_links(publication, '{re.topic.1}')}"


def _caddy_files() -> Iterator[str]:
    yield "@hidden path */.*"
    yield "error @hidden 404"
    yield f"header Cache-Control max-age={MAX_AGE}"
    yield "header X-Content-Type-Options nosniff"
    for number, extension in enumerate(_TEXTS):
        yield f"@kind{number} path *{extension}{' */' if extension == '.html' else ''}"
        for header, value in headers_of(f"x{extension}").items():
            if header not in ("cache-control", "x-content-type-options"):
                yield f'header @kind{number} {_cased(header)} "{value}"'
    yield "@json path /feeds/*.json"
    yield f'header @json Content-Type "{FEED_JSON}"'
    yield 'header @json Access-Control-Allow-Origin "*"'
    yield "@opened {"
    yield f"    path {' '.join(f'*{extension}' for extension in _XML_FEEDS)}"
    yield "    header_regexp Accept (?i)text/html"
    yield r"    not header_regexp Accept (?i)application/(rss|atom)\+xml"
    yield "}"
    yield f'header @opened Content-Type "{NAVIGATION}"'
    yield "encode gzip  # what has no copy that a build made"
    yield "file_server {"
    yield "    precompressed br gzip"
    yield "}"


def _quoted(text: str) -> str:
    """One word of a configuration, whatever stands in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _indented(lines: Iterator[str] | list[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]
