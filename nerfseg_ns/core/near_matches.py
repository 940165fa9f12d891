"""What a mistyped word may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches


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
    return f"known: {', '.join(names) if names else 'none'}"
