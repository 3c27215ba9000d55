"""Torch models as encoders: the same numbers as torch alone, and errors before anything runs."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.errors import EncoderError
from dataeval_spark.kernels.encoders import Preprocessing, encoder_version, load_encoder, require_encoder
from dataeval_spark.kernels.encoders.torch_encoder import TorchEncoder

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(11)
IMAGES = [RNG.integers(0, 256, (40 + n, 50, 3), dtype=np.uint8) for n in range(5)]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten()
    return torch.nn.Sequential(*layers).eval()


@pytest.fixture(scope="module")
def scripted(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "network.pt"
    torch.jit.trace(network, torch.zeros(2, 3, 24, 32)).save(str(path))
    (path.parent / "network.pt.preprocessing.toml").write_text("resize = [24, 32]\ncrop = 0\n")
    return path


def expected(network, images=IMAGES):
    wanted = Preprocessing(resize=(24, 32), crop=None)
    batch = wanted.normalized(np.stack([wanted.pixels(image) for image in images]))
    return network(torch.from_numpy(batch)).detach().numpy()


def embedded(encoder, images=IMAGES):
    return encoder.embed([encoder.prepare(image) for image in images])


def test_a_torchscript_file_gives_what_the_model_gives(network, scripted):
    name = f"torchscript:{scripted}"
    require_encoder(name)
    encoder = load_encoder(name, version=encoder_version(name), device="cpu", batch_size=2)

    assert np.allclose(embedded(encoder), expected(network), atol=1e-5)
    assert (encoder.dimension, encoder.batch_size, encoder.name) == (16, 2, name)
    assert load_encoder(name, version=encoder_version(name), device="cpu", batch_size=2) is encoder
    assert torch.get_num_threads() == 1


def test_a_model_on_a_cpu_has_the_threads_that_its_process_has_cores_for(scripted):
    threads = torch.get_num_threads()
    try:
        assert embedded(load_encoder(f"torchscript:{scripted}", device="cpu", threads=2)).shape == (5, 16)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_normalising_on_the_device_is_the_definition(network):
    wanted = Preprocessing(resize=(9, 8), crop=None, channel_order="BGR", layout="HWC", mean=(0.1, 0.2, 0.3), std=(2,))
    encoder = TorchEncoder("flat", "1", lambda x: x.reshape(len(x), -1), wanted)
    prepared = [encoder.prepare(image) for image in IMAGES]

    assert np.allclose(encoder.embed(prepared), wanted.normalized(np.stack(prepared)).reshape(5, -1), atol=1e-6)


def test_out_of_memory_halves_the_batch_and_goes_on(network):
    calls = []

    def small_device(batch):
        calls.append(len(batch))
        if len(batch) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return network(batch)

    encoder = TorchEncoder("small", "1", small_device, Preprocessing(resize=(24, 32), crop=None), batch_size=4)

    assert np.allclose(embedded(encoder), expected(network), atol=1e-5)
    assert calls == [4, 2, 1, 1, 1, 1, 1]
    assert encoder.batch_size == 1


def test_a_torchscript_model_that_needs_too_much_memory_gets_smaller_batches(tmp_path):
    @torch.jit.script
    def greedy(batch):
        # 128 TiB, which no machine has an address for, from three images on; 64 bytes below that.
        size = 140737488355328 if batch.shape[0] > 2 else 64
        return batch.mean(dim=[2, 3]) + torch.empty([size], dtype=torch.uint8)[:1].zero_()

    path = tmp_path / "greedy.pt"
    greedy.save(str(path))
    (tmp_path / "greedy.pt.preprocessing.toml").write_text("resize = [24, 32]\ncrop = 0\n")
    # Torch's own class does not pass its interpreter: only the text is left.
    with pytest.raises(RuntimeError, match="memory") as raised:
        greedy(torch.zeros(3, 3, 4, 4))
    assert type(raised.value) is RuntimeError
    encoder = load_encoder(f"torchscript:{path}", device="cpu", batch_size=5)

    assert np.allclose(embedded(encoder), expected(lambda batch: batch.mean(dim=[2, 3])), atol=1e-5)
    assert encoder.batch_size == 2


def test_a_model_of_several_outputs_gives_its_first(network):
    encoder = TorchEncoder("pair", "1", lambda x: (network(x), x), Preprocessing(resize=(24, 32), crop=None))

    assert np.allclose(embedded(encoder), expected(network), atol=1e-5)


def test_a_feature_map_is_an_error_with_a_remedy():
    encoder = TorchEncoder("map", "1", lambda x: x, Preprocessing())

    with pytest.raises(EncoderError, match=r"(?s)'map' gives float32 of shape \(5, 3, 224, 224\) .*Hint: pool"):
        embedded(encoder)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_whole_model_that_was_pickled_is_refused(network, tmp_path, zipped):
    path = tmp_path / "model.pt"
    torch.save(network, path, _use_new_zipfile_serialization=zipped)

    with pytest.raises(EncoderError, match=r"is a pickle \(torch\.save"):
        require_encoder(f"torchscript:{path}")
