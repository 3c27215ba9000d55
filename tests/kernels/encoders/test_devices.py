"""The device of a task."""

from __future__ import annotations

import sys

import pytest

from dataeval_spark.errors import EncoderError, MissingExtraError
from dataeval_spark.kernels.encoders.devices import device_for, required


@pytest.fixture(autouse=True)
def no_visible_devices_named(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_the_gpu_that_spark_assigned_is_taken():
    assert device_for(["2", "3"], partition=1, visible=4) == "cuda:2"


def test_without_an_assigned_gpu_partitions_take_turns_and_without_any_it_is_the_cpu():
    assert [device_for(None, partition=p, visible=2) for p in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert device_for([], visible=0) == "cpu"


def test_an_address_is_counted_as_cuda_counts_what_is_visible(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, GPU-8f3a")

    assert device_for(["5"], visible=2) == "cuda:0"
    assert device_for(["GPU-8f3a"], visible=2) == "cuda:1"


def test_without_torch_an_assigned_gpu_is_taken_on_trust_and_no_other(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    assert device_for(["3"]) == "cuda:3"
    assert device_for(None, partition=1) == "cpu"


@pytest.mark.parametrize("address", ["2", "GPU-0000"])
def test_an_assigned_gpu_that_the_process_does_not_see_is_an_error(address):
    with pytest.raises(EncoderError, match=rf"(?s)Spark assigned GPU '{address}' .* sees 2 GPUs\..*Hint: .*discovery"):
        device_for([address], visible=2)


@pytest.mark.parametrize(("package", "extra", "shown"), [("torch", "", "torch"), ("onnxruntime", "onnx", "onnx")])
def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(package, extra, shown, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingExtraError, match=rf"{package} is not installed\.\nHint: .*dataeval_spark\[{shown}\]"):
        required(package, extra)
