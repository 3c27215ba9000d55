"""Models of timm and torchvision: the numbers of their own transforms and weights, from files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.errors import EncoderError, OptionError
from dataeval_spark.kernels.encoders import Preprocessing, encoder_record, load_encoder, require_encoder
from dataeval_spark.kernels.encoders.hub_models import digest_of_state

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
torchvision = pytest.importorskip("torchvision")
save_file = pytest.importorskip("safetensors.torch").save_file
PHOTO = np.random.default_rng(4).integers(0, 256, (150, 260, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """A small model of timm with random weights, and the file of them."""
    torch.manual_seed(0)
    model = timm.create_model("resnet10t.c3_in1k", pretrained=False).eval()
    path = tmp_path_factory.mktemp("weights") / "resnet.safetensors"
    save_file(model.state_dict(), path)
    return model, path


def test_timm_gives_the_features_under_its_own_transform(resnet):
    model, path = resnet
    transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=model))
    with torch.inference_mode():
        expected = model.forward_head(
            model.forward_features(transform(Image.fromarray(PHOTO))[None]), pre_logits=True
        ).numpy()

    encoder = load_encoder(f"timm:resnet10t.c3_in1k@{path}", device="cpu")
    found = encoder.embed([encoder.prepare(PHOTO)])

    assert found.shape == (1, 512)
    assert np.allclose(found, expected, atol=1e-5)


def test_the_version_comes_from_weights_and_the_preprocessing_they_came_with(resnet):
    path = resnet[1]
    name = f"timm:resnet10t.c3_in1k@{path}"

    record = encoder_record(name)

    assert '"crop": [176, 176]' in record.preprocessing
    assert load_encoder(name, device="cpu", version=record.version).version == record.version
    assert encoder_record(name, preprocessing=Preprocessing()).version != record.version
    assert digest_of_state({"a": torch.tensor(1.0)}) != digest_of_state({"a": torch.tensor(1)})


def test_torchvision_gives_the_features_under_its_own_transform(tmp_path):
    torch.manual_seed(1)
    model = torchvision.models.squeezenet1_1().eval()
    torch.save(model.state_dict(), tmp_path / "squeezenet.pt")  # tensors only
    shown = torchvision.models.get_model_weights("squeezenet1_1").DEFAULT.transforms()

    encoder = load_encoder(f"torchvision:squeezenet1_1@{tmp_path / 'squeezenet.pt'}", device="cpu")
    prepared = encoder.prepare(PHOTO)

    expected = shown(Image.fromarray(PHOTO)).numpy()
    assert np.allclose(encoder.preprocessing.normalized(prepared[None])[0], expected, atol=1e-6)
    model.classifier = torch.nn.Identity()
    with torch.inference_mode():
        assert np.allclose(encoder.embed([prepared])[0], model(torch.from_numpy(expected)[None])[0], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:resnet1", r"timm model is 'resnet1'; expected one of"),
        ("torchvision:resnt18", r"(?s)torchvision model is 'resnt18'.*Hint: .*'resnet18'"),
    ],
)
def test_a_model_that_does_not_exist_is_named_before_a_job_starts(name, message):
    with pytest.raises(OptionError, match=message):
        require_encoder(name)


def test_weights_of_another_model_are_an_error(resnet, tmp_path):
    save_file({"fc.weight": torch.zeros(1), "other.weight": torch.zeros(1)}, tmp_path / "other.safetensors")

    with pytest.raises(EncoderError, match=r"size mismatch for .*; expected the weights of timm:resnet18"):
        load_encoder(f"timm:resnet18@{resnet[1]}", device="cpu")
    with pytest.raises(EncoderError, match=r"\d+ weights are missing and 1 left over, such as 'conv1\.weight'"):
        load_encoder(f"timm:resnet18@{tmp_path / 'other.safetensors'}", device="cpu")


def test_weights_that_are_a_pickled_model_are_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")

    with pytest.raises(EncoderError, match=r"(?s)cannot be loaded: UnpicklingError.*Hint: save_file"):
        load_encoder(f"timm:resnet18@{tmp_path / 'model.pt'}", device="cpu")


def test_weights_that_cannot_be_downloaded_are_an_error_that_names_the_other_way(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)

    with pytest.raises(EncoderError, match=r"(?s)OSError: no route to host\nHint: .*timm:resnet18@/path/"):
        load_encoder("timm:resnet18", device="cpu")
