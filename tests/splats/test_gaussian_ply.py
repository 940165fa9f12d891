import numpy as np
import pytest
import torch

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.splats import gaussian_ply
from nerfseg_ns.splats.gaussian_frames import to_input, to_scene
from nerfseg_ns.splats.gaussian_ply import read_gaussians, write_gaussians
from nerfseg_ns.splats.gaussians import Gaussians

TYPES = {"<": "binary_little_endian", ">": "binary_big_endian", None: "ascii"}


def some_gaussians(count=5, degree=3, seed=0) -> Gaussians:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    return Gaussians(draw(count, 3), draw(count, 3) - 3, draw(count, 4), draw(count), draw(count, (degree + 1) ** 2, 3))


def columns(gaussians: Gaussians) -> dict[str, np.ndarray]:
    """The properties in the order of 3DGS, written down independently of the module."""
    values = {axis: gaussians.means[:, i] for i, axis in enumerate("xyz")}
    values |= {f"f_dc_{i}": gaussians.harmonics[:, 0, i] for i in range(3)}
    coefficients = gaussians.harmonics.shape[1] - 1
    for colour in range(3):
        for k in range(coefficients):
            values[f"f_rest_{colour * coefficients + k}"] = gaussians.harmonics[:, 1 + k, colour]
    values["opacity"] = gaussians.opacity_logits
    values |= {f"scale_{i}": gaussians.log_scales[:, i] for i in range(3)}
    values |= {f"rot_{i}": gaussians.quaternions[:, i] for i in range(4)}
    return {name: value.numpy().astype(np.float32) for name, value in values.items()}


def write_raw(path, values: dict[str, np.ndarray], order="<", header_count=None, cut=0):
    count = len(next(iter(values.values())))
    header = ["ply", f"format {TYPES[order]} 1.0", "comment made by a test", f"element vertex {header_count or count}"]
    header += [f"property float {name}" for name in values] + ["end_header", ""]
    if order is None:
        rows = [" ".join(repr(float(values[name][i])) for name in values) for i in range(count)]
        body = ("\n".join(rows) + "\n").encode()
    else:
        table = np.empty(count, dtype=[(name, f"{order}f4") for name in values])
        for name, value in values.items():
            table[name] = value
        body = table.tobytes()
    path.write_bytes("\n".join(header).encode() + body[: len(body) - cut])
    return path


def assert_same(one: Gaussians, other: Gaussians, **tolerance):
    for name in ("means", "log_scales", "quaternions", "opacity_logits", "harmonics"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), msg=name, **tolerance)


@pytest.mark.parametrize("order", ["<", ">", None])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_every_byte_order_and_degree_is_read(tmp_path, order, degree):
    wanted = some_gaussians(degree=degree)
    assert_same(read_gaussians(write_raw(tmp_path / "a.ply", columns(wanted), order)), wanted, rtol=0, atol=0)


def test_what_is_written_is_read_back_and_has_the_added_properties(tmp_path):
    wanted = some_gaussians(7)
    write_gaussians(tmp_path / "a.ply", wanted, {"object_id": np.arange(7, dtype=np.int32)}, ("object 1 is a house",))
    assert_same(read_gaussians(tmp_path / "a.ply"), wanted, rtol=0, atol=0)
    header = (tmp_path / "a.ply").read_bytes().split(b"end_header")[0].decode()
    assert "property int object_id" in header and "comment object 1 is a house" in header


def test_a_ply_file_without_the_properties_names_them(tmp_path):
    values = columns(some_gaussians())
    for name in ("scale_1", "rot_3"):
        values.pop(name)
    with pytest.raises(InputError, match=r"a\.ply: not a PLY file of Gaussians: it lacks scale_0\.\.2, rot_0\.\.3"):
        read_gaussians(write_raw(tmp_path / "a.ply", values))


def test_an_unknown_degree_of_harmonics_is_refused(tmp_path):
    values = columns(some_gaussians(degree=1))
    values.pop("f_rest_8")
    with pytest.raises(InputError, match="8 properties f_rest_.*; expected 0, 9, 24, 45"):
        read_gaussians(write_raw(tmp_path / "a.ply", values))


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("f_rest_3", np.nan, "not finite .* the first in vertex 2"),
        ("x", np.inf, "1 of 5 Gaussians have numbers that are not finite"),
        ("scale_2", -np.inf, r"1 of 5 Gaussians have no size .*vertex 2; --drop-broken"),
        ("scale_0", np.nan, "not finite"),
        ("scale_1", 60.0, "too large to reckon with"),
        ("y", 1e30, "too large to reckon with"),
        ("opacity", np.nan, "not finite"),
        ("rot", 0.0, "no rotation"),
    ],
)
def test_broken_gaussians_are_named_or_dropped(tmp_path, name, value, message):
    values = columns(some_gaussians())
    for key in [key for key in values if key.startswith(name)] if name == "rot" else [name]:
        values[key][2] = value
    path = write_raw(tmp_path / "a.ply", values)
    with pytest.raises(InputError, match=message):
        read_gaussians(path)
    assert_same(read_gaussians(path, drop_broken=True), some_gaussians().where(torch.tensor([0, 1, 3, 4])))


@pytest.mark.parametrize("order", ["<", ">", None])
def test_a_file_cut_short_is_refused(tmp_path, order):
    path = write_raw(tmp_path / "a.ply", columns(some_gaussians()), order, header_count=6)
    with pytest.raises(InputError, match="cut short"):
        read_gaussians(path)
    if order is not None:
        with pytest.raises(InputError, match=r"5 vertices take .* bytes, and the file has"):
            read_gaussians(write_raw(path, columns(some_gaussians()), order, cut=1))


def test_a_compressed_file_is_named_as_such(tmp_path):
    names = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
    with pytest.raises(InputError, match="SuperSplat's compressed form"):
        read_gaussians(write_raw(tmp_path / "a.ply", {name: np.zeros(3, np.float32) for name in names}))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.ply"
    with pytest.raises(InputError, match="no such file"):
        read_gaussians(path)
    path.write_bytes(b"solid ascii stl")
    with pytest.raises(InputError, match="not a PLY file"):
        read_gaussians(path)
    path.write_bytes(b"ply\nformat ascii 1.0\nelement vertex 5\n")
    with pytest.raises(InputError, match="header does not end"):
        read_gaussians(path)
    path.write_bytes(b"ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nend_header\n")
    with pytest.raises(InputError, match="no vertices"):
        read_gaussians(path)


def test_more_gaussians_than_memory_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = write_raw(tmp_path / "a.ply", columns(some_gaussians()))
    monkeypatch.setattr(gaussian_ply, "available_bytes", lambda: 1000)
    monkeypatch.setattr(gaussian_ply, "read_ply_vertices", lambda *a: pytest.fail("read"))
    with pytest.raises(InputError, match="5 Gaussians take .* GiB .* are free"):
        read_gaussians(path)


def test_frames_turn_means_shapes_and_colours_together():
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    turn = turn * torch.linalg.det(turn)
    frame = SceneFrame(torch.cat([turn, torch.tensor([[1.0], [-2.0], [0.5]])], dim=1), 0.2)
    before = some_gaussians(20)
    after = to_scene(before, frame)
    torch.testing.assert_close(
        after.covariances(), 0.04 * turn.float() @ before.covariances() @ turn.float().T, rtol=1e-4, atol=1e-6
    )
    eye = torch.tensor([0.3, 4.0, -1.0])
    torch.testing.assert_close(after.colours(frame.to_scene(eye)), before.colours(eye), rtol=1e-4, atol=1e-5)
    back = to_input(after, frame)
    torch.testing.assert_close(back.means.float(), before.means, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(back.harmonics, before.harmonics, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(back.covariances(), before.covariances(), rtol=1e-4, atol=1e-6)
