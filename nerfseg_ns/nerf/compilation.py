"""torch.compile where a compiler is there, nothing where it is not."""

import contextlib
import shutil
import sys
import threading
from collections.abc import Iterator

import torch
from nerfstudio.utils.rich_utils import CONSOLE
from torch import nn

_eager_lock = threading.Lock()
_eager_renders = 0


def compiler_available() -> bool:
    """Whether torch's CPU code generator has a C++ compiler to call."""
    try:
        from torch._inductor.cpp_builder import get_cpp_compiler

        return shutil.which(get_cpp_compiler()) is not None
    except Exception:  # a private function that other torch versions may lack, and that raises without a compiler
        return shutil.which("g++") is not None


def compile_methods(*owned: tuple[nn.Module, str]) -> bool:
    """Compile methods of modules in place, without renaming a parameter: checkpoints stay the same.

    A compilation that fails later falls back to eager execution for that method (``suppress_errors``).

    Args:
        owned: pairs of a module and the name of its method.

    Returns:
        Whether the methods were compiled.
    """
    if not compiler_available():
        CONSOLE.log("no C++ compiler found: running without torch.compile, about half as fast")
        return False
    import torch._dynamo

    torch._dynamo.config.suppress_errors = True
    # one compilation per method, number of rays and gradient mode; past the limit torch goes eager in silence
    limit = "recompile_limit" if hasattr(torch._dynamo.config, "recompile_limit") else "cache_size_limit"  # torch 2.6
    setattr(torch._dynamo.config, limit, 32)
    for module, name in owned:
        # Fixed sizes: code for any size runs at half the speed (the model keeps sizes fixed).
        setattr(module, name, torch.compile(getattr(module, name), dynamic=False))
    return True


@contextlib.contextmanager
def eager_under_trace() -> Iterator[None]:
    """Run without compiled code while a trace function is set.

    Nerfstudio's viewer interrupts a render by raising from a trace function; raised inside torch's compiler it ends
    the render thread.
    """
    if sys.gettrace() is None:
        yield
        return
    # The stance belongs to the process: of several render threads the first one sets it and the last one takes it back.
    global _eager_renders
    with _eager_lock:
        _eager_renders += 1
        torch.compiler.set_stance("force_eager")
    try:
        yield
    finally:
        with _eager_lock:
            _eager_renders -= 1
            if _eager_renders == 0:
                torch.compiler.set_stance("default")
