"""PLY files, read back by another reader."""

import numpy as np
import pytest
import trimesh

from nerfseg_ns.core.ply_file import write_ply

CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5e6, 0, 1e-3]])
RGB = {"red": np.arange(4, dtype=np.uint8), "green": np.full(4, 7, np.uint8), "blue": np.full(4, 200, np.uint8)}


def properties():
    return {axis: CORNERS[:, i] for i, axis in enumerate("xyz")} | RGB


def test_a_mesh(tmp_path):
    write_ply(tmp_path / "a.ply", properties(), np.array([[0, 1, 2], [1, 2, 3]], dtype=np.int32), ("one", "two"))
    mesh = trimesh.load(tmp_path / "a.ply", process=False)
    np.testing.assert_array_equal(mesh.vertices, CORNERS)
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [1, 2, 3]])
    np.testing.assert_array_equal(mesh.visual.vertex_colors[:, :3], np.stack(list(RGB.values()), axis=1))
    assert b"comment one\ncomment two\n" in (tmp_path / "a.ply").read_bytes()


def test_points(tmp_path):
    extra = {"label": np.array([1, 2, 3, 65535], np.uint16), "membership": np.array([0.5, 0, 1, 0.25], np.float32)}
    write_ply(tmp_path / "a.ply", properties() | extra)
    raw = trimesh.load(tmp_path / "a.ply").metadata["_ply_raw"]["vertex"]["data"]
    assert raw["label"].ravel().tolist() == [1, 2, 3, 65535]
    assert raw["membership"].ravel().tolist() == [0.5, 0, 1, 0.25]


def test_mistakes(tmp_path):
    with pytest.raises(ValueError, match="property x: int64"):
        write_ply(tmp_path / "a.ply", {"x": np.arange(3)})
    with pytest.raises(ValueError, match=r"properties of \[3, 4\] values"):
        write_ply(tmp_path / "a.ply", {"x": np.zeros(3), "y": np.zeros(4)})
    with pytest.raises(ValueError, match="several lines"):
        write_ply(tmp_path / "a.ply", {"x": np.zeros(3)}, comments=("a\nend_header",))
    assert not list(tmp_path.iterdir())
