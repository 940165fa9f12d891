"""npz files without pickle."""

import numpy as np
import pytest

from nerfseg_ns.core.array_file import DamagedFileError, read_arrays, write_arrays


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_come_back(tmp_path, compressed):
    path = tmp_path / "folder" / "a.npz"
    write_arrays(path, compressed, text=np.asarray("ä"), numbers=np.arange(3))
    arrays = read_arrays(path)
    assert str(arrays["text"]) == "ä" and arrays["numbers"].tolist() == [0, 1, 2]
    assert [p.name for p in path.parent.iterdir()] == ["a.npz"]


def test_damage_is_told_from_absence(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(FileNotFoundError):
        read_arrays(path)
    write_arrays(path, numbers=np.arange(1000))
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, thing=np.array([{}], dtype=object))
    for content in (b"", b"not a zip", whole[:-200], bytes(flipped), pickled.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(DamagedFileError, match="a.npz"):
            read_arrays(path)
