"""SAM networks that run in onnxruntime: ``mobile-sam``."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.user_cache import user_cache
from nerfseg_ns.segmenters.embedding_cache import EmbeddingCache, embedding_folder
from nerfseg_ns.segmenters.onnx_graph import with_outputs
from nerfseg_ns.segmenters.sam_frame import BOX_CORNERS
from nerfseg_ns.segmenters.sam_segmenter import SamSegmenter
from nerfseg_ns.segmenters.weights import WEIGHTS, installed_file

NO_POINT = -1  # the label of the point that stands for the missing box
ALL_CANDIDATES = ("/Reshape_9_output_0", "/iou_prediction_head/layers.2/Gemm_output_0")
"""Masks and scores in the published decoder before it picks one of the four and throws the others away. For a single
click its pick is often far too large."""
EXPORTED_CANDIDATES = ("low_res_masks", "iou_predictions")
"""Outputs of SAM's own export script; all candidates when it ran without ``--return-single-mask``."""


class OnnxNetwork:
    """A SAM encoder and decoder in onnxruntime.

    The encoder is loaded at the first image that is not in the cache.

    Args:
        encoder: ONNX file, pixels [1, 3, 1024, 1024] -> embedding [1, 256, 64, 64].
        decoder: ONNX file with the inputs of SAM's export script.
        device: ``cpu``, ``cuda`` or None for cuda where this onnxruntime has it.

    Raises:
        InputError: a file that is missing or is not such a network, no onnxruntime, no such device.
    """

    def __init__(self, encoder: Path, decoder: Path, device: str | None = None) -> None:
        self._onnxruntime = _onnxruntime()
        self._providers = _providers(self._onnxruntime, device)
        encoder_bytes, decoder_bytes = _content(encoder), _content(decoder)
        self._encoder_path = encoder
        self._encoder: Any = None
        self.weights_hash = hashlib.sha256(encoder_bytes).hexdigest()  # the decoder has no part in embeddings
        outputs = EXPORTED_CANDIDATES
        if all(name.encode() in decoder_bytes for name in ALL_CANDIDATES):
            outputs = ALL_CANDIDATES
        try:
            # Without SAM's own `masks`, the full-size mask, which is then not computed either.
            self._decoder = self._session(with_outputs(decoder_bytes, outputs))
        except Exception as error:  # onnxruntime's errors have no common class of their own
            raise InputError(f"{decoder}: not a SAM decoder in ONNX: {_first_line(error)}") from None
        self._inputs = {tensor.name for tensor in self._decoder.get_inputs()}
        missing = {"image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input"} - self._inputs
        if missing:
            raise InputError(f"{decoder}: not a SAM decoder: it has no input {', '.join(sorted(missing))}")

    def encode(self, pixels: Float32[np.ndarray, "1 3 1024 1024"]) -> Float32[np.ndarray, "256 64 64"]:
        """See :class:`~nerfseg_ns.segmenters.sam_segmenter.SamNetwork`."""
        if self._encoder is None:
            try:
                self._encoder = self._session(str(self._encoder_path))
            except Exception as error:
                raise InputError(f"{self._encoder_path}: not an encoder in ONNX: {_first_line(error)}") from None
        return self._encoder.run(None, {self._encoder.get_inputs()[0].name: pixels})[0][0]

    def decode(
        self,
        embedding: Float32[np.ndarray, "256 64 64"],
        points: Float32[np.ndarray, "n 2"],
        labels: Int[np.ndarray, " n"],
        mask_logits: Float32[np.ndarray, "256 256"] | None,
    ) -> tuple[Float32[np.ndarray, "candidates 256 256"], Float32[np.ndarray, " candidates"]]:
        """See :class:`~nerfseg_ns.segmenters.sam_segmenter.SamNetwork`."""
        if BOX_CORNERS[0] not in labels:
            points = np.concatenate([points, np.zeros((1, 2), dtype=np.float32)])
            labels = np.append(labels, NO_POINT)
        has_mask = mask_logits is not None
        mask = mask_logits if mask_logits is not None else np.zeros((256, 256), dtype=np.float32)
        feed = {
            "image_embeddings": embedding[None],
            "point_coords": points[None].astype(np.float32),
            "point_labels": labels[None].astype(np.float32),
            "mask_input": mask[None, None].astype(np.float32),
            "has_mask_input": np.array([has_mask], dtype=np.float32),
            "orig_im_size": np.array([256, 256], dtype=np.float32),  # of no effect: the mask that needs it is not made
        }
        masks, scores = self._decoder.run(None, {name: feed[name] for name in self._inputs})
        return masks[0], scores[0]

    def _session(self, model: bytes | str) -> Any:
        options = self._onnxruntime.SessionOptions()
        cores = (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        )  # Linux alone has it
        options.intra_op_num_threads = cores or 1
        # Threads that spin while they wait take the cores from the rest of the work: twice the time where they share.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # errors; warnings are about the export
        return self._onnxruntime.InferenceSession(model, options, providers=self._providers)


def make_mobile_sam(
    name: str, cache_dir: Path | None = None, checkpoint: Path | None = None, device: str | None = None
) -> SamSegmenter:
    """MobileSAM from the user's cache or from a folder with ``encoder.onnx`` and ``sam.onnx``.

    Raises:
        InputError: the weights are not installed, or what :class:`OnnxNetwork` raises.
    """
    _onnxruntime()  # the missing package first: without it weights are of no use
    if checkpoint is not None and not checkpoint.is_dir():
        raise InputError(f"{checkpoint}: for {name} give the folder that holds encoder.onnx and sam.onnx")
    encoder, decoder = (
        installed_file(WEIGHTS[name], file.name) if checkpoint is None else checkpoint / file.name
        for file in WEIGHTS[name].files
    )
    network = OnnxNetwork(encoder, decoder, device)
    folder = embedding_folder(cache_dir or user_cache(), name, network.weights_hash)
    return SamSegmenter(name, network, EmbeddingCache(folder))


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise InputError(
            "mobile-sam needs the package onnxruntime, which is not installed: pip install 'nerfseg-ns[sam]', or in a "
            "checkout: bash scripts/setup.sh"
        ) from None
    return onnxruntime


def _providers(onnxruntime: Any, device: str | None) -> list[Any]:
    kind, _, index = (device or "").partition(":")
    if kind not in ("", "cpu", "cuda") or not (index.isdigit() or not index):
        raise InputError(f"device {device!r}: mobile-sam runs on cpu or cuda")
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if kind == "cuda" and not has_cuda:
        raise InputError(
            f"device {device!r}: this onnxruntime runs on the CPU alone; the package for CUDA is onnxruntime-gpu"
        )
    cpu = ["CPUExecutionProvider"]
    return [("CUDAExecutionProvider", {"device_id": int(index or 0)}), *cpu] if has_cuda and kind != "cpu" else cpu


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
