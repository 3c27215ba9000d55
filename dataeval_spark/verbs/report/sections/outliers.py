"""Section on outliers: their number for each statistic, and the farthest."""

from __future__ import annotations

from dataeval_spark.tables.quality import OUTLIERS
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.needs import MEASURED
from dataeval_spark.verbs.report.pictures import card, size_of_box
from dataeval_spark.verbs.report.section import Content, Query, Section, pictures_of
from dataeval_spark.verbs.text import number, plural, shorten, shown, words

# The farthest outlier of each statistic, then the next farthest, 12 in all.
OUTLIERS_QUERY = """\
SELECT statistic, image_id, target_index, channel, method, group_name, value, score, threshold,
  lower, upper, direction FROM (
  SELECT *, row_number() OVER (PARTITION BY statistic
    ORDER BY score DESC, image_id, target_index, channel, method, group_name) AS place
  FROM {outliers})
WHERE place <= 4 ORDER BY place, score DESC, statistic LIMIT 12"""


def outliers(data: ReportData) -> Content:
    counts = data.counts("outliers")
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    totals = [{"statistic": words(name), "count": counts[name]} for name in ranked]
    cards = []
    for row in data.rows_of("outliers"):
        low = row["direction"] == "low"
        limit = row["lower"] if low else row["upper"]
        among = f" among {shorten(row['group_name'], 30)}" if row["group_name"] is not None else ""
        lines = [
            f"{number(row['value'])} is {'below' if low else 'above'} {number(limit)}{among}",
            f"score {number(row['score'])} (limit {number(row['threshold'])})",
        ]
        if box := size_of_box(data, row["image_id"], row["target_index"]):
            lines.append(f"box of {box}")
        statistic = words(row["statistic"]) + (f" of channel {row['channel']}" if row["channel"] is not None else "")
        cards.append(card(data, row["image_id"], lines=lines, badge=statistic, target_index=row["target_index"]))
    return {"totals": totals, "cards": cards, "note": shown(len(cards), sum(counts.values()), "outliers")}


def no_outlier(data: ReportData) -> str:
    images = plural(data.count("readable_images"), "image")
    return f"No statistic of any image is far from those of the others: the step outliers compared {images}."


SECTION = Section(
    70,
    "outliers",
    "Outliers",
    intro="Images or boxes with a statistic far from those of the others. An outlier is not always a mistake.",
    tables=(OUTLIERS,),
    queries=(Query("outliers", OUTLIERS_QUERY, (OUTLIERS,)),),
    content=outliers,
    template="sections/outliers.html.j2",
    needs=(MEASURED,),
    otherwise=no_outlier,
    tests="outliers",
    pictures=pictures_of("outliers"),
    pictures_order=4,
)
