"""Pictures of a report, section by section, as a browser shows it on a desk and on a phone, in light and dark.

    python -m scripts.report_pictures my_audit/report.html --to pictures

One JPEG for each section, width and colour scheme: `attention-1280-light.jpg`. Needs Chromium on PATH.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from tests.verbs.report.chromium import Chromium

WIDTHS = (1280, 420)
SCHEMES = ("light", "dark")
MAX_HEIGHT = 2400
"""Most pixels of a picture's height: long galleries are cut there."""
# Name, left, top, width and height of what is at the top of the page, and of each section.
PLACES = """[...document.querySelectorAll('header, section[id]')].map((e) => {
  const box = e.getBoundingClientRect();
  return [e.id || 'top', 0, Math.max(0, box.top + window.scrollY), document.documentElement.clientWidth, box.height];
})"""


def pictures(
    report: Path, to: Path, *, widths: Sequence[int] = WIDTHS, schemes: Sequence[str] = SCHEMES, quality: int = 80
) -> Iterator[Path]:
    """Write the pictures of a report; yields the path of each."""
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, Chromium(Path(profile)) as browser:
        for width in widths:
            for scheme in schemes:
                browser.show(report.resolve().as_uri(), width=width, dark=scheme == "dark")
                for name, left, top, across, height in browser.value(PLACES):
                    path = to / f"{name}-{width}-{scheme}.jpg"
                    shot = Path(profile) / "shot.png"
                    browser.screenshot(shot, clip=(left, top, across, min(height, MAX_HEIGHT)))
                    Image.open(io.BytesIO(shot.read_bytes())).convert("RGB").save(path, quality=quality)
                    yield path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, metavar="REPORT", help="HTML file that `dataeval-spark report` wrote.")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="Folder for the pictures.")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, metavar="PIXELS", help="Widths of the window.")
    parser.add_argument("--schemes", nargs="+", choices=SCHEMES, default=SCHEMES, help="Colour schemes.")
    parser.add_argument("--quality", type=int, default=80, metavar="N", help="Quality of the JPEG files.")
    args = parser.parse_args()
    for path in pictures(args.report, args.to, widths=args.widths, schemes=args.schemes, quality=args.quality):
        print(path)


if __name__ == "__main__":
    main()
