"""Models of timm and torchvision by name, with published weights or with those of a file."""

from __future__ import annotations

import math
from typing import Any

import xxhash

from dataeval_spark.errors import EncoderError, OptionError
from dataeval_spark.kernels.encoders.devices import required
from dataeval_spark.kernels.encoders.preprocessing import Preprocessing

_HEADS = ("fc", "classifier", "head", "heads")


def require_model(kind: str, target: str) -> None:
    """Raise OptionError when `kind` ("timm" or "torchvision") has no model of this name."""
    package = required(kind)
    models = package.list_models() if kind == "timm" else package.models.list_models(module=package.models)
    # timm's names may have a tag of the weights: resnet18.a1_in1k
    OptionError.unless_one_of(f"profile.encoder: {kind} model", target.partition("@")[0].partition(".")[0], models)


def load_model(kind: str, target: str) -> tuple[Any, Preprocessing, str]:
    """Make a model on the CPU, without its classifier.

    Published weights come from the package's cache, or are downloaded to it. A file is safetensors, or a checkpoint
    of tensors only (read with ``weights_only=True``).

    Parameters
    ----------
    kind : {"timm", "torchvision"}
        Package of the model.
    target : str
        Name of the model, or ``NAME@PATH`` with the file of its weights.

    Returns
    -------
    module
        Module from images to the input of the classifier.
    Preprocessing
        Preprocessing that the weights were trained with.
    str
        Hash of the weights.

    Raises
    ------
    EncoderError
        The weights cannot be loaded, or belong to another model.
    """
    name, _, path = target.partition("@")
    package = required(kind)
    try:
        if kind == "timm":
            module = package.create_model(name, pretrained=not path, num_classes=0)
            preprocessing = _timm_preprocessing(name, package.data.resolve_data_config({}, model=module))
        else:
            module, preprocessing = _torchvision_model(package, name, is_published=not path)
    except OptionError:
        raise
    except Exception as error:
        hint = f"give the weights as a file: {kind}:{name}@/path/model.safetensors"
        raise EncoderError.unloadable(f"{kind}:{target}", error, hint) from error
    if path:
        _fill(module, path, f"{kind}:{name}")
    return module.eval(), preprocessing, digest_of_state(module.state_dict())


def digest_of_state(state: dict[str, Any]) -> str:
    """xxh3-128 over names, types, shapes and values of tensors."""
    torch = required("torch")
    digest = xxhash.xxh3_128()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _timm_preprocessing(name: str, config: dict[str, Any]) -> Preprocessing:
    channels, height, width = config["input_size"]
    mode = config.get("crop_mode") or "center"
    size = math.floor(height / config["crop_pct"]), math.floor(width / config["crop_pct"])
    if mode not in ("center", "squash") or (mode == "center" and height != width):
        raise OptionError(
            f"profile.encoder: the crop mode of timm:{name} is {mode!r} at {height} x {width}; expected 'center' of a "
            "square, or 'squash'.\n"
            "Hint: save the model as TorchScript, and its preprocessing beside it as MODEL.pt.preprocessing.toml"
        )
    return Preprocessing(
        resize=size[0] if mode == "center" else size,
        interpolation=config["interpolation"],
        crop=(height, width),
        mean=tuple(map(float, config["mean"])),
        std=tuple(map(float, config["std"])),
        channel_order="RGB" if channels == 3 else "gray",
    )


def _torchvision_model(package: Any, name: str, *, is_published: bool) -> tuple[Any, Preprocessing]:
    torch = required("torch")
    weights = package.models.get_model_weights(name).DEFAULT
    transforms = weights.transforms()
    preprocessing = Preprocessing(
        resize=transforms.resize_size[0],
        interpolation=transforms.interpolation.value,
        crop=transforms.crop_size[0],
        mean=tuple(map(float, transforms.mean)),
        std=tuple(map(float, transforms.std)),
    )
    module = package.models.get_model(name, weights=None)
    if is_published:
        module.load_state_dict(torch.hub.load_state_dict_from_url(weights.url, check_hash=True, weights_only=True))
    for head in _HEADS:
        if hasattr(module, head):
            setattr(module, head, torch.nn.Identity())
    return module, preprocessing


def _fill(module: Any, path: str, model: str) -> None:
    torch = required("torch")
    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise EncoderError.unloadable(path, error, "save_file(model.state_dict(), 'model.safetensors')") from error
    try:
        result = module.load_state_dict(state, strict=False)
    except RuntimeError as error:  # equal names, other shapes
        problem = " ".join(str(error).split())[:300]
        raise EncoderError(f"{path}: {problem}; expected the weights of {model}.") from error
    # Weights of the classifier, which is gone, are the only ones that may be left over.
    left_over = [name for name in result.unexpected_keys if name.partition(".")[0] not in _HEADS]
    if result.missing_keys or left_over:
        problem = f"{len(result.missing_keys)} weights are missing and {len(left_over)} left over"
        first = (result.missing_keys + left_over)[0]
        raise EncoderError(f"{path}: {problem}, such as {first!r}; expected the weights of {model}.")
