"""The segmenters by name."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.segmenters.segmenter import Segmenter

SEGMENTERS: Mapping[str, str] = {
    "mobile-sam": "nerfseg_ns.segmenters.sam_onnx:make_mobile_sam",
    "sam-vit-b": "nerfseg_ns.segmenters.sam_torch:make_sam_vit",
    "sam-vit-l": "nerfseg_ns.segmenters.sam_torch:make_sam_vit",
    "sam-vit-h": "nerfseg_ns.segmenters.sam_torch:make_sam_vit",
    "mobile-sam-torch": "nerfseg_ns.segmenters.sam_torch:make_mobile_sam_torch",
}
"""name -> ``module:function(name, cache_dir, checkpoint, device)``, imported when the segmenter is made."""


def make_segmenter(
    name: str,
    *,
    cache_dir: Path | None = None,
    checkpoint: Path | None = None,
    device: str | None = None,
) -> Segmenter:
    """A segmenter by its name.

    Args:
        name: one of :data:`SEGMENTERS`.
        cache_dir: where embeddings are kept, None for the user's cache folder.
        checkpoint: weights to load instead of the installed ones: a file, for mobile-sam a folder of ONNX files.
        device: ``cpu`` or ``cuda``; None takes a GPU when there is one.

    Raises:
        InputError: an unknown name; weights or a package that are missing, with the command that installs them.
    """
    if name not in SEGMENTERS:
        raise InputError(f"there is no segmenter {name!r}; {did_you_mean(name, SEGMENTERS)}")
    module, function = SEGMENTERS[name].split(":")
    return getattr(import_module(module), function)(name, cache_dir, checkpoint, device)
