from pathlib import Path

import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.footage import read_footage


def film(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def test_images_are_in_the_order_of_their_numbers(tmp_path):
    film(tmp_path, "a_9.jpeg", "a_10.jpeg", "a_11.jpeg", "poster.jpeg", "a_12.txt", ".a_13.jpeg")
    assert [path.name for path in read_footage(tmp_path, 3)] == ["a_9.jpeg", "a_10.jpeg", "a_11.jpeg"]


def test_names_of_numbers_alone(tmp_path):
    assert len(read_footage(film(tmp_path, "000.png", "001.png"), 2)) == 2


@pytest.mark.parametrize(
    ("names", "frames", "message"),
    [
        (["a_000.jpeg", "a_001.jpeg", "a_003.jpeg"], 4, r"3 images, numbers 0 to 3, for 4 .*missing: 2\."),
        (["a_000.jpeg", "a_001.jpeg"], 4, "2 images, numbers 0 to 1, for 4 camera frames; every frame needs its image"),
        (["a_000.jpeg", "a_001.jpeg", "a_002.jpeg"], 2, "3 images, numbers 0 to 2, for 2 camera frames"),
        (["a_000.jpeg", "b_001.jpeg"], 2, "two films, a_... and b_"),
        (["a_000.jpeg", "a_00.jpeg"], 1, "a_00.jpeg and a_000.jpeg are one frame"),
        (["a_000.jpeg", "a_000.png"], 1, "a_000.jpeg and a_000.png are one frame"),
        (["a.jpeg"], 1, "no images such as NAME_000.jpeg; 1 frames"),
    ],
)
def test_images_unlike_the_frames(tmp_path, names, frames, message):
    with pytest.raises(InputError, match=message) as caught:
        read_footage(film(tmp_path, *names), frames)
    assert str(tmp_path) in str(caught.value)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="no such folder; .*--footage FOLDER"):
        read_footage(tmp_path / "footage", 3)
