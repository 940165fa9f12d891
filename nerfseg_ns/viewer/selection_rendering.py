"""Objects in rendered pictures: coloured, alone, or taken out, in models of nerfseg, nerfacto and Gaussians alike.

Three methods of a field's model are wrapped: the proposal sampler, the field's density and ``get_outputs``; of a model
of Gaussians ``get_outputs``, around which the crop of the viewer is narrowed to what is kept. The wrappers act
only where :attr:`SelectionRendering.shown` says so, in the viewer's render threads; training, evaluation and selection
itself see the model as it is.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Bool, Float
from nerfstudio.models.base_model import Model
from torch import Tensor

from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.viewer.object_solid import ObjectSolid

COLOUR_SHARE = 0.6
"""How much of a highlighted pixel is the object's colour."""

GROUND = 0.13
"""Grey behind objects that are shown alone."""

COLOURED_OUTPUTS = ("rgb", "semantics_overlay")


@dataclass(frozen=True, eq=False)
class ShownObjects:
    """What a picture does with which objects.

    Args:
        mode: highlight, isolate or remove.
        objects: the objects and their colours, RGB 0..255.
    """

    mode: str
    objects: tuple[tuple[SelectedObject, tuple[int, int, int]], ...]

    def inside(self, positions: Float[Tensor, "*batch 3"]) -> Bool[Tensor, "*batch"]:
        """Whether positions belong to any of the objects, or are enclosed by it."""
        result = torch.zeros(positions.shape[:-1], dtype=torch.bool, device=positions.device)
        for selected, _ in self.objects:
            result |= _contains(selected, positions) | _contains(_solid(selected), positions)
        return result

    def kept(self, positions: Float[Tensor, "*batch 3"]) -> Bool[Tensor, "*batch"] | None:
        """Where there is density at all; None: everywhere."""
        if self.mode == "highlight":
            return None
        inside = self.inside(positions)
        return inside if self.mode == "isolate" else ~inside


class SelectionRendering:
    """Shows objects in the pictures of a model.

    Args:
        model: with ``proposal_sampler`` and ``field``, or with Gaussians.
        shown: asked during a render what the current thread's picture shows; None: the model as it is.
    """

    def __init__(self, model: Model, shown: Callable[[], ShownObjects | None]) -> None:
        self.model = model
        self.shown = shown
        self._drawing = threading.local()
        self._originals: list[tuple[Any, str, bool, Any]] = []
        self._found: WeakKeyDictionary[SelectedObject, _ObjectGaussians] = WeakKeyDictionary()

    def install(self) -> None:
        """Wrap the model's methods; a second time does nothing."""
        if self._originals:
            return
        if hasattr(self.model, "gauss_params"):
            self._wrap(self.model, "get_outputs", self._get_outputs_of_gaussians)
            return
        self._wrap(self.model, "get_outputs", self._get_outputs)
        self._wrap(self.model.proposal_sampler, "generate_ray_samples", self._generate_ray_samples)
        field = self.model.field
        if hasattr(field, "locate"):
            self._wrap(field, "locate", self._locate)
        else:
            self._wrap(field, "get_density", self._get_density)

    def uninstall(self) -> None:
        """Give the model its own methods back."""
        for owner, name, own, original in reversed(self._originals):
            if own:
                setattr(owner, name, original)
            else:
                delattr(owner, name)
        self._originals.clear()

    def _wrap(self, owner: Any, name: str, wrapper: Callable) -> None:
        original = getattr(owner, name)
        self._originals.append((owner, name, name in vars(owner), original))

        def wrapped(*arguments: Any, **named: Any) -> Any:
            return wrapper(original, *arguments, **named)

        setattr(owner, name, wrapped)

    @property
    def _active(self) -> ShownObjects | None:
        return getattr(self._drawing, "shown", None)

    def _get_outputs(self, original: Callable, ray_bundle: Any, *rest: Any, **named: Any) -> dict[str, Any]:
        shown = None if self.model.training else self.shown()
        if shown is None or not shown.objects:
            return original(ray_bundle, *rest, **named)
        self._drawing.shown, self._drawing.samples, self._drawing.coverage = shown, None, None
        try:
            outputs = original(ray_bundle, *rest, **named)
            return self._coloured(outputs, shown, self._drawing.coverage)
        finally:  # nerfstudio interrupts renders by an exception at any line
            self._drawing.shown = self._drawing.samples = self._drawing.coverage = None

    def _get_outputs_of_gaussians(self, original: Callable, camera: Any) -> dict[str, Any]:
        from nerfseg_ns.splats.gaussian_views import kept_gaussians, shares_of_pixels

        shown = None if self.model.training else self.shown()
        if shown is None or not shown.objects:
            return original(camera)
        if shown.mode != "highlight":
            inside = torch.stack([self._gaussians(selected).enclosed for selected, _ in shown.objects]).any(dim=0)
            with kept_gaussians(self.model, inside if shown.mode == "isolate" else ~inside):
                return self._coloured(original(camera), shown, None)
        outputs = original(camera)
        members = torch.stack([self._gaussians(selected).members for selected, _ in shown.objects], dim=-1)
        coverage = shares_of_pixels(self.model, camera, members.float()).unbind(-1)
        return self._coloured(outputs, shown, list(coverage))

    def _gaussians(self, selected: SelectedObject) -> "_ObjectGaussians":
        """Found once for an object and the Gaussians as they are: each picture would ask again."""
        from nerfseg_ns.splats.object_gaussians import enclosed_gaussians

        means = self.model.gauss_params["means"]
        state = id(means), means._version
        found = self._found.get(selected)
        if found is None or found.state != state:
            enclosed = enclosed_gaussians(selected, means.detach()).to(means.device)
            found = _ObjectGaussians(state, _contains(selected, means.detach()), enclosed)
            self._found[selected] = found
        return found

    def _generate_ray_samples(self, original: Callable, *arguments: Any, **named: Any) -> Any:
        shown = self._active
        if shown is None:
            return original(*arguments, **named)
        if "density_fns" in named:
            named["density_fns"] = [self._masked(function, shown) for function in named["density_fns"]]
        elif len(arguments) > 1:
            ray_bundle, functions, *others = arguments
            arguments = (ray_bundle, [self._masked(function, shown) for function in functions], *others)
        result = original(*arguments, **named)
        self._drawing.samples = result[0]
        return result

    @staticmethod
    def _masked(density_fn: Callable, shown: ShownObjects) -> Callable:
        def masked(positions: Tensor, *rest: Any, **named: Any) -> Tensor:
            density = density_fn(positions, *rest, **named)
            kept = shown.kept(positions)
            return density if kept is None else density * kept[..., None]

        return masked

    def _locate(self, original: Callable, positions: Tensor) -> tuple[Tensor, ...]:
        density, *rest = original(positions)
        return (self._density(density, positions), *rest)

    def _get_density(self, original: Callable, ray_samples: Any) -> tuple[Tensor, Any]:
        density, embedding = original(ray_samples)
        if self._active is None:
            return density, embedding
        return self._density(density, ray_samples.frustums.get_positions()), embedding

    def _density(self, density: Tensor, positions: Tensor) -> Tensor:
        shown, samples = self._active, getattr(self._drawing, "samples", None)
        if shown is None:
            return density
        kept = shown.kept(positions)
        if kept is not None:
            return density * kept[..., None]
        # the first query after sampling is that of the picture; later ones may be for normals
        if samples is not None and density.shape[:-1] == samples.frustums.shape:
            self._drawing.samples = None
            weights = samples.get_weights(density)[..., 0]
            self._drawing.coverage = [
                (weights * _contains(selected, positions)).sum(dim=-1) for selected, _ in shown.objects
            ]
        return density

    @staticmethod
    def _coloured(
        outputs: dict[str, Any], shown: ShownObjects, coverage: list[Float[Tensor, "*rays"]] | None
    ) -> dict[str, Any]:
        coloured = dict(outputs)
        for name in COLOURED_OUTPUTS:
            picture = outputs.get(name)
            if picture is None:
                continue
            if shown.mode == "isolate":
                opacity = outputs["accumulation"].clamp(0.0, 1.0)
                coloured[name] = picture * opacity + GROUND * (1.0 - opacity)
            elif coverage is not None:
                for (_, colour), share in zip(shown.objects, coverage):
                    blend = COLOUR_SHARE * share.clamp(0.0, 1.0)[..., None]
                    picture = picture * (1.0 - blend) + blend * picture.new_tensor(colour) / 255.0
                coloured[name] = picture
        return coloured


@dataclass(frozen=True, eq=False)
class _ObjectGaussians:
    """Which Gaussians make up an object, and which it encloses besides; of a state of their centres."""

    state: tuple[int, int]
    members: Bool[Tensor, " gaussians"]
    enclosed: Bool[Tensor, " gaussians"]


_solids: "WeakKeyDictionary[SelectedObject, ObjectSolid]" = WeakKeyDictionary()


def _solid(selected: SelectedObject) -> ObjectSolid:
    if selected not in _solids:
        _solids[selected] = ObjectSolid.of(selected)
    return _solids[selected]


def _contains(volume: SelectedObject | ObjectSolid, positions: Tensor) -> Tensor:
    device = volume.low.device if isinstance(volume, ObjectSolid) else volume.sites.device
    return volume.contains(positions.to(device)).to(positions.device)  # votes may lie elsewhere than the model
