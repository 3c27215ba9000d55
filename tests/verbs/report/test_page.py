from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.verbs.report import ReportData, render_report
from dataeval_spark.verbs.report.sections import SECTIONS
from tests.verbs.report.literals import BIDI, HOSTILE, IMAGE, LONG, SCRIPT, full_data, full_provenance, provenance

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'none'; "
    "base-uri 'none'; form-action 'none'"
)
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Elements, attributes and text of a page, as a browser finds them; open elements must close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return "".join(self.texts)


@pytest.fixture(scope="module")
def html() -> str:
    return render_report(full_data(), full_provenance())


def test_the_content_security_policy_forbids_everything_but_inline_styles_and_data_images(html: str) -> None:
    policies = [meta for meta in Page(html).named("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert [policy["content"] for policy in policies] == [POLICY]


def test_there_is_no_script_element_and_no_event_handler(html: str) -> None:
    page = Page(html)
    assert page.named("script") == []
    assert [name for _, attributes in page.elements for name in attributes if name.startswith("on")] == []


def test_every_link_leads_into_the_page_and_every_source_is_data(html: str) -> None:
    page = Page(html)
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    for tag, attributes in page.elements:
        for name in ("href", "src", "xlink:href", "srcset", "action", "data", "poster"):
            value = attributes.get(name) or "data:"
            assert value.startswith("data:") or (value[0] == "#" and value[1:] in ids), (tag, name, value)
    assert not re.search(r"https?:|//[a-z]|@import", html)


def test_no_id_is_given_twice(html: str) -> None:
    ids = [attributes["id"] for _, attributes in Page(html).elements if "id" in attributes]
    assert sorted(ids) == sorted(set(ids))


def test_headings_are_in_order(html: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(html).elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_picture_has_a_text_and_every_chart_a_label(html: str) -> None:
    page = Page(html)
    assert all(image["alt"] for image in page.named("img"))
    assert all(svg.get("aria-label") or svg.get("aria-hidden") for svg in page.named("svg"))


@pytest.mark.parametrize("name", HOSTILE, ids=["script", "image", "math", "bidi", "long"])
def test_a_hostile_name_is_text_wherever_it_stands(name: str) -> None:
    page = Page(render_report(full_data(name), full_provenance(name)))
    tags = {tag for tag, _ in page.elements}
    assert tags == {tag for tag, _ in Page(render_report(full_data(), full_provenance())).elements}
    assert page.named("script") == []
    assert all((image["src"] or "").startswith("data:image/") for image in page.named("img"))


def test_a_hostile_class_is_shown_as_it_is_written() -> None:
    for name in (SCRIPT, IMAGE):
        assert name in Page(render_report(full_data(name), provenance())).text


def test_control_and_bidirectional_characters_are_replaced() -> None:
    html = render_report(full_data(BIDI), full_provenance(BIDI))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\ud800-\udfff]", html)
    assert "a\ufffdgpj.exe\ufffd\ufffd" in html
    html.encode("utf-8")


def test_a_long_name_is_shortened_and_whole_in_its_tooltip() -> None:
    page = Page(render_report(full_data(LONG), provenance()))
    assert LONG not in page.text
    assert LONG in {attributes.get("title") for _, attributes in page.elements}


def test_the_same_input_gives_the_same_page() -> None:
    assert render_report(full_data(), full_provenance()) == render_report(full_data(), full_provenance())


def test_each_section_has_a_place_of_its_own() -> None:
    assert len({section.order for section in SECTIONS}) == len({section.id for section in SECTIONS}) == len(SECTIONS)
    assert (SECTIONS[0].id, SECTIONS[-1].id) == ("overview", "provenance")


@pytest.mark.parametrize("section", [s for s in SECTIONS if s.tables], ids=lambda section: section.id)
def test_a_section_without_its_table_says_which_command_fills_it(section) -> None:
    everything = full_data()
    data = ReportData(everything.present - {table.name for table in section.tables}, everything.rows, everything.sql)
    html = render_report(data, provenance(workspace="my audit"))
    command = section.command.replace("WORKSPACE", "&#39;my audit&#39;")
    said = "Not tested." if section.tests else "Not computed."
    words = "".join(f"<span>{word}</span> " for word in command.split(" ")).strip()
    assert f'{said} Run <code class="command">{words}</code>' in " ".join(html.split())
    assert section.command.startswith("dataeval-spark ")


def test_an_empty_workspace_has_a_page_of_commands() -> None:
    text = Page(render_report(ReportData(), provenance())).text
    lacking = text.count("Not computed.") + text.count("Not tested. ")
    assert lacking == len([section for section in SECTIONS if section.tables])
    assert "no images yet" in text
    assert "Nothing has been tested yet" in text
    assert "needs attention." not in text


PRESENT = frozenset(table.name for table in ALL_TABLES)
ROWS_OF_STEPS = {
    "balance": [{"kind": "label", "factor_a": "class_name", "factor_b": "f", "score": 0.0, "is_flagged": False}],
    "dataset_checks": [{"step": "neighbors"}, {"step": "clusters"}],
}


def clean_text(present: frozenset[str] = PRESENT, **counts: int) -> str:
    """Text of the page of a dataset in which nothing was found; ``counts`` are measures of the overview."""
    overview = [{"measure": measure, "item": "thumbnail", "value": value} for measure, value in counts.items()]
    page = Page(render_report(ReportData(present, {"overview": overview, **ROWS_OF_STEPS}), provenance()))
    return " ".join(page.text.split())


FULL = {
    "live_images": 200,
    "readable_images": 200,
    "embedded_images": 200,
    "splits": 2,
    "targets": 300,
    "boxes": 290,
    "classes": 3,
    "scored_labels": 299,
}


def test_when_nothing_was_found_each_section_names_what_was_looked_at() -> None:
    text = clean_text(**FULL)
    for sentence in (
        "Nothing that was tested needs attention.",
        "Every image that was opened could be read: 200 images, by profile.",
        "No duplicate among 200 images: the step duplicates compared bytes, pixels and perceptual hashes.",
        "No image looks odd: the step image_findings looked at 200 images and 290 boxes.",
        "No statistic of any image is far from those of the others: the step outliers compared 200 images.",
        "No box looks wrong: the step box_findings looked at 290 boxes.",
        "No label looks wrong of those that were scored, of 300 labels: 299 by thumbnail.",
        "Every annotation could be used as written: ingest read 300 labels.",
        "No clusters were found: the step clusters looked at 200 images.",
        "Nothing was found by the steps that look at the dataset as a whole: neighbors and clusters.",
    ):
        assert sentence in text
    assert "Not tested: Drift." in text


def test_what_was_not_tested_is_named_and_never_called_well() -> None:
    text = clean_text(PRESENT - {"label_errors", "splits"}, live_images=200, readable_images=200, splits=0)
    lacking = "Labels that are likely wrong, Boxes that look wrong, Bias, Splits, Annotation findings, Drift."
    assert f"Not tested: {lacking} Not computed: Labels, Clusters." in text
    assert "No label looks wrong" not in text
    assert "Not tested: near duplicates by embeddings." in text
    assert "Not tested: duplicates across splits." in text


def test_one_class_is_no_test_of_labels() -> None:
    text = clean_text(**{**FULL, "classes": 1})
    assert "No label looks wrong" not in text
    needed = (
        "Not tested. It needs labels of two classes or more. Run dataeval-spark ingest --workspace /data/ws photos/"
    )
    assert needed in text
    assert "Tested: files that cannot be read, duplicates, odd images, outliers," in text


def test_labels_that_could_not_be_scored_are_not_tested_though_there_are_vectors() -> None:
    text = clean_text(**{**FULL, "scored_labels": 0})
    assert "No label looks wrong" not in text
    assert "Not tested. It needs labels that could be scored. Run dataeval-spark analyze --workspace /data/ws" in text


def test_a_section_asks_for_all_it_lacks_in_the_order_in_which_it_is_filled() -> None:
    text = clean_text(PRESENT - {"label_errors"}, live_images=200)
    wanted = (
        "It needs labels of two classes or more and vectors of an encoder or predictions. Run dataeval-spark ingest "
        "--workspace /data/ws photos/ --annotations labels.json, then "
        "dataeval-spark profile --workspace /data/ws --encoder thumbnail, then dataeval-spark analyze"
    )
    assert wanted in text


def test_listings_say_how_much_of_the_whole_they_show(html: str) -> None:
    text = Page(html).text
    for note in ("1 of 40 groups shown", "1 of 9 images shown", "1 of 41 shown", "1 of 12 outliers shown"):
        assert note in text


def test_the_sql_of_a_section_is_shown_with_names_that_can_be_run() -> None:
    html = render_report(full_data(), provenance(sql_name=lambda table: f"lake.audit.{table}"))
    assert "<code>SELECT &#39;{&#39; FROM lake.audit.unreadable_images</code>" in html


def test_boxes_are_drawn_over_the_picture_in_pixels_of_the_original(html: str) -> None:
    marks = [svg for svg in Page(html).named("svg") if svg.get("class") == "marks"]
    assert {svg["viewbox"] for svg in marks} == {"0 0 800 600"}
    rectangles = [r for r in Page(html).named("rect") if r.get("class", "").startswith("hue")]
    # The box that lies outside the image is not drawn.
    assert {(r["x"], r["y"], r["width"], r["height"]) for r in rectangles} == {("8.0", "6.0", "32.0", "24.0")}
    assert "<title>street</title></rect>" in html
