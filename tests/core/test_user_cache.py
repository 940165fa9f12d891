from pathlib import Path

import pytest

from nerfseg_ns.core.user_cache import user_cache


@pytest.mark.parametrize(
    "chosen, shared, expected",
    [
        ("/data/n", "/data/x", "/data/n"),
        (None, "/data/x", "/data/x/nerfseg"),
        ("", "/data/x", "/data/x/nerfseg"),
        (None, None, "/home/someone/.cache/nerfseg"),
        (None, "", "/home/someone/.cache/nerfseg"),
        (None, "relative/x", "/home/someone/.cache/nerfseg"),
    ],
)
def test_the_own_variable_then_the_shared_one_then_the_home_folder(chosen, shared, expected, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in (("NERFSEG_CACHE", chosen), ("XDG_CACHE_HOME", shared)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert user_cache() == Path(expected)
