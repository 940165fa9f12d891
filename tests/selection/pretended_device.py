"""A GPU that is pretended: tensors that refuse what CUDA tensors refuse, on a machine without one."""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

CUDA = torch.device("cuda", 0)
_TO_NUMPY = ("numpy", "__array__")
_INDEXED = ("__getitem__", "copy_")
"""Here a CUDA tensor takes a tensor of the CPU too."""


class OnGpu(torch.Tensor):
    """A tensor of the CPU that says it is on the GPU; what is computed from it is one too."""


def _placed(value: torch.Tensor) -> torch.Tensor:
    needs_gradient = value.requires_grad and value.is_leaf
    placed = (value.detach() if needs_gradient else value).as_subclass(OnGpu)
    return placed.requires_grad_() if needs_gradient else placed


def _is_cuda(value: object) -> bool:
    return isinstance(value, torch.device | str) and torch.device(value).type == "cuda"


class PretendedDevice(TorchFunctionMode):
    """Inside, tensors made on or moved to ``cuda`` are :class:`OnGpu`, and mixing them with others is an error."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if func == torch.Tensor.device.__get__:
            return CUDA if isinstance(args[0], OnGpu) else func(*args, **kwargs)
        if func == torch.Tensor.grad.__get__:  # torch makes it a plain tensor
            found = func(*args, **kwargs)
            return _placed(found) if found is not None and isinstance(args[0], OnGpu) else found
        if name == "cpu":
            return args[0].as_subclass(torch.Tensor)
        if name == "to":
            return self._moved(args[0], args[1:], kwargs)
        tensors = [t for t in tree_flatten((args, kwargs))[0] if isinstance(t, torch.Tensor)]
        far = [isinstance(t, OnGpu) for t in tensors]
        if any(far) and name in _TO_NUMPY:
            raise TypeError("can't convert cuda:0 device type tensor to numpy; use Tensor.cpu() first")
        mixed = any(far) and not all(f or t.dim() == 0 for f, t in zip(far, tensors))
        if mixed and not (name in _INDEXED and far[0]):
            raise RuntimeError(f"{name}: expected all tensors to be on the same device, but found cuda:0 and cpu")
        if _is_cuda(kwargs.get("device")):
            del kwargs["device"]
            return tree_map(lambda v: _placed(v) if isinstance(v, torch.Tensor) else v, func(*args, **kwargs))
        return func(*args, **kwargs)

    def _moved(self, tensor, options, kwargs):
        plain = tensor.as_subclass(torch.Tensor)
        far, rest = isinstance(tensor, OnGpu), []
        for option in (*options, *kwargs.values()):
            if isinstance(option, torch.Tensor):
                far = isinstance(option, OnGpu)
                rest.append(option.dtype)
            elif isinstance(option, torch.device | str):
                far = _is_cuda(option)
            else:
                rest.append(option)
        for option in rest:
            plain = plain.to(option)
        return _placed(plain) if far else plain
