"""Encoders by name: errors before a job starts, versions, one instance per process."""

from __future__ import annotations

import importlib.util
import pickle
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from dataeval_spark.errors import EncoderError, MissingExtraError, OptionError
from dataeval_spark.kernels.encoders import encoder_record, encoder_version, load_encoder, registry, require_encoder
from dataeval_spark.kernels.encoders.python_factory import PythonEncoder
from dataeval_spark.options import ENCODER_FORMS

ONE = np.full((6, 8, 3), 10, dtype=np.uint8)


class MeanColour:
    """An encoder as users write them; `version` stands for its weights."""

    version = "3"
    made = 0

    def __init__(self):
        type(self).made += 1

    def embed(self, images):
        return np.stack([image.reshape(-1, 3).mean(axis=0) for image in images])


def without_method():
    return object()


HERE = f"python:{__name__}"


@pytest.fixture
def torch_is_found(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("thumbnails", r"profile\.encoder is 'thumbnails'; expected one of .*Hint: profile\.encoder = 'thumbnail'"),
        ("thumbnail:8", r"profile\.encoder is 'thumbnail:8'"),
        ("torchscript", r"profile\.encoder is 'torchscript'.*Hint: profile\.encoder = 'torchscript:PATH'"),
        ("python:", r"profile\.encoder is 'python:'"),
        ("torchscript:/none.pt", r"there is no file '/none\.pt'.*Hint: profile\.encoder = 'torchscript:/absolute/path"),
        ("python:no_such_module:make", r"'no_such_module:make' cannot be imported: No module named"),
        ("python:math:no_such_name", r"'math:no_such_name' cannot be imported"),
        ("python:math:pi", r"'math:pi' is float; expected a function"),
    ],
)
def test_a_name_that_means_nothing_says_what_to_write(torch_is_found, name, message):
    with pytest.raises(OptionError, match=f"(?s){message}"):
        require_encoder(name)


def test_every_form_of_name_is_in_the_message():
    with pytest.raises(OptionError, match=re.escape(str(list(ENCODER_FORMS)))):
        require_encoder("resnet")


@pytest.mark.parametrize(
    ("name", "package", "extra"), [("torchscript:m.pt", "torch", "torch"), ("onnx:m.onnx", "onnxruntime", "onnx")]
)
def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(monkeypatch, name, package, extra):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    message = rf"{package} is not installed\.\nHint: pip install 'dataeval_spark\[{extra}\]'"
    with pytest.raises(MissingExtraError, match=message):
        require_encoder(name)


def archive(path, *members):
    with zipfile.ZipFile(path, "w") as file:
        for member in members:
            file.writestr(f"model/{member}", b"")
    return path


@pytest.mark.parametrize("kind", ["torchscript", "torch_export", "onnx"])
def test_a_pickle_is_refused_whatever_it_is_called(torch_is_found, tmp_path, kind):
    old = tmp_path / "old.onnx"
    old.write_bytes(pickle.dumps({"weights": 1}))

    for path in (archive(tmp_path / "model.pt", "data.pkl", "data/0"), old):
        with pytest.raises(EncoderError, match=r"(?s)is a pickle .*would run code .*Hint: torch\.jit\.trace"):
            require_encoder(f"{kind}:{path}")


def test_a_file_of_another_kind_is_named_with_the_encoder_that_takes_it(torch_is_found, tmp_path):
    exported = archive(tmp_path / "model.pt", "archive_format", "models/model.json")

    with pytest.raises(
        EncoderError, match=r"(?s)is a program exported with .*; expected a TorchScript.*Hint: .*torch_export:"
    ):
        require_encoder(f"torchscript:{exported}")
    with pytest.raises(EncoderError, match=r"(?s)is a zip archive of another kind; .*Hint: export the model anew"):
        require_encoder(f"onnx:{archive(tmp_path / 'some.zip', 'a')}")


def test_the_version_depends_on_the_bytes_of_the_model_and_on_its_preprocessing(tmp_path):
    path = tmp_path / "model.pt"
    versions = set()
    for content, text in ((b"a", ""), (b"b", ""), (b"b", "resize = 64"), (b"b", "resize = 65")):
        path.write_bytes(content)
        (tmp_path / "model.pt.preprocessing.toml").write_text(text)
        versions.add(encoder_version(f"torchscript:{path}"))

    assert len(versions) == 4
    assert '"resize": 65' in encoder_record(f"torchscript:{path}").preprocessing


def test_a_users_class_is_made_once_per_process_and_its_version_stands_for_its_weights():
    MeanColour.made = 0
    name = f"{HERE}:MeanColour"

    encoder = load_encoder(name, version=encoder_version(name), batch_size=2)
    again = load_encoder(name, version=encoder_version(name), batch_size=2)

    assert again is encoder
    assert MeanColour.made == 1
    assert encoder_record(name).weights == "3"
    assert (encoder.name, encoder.batch_size, encoder.dimension) == (name, 2, None)
    assert encoder.embed([encoder.prepare(ONE + n) for n in range(3)]).tolist() == [[10] * 3, [11] * 3, [12] * 3]
    assert encoder.dimension == 3


def test_a_users_function_has_the_version_of_its_modules_source():
    assert re.fullmatch("[0-9a-f]{32}", encoder_record(f"{HERE}:without_method").weights)


def test_a_users_object_without_embed_is_an_error():
    with pytest.raises(
        EncoderError, match=r"the factory gave an object of type object, which has no method embed\(images\)"
    ):
        load_encoder(f"{HERE}:without_method")


def test_an_encoder_that_computes_on_the_cpu_asks_for_no_gpu(monkeypatch):
    monkeypatch.setattr(registry, "device_for", lambda *args, **kwargs: pytest.fail("a device was chosen"))

    assert load_encoder("thumbnail", gpu_addresses=["7"], batch_size=3).dimension == 192


def test_another_version_than_on_the_driver_is_an_error():
    with pytest.raises(EncoderError, match=r"(?s)'thumbnail' has version 7e2817d3744ba987 .*; expected 123.*Hint: put"):
        load_encoder("thumbnail", version="123")


def test_without_any_extra_the_package_loads_and_embeds():
    program = """
import sys
class NoExtras:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "timm", "onnxruntime", "safetensors"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoExtras())
import numpy as np
from dataeval_spark import Audit
from dataeval_spark.kernels.encoders import load_encoder
for name in ("hog_color", "thumbnail"):
    encoder = load_encoder(name)
    print(encoder.embed([encoder.prepare(np.zeros((9, 9, 3), dtype=np.uint8))]).shape)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)

    assert done.stdout.split("\n")[:2] == ["(1, 768)", "(1, 192)"], done.stderr


def test_an_object_of_ones_own_says_its_device_and_gets_smaller_batches_when_that_is_full():
    class Greedy:
        device = "cuda:1"

        def embed(self, images):
            if len(images) > 2:
                raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB.")
            return np.array([[image.mean()] for image in images])

    encoder = PythonEncoder("python:m:Greedy", "1", Greedy(), batch_size=8)
    images = [np.full((2, 2, 3), value, dtype=np.uint8) for value in range(5)]

    assert encoder.embed(images).ravel().tolist() == [0, 1, 2, 3, 4]
    assert (encoder.device, encoder.batch_size) == ("cuda:1", 2)
