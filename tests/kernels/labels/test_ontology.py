"""Ontologies: what is above and below a class, names and synonyms, and files."""

from __future__ import annotations

import json

import pytest

from dataeval_spark.errors import OntologyError
from dataeval_spark.kernels.labels.ontology import Ontology, read_ontology
from tests.kernels.labels.hierarchies import HIERARCHY


def test_a_class_knows_what_is_above_and_below_it():
    ontology = Ontology.from_hierarchy(HIERARCHY)

    assert list(ontology.parents) == ["vehicle", "car", "sedan", "suv", "truck", "animal", "cat", "dog"]
    assert ontology.leaves == ("sedan", "suv", "truck", "cat", "dog")
    assert ontology.ancestors("sedan") == ("car", "vehicle")
    assert ontology.descendants("vehicle") == ("car", "truck", "sedan", "suv")
    assert [ontology.depths[name] for name in ("animal", "truck", "suv")] == [0, 1, 2]


def test_a_name_in_two_places_has_two_parents_and_the_depth_of_the_longer_way():
    ontology = Ontology.from_hierarchy({"pet": ["cat"], "animal": {"mammal": ["cat"]}})

    assert ontology.parents["cat"] == ["pet", "mammal"]
    assert ontology.depths["cat"] == 2


def test_names_are_found_by_any_case_and_synonym():
    ontology = Ontology.from_hierarchy(HIERARCHY, synonyms={"sedan": ["Saloon", "car"]})

    assert ontology.find("SALOON") == ("sedan",)
    assert ontology.find("car") == ("car", "sedan")
    assert ontology.find("boat") == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ontology({"a": ["b"], "b": ["a"]}), "is a kind of itself"),
        (lambda: Ontology({"a": ["b"]}), "no class 'b', which it names as the parent of 'a'"),
        (lambda: Ontology.from_hierarchy({"a": 3}), "The hierarchy holds 3; expected the name of a class"),
    ],
)
def test_what_is_no_ontology_is_refused(make, message):
    with pytest.raises(OntologyError, match=message):
        make()


def test_a_file_may_have_synonyms_and_expected_shares_beside_the_hierarchy(tmp_path):
    (tmp_path / "a.toml").write_text('[hierarchy]\nbird = ["owl", "hawk"]\n[synonyms]\nowl = ["Eule"]\n')
    (tmp_path / "b.json").write_text(json.dumps({"bird": ["owl", "hawk"]}))

    assert read_ontology(str(tmp_path / "a.toml")).find("eule") == ("owl",)
    assert read_ontology(str(tmp_path / "b.json")).leaves == ("owl", "hawk")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "expected a mapping from names"),
        ("{", "neither JSON"),
        ('{"a": {"a": null}}', "kind of itself"),
    ],
)
def test_a_file_that_is_no_ontology_is_named(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(OntologyError, match=message) as caught:
        read_ontology(str(tmp_path / "a.json"))

    assert "a.json" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[hierarchy]\na = ["b"]\n[expected]\nb = "5%"', r"expected.b is '5%'"),
        ('[hierarchy]\na = ["b"]\n[expected]\na = 0.5', "expected.a does not name a class .*, such as b"),
        ('synonyms = 3\n[hierarchy]\na = ["b"]', "synonyms is 3"),
    ],
)
def test_what_a_file_says_beside_the_hierarchy_is_checked(tmp_path, text, message):
    (tmp_path / "a.toml").write_text(text)

    with pytest.raises(OntologyError, match=message):
        read_ontology(str(tmp_path / "a.toml"))


def test_one_synonym_need_not_be_a_list(tmp_path):
    (tmp_path / "a.toml").write_text('[hierarchy]\na = ["b"]\n[synonyms]\nb = "bee"\n')

    assert read_ontology(str(tmp_path / "a.toml")).find("bee") == ("b",)
