"""Hierarchy of classes that the tests of ontologies and label sets share."""

HIERARCHY = {"vehicle": {"car": ["sedan", "suv"], "truck": []}, "animal": ["cat", "dog"]}
