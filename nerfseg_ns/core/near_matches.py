"""What a mistyped word may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

_LISTED = 30
"""How many known names a message lists; a scene can have thousands of views."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence for an error message: near matches when there are any, else everything that is known.

    Example:
        >>> did_you_mean("evalute", ["evaluate", "scene"])
        'did you mean evaluate?'
    """
    names = sorted(known)
    near = get_close_matches(word, names, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"known: {', '.join(names[:_LISTED]) or 'none'}{more}"
