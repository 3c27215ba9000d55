"""Exported programs: what could run code is refused before torch reads it, without torch."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from dataeval_spark.errors import EncoderError
from dataeval_spark.kernels.encoders import Preprocessing, encoder_version, load_encoder
from dataeval_spark.kernels.encoders.exported_programs import require_plain

GRAPH = {
    "graph_module": {
        "graph": {
            "inputs": [{"as_tensor": {"name": "x"}}],
            "nodes": [
                {"target": "torch.ops.aten.relu.default", "metadata": {"stack_trace": "File 'a', line 1\n  f()"}}
            ],
            "tensor_values": {
                "x": {"sizes": [{"as_expr": {"expr_str": "Symbol('s77', positive=True, integer=True)"}}]}
            },
        },
        "signature": {"in_spec": '[1, {"type": "builtins.tuple", "context": "null", "children_spec": []}]'},
    },
    "guards_code": ["L['x'].size()[0] >= 2", "Eq(Mod(L['x'].size()[2], 16), 0)"],
    "torch_version": "2.15.0+cu132",
}
WEIGHTS = {"config": {"0.weight": {"path_name": "weight_0", "use_pickle": False}}}


def archive(path, graph=GRAPH, weights=WEIGHTS, **members):
    members = {name.replace("__", "/"): data for name, data in members.items()}
    files = {"models/model.json": json.dumps(graph), "data/weights/model_weights_config.json": json.dumps(weights)}
    with zipfile.ZipFile(path, "w") as file:
        for name, data in {**files, "archive_format": "pt2", "data/weights/weight_0": "", **members}.items():
            file.writestr(f"model/{name}", data)
    return str(path)


def test_a_program_of_tensors_and_sizes_is_taken(tmp_path):
    require_plain(archive(tmp_path / "model.pt2"))


@pytest.mark.parametrize(
    ("member", "found"),
    [
        ("data/constants/custom_obj_0", "'data/constants/custom_obj_0'"),
        ("data/aotinductor/model/model.so", r"'data/aotinductor/model/model\.so'"),
        ("data.pkl", r"'data\.pkl'"),
        ("../models/model.json", r"'\.\./models/model\.json'"),
    ],
)
def test_members_that_hold_objects_or_machine_code_are_refused(tmp_path, member, found):
    with pytest.raises(EncoderError, match=rf"(?s)model\.pt2 is an exported program that holds {found}; .*Hint:"):
        require_plain(archive(tmp_path / "model.pt2", **{member: "x"}))


@pytest.mark.parametrize(
    "guard",
    [
        "__import__('os').system('true')",
        "exec(L['x'])",
        "L['x'].__class__",
        "[L for L in (1,)]",
        "(lambda: 1)()",
        "Symbol('a b')",
        "1 if L else 2",
        "size)",
    ],
)
def test_guards_and_sizes_that_are_more_than_comparisons_of_sizes_are_refused(tmp_path, guard):
    as_size = {"sizes": [{"as_expr": {"expr_str": guard}}]}
    for graph in ({**GRAPH, "guards_code": [guard]}, {"graph_module": as_size}):
        with pytest.raises(EncoderError, match=r"holds the text .* in models/model\.json"):
            require_plain(archive(tmp_path / "model.pt2", graph=graph))


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        ({"inputs": [{"as_tensor": {"name": "x=exec('1')"}}]}, "the text"),
        ({"x=exec('1')": 1}, "the name"),
        ({"in_spec": '[1, {"type": "subprocess.Popen", "context": "null", "children_spec": []}]'}, "the text"),
        ({"out_spec": "exec(1)"}, "the text"),
    ],
)
def test_names_from_which_torch_would_make_code_are_refused(tmp_path, graph, found):
    with pytest.raises(EncoderError, match=f"holds {found}"):
        require_plain(archive(tmp_path / "model.pt2", graph=graph))


def test_pickled_weights_are_refused(tmp_path):
    weights = {"config": {"0.weight": {"path_name": "weight_0", "use_pickle": True}}}

    with pytest.raises(EncoderError, match=r"holds a pickle in data/weights/model_weights_config\.json"):
        require_plain(archive(tmp_path / "model.pt2", weights=weights))


@pytest.fixture(scope="module")
def network():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten()
    return torch.nn.Sequential(*layers).eval()


def exported(network, path, **options):
    import torch

    torch.export.save(torch.export.export(network, (torch.zeros(2, 3, 24, 32),), **options), path)
    return str(path)


def test_an_exported_program_gives_what_the_model_gives(network, tmp_path):
    import torch

    path = exported(network, tmp_path / "model.pt2", dynamic_shapes=({0: torch.export.Dim("batch")},))
    (tmp_path / "model.pt2.preprocessing.toml").write_text("resize = [24, 32]\ncrop = 0\n")
    images = [np.random.default_rng(n).integers(0, 256, (30, 40, 3), dtype=np.uint8) for n in range(5)]
    wanted = Preprocessing(resize=(24, 32), crop=None)
    batch = torch.from_numpy(wanted.normalized(np.stack([wanted.pixels(image) for image in images])))

    name = f"torch_export:{path}"
    encoder = load_encoder(name, version=encoder_version(name), device="cpu", batch_size=4)

    found = encoder.embed([encoder.prepare(image) for image in images])
    assert np.allclose(found, network(batch).detach().numpy(), atol=1e-5)


def test_a_program_for_one_batch_size_is_refused_with_the_export_that_takes_any(network, tmp_path):
    path = exported(network, tmp_path / "model.pt2")

    with pytest.raises(EncoderError, match=r"(?s)takes batches of 2 images only.*Hint: torch\.export\.export\("):
        load_encoder(f"torch_export:{path}", device="cpu")


def test_sample_inputs_that_are_objects_are_refused(network, tmp_path):
    import pickle

    import torch

    path = exported(network, tmp_path / "model.pt2", dynamic_shapes=({0: torch.export.Dim("batch")},))
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "other.pt2", "w") as new:
        for name in old.namelist():
            new.writestr(name, pickle.dumps(Preprocessing()) if "sample_inputs" in name else old.read(name))

    with pytest.raises(EncoderError, match="holds sample inputs that are not tensors"):
        load_encoder(f"torch_export:{tmp_path / 'other.pt2'}", device="cpu")
