"""make judges: all judges on all samples, screenshots into screenshots/; exit status 1 where one of them objects.

Each judge is shown a page with faults as well: one that does not object to it is asleep, and that is an objection.

With words, only samples whose name has one of them: python -m tests.judges nasty-full
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.judges import browser, programs
from tests.judges.samples import Sample, samples

SCREENSHOTS = Path("screenshots")
CLIPPED_AT = 102_400
CONTROL = Sample(
    name="control",
    html='<!DOCTYPE html><html><head><title>x</title></head><body><div style="display: flex"><img src="https://x.org/a">'
    '<center>x</center><p style="width: 900px; color: #eee">wide</p></div></body></html>',
    text="",
    message=b"Subject: FREE MONEY\r\n\r\nClick here http://1.2.3.4/ for cheap viagra\r\n",
)


def main(words: list[str]) -> int:
    """Judges, prints one line a judge and one a finding."""
    chosen = [each for each in samples() if not words or any(word in each.name for word in words)]
    print(f"{len(chosen)} digests: {', '.join(sample.name for sample in chosen)}")
    sizes = {sample.name: len(sample.html.encode()) for sample in chosen}
    chosen = [CONTROL, *chosen]
    too_large = [f"{name}: {size} bytes" for name, size in sizes.items() if size > CLIPPED_AT]
    print(f"size: largest {max(sizes.values()) / 1024:.0f} KB", *too_large, sep="\n    ")
    objections = len(too_large)
    with tempfile.TemporaryDirectory() as folder:
        files = _written(chosen, Path(folder))
        objections += _report("vnu", programs.vnu(files))
        objections += _report("html-validate", programs.html_validate(files, Path(folder)))
    objections += _report("caniemail", programs.caniemail({sample.name: sample.html for sample in chosen}))
    objections += _report("doiuse-email", programs.doiuse_email({each.name: each.without_style for each in chosen}))
    objections += _report("SpamAssassin", programs.spamassassin({sample.name: sample.message for sample in chosen}))
    objections += _report(f"Chromium and axe-core, {len(browser.LOOKS)} looks each", _looked_at(chosen))
    return 1 if objections else 0


def _written(chosen: list[Sample], folder: Path) -> dict[str, Path]:
    """Each sample with and without its styles, as files."""
    files = {}
    for sample in chosen:
        for name, html in ((sample.name, sample.html), (f"{sample.name}-nostyle", sample.without_style)):
            files[name] = folder / f"{name}.html"
            files[name].write_text(html, "utf-8")
    return files


def _looked_at(chosen: list[Sample]) -> programs.Findings | None:
    if not browser.CHROMIUM.exists() or not browser.AXE.exists():
        return None
    found: programs.Findings = {}
    with browser.chromium() as started:
        for sample in chosen:
            for look in browser.LOOKS:
                name = f"{sample.name}-{look}"
                html = sample.html if look.style else sample.without_style
                found[name] = browser.findings(started, html, look, SCREENSHOTS / f"{name}.png")
    print(f"{len(found)} screenshots in {SCREENSHOTS}/")
    return found


def _report(judge: str, found: programs.Findings | None) -> int:
    """The number of objections."""
    if found is None:
        print(f"{judge}: left out, it is not installed (make judges installs what npm has; apt-get has the others)")
        return 0
    objections = [(name, each) for name, listed in found.items() for each in listed if CONTROL.name not in name]
    if not any(listed for name, listed in found.items() if CONTROL.name in name):
        objections.append((CONTROL.name, "no objection to a page with faults"))
    print(f"{judge}: {sum(CONTROL.name not in name for name in found)} judged, {len(objections)} objections")
    for name, each in objections[:40]:
        print(f"    {name}: {' '.join(each.split())[:300]}")
    return len(objections)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
