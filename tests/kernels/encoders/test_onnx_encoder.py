"""ONNX models as encoders. The models are made by data/make_models.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dataeval_spark.errors import EncoderError
from dataeval_spark.kernels.encoders import encoder_version, load_encoder, require_encoder

runtime = pytest.importorskip("onnxruntime")
DATA = Path(__file__).parent / "data"
IMAGES = [np.full((8, 6, 3), (10 * n, 20, 30), dtype=np.uint8) for n in range(5)]


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.onnx"
    shutil.copy(DATA / "channel_means.onnx", path)
    (tmp_path / "model.onnx.preprocessing.toml").write_text("resize = 4\ncrop = 4\nscale = 1\nmean = 0\nstd = 1\n")
    return path


def test_a_model_gives_its_first_output_for_any_number_of_images(model):
    name = f"onnx:{model}"
    require_encoder(name)
    encoder = load_encoder(name, version=encoder_version(name), device="cpu", batch_size=2)

    found = encoder.embed([encoder.prepare(image) for image in IMAGES])

    assert found.tolist() == [[10 * n, 21, 32] for n in range(5)]
    assert (found.dtype, encoder.dimension, encoder.batch_size) == (np.float32, 3, 2)


def test_without_a_gpu_build_it_runs_on_the_cpu(model):
    if "CUDAExecutionProvider" in runtime.get_available_providers():
        pytest.skip("this onnxruntime runs on a GPU")

    assert load_encoder(f"onnx:{model}", device="cuda:0").device == "cpu"


def test_a_model_for_one_image_is_refused_with_what_it_takes():
    with pytest.raises(EncoderError, match=r"(?s)takes images: tensor\(float\) \[1, 3, .*Hint: .*dynamic first axis"):
        load_encoder(f"onnx:{DATA / 'one_image.onnx'}", device="cpu")


def test_a_damaged_model_is_an_error_with_a_remedy(tmp_path):
    path = tmp_path / "damaged.onnx"
    path.write_bytes((DATA / "channel_means.onnx").read_bytes()[:60])

    with pytest.raises(EncoderError, match=r"(?s)cannot be loaded: .*Hint: save the model"):
        load_encoder(f"onnx:{path}", device="cpu")


def test_memory_that_onnxruntime_cannot_get_halves_the_batch(model, monkeypatch):
    encoder = load_encoder(f"onnx:{model}", device="cpu", batch_size=4)
    session = encoder._session

    class SmallDevice:
        def run(self, names, inputs):
            if len(inputs["images"]) > 1:
                raise runtime.capi.onnxruntime_pybind11_state.RuntimeException("Failed to allocate memory")
            return session.run(names, inputs)

    monkeypatch.setattr(encoder, "_session", SmallDevice())
    found = encoder.embed([encoder.prepare(image) for image in IMAGES])

    assert found[:, 0].tolist() == [0, 10, 20, 30, 40]
    assert encoder.batch_size == 1
