"""The page in a real browser. Needs Chromium or Chrome on PATH and nothing else (see chromium.py)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dataeval_spark.verbs.report import ReportData, render_report
from tests.verbs.report.chromium import Chromium, program
from tests.verbs.report.literals import IMAGE, LONG, SCRIPT, full_data, full_provenance, provenance

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(program() is None, reason="no Chromium on PATH (apt-get install chromium)"),
]
PAGES = {
    "plain": lambda: render_report(full_data(), full_provenance()),
    "script": lambda: render_report(full_data(SCRIPT), full_provenance(SCRIPT)),
    "image": lambda: render_report(full_data(IMAGE), full_provenance(IMAGE)),
    "long": lambda: render_report(full_data(LONG), full_provenance(LONG)),
    "empty": lambda: render_report(ReportData(), provenance()),
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture(scope="module", params=list(PAGES))
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(PAGES[request.param](), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_asks_for_nothing_and_violates_nothing(browser: Chromium, url: str, width: int) -> None:
    browser.show(url, width=width)
    requests = {event["request"]["url"] for event in browser.of("Network.requestWillBeSent")}
    assert {request for request in requests if not request.startswith("data:")} == {url}
    assert browser.of("Log.entryAdded") == []
    assert browser.of("Runtime.consoleAPICalled") == []
    assert browser.of("Runtime.exceptionThrown") == []
    assert browser.of("Audits.issueAdded") == []


def test_nothing_in_a_name_runs(browser: Chromium, url: str) -> None:
    browser.show(url, width=1280)
    assert browser.value("document.title").startswith("Dataset report: ")
    assert browser.value("document.scripts.length") == 0


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_the_page_never_scrolls_sideways(browser: Chromium, url: str, width: int) -> None:
    browser.show(url, width=width)
    assert browser.value("document.documentElement.scrollWidth") == width
    assert browser.call("Page.getLayoutMetrics")["cssContentSize"]["width"] == width


def test_tables_fit_the_page_at_1280_pixels(browser: Chromium, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(render_report(full_data(), provenance()), encoding="utf-8")
    browser.show((tmp_path / "report.html").as_uri(), width=1280)
    wider = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)"
    assert browser.value(f"{wider}.map(e => e.closest('section').id + ': ' + e.textContent.slice(0, 60))") == []


@pytest.mark.parametrize("width", [420, 1280])
def test_a_large_count_stands_on_one_line(browser: Chromium, tmp_path: Path, width: int) -> None:
    data = full_data()
    overview = [{**row, "value": row["value"] * 1_234_567} for row in data.rows_of("overview")]
    labels = [{**row, "label_count": 98_765_432, "image_count": 12_345_678} for row in data.rows_of("labels")]
    page = render_report(replace(data, rows={**data.rows, "overview": overview, "labels": labels}), full_provenance())
    (tmp_path / "report.html").write_text(page, encoding="utf-8")

    browser.show((tmp_path / "report.html").as_uri(), width=width)

    assert browser.value("[...document.querySelectorAll('.count')].map(e => e.textContent)").count("2,469,134") == 1
    assert browser.value(f"({WRAPPED})()") == []
    assert browser.value("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_from_what_lies_behind_it(browser: Chromium, url: str, dark: bool) -> None:
    browser.show(url, width=1280, dark=dark)
    assert browser.value(f"({LEAST_CONTRAST})()") == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_follows_the_colour_scheme(browser: Chromium, url: str, dark: bool) -> None:
    browser.show(url, width=390, dark=dark)
    ground = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) < 384) is dark


# Counts that take more than one line: a line of text has boxes at one height.
WRAPPED = """
() => [...document.querySelectorAll(".count, .value, td.num > span, .chips strong")].filter((e) => {
  const range = document.createRange();
  range.selectNodeContents(e);
  return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1;
}).map((e) => e.textContent)
"""
# WCAG 2 asks for 4.5 for text of this size: lists what has less, with its ratio.
LEAST_CONTRAST = """
() => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (c) => c.slice(0, 3).map((v) => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.closest(".unseen, title")) continue;
    const style = getComputedStyle(e);
    const ink = e.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [a, b] = [light(rgb(ink)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.add(`${e.tagName} ${e.className} ${ratio.toFixed(2)}`);
  }
  return [...poor];
}
"""
