"""Pictures of a report, section by section, as a browser shows it on a desk and on a phone, in light and dark.

    python scripts/first_hour.py --place /tmp/hour
    python -m scripts.report_pictures /tmp/hour/boxes/report.html --to docs/report --page docs/report.md

One file for each section, width and colour scheme: `attention-1280-light.webp`. Needs Chromium on PATH.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from tests.verbs.report.chromium import Chromium

WIDTHS = (1280, 420)
SCHEMES = ("light", "dark")
MAX_HEIGHT = 1100
"""Most pixels of a picture's height: longer sections are cut there."""
MARGIN = 16
# Name, left, top, width and height of each section.
PLACES = """[...document.querySelectorAll('section[id]')].map((e) => {
  const box = e.getBoundingClientRect();
  return [e.id, e.querySelector('h2').textContent, box.left, box.top + window.scrollY, box.width, box.height];
})"""
INTRO = """\
# The report

The sections of the report of the first hour's workspace `boxes` ([first_hour.md](first_hour.md)), as a browser shows
them 1,280 and 420 pixels wide, in light and dark. Made by `scripts/report_pictures.py`; long sections are cut."""


def pictures(
    report: Path,
    to: Path,
    *,
    sections: Sequence[str] = (),
    widths: Sequence[int] = WIDTHS,
    schemes: Sequence[str] = SCHEMES,
    form: str = "webp",
    quality: int = 60,
) -> Iterator[tuple[str, Path]]:
    """Write the pictures of a report; yields the title of the section and the path of each.

    Parameters
    ----------
    report : Path
        HTML file.
    to : Path
        Folder for the pictures.
    sections : sequence of str
        Ids of the sections; by default all.
    widths, schemes : sequence
        Widths of the window, and colour schemes.
    form, quality
        Format of the files, and its quality.
    """
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, Chromium(Path(profile)) as browser:
        for width in widths:
            for scheme in schemes:
                browser.show(report.resolve().as_uri(), width=width, dark=scheme == "dark")
                # The list of sections would stand over the pictures.
                browser.value("document.querySelector('nav').style.position = 'static'")
                for name, title, left, top, across, height in browser.value(PLACES):
                    if sections and name not in sections:
                        continue
                    shot, path = Path(profile) / "shot.png", to / f"{name}-{width}-{scheme}.{form}"
                    clip = (max(0, left - MARGIN), max(0, top - MARGIN), across + 2 * MARGIN, min(height, MAX_HEIGHT))
                    browser.screenshot(shot, clip=clip)
                    Image.open(io.BytesIO(shot.read_bytes())).convert("RGB").save(path, quality=quality)
                    yield title, path


def page(found: Sequence[tuple[str, Path]], beside: Path) -> str:
    """A page that shows the pictures, those of a section together."""
    titles: dict[str, list[Path]] = {}
    for title, path in found:
        titles.setdefault(title, []).append(path)
    blocks = [INTRO]
    for title, paths in titles.items():
        links = [
            f'<img src="{os.path.relpath(path, beside)}" width="{45 if "-1280-" in path.name else 22}%" '
            f'alt="{title}, {path.stem.split("-")[-2]} pixels, {path.stem.split("-")[-1]}">'
            for path in paths
        ]
        blocks.append(f"## {title}\n\n" + "\n".join(links))
    return "\n\n".join(blocks) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, metavar="REPORT", help="HTML file that `dataeval-spark report` wrote.")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="Folder for the pictures.")
    parser.add_argument("--page", type=Path, metavar="FILE", help="Page to write that shows them.")
    parser.add_argument("--sections", nargs="+", default=(), metavar="ID", help="Sections. Default: all.")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, metavar="PIXELS", help="Widths of the window.")
    parser.add_argument("--schemes", nargs="+", choices=SCHEMES, default=SCHEMES, help="Colour schemes.")
    parser.add_argument("--format", default="webp", choices=("webp", "jpg", "png"), help="Format of the files.")
    args = parser.parse_args()
    options = {"sections": args.sections, "widths": args.widths, "schemes": args.schemes, "form": args.format}
    found = list(pictures(args.report, args.to, **options))
    print("\n".join(str(path) for _, path in found))
    if args.page:
        args.page.write_text(page(found, args.page.parent), encoding="utf-8")


if __name__ == "__main__":
    main()
