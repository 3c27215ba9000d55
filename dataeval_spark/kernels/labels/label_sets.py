"""Coverage of an ontology by a set of labels, and correspondence between two sets of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dataeval_spark.kernels.labels.ontology import Ontology

Counts = Mapping[str, int]
# Relations under which the reference's class may replace a current label without adding information.
SAFE = ("same", "mapped", "equivalent", "narrower")
COVERAGE_NAMES = (
    *("kind", "concept", "parents", "depth", "direct_count", "subtree_count", "leaves", "covered_leaves", "children"),
    *("covered_children", "is_dark", "leaf_share", "expected_share", "deficit"),
)


def label_coverage(counts: Counts, ontology: Ontology) -> list[dict[str, Any]]:
    """Count labels per class of an ontology and in all classes below it, and the labels that are missing.

    Parameters
    ----------
    counts : mapping of str to int
        Labels per class.
    ontology : Ontology
        Classes; each leaf should have the same share of all labels, except where ``expected`` gives another.

    Returns
    -------
    list of dict
        A row per class of the ontology (kind ``concept``) and per label that is none of them (``unmatched``) or may
        be several (``ambiguous``), with the columns of table ``label_coverage``.

    References
    ----------
    DataEval 1.1.4, ``core.label_coverage`` and ``scope.Representation``; there too a target is rounded half to even.

    Examples
    --------
    >>> rows = label_coverage({"owl": 3}, Ontology.from_hierarchy({"bird": ["owl", "hawk"]}))
    >>> [(row["concept"], row["subtree_count"], row["deficit"]) for row in rows]
    [('bird', 3, None), ('owl', 3, 0), ('hawk', 0, 2)]
    """
    class_of = {name: ontology.find_one(name) for name in counts}
    direct = dict.fromkeys(ontology.parents, 0)
    for name, match in class_of.items():
        if match is not None:
            direct[match] += counts[name]
    below = {name: (name, *ontology.descendants(name)) for name in ontology.parents}
    subtree = {name: sum(direct[each] for each in inside) for name, inside in below.items()}
    floors = {ontology.find_one(name): share for name, share in ontology.expected.items()}
    leaves, total = set(ontology.leaves), sum(counts.values())
    on_leaves = sum(direct[leaf] for leaf in leaves)
    rows = []
    for name, inside in below.items():
        own = [each for each in inside if each in leaves]
        row: dict[str, Any] = {
            "kind": "concept",
            "concept": name,
            "parents": list(ontology.parents[name]),
            "depth": ontology.depths[name],
            "direct_count": direct[name],
            "subtree_count": subtree[name],
            "leaves": len(own),
            "covered_leaves": sum(direct[each] > 0 for each in own),
            "children": len(ontology.children[name]),
            "covered_children": sum(subtree[each] > 0 for each in ontology.children[name]),
            "is_dark": subtree[name] == 0
            and name not in leaves
            and not any(subtree[parent] == 0 for parent in ontology.parents[name]),
        }
        if name in leaves:
            expected = floors.get(name, 1 / len(leaves))
            row |= {"leaf_share": direct[name] / on_leaves if on_leaves else 0.0, "expected_share": expected}
            row["deficit"] = max(0, round(expected * total) - direct[name])
        rows.append(row)
    for name in [name for name, match in class_of.items() if match is None]:
        matches = list(ontology.find(name))
        kind = "ambiguous" if matches else "unmatched"
        rows.append({"kind": kind, "concept": name, "parents": matches, "direct_count": counts[name]})
    return [{name: row.get(name) for name in COVERAGE_NAMES} for row in rows]


def reconcile_labels(
    reference: Counts, current: Counts, *, mapping: Mapping[str, str] | None = None, ontology: Ontology | None = None
) -> list[dict[str, Any]]:
    """Find the reference's class for each class of the current labels.

    Parameters
    ----------
    reference, current : mapping of str to int
        Labels per class.
    mapping : mapping of str to str, optional
        Reference's name of each current class; wins over everything else.
    ontology : Ontology, optional
        Ontology that relates classes of other names.

    Returns
    -------
    list of dict
        ``current_class``, ``reference_class``, ``relation``, ``current_count`` and ``reference_count``. Relations:
        ``same`` name; ``mapped``; ``equivalent`` (another name of one class of the ontology); ``narrower`` (the
        nearest of the reference's classes that the current one is a kind of); ``broader`` (each of the reference's
        that is a kind of the current one: such labels cannot be carried over); ``unknown`` (nothing corresponds);
        ``vanished`` (a class of the reference that nothing corresponds to).

    Examples
    --------
    >>> rows = reconcile_labels({"car": 5}, {"auto": 3}, mapping={"auto": "car"})
    >>> [(row["current_class"], row["relation"], row["reference_class"]) for row in rows]
    [('auto', 'mapped', 'car')]
    """
    rows = [
        _row(name, target, relation, reference, current)
        for name in sorted(current)
        for relation, target in _relations(name, reference, mapping or {}, ontology)
    ]
    reached = {row["reference_class"] for row in rows}
    return rows + [_row(None, name, "vanished", reference, current) for name in sorted(set(reference) - reached)]


def _relations(
    name: str, reference: Counts, mapping: Mapping[str, str], ontology: Ontology | None
) -> Iterator[tuple[str, str | None]]:
    if name in mapping:
        yield "mapped", mapping[name]
        return
    if name in reference:
        yield "same", name
        return
    match = ontology.find_one(name) if ontology is not None else None
    if ontology is None or match is None:
        yield "unknown", None
        return
    # Of several names of one class the first by name.
    counterparts = {ontology.find_one(other): other for other in sorted(reference, reverse=True)}
    if match in counterparts:
        yield "equivalent", counterparts[match]
        return
    above = next((counterparts[each] for each in ontology.ancestors(match) if each in counterparts), None)
    if above is not None:
        yield "narrower", above
        return
    below = [counterparts[each] for each in ontology.descendants(match) if each in counterparts]
    yield from (("broader", each) for each in below)
    if not below:
        yield "unknown", None


def _row(name: str | None, target: str | None, relation: str, reference: Counts, current: Counts) -> dict[str, Any]:
    return {
        "current_class": name,
        "reference_class": target,
        "relation": relation,
        # A mapping may name what the reference does not have.
        "is_safe": relation in SAFE and target in reference,
        "current_count": current.get(name, 0) if name is not None else 0,
        "reference_count": reference.get(target, 0) if target is not None else 0,
    }
