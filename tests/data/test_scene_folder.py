import shutil

import pytest
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.scene_folder import read_split


def test_stage_2_form_with_all_labels(tiny_scene):
    split = read_split(tiny_scene / "train")
    assert split.has_label_form
    assert [view.stem for view in split.views] == [f"{index:03d}" for index in range(6)]
    view = split.views[2]
    assert (view.image, view.label) == (tiny_scene / "train/color/002.png", tiny_scene / "train/rgb/002.png")
    assert (view.pose, view.intrinsics) == (tiny_scene / "train/pose/002.txt", tiny_scene / "train/intrinsics/002.txt")
    assert view.mask is None


def test_stage_2_form_with_some_and_no_labels(make_tiny_scene):
    some = read_split(make_tiny_scene("some", labels=("001", "004")) / "train")
    assert [view.stem for view in some.views if view.label is not None] == ["001", "004"]
    none = read_split(make_tiny_scene("none", labels=()) / "train")
    assert len(none.views) == 6 and all(view.label is None for view in none.views)


def test_stage_1_form(make_tiny_scene):
    scene = make_tiny_scene(stage=1)
    split = read_split(scene / "train")
    assert not split.has_label_form
    assert split.views[0].image == scene / "train/rgb/000.png" and split.views[0].label is None


def test_masks_are_taken_for_all_views_or_refused(tiny_scene):
    folder = tiny_scene / "train/mask"
    folder.mkdir()
    for index in range(6):
        Image.new("L", (24, 24), 255).save(folder / f"{index:03d}.png")
    assert read_split(tiny_scene / "train").views[3].mask == folder / "003.png"
    (folder / "003.png").unlink()
    with pytest.raises(InputError, match=r"mask/ 5\. Missing: mask/003"):
        read_split(tiny_scene / "train")


def test_numbers_in_names_count_as_numbers(tiny_scene):
    for folder, suffix in (("color", "png"), ("rgb", "png"), ("pose", "txt"), ("intrinsics", "txt")):
        for index in range(6):
            path = tiny_scene / "train" / folder / f"{index:03d}.{suffix}"
            path.rename(path.with_name(f"frame_{2 * index}.{suffix}"))
    stems = [view.stem for view in read_split(tiny_scene / "train").views]
    assert stems == [f"frame_{2 * index}" for index in range(6)]  # not frame_0, frame_10, frame_2


def test_hidden_and_foreign_files_are_left_alone(tiny_scene):
    (tiny_scene / "train/color/._000.png").write_bytes(b"")
    (tiny_scene / "train/color/Thumbs.db").write_bytes(b"")
    assert len(read_split(tiny_scene / "train").views) == 6


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("pose/003.txt", r"train.*color/ 6, pose/ 5, intrinsics/ 6\. Missing: pose/003"),
        ("intrinsics/000.txt", r"intrinsics/ 5\. Missing: intrinsics/000"),
        ("color/005.png", r"color/ 5, pose/ 6.*Missing: color/005"),
    ],
)
def test_unequal_counts_name_folder_counts_and_stems(tiny_scene, missing, message):
    (tiny_scene / "train" / missing).unlink()
    with pytest.raises(InputError, match=message):
        read_split(tiny_scene / "train")


@pytest.mark.parametrize("folder", ["pose", "intrinsics"])
def test_a_missing_folder_is_named(tiny_scene, folder):
    shutil.rmtree(tiny_scene / "train" / folder)
    with pytest.raises(InputError, match=rf"{folder}/ 0 \(no such folder\).*Missing: {folder}/000, .* and 1 more"):
        read_split(tiny_scene / "train")


def test_equal_counts_of_unequal_names_are_no_pairs(tiny_scene):
    (tiny_scene / "train/pose/005.txt").rename(tiny_scene / "train/pose/006.txt")
    with pytest.raises(InputError, match=r"color/006, pose/005, intrinsics/006"):
        read_split(tiny_scene / "train")


def test_a_label_without_an_image_is_named(tiny_scene):
    shutil.copy(tiny_scene / "train/rgb/000.png", tiny_scene / "train/rgb/009.png")
    with pytest.raises(InputError, match=r"1 of 7 label images have no image in .*color \(6 images\): 009\.png"):
        read_split(tiny_scene / "train")


def test_two_files_of_one_view_are_named(tiny_scene):
    shutil.copy(tiny_scene / "train/color/000.png", tiny_scene / "train/color/000.jpg")
    with pytest.raises(InputError, match=r"000\.jpg and 000\.png are one view"):
        read_split(tiny_scene / "train")


def test_a_missing_split_has_no_views(tmp_path):
    assert read_split(tmp_path / "test").views == ()
