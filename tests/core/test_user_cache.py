from pathlib import Path

import pytest

from nerfseg_ns.core.user_cache import user_cache


@pytest.mark.parametrize(
    "chosen, shared, expected",
    [
        ("{home}/n", "{home}/x", "{home}/n"),
        (None, "{home}/x", "{home}/x/nerfseg"),
        ("", "{home}/x", "{home}/x/nerfseg"),
        (None, None, "{home}/.cache/nerfseg"),
        (None, "", "{home}/.cache/nerfseg"),
        (None, "relative/x", "{home}/.cache/nerfseg"),
    ],
)
def test_the_own_variable_then_the_shared_one_then_the_home_folder(chosen, shared, expected, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in (("NERFSEG_CACHE", chosen), ("XDG_CACHE_HOME", shared)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value.format(home=tmp_path))
    assert user_cache() == Path(expected.format(home=tmp_path))
