"""Names of views."""

from pathlib import Path

import pytest

from nerfseg_ns.selection.view_names import view_names


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["/d/a.png", "/d/b.png"], ["a", "b"]),
        (["/d/x/a.png", "/d/y/a.png"], ["x/a", "y/a"]),
        (["/d/x/l/a.png", "/d/y/l/a.png", "/d/y/l/b.png"], ["x/l/a", "y/l/a", "y/l/b"]),
        (["/d/a.png", "/d/a.jpg"], ["a.png", "a.jpg"]),
        (["/d/x/../y/a.png", "/d/z/a.png"], ["y/a", "z/a"]),
        (["/d/1.5.png"], ["1.5"]),
    ],
)
def test_as_short_as_tells_them_apart(files, names):
    assert view_names([Path(file) for file in files]) == names


def test_a_file_twice():
    with pytest.raises(ValueError, match="twice"):
        view_names([Path("/a.png"), Path("/a.png")])
