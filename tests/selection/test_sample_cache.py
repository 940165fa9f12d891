"""Making room while other processes do the same."""

import os
from pathlib import Path

import pytest

from nerfseg_ns.selection.sample_cache import SampleCache, sample_folder


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """The folders of four models, 1000 bytes each, the oldest first."""
    made = [sample_folder(tmp_path, f"{number:032d}") for number in range(4)]
    for number, folder in enumerate(made):
        folder.mkdir(parents=True)
        (folder / "a.npz").write_bytes(b"x" * 1000)
        os.utime(folder, (number, number))
    return made


def emptied(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.mark.parametrize("moment", ["iterdir", "stat", "unlink", "rmdir", "is_dir"])
def test_folders_that_vanish_meanwhile(folders, monkeypatch, moment) -> None:
    own, victim = folders[3], folders[0]
    plain = getattr(Path, moment)

    def racing(self, *arguments, **options):
        if victim in (self, self.parent) and moment != "iterdir" or self == victim:
            monkeypatch.setattr(Path, moment, plain)  # once
            emptied(victim)
        return plain(self, *arguments, **options)

    monkeypatch.setattr(Path, moment, racing)
    SampleCache(own).make_room(1500)
    assert [folder.exists() for folder in folders] == [False, False, False, True]
    assert (own / "a.npz").exists()


def test_the_own_folder_may_vanish_too(folders) -> None:
    emptied(folders[3])
    assert SampleCache(folders[3]).make_room(2500) == 2000
    assert [folder.exists() for folder in folders] == [False, True, True, False]
    for folder in folders[1:3]:
        emptied(folder)
    folders[0].parent.rmdir()
    assert SampleCache(folders[3]).make_room() == 0


def test_files_of_others_stay(folders) -> None:
    (folders[0] / "note.txt").write_text("mine")
    os.utime(folders[0], (0, 0))
    assert SampleCache(folders[3]).make_room(3000) == 3000
    assert [path.name for path in folders[0].iterdir()] == ["note.txt"]
