"""Things held in memory up to a number of bytes."""

from nerfseg_ns.core.recently_used import RecentlyUsed


def test_lets_go_of_what_was_used_longest_ago():
    held: RecentlyUsed[str] = RecentlyUsed(10)
    held.keep(1, "a", 4)
    held.keep(2, "b", 4)
    assert held.find(1) == "a"
    held.keep(3, "c", 4)
    assert (held.find(1), held.find(2), held.find(3), held.bytes) == ("a", None, "c", 8)
    held.keep(3, "d", 5)
    assert held.find(3) == "d" and held.bytes == 9
    held.keep(4, "large", 50)
    assert held.find(4) == "large" and held.find(1) is None and held.bytes == 50
    held.clear()
    assert held.find(4) is None and held.bytes == 0
