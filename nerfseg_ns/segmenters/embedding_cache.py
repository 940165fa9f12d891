"""Image embeddings in memory and on the disk."""

import hashlib
import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Float32, UInt8

from nerfseg_ns.core.array_file import DamagedFileError, read_arrays, write_arrays
from nerfseg_ns.core.input_error import InputError

EMBEDDING_SHAPE = (256, 64, 64)
IMAGES_IN_MEMORY = 256  # 512 MiB
FORMAT = "v1"  # goes up with every change of preprocessing or file layout, so that older files are not read


def image_hash(image: UInt8[np.ndarray, "h w 3"]) -> str:
    """SHA-256 of the pixels and the shape, in hex."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


class EmbeddingCache:
    """Embeddings of one network by image hash, as float16: 2 MiB an image.

    A file is read only if it is whole (its zip checksum says so); one that is not is treated as absent and written
    anew. When the folder cannot be written, a warning says so once and the work goes on from memory.

    Args:
        folder: of this network alone, see :func:`embedding_folder`; None keeps nothing on the disk.
        images_in_memory: how many are held; the one used longest ago goes first.
    """

    def __init__(self, folder: Path | None, images_in_memory: int = IMAGES_IN_MEMORY) -> None:
        self.folder = folder
        self._images_in_memory = images_in_memory
        self._held: OrderedDict[str, Float16[np.ndarray, "256 64 64"]] = OrderedDict()
        self._writable = True

    def find(self, image: str) -> Float16[np.ndarray, "256 64 64"] | None:
        """The embedding of an image, None when there is none.

        Args:
            image: :func:`image_hash` of it.
        """
        embedding = self._held.get(image)
        if embedding is None and self.folder is not None:
            embedding = _read(self.folder / f"{image}.npz")
        if embedding is not None:
            self._hold(image, embedding)
        return embedding

    def keep(
        self, image: str, embedding: Float32[np.ndarray, "256 64 64"], on_disk: bool = True
    ) -> Float16[np.ndarray, "256 64 64"]:
        """Store an embedding, in memory at least, and return it as every later :meth:`find` will: as float16."""
        rounded = embedding.astype(np.float16)
        self._hold(image, rounded)
        if on_disk and self.folder is not None and self._writable:
            try:
                write_arrays(self.folder / f"{image}.npz", embedding=rounded)
            except (InputError, OSError) as error:
                self._writable = False
                warnings.warn(f"embeddings are not kept for the next run: {error}", stacklevel=2)
        return rounded

    def _hold(self, image: str, embedding: Float16[np.ndarray, "256 64 64"]) -> None:
        self._held[image] = embedding
        self._held.move_to_end(image)
        while len(self._held) > self._images_in_memory:
            self._held.popitem(last=False)


def embedding_folder(cache: Path, segmenter: str, weights_hash: str) -> Path:
    """Where the embeddings of one network lie: other weights, another folder."""
    return cache / "embeddings" / f"{segmenter}-{weights_hash[:16]}-{FORMAT}"


def embeddings_on_disk(cache: Path) -> tuple[int, int]:
    """How many embeddings a cache holds, of all networks, and their bytes."""
    sizes = [path.stat().st_size for path in (cache / "embeddings").glob("*/*.npz")]
    return len(sizes), sum(sizes)


def _read(path: Path) -> Float16[np.ndarray, "256 64 64"] | None:
    try:
        embedding = read_arrays(path)["embedding"]
    except (FileNotFoundError, DamagedFileError, KeyError):
        return None
    if embedding.shape != EMBEDDING_SHAPE or embedding.dtype != np.float16:
        return None
    return embedding
