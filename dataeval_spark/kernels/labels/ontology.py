"""Ontologies: classes and what they are kinds of, as a directed acyclic graph, read from a TOML or JSON file.

A file holds a hierarchy, ``{"vehicle": {"car": ["sedan", "suv"], "truck": []}}``, or one under ``hierarchy`` with
``synonyms`` (``{"sedan": ["saloon"]}``) and ``expected`` (least shares of the labels, ``{"truck": 0.05}``) beside it.
"""

from __future__ import annotations

import json
import tomllib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from dataeval_spark.errors import OntologyError
from dataeval_spark.kernels.storage.files import read_file


@dataclass(frozen=True)
class Ontology:
    """Classes by name, each with the broader ones that it is a kind of.

    Attributes
    ----------
    parents : mapping of str to sequence of str
        Every class, in order, with the classes directly above it; a class may have several.
    synonyms : mapping of str to sequence of str
        Other names of a class.
    expected : mapping of str to float
        Least share of all labels that a class should have, by name.

    Raises
    ------
    OntologyError
        A class is a kind of itself, or a name in ``synonyms`` or a parent is no class.

    Examples
    --------
    >>> ontology = Ontology.from_hierarchy({"animal": {"bird": ["owl", "hawk"]}})
    >>> ontology.ancestors("owl"), ontology.leaves
    (('bird', 'animal'), ('owl', 'hawk'))
    """

    parents: Mapping[str, Sequence[str]]
    synonyms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    expected: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = [(parent, f"as the parent of {name!r}") for name, above in self.parents.items() for parent in above]
        for name, place in [*((name, "in synonyms") for name in self.synonyms), *named]:
            if name not in self.parents:
                raise OntologyError(
                    f"The ontology has no class {name!r}, which it names {place}.\n"
                    f"Hint: add {name!r} to the hierarchy, or correct the name"
                )
        try:
            TopologicalSorter(self.parents).prepare()
        except CycleError as error:
            raise OntologyError(
                f"In the ontology a class is a kind of itself: {' -> '.join(error.args[1])}.\n"
                "Hint: take one of these links out of the hierarchy"
            ) from None

    @classmethod
    def from_hierarchy(cls, hierarchy: Any, **more: Any) -> Ontology:
        """Ontology from nested mappings and lists of names; a name in several places has several parents.

        Raises
        ------
        OntologyError
            Something in it is neither a mapping, a list nor a name.
        """
        parents: dict[str, list[str]] = {}
        for name, parent in _edges(hierarchy, None):
            above = parents.setdefault(name, [])
            if parent is not None and parent not in above:
                above.append(parent)
        return cls(parents, **more)

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """The classes directly below each class."""
        children: dict[str, list[str]] = {name: [] for name in self.parents}
        for name, above in self.parents.items():
            for parent in above:
                children[parent].append(name)
        return {name: tuple(below) for name, below in children.items()}

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Classes with none below."""
        return tuple(name for name, below in self.children.items() if not below)

    @cached_property
    def depths(self) -> Mapping[str, int]:
        """Steps of the longest way from the top to each class."""
        depths: dict[str, int] = {}
        for name in TopologicalSorter(self.parents).static_order():  # parents first
            depths[name] = max((depths[parent] + 1 for parent in self.parents[name]), default=0)
        return depths

    def ancestors(self, name: str) -> tuple[str, ...]:
        """All classes above, the nearest first."""
        return _walk(name, lambda each: self.parents[each])

    def descendants(self, name: str) -> tuple[str, ...]:
        """All classes below, the nearest first."""
        return _walk(name, lambda each: self.children[each])

    def find(self, name: str) -> tuple[str, ...]:
        """Classes of this name or synonym, whatever its case; several where it is ambiguous."""
        return self._names.get(name.casefold(), ())

    def find_one(self, name: str) -> str | None:
        """The class of this name or synonym; None where there is none, or several."""
        matches = self.find(name)
        return matches[0] if len(matches) == 1 else None

    @cached_property
    def _names(self) -> Mapping[str, tuple[str, ...]]:
        names: dict[str, dict[str, None]] = {}
        for name in self.parents:
            for each in (name, *self.synonyms.get(name, ())):
                names.setdefault(each.casefold(), {})[name] = None
        return {name: tuple(classes) for name, classes in names.items()}


def read_ontology(path: str) -> Ontology:
    """Read an ontology from a TOML or JSON file.

    Raises
    ------
    OntologyError
        It cannot be read, or is no ontology; the message names the file.
    """
    document = read_document(path)
    try:
        if "hierarchy" not in document:
            return Ontology.from_hierarchy(document)
        synonyms = {name: [entry] if isinstance(entry, str) else entry for name, entry in _part(document, "synonyms")}
        expected = dict(_part(document, "expected"))
        for name, share in expected.items():
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise OntologyError(f"expected.{name} is {share!r}; expected a share in [0, 1], such as 0.05.")
        for name, entry in synonyms.items():
            if not isinstance(entry, list) or not all(isinstance(each, str) for each in entry):
                raise OntologyError(f"synonyms.{name} is {entry!r}; expected a name or a list of names.")
        ontology = Ontology.from_hierarchy(document["hierarchy"], synonyms=synonyms, expected=expected)
        for name in expected:
            if ontology.find_one(name) not in ontology.leaves:
                raise OntologyError(
                    f"expected.{name} does not name a class without others below it, such as "
                    f"{', '.join(ontology.leaves[:3])}."
                )
        return ontology
    except OntologyError as error:
        raise OntologyError(f"{path}: {error}") from None


def read_document(path: str) -> dict[str, Any]:
    """Read a TOML or JSON file with a mapping.

    Raises
    ------
    OntologyError
        The file cannot be read, or holds no mapping.
    """
    try:
        text = read_file(path).decode("utf-8-sig")
        document = json.loads(text) if path.lower().endswith(".json") else tomllib.loads(text)
    except OSError as error:
        raise OntologyError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise OntologyError(f"{path} is neither JSON (.json) nor TOML: {error}.") from None
    if not isinstance(document, dict):
        raise OntologyError(f"{path} holds {document!r:.80}; expected a mapping from names, such as {{'car': ...}}.")
    return document


def _part(document: Mapping[str, Any], name: str) -> Iterable[tuple[str, Any]]:
    part = document.get(name, {})
    if not isinstance(part, Mapping):
        raise OntologyError(f"{name} is {part!r}; expected a mapping from the names of classes.")
    return part.items()


def _edges(node: Any, parent: str | None) -> Iterator[tuple[str, str | None]]:
    if node is None:
        return
    if isinstance(node, Mapping):
        for name, below in node.items():
            yield str(name), parent
            yield from _edges(below, str(name))
    elif isinstance(node, list | tuple):
        for each in node:
            yield from _edges(each, parent)
    elif isinstance(node, str):
        yield node, parent
    else:
        raise OntologyError(
            f"The hierarchy holds {node!r}; expected the name of a class, a list or a mapping of names."
        )


def _walk(start: str, following: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    waiting = deque(following(start))
    while waiting:
        name = waiting.popleft()
        if name not in names:
            names[name] = None
            waiting.extend(following(name))
    return tuple(names)
