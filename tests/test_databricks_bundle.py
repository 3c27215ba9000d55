"""The asset bundle of conf/databricks.yml: rules of Databricks' command line, which its schema does not state.

`databricks bundle validate` needs an account; these are its rules about jobs in our own words, each tried on a small
job that breaks it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataeval_spark.cli.main import parser

ROOT = Path(__file__).resolve().parents[1]
COMPUTE = ("job_cluster_key", "environment_key", "existing_cluster_id", "new_cluster")
# Tasks that run on a machine of their own choice; a notebook may run in an environment of its own.
ON_COMPUTE = ("python_wheel_task", "spark_python_task", "spark_jar_task", "spark_submit_task", "dbt_task")

Job = dict[str, Any]


def faults(job: Job) -> list[str]:
    """What the command line, or the service behind it, refuses in a job."""
    found = []
    tasks = [each for task in job["tasks"] for each in inner_tasks(task)]
    names = [task["task_key"] for task in tasks]
    clusters = {each["job_cluster_key"] for each in job.get("job_clusters", [])}
    environments = {each["environment_key"]: each for each in job.get("environments", [])}
    for name, environment in environments.items():
        if not {"environment_version", "client"} & set(environment.get("spec", {})):
            found.append(f"environment {name} has no version")
    for task in tasks:
        name, given = task["task_key"], [field for field in COMPUTE if task.get(field)]
        if any(kind in task for kind in ON_COMPUTE) and len(given) != 1:
            found.append(f"{name} needs one of {', '.join(COMPUTE)}; it has {', '.join(given) or 'none'}")
        if "job_cluster_key" in task and task["job_cluster_key"] not in clusters:
            found.append(f"{name} names a cluster that is not defined")
        if "environment_key" in task and task["environment_key"] not in environments:
            found.append(f"{name} names an environment that is not defined")
        if "environment_key" in task and "libraries" in task:
            found.append(f"{name} has libraries, which belong to its environment")
        if "python_wheel_task" in task and "environment_key" not in task and "libraries" not in task:
            found.append(f"{name} has no library with its wheel")
        found += [f"{name} waits for nothing" for d in task.get("depends_on", []) if d["task_key"] not in names]
    return found + [f"{name} is there twice" for name in sorted(set(names)) if names.count(name) > 1]


def inner_tasks(task: Job) -> Iterator[Job]:
    if "for_each_task" in task:
        yield from inner_tasks(task["for_each_task"]["task"])
    else:
        yield task


WHEEL = {"python_wheel_task": {"package_name": "p", "entry_point": "e"}}
ON_CLUSTER = {"task_key": "a", "existing_cluster_id": "1", "libraries": [{"whl": "dist/p.whl"}], **WHEEL}
ENVIRONMENTS = [{"environment_key": "e", "spec": {"environment_version": "4", "dependencies": ["dist/p.whl"]}}]
IN_ENVIRONMENT = {"task_key": "a", "environment_key": "e", **WHEEL}


@pytest.mark.parametrize(
    "job",
    [
        {"tasks": [ON_CLUSTER]},
        {"tasks": [IN_ENVIRONMENT], "environments": ENVIRONMENTS},
        {"tasks": [{"task_key": "a", "notebook_task": {}}]},
        {"tasks": [{"task_key": "each", "for_each_task": {"task": ON_CLUSTER}}]},
        {"tasks": [ON_CLUSTER, {"task_key": "b", "condition_task": {}, "depends_on": [{"task_key": "a"}]}]},
    ],
)
def test_a_job_that_the_rules_allow(job):
    assert faults(job) == []


@pytest.mark.parametrize(
    ("job", "fault"),
    [
        ({"tasks": [{"task_key": "a", "libraries": [], **WHEEL}]}, "a needs one of"),
        ({"tasks": [{"task_key": "each", "for_each_task": {"task": {"task_key": "a", **WHEEL}}}]}, "a needs one of"),
        ({"tasks": [{**ON_CLUSTER, "new_cluster": {"num_workers": 1}}]}, "it has existing_cluster_id, new_cluster"),
        ({"tasks": [{"task_key": "a", "job_cluster_key": "c", "libraries": [], **WHEEL}]}, "a names a cluster"),
        ({"tasks": [IN_ENVIRONMENT]}, "a names an environment"),
        ({"tasks": [IN_ENVIRONMENT], "environments": [{"environment_key": "e", "spec": {}}]}, "e has no version"),
        ({"tasks": [{**IN_ENVIRONMENT, "libraries": []}], "environments": ENVIRONMENTS}, "a has libraries"),
        ({"tasks": [{"task_key": "a", "existing_cluster_id": "1", **WHEEL}]}, "a has no library with its wheel"),
        ({"tasks": [{**ON_CLUSTER, "depends_on": [{"task_key": "b"}]}]}, "a waits for nothing"),
        ({"tasks": [ON_CLUSTER, ON_CLUSTER]}, "a is there twice"),
    ],
)
def test_a_job_that_breaks_a_rule(job, fault):
    assert any(fault in each for each in faults(job))


def test_the_bundle_keeps_the_rules_and_calls_our_program_with_words_that_it_takes():
    text = (ROOT / "conf" / "databricks.yml").read_text()
    bundle = yaml.safe_load(text)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    jobs = bundle["resources"]["jobs"].values()

    assert [fault for job in jobs for fault in faults(job)] == []
    assert set(re.findall(r"\$\{var\.(\w+)\}", text)) == set(bundle["variables"])
    for task in (task["python_wheel_task"] for job in jobs for task in job["tasks"]):
        assert task["package_name"] == project["name"]
        assert task["entry_point"] in project["scripts"]
        assert parser().parse_args(task["parameters"]).verb == task["parameters"][0]
    for environment in (each for job in jobs for each in job["environments"]):
        (wheels,) = environment["spec"]["dependencies"]
        assert (ROOT / "conf" / wheels).resolve().parent == ROOT / "dist"
