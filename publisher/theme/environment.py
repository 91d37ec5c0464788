"""The one Jinja environment: a publication's templates/ over the built-in ones, sandboxed, strict, escaping; and the
words of every language that a page or digest is in.

Guarantees: a template cannot reach Python's insides (sandbox), a missing value is an error and not an empty
string (StrictUndefined), text is escaped for HTML unless the template's name ends in ``.txt``.
Fails with TemplateError, which names the template's file and line.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, Template, TemplateSyntaxError
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.exceptions import TemplateNotFound
from jinja2.filters import do_default
from jinja2.runtime import Context, Macro
from jinja2.sandbox import SandboxedEnvironment

from publisher.articles.urls import absolute
from publisher.model.errors import TemplateError
from publisher.model.publication import Publication
from publisher.publication.starter import starter
from publisher.theme.fields import Field, parted, token
from publisher.theme.languages import direction_of
from publisher.theme.words import Words, capital

__all__ = ["Environment", "check_overrides", "environment_of", "render", "render_line"]


class Environment(SandboxedEnvironment):
    """Templates, and the words of every language. Make one a pass: it keeps what it has read."""

    def __init__(self, *arguments: Any, catalogues: Path, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._catalogues = catalogues
        self._words: dict[str, Words] = {}

    def words(self, language: str) -> Words:
        """The fixed texts of a language. Raises TemplateError for a catalogue that cannot be used."""
        if language not in self._words:
            self._words[language] = Words(language, self._catalogues)
        return self._words[language]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The attribute; of frozen values of ours any that is no inside of Python's: the sandbox finds none there."""
        kind = type(obj)
        plain = _PLAIN.get(kind)
        if plain is None:
            plain = _PLAIN[kind] = kind.__module__.startswith("publisher.") and is_dataclass(kind)
        if plain and attribute[0] != "_":
            try:
                return getattr(obj, attribute)
            except AttributeError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def call(self, context: Context, obj: Any, /, *arguments: Any, **named: Any) -> Any:
        """Calls what the sandbox would. Most are macros, which are Jinja's own, and functions that nobody has marked as
        unsafe or as in need of the context: nothing has to be asked about those.
        """
        kind = type(obj)
        if kind is Macro:
            arguments = context.eval_ctx, *arguments
        elif not (
            (kind is FunctionType and not obj.__dict__)
            or (kind is MethodType and type(obj.__func__) is FunctionType and not obj.__func__.__dict__)
        ):
            return super().call(context, obj, *arguments, **named)
        named.pop("_block_vars", None)
        named.pop("_loop_vars", None)
        try:
            return obj(*arguments, **named)
        except StopIteration as error:
            return self.undefined(f"a function ended without a value: {error}")


_PLAIN: dict[type, bool] = {datetime: True}

_TEMPLATES = (".html", ".txt", ".css")
# A file that cannot be read, a template that includes itself, and whatever an expression can do wrong.
_FAULTS = (
    JinjaError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
_WHERE_TO_LOOK = "copy the built-in template of that name and change it in small steps"


def environment_of(publication: Publication) -> Environment:
    """The environment of a publication; templates speak its language unless they are given another's words.

    Raises TemplateError for a catalogue of its own that cannot be used.
    """
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(publication.templates), FileSystemLoader(starter() / "templates")]),
        undefined=StrictUndefined,
        autoescape=lambda name: not (name or "").endswith((".txt", ".txt.j2")),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        catalogues=publication.templates / "catalogues",
    )
    zone = ZoneInfo(publication.timezone)

    def local(moment: datetime) -> datetime:
        return moment.astimezone(zone)

    def address(url: str) -> str:
        return absolute(url, f"{publication.url}/") or ""

    environment.filters["address"] = address
    environment.filters["local"] = local
    environment.filters["default"] = environment.filters["d"] = _default
    environment.filters["capital"] = capital
    environment.filters["section_label"] = publication.section_label
    environment.globals.update(
        environment.words(publication.language).values, publication=publication, direction_of=direction_of
    )
    return environment


def _default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """Jinja's filter; a reader's field gets its default with it, for readers who lack it."""
    if isinstance(value, Field):
        return Field(token(parted(value[3:-3])[0], str(default_value)))
    return do_default(value, default_value, boolean)


def check_overrides(environment: Environment, publication: Publication) -> None:
    """Reads every template and catalogue that the publication has. Raises TemplateError with file and line."""
    folder = publication.templates
    for file in sorted(folder.rglob("*")):
        if file.suffix in _TEMPLATES and file.is_file():
            _template(environment, file.relative_to(folder).as_posix())
    for file in sorted(folder.glob("catalogues/*/LC_MESSAGES/publisher.po")):
        environment.words(file.parts[-3])


def render(environment: Environment, name: str, values: Mapping[str, Any]) -> str:
    """The template ``name`` with ``values``. Raises TemplateError with file and line."""
    template = _template(environment, name)
    try:
        return template.render(values)
    except TemplateNotFound as error:
        raise _missing(error, name) from error
    except TemplateSyntaxError as error:
        raise _unparsed(error, name) from error
    except _FAULTS as error:
        file, line = _innermost(error, name)
        raise TemplateError(f"does not render: {error}", where=file, line=line, remedy=_WHERE_TO_LOOK) from error


def render_line(environment: Environment, source: str, values: Mapping[str, Any], *, where: str) -> str:
    """A one-line template given as text, unescaped (a subject). White space is folded. Raises TemplateError."""
    try:
        template = environment.overlay(autoescape=False).from_string(source)
        return " ".join(template.render(values).split())
    except _FAULTS as error:
        raise TemplateError(f"{error}", where=where, remedy="mend the template in this setting") from error


def _template(environment: Environment, name: str) -> Template:
    try:
        return environment.get_template(name)
    except TemplateNotFound as error:
        raise _missing(error, name) from error
    except TemplateSyntaxError as error:
        raise _unparsed(error, name) from error
    except (UnicodeError, OSError) as error:
        raise TemplateError(f"cannot be read: {error}", where=f"templates/{name}", remedy="save it as UTF-8") from error


def _missing(error: TemplateNotFound, name: str) -> TemplateError:
    return TemplateError(f'there is no template "{error.name}"', where=f"templates/{name}")


def _unparsed(error: TemplateSyntaxError, name: str) -> TemplateError:
    return TemplateError(f"does not parse: {error.message}", where=_known_as(error.filename, name), line=error.lineno)


def _innermost(error: BaseException, name: str) -> tuple[str, int | None]:
    """The last frame that is a template's: Jinja rewrites tracebacks so that these have the template's own lines."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/templates/" in frame.filename]
    if not frames:
        return f"templates/{name}", None
    return _known_as(frames[-1].filename, name), frames[-1].lineno


def _known_as(filename: str | None, name: str) -> str:
    if not filename:
        return f"templates/{name}"
    parts = Path(filename).parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("templates") :]) if "templates" in parts else filename
