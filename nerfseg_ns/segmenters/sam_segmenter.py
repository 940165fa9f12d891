"""The segmenter interface over any network of the SAM family."""

from collections.abc import Hashable
from typing import Protocol

import numpy as np
from jaxtyping import Float32, Int, UInt8

from nerfseg_ns.segmenters.embedding_cache import EmbeddingCache, image_hash
from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.sam_frame import SamFrame
from nerfseg_ns.segmenters.segmenter import Candidates


class SamNetwork(Protocol):
    """A pair of encoder and decoder that works in SAM's frame of 1024 pixels."""

    def encode(self, pixels: Float32[np.ndarray, "1 3 1024 1024"]) -> Float32[np.ndarray, "256 64 64"]:
        """The embedding of a prepared image (:meth:`SamFrame.network_input`)."""

    def decode(
        self,
        embedding: Float32[np.ndarray, "256 64 64"],
        points: Float32[np.ndarray, "n 2"],
        labels: Int[np.ndarray, " n"],
        mask_logits: Float32[np.ndarray, "256 256"] | None,
    ) -> tuple[Float32[np.ndarray, "candidates 256 256"], Float32[np.ndarray, " candidates"]]:
        """Low-resolution logits and scores of a prompt (:meth:`SamFrame.network_points`)."""


class SamSegmenter:
    """A :class:`~nerfseg_ns.segmenters.segmenter.Segmenter` made of a SAM network.

    Embeddings always pass through float16, so that an image gives the same masks whether it was encoded now or came
    from the cache.

    Args:
        name: the name in the registry.
        network: encoder and decoder.
        cache: where embeddings are kept.
    """

    def __init__(self, name: str, network: SamNetwork, cache: EmbeddingCache) -> None:
        self.name = name
        self._network = network
        self._cache = cache
        self._hashes: dict[Hashable, tuple[str, tuple[int, ...]]] = {}
        self._current: tuple[str, SamFrame, Float32[np.ndarray, "256 64 64"]] | None = None

    def set_image(self, image: UInt8[np.ndarray, "h w 3"], key: Hashable = None, on_disk: bool = True) -> None:
        """See :meth:`nerfseg_ns.segmenters.segmenter.Segmenter.set_image`."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(f"image: expected uint8 [h, w, 3], got {image.dtype} {list(image.shape)}")
        known = self._hashes.get(key) if key is not None else None
        name = known[0] if known is not None and known[1] == image.shape else image_hash(image)
        if key is not None:
            self._hashes[key] = name, image.shape
        if self._current is not None and self._current[0] == name:
            return
        frame = SamFrame(*image.shape[:2])
        embedding = self._cache.find(name)
        if embedding is None:
            embedding = self._cache.keep(name, self._network.encode(frame.network_input(image)), on_disk)
        self._current = name, frame, embedding.astype(np.float32)

    def predict(self, prompt: Prompt2D, size: tuple[int, int] | None = None) -> Candidates:
        """See :meth:`nerfseg_ns.segmenters.segmenter.Segmenter.predict`."""
        if self._current is None:
            raise ValueError("predict before set_image: there is no image")
        _, frame, embedding = self._current
        points, labels = frame.network_points(prompt)
        low_resolution, scores = self._network.decode(embedding, points, labels, prompt.mask_logits)
        return Candidates(frame.image_logits(low_resolution, size), scores, low_resolution)
