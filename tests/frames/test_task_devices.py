from types import SimpleNamespace

import pytest

from dataeval_spark.frames import task_devices, task_processes
from dataeval_spark.kernels.encoders import devices, streaming


@pytest.fixture
def task(monkeypatch):
    """A task with the GPUs that a test puts into its resources."""
    resources: dict[str, SimpleNamespace] = {}
    context = SimpleNamespace(resources=lambda: resources, partitionId=lambda: 5)
    monkeypatch.setattr(task_devices, "TaskContext", SimpleNamespace(get=lambda: context))
    monkeypatch.setattr(devices, "visible_gpus", lambda: 2)
    return resources


def test_there_is_no_gpu_outside_a_task():
    assert task_devices.gpu_of_task() is None


def test_the_gpu_of_a_task_is_the_one_that_spark_assigned(task, monkeypatch):
    assert task_devices.gpu_of_task() is None
    task["gpu"] = SimpleNamespace(addresses=["1"])
    assert task_devices.gpu_of_task() == "cuda:1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,1")
    task["gpu"] = SimpleNamespace(addresses=["7"])
    assert task_devices.gpu_of_task() == "cuda:0"


def test_the_encoder_of_a_task_is_told_of_its_gpu_and_partition(task, monkeypatch):
    asked = {}
    monkeypatch.setattr(streaming, "load_encoder", lambda name, **options: asked.update(name=name, **options))
    task["gpu"] = SimpleNamespace(addresses=["1"])
    task_devices.encoder_of_task("thumbnail", "7e28", batch_size=3)
    expected = {"name": "thumbnail", "version": "7e28", "gpu_addresses": ["1"], "partition": 5, "batch_size": 3}
    threads = task_processes.number_of_children()
    assert asked == {**expected, "device": "auto", "half_precision": False, "threads": threads}
