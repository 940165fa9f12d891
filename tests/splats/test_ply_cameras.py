import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.ply_cameras import check_cameras_fit, read_ply_cameras

# looks along +x from (-3, 0, 1): OpenGL axes x right, y up, z back
POSE = np.array([[0.0, 0, -1, -3], [-1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]])


def transforms(**changes):
    frame = {"file_path": "images/a.png", "transform_matrix": POSE.tolist()}
    return {"fl_x": 100.0, "fl_y": 110.0, "cx": 31.0, "cy": 23.0, "w": 64, "h": 48, "frames": [{**frame, **changes}]}


def of_3dgs(**changes):
    opencv = POSE * [1, -1, -1, 1]
    record = {"id": 0, "img_name": "a", "width": 64, "height": 48, "fx": 100.0, "fy": 110.0}
    return [{**record, "position": opencv[:3, 3].tolist(), "rotation": opencv[:3, :3].tolist(), **changes}]


def written(path, document):
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def some(means) -> Gaussians:
    count = len(means)
    return Gaussians(
        torch.tensor(means), torch.full((count, 3), -3.0), torch.eye(4)[:1].expand(count, 4), torch.ones(count),
        torch.zeros(count, 1, 3),
    )  # fmt: skip


def test_both_forms_give_the_same_camera_and_find_the_images(tmp_path):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "images" / "a.png")
    one = read_ply_cameras(written(tmp_path / "transforms.json", transforms()))[0]
    other = read_ply_cameras(written(tmp_path / "cameras.json", of_3dgs()))[0]
    for camera in (one, other):
        np.testing.assert_allclose(camera.c2w, POSE, atol=1e-12)
        assert (camera.name, camera.fx, camera.fy, camera.size) == ("a", 100.0, 110.0, (48, 64))
        assert camera.image == tmp_path / "images" / "a.png"
    assert (one.cx, one.cy, other.cx, other.cy) == (31.0, 23.0, 32.0, 24.0)
    small = one.reduced(32)
    assert (small.size, small.fx, small.cx, small.cy) == ((24, 32), 50.0, 15.5, 11.5)
    pixels, depth, _ = one.pinhole().project(torch.tensor([[-1.0, -0.2, 1.1]]))  # 2 ahead, 0.2 right, 0.1 up
    assert pixels[0].tolist() == pytest.approx([31 + 10, 23 - 5.5], abs=1e-4) and float(depth) == pytest.approx(2.0)


def test_focal_length_from_an_angle_and_images_in_a_folder_of_their_own(tmp_path):
    document = transforms()
    del document["fl_x"], document["fl_y"]
    document["camera_angle_x"] = 2 * np.arctan(0.5)
    (tmp_path / "elsewhere").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "elsewhere" / "a.JPG")
    camera = read_ply_cameras(written(tmp_path / "t.json", document), tmp_path / "elsewhere")[0]
    assert camera.fx == pytest.approx(64.0) and camera.image == tmp_path / "elsewhere" / "a.JPG"


def test_the_frame_of_an_export_is_that_of_its_run(tmp_path):
    turn = {"transform": [[0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3]], "scale": 0.5}
    camera = read_ply_cameras(
        written(tmp_path / "t.json", transforms()),
        dataparser_transforms=written(tmp_path / "dataparser_transforms.json", turn),
    )[0]
    np.testing.assert_allclose(camera.c2w[:3, 3], [0.5 * 1, 0.5 * (-3 + 2), 0.5 * (1 + 3)])
    np.testing.assert_allclose(camera.c2w[:3, :3], np.array(turn["transform"])[:, :3] @ POSE[:3, :3])


@pytest.mark.parametrize(
    "document, message",
    [
        ("{", "not a JSON file"),
        ([], "no cameras"),
        (of_3dgs(width=0), "must be positive pixels"),
        ([{"img_name": "a"}], "expected img_name, width"),
        (of_3dgs(rotation=[[1, 0, 0], [0, 1, 0], [0, 0, -1]]), "mirrored"),
        (of_3dgs() * 2, "two views are named a"),
        (transforms(k1=0.1), r"images/a\.png: lens distortion \(k1\)"),
        (transforms(transform_matrix=[[1, 2], [3, 4]]), "not 16 numbers"),
        (transforms(w="wide"), "expected transform_matrix, w, h"),
        (transforms(w=float("inf")), "expected transform_matrix, w, h"),
        (transforms(k1="strong"), r"lens distortion \(k1\)"),
        (transforms(cx=float("nan")), "principal point must be two numbers"),
        (of_3dgs(width=float("inf")), "expected img_name, width"),
        (of_3dgs(img_name="../../a"), r"view's name '../../a'; expected the name of an image"),
        (of_3dgs(img_name="/etc/a.png"), "view's name '/etc/a'"),
        (5, 'expected a list of "frames"'),
    ],
)
def test_cameras_that_are_none_are_named(tmp_path, document, message):
    with pytest.raises(InputError, match=message):
        read_ply_cameras(written(tmp_path / "c.json", document))


def test_images_of_one_name_in_several_folders_are_told_apart(tmp_path):
    document = transforms()
    document["frames"] = [{**document["frames"][0], "file_path": f"images/cam{i}/a.png"} for i in (0, 1)]
    for i in (0, 1):
        (tmp_path / f"images/cam{i}").mkdir(parents=True)
        Image.new("RGB", (64, 48)).save(tmp_path / f"images/cam{i}/a.png")
    path = written(tmp_path / "t.json", document)
    for images in (None, tmp_path / "images"):
        cameras = read_ply_cameras(path, images)
        assert [camera.name for camera in cameras] == ["cam0/a", "cam1/a"]
        assert [camera.image for camera in cameras] == [tmp_path / f"images/cam{i}/a.png" for i in (0, 1)]


def test_an_image_of_another_shape_is_not_that_of_the_camera(tmp_path):
    (tmp_path / "images").mkdir()
    path, image = written(tmp_path / "c.json", of_3dgs()), tmp_path / "images" / "a.png"
    Image.new("RGB", (128, 96)).save(image)
    assert read_ply_cameras(path)[0].image == image
    Image.new("RGB", (96, 128)).save(image)
    with pytest.raises(InputError, match=r"a\.png: 96x128, but .*camera 0 has views of 64x48"):
        read_ply_cameras(path)
    image.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"a\.png"):
        read_ply_cameras(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_ply_cameras(tmp_path / "c.json")
    path = written(tmp_path / "c.json", of_3dgs())
    assert read_ply_cameras(path)[0].image is None
    with pytest.raises(InputError, match="--images .*no such folder"):
        read_ply_cameras(path, tmp_path / "none")
    with pytest.raises(InputError, match="it has no image of a"):
        read_ply_cameras(path, tmp_path)
    with pytest.raises(InputError, match="--dataparser-transforms"):
        read_ply_cameras(path, dataparser_transforms=path)


def test_cameras_of_another_frame_are_refused_because_every_view_is_empty(tmp_path):
    cameras = read_ply_cameras(written(tmp_path / "c.json", of_3dgs()))
    assert (
        check_cameras_fit(
            some([[0.0, y, 1.0 + y] for y in (-0.4, 0.4)]), cameras, tmp_path / "a.ply", tmp_path / "c.json"
        )
        == []
    )
    behind = some([[-9.0, 0, 1], [-8.0, 0, 0]])
    with pytest.raises(InputError, match=r"none of its 1 cameras sees any Gaussian of .*a\.ply.* another frame"):
        check_cameras_fit(behind, cameras, tmp_path / "a.ply", tmp_path / "c.json")


def test_transparent_gaussians_are_not_blamed_on_the_cameras(tmp_path):
    cameras = read_ply_cameras(written(tmp_path / "c.json", of_3dgs()))
    scene = some([[0.0, 0.0, 1.0], [0.0, 0.4, 1.2]])
    clear = replace(scene, opacity_logits=torch.full((2,), -9.0))
    with pytest.raises(InputError, match=r"a\.ply: its Gaussians are transparent: none of 2"):
        check_cameras_fit(clear, cameras, tmp_path / "a.ply", tmp_path / "c.json")
