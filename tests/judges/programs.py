"""The judges that read: vnu, html-validate, SpamAssassin, doiuse-email and caniemail's data, each over many samples."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lxml.html

from publisher.editions.mail_programs import FEATURES

NODE = Path(__file__).parent / "node_modules"

Findings = dict[str, list[str]]

# html-validate's opinions that mail has reasons against: mail programs drop <article> and <main>, but not role.
_HTML_VALIDATE = {
    "extends": ["html-validate:standard", "html-validate:a11y"],
    "rules": {
        "prefer-native-element": "off",
        "no-inline-style": "off",
        "long-title": "off",
        "attribute-boolean-style": "off",
        "no-trailing-whitespace": "off",
    },
}

# What a mail program may drop, and what is left then.
_LOST_WITHOUT_HARM = {
    "css-box-sizing": "the logo is as wide as its padding wider",
    "css-border-spacing": "border-collapse says the same",
    "css-display-none": "of the preheader: one pixel high, and hidden by max-height",
    "css-height": "auto; the attribute has the height",
    "css-max-height": "of the preheader; Outlook for Windows has mso-hide",
    "css-max-width": "Outlook for Windows gets a table with a width",
    "css-overflow": "of the preheader; Outlook for Windows has mso-hide",
    "css-overflow-wrap": "word-break breaks as well",
    "css-white-space": "code is shown in one line, or with spaces folded",
    "css-word-break": "overflow-wrap breaks as well",
    "html-aria-hidden": "the filler behind the preheader is white space",
    "html-body": "the wrapper has the same colours",
    "html-role": "a layout table is announced as a table",
    "html-style": "dark and narrow screens lose their rules: the page holds without them",
}
_CLIENTS = ("apple-mail", "gmail", "outlook", "samsung-email", "thunderbird", "yahoo")


def vnu(files: Mapping[str, Path]) -> Findings | None:
    """The Nu HTML Checker: errors and warnings. None: it is not here."""
    jar = NODE / "vnu-jar" / "build" / "dist" / "vnu.jar"
    if not jar.exists() or shutil.which("java") is None:
        return None
    answer = _run(
        "java", "-jar", str(jar), "--format", "json", "--stdout", "--exit-zero-always", *map(str, files.values())
    )
    names = {path.as_uri().replace("///", "/"): name for name, path in files.items()}
    found: Findings = {name: [] for name in files}
    for message in json.loads(answer)["messages"]:
        if message["type"] == "error" or message.get("subType") == "warning":
            found[names[message["url"]]].append(message["message"])
    return found


def html_validate(files: Mapping[str, Path], folder: Path) -> Findings | None:
    """html-validate with its rules for accessibility. None: it is not here."""
    program = NODE / "html-validate" / "bin" / "html-validate.mjs"
    if not program.exists() or shutil.which("node") is None:
        return None
    settings = folder / "html-validate.json"
    settings.write_text(json.dumps(_HTML_VALIDATE), "utf-8")
    answer = _run("node", str(program), "--config", str(settings), "--formatter", "json", *map(str, files.values()))
    names = {str(path): name for name, path in files.items()}
    found: Findings = {name: [] for name in files}
    for report in json.loads(answer):
        found[names[report["filePath"]]] += [f"{each['ruleId']}: {each['message']}" for each in report["messages"]]
    return found


def spamassassin(messages: Mapping[str, bytes]) -> Findings | None:
    """SpamAssassin with its local rules: more than 0 points is a finding. None: it is not here."""
    if shutil.which("spamassassin") is None:
        return None
    found: Findings = {}
    for name, message in messages.items():
        answer = _run("spamassassin", "--local", "--cf", "score NO_RELAYS 0", given=message)
        head = answer.partition("\n\n")[0].replace("\n\t", " ")
        status = next((line for line in head.split("\n") if line.startswith("X-Spam-Status:")), "")
        score = float(status.partition("score=")[2].split(" ")[0] or "99")
        found[name] = [status] if score > 0 else []
    return found


def caniemail(pages: Mapping[str, str]) -> Findings | None:
    """caniemail.com's data: what stands in elements and style attributes and some mail program does not know.

    What is in ``<style>`` is extra by design. None: the data are not here.
    """
    data = NODE / "caniemail" / "data" / "caniemail.json"
    if not data.exists():
        return None
    features = {feature["slug"]: feature for feature in json.loads(data.read_text("utf-8"))["data"]}
    # What we tell editors of mail programs is as old as our own table of them.
    found: Findings = {
        "our table": [
            f"{name}: everybody knows {ours.slug}, or it is not in the data"
            for name, ours in FEATURES.items()
            if ours.slug not in features or not _unknown(features[ours.slug], also_partly=True)
        ]
    }
    for name, page in pages.items():
        used = _used(page) & features.keys() - _LOST_WITHOUT_HARM.keys()
        found[name] = [
            f"{slug} is unknown to {', '.join(unknown)}"
            for slug in sorted(used)
            if (unknown := _unknown(features[slug]))
        ]
    return found


def doiuse_email(pages: Mapping[str, str]) -> Findings | None:
    """doiuse-email, on pages without their ``<style>``, which is extra by design. None: it is not here."""
    if not (NODE / "doiuse-email").exists() or shutil.which("node") is None:
        return None
    answer = _run("node", str(Path(__file__).with_name("doiuse.mjs")), given=json.dumps(dict(pages)).encode())
    found: Findings = {name: [] for name in pages}
    for name, errors in json.loads(answer).items():
        found[name] = [error for error in errors if _slug(error) not in _LOST_WITHOUT_HARM]
    return found


def _slug(error: str) -> str:
    """caniemail's name of what "`overflow-wrap` is not supported by `gmail.ios`" is about."""
    feature = error.split("`")[1]
    if feature.startswith("<"):
        return "html-" + feature[1:].partition(">")[0]
    if feature.endswith(" attribute"):
        return "html-" + feature.removesuffix(" attribute")
    return "css-" + feature.replace(":", "-")


def _used(page: str) -> set[str]:
    """The slugs of elements, attributes, properties and their values."""
    used: set[str] = set()
    for element in lxml.html.document_fromstring(page).iter():
        if not isinstance(element.tag, str):
            continue
        used.add(f"html-{element.tag}")
        used |= {f"html-{name}" for name in element.attrib}
        for declaration in element.attrib.get("style", "").split(";"):
            name, _, value = (part.strip() for part in declaration.partition(":"))
            if name:
                used |= {f"css-{name}", f"css-{name}-{value.split(' ')[0]}"}
    return used


def _unknown(feature: Any, *, also_partly: bool = False) -> list[str]:
    """The mail programs whose newest version does not know a feature. ``also_partly``: or not all of it."""
    return [
        f"{client} {platform}"
        for client, platforms in feature["stats"].items()
        if client in _CLIENTS
        for platform, versions in platforms.items()
        if versions[max(versions)].startswith(("n", "a") if also_partly else "n")
    ]


def _run(*words: str, given: bytes | None = None) -> str:
    done = subprocess.run(words, input=given, capture_output=True, check=False, timeout=600)
    return done.stdout.decode("utf-8", "replace")
