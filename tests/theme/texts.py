"""All fixed texts, gathered from the code and the templates; as a program (make catalogues) it brings the catalogues
up to date: new texts are added without a translation, and old ones go.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from publisher.theme.translations import CATALOGUES

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("theme", "editions", "syndication", "web")
KEYWORDS = {"_": None, "ngettext": (1, 2), "marked": None, "say": None, "plural": (1, 2)}
JINJA = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}


def texts() -> Catalog:
    """The texts as a catalogue without translations."""
    catalogue = Catalog(fuzzy=False)
    places = [(ROOT / "publisher" / room, [("**.py", "python")], {}) for room in ROOMS]
    for folder, methods, options in [*places, (ROOT / "templates", [("**.*", "jinja2")], {"**.*": JINJA})]:
        for file, line, message, _, context in extract_from_dir(folder, methods, options, KEYWORDS):
            catalogue.add(message, locations=[(file, line)], context=context)
    return catalogue


def files() -> dict[str, Path]:
    """Our catalogues by their language."""
    return {file.parts[-3]: file for file in sorted(CATALOGUES.glob("*/LC_MESSAGES/publisher.po"))}


def update() -> None:
    """Writes the catalogues anew."""
    for language, file in files().items():
        written = file.read_bytes()
        catalogue = read_po(BytesIO(written), locale=language)
        catalogue.update(texts(), no_fuzzy_matching=True, update_creation_date=False)
        with file.open("wb") as opened:
            opened.write(written.partition(b"\n\n")[0] + b"\n\n")  # the header as it is: Babel has odd ideas of it
            write_po(
                opened,
                catalogue,
                width=0,
                omit_header=True,
                no_location=True,
                sort_output=True,
                ignore_obsolete=True,
            )
        missing = [message.id for message in catalogue if message.id and not _is_translated(message.string)]
        print(f"{language}: {len(catalogue)} texts, {len(missing)} without a translation")


def _is_translated(text: str | tuple[str, ...] | list[str] | None) -> bool:
    return all([text] if isinstance(text, str) else text or [""])


if __name__ == "__main__":
    update()
