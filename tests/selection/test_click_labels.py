"""Label images made of objects with classes."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.voxel_blocks import blocks_around
from nerfseg_ns.data.label_folder import LabelFolder
from nerfseg_ns.selection.click_labels import ClickLabels
from nerfseg_ns.selection.object_export import export_object
from nerfseg_ns.selection.object_file import read_object, write_object
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import make_selector
from nerfseg_ns.selection.sky import SkyObject, select_with_sky


def prompt(name, class_name, view="000", click=(0.5, 0.5)):
    return ObjectPrompt(name, (ViewPrompt(view, ((*click, 1),)),), class_name=class_name)


def at_columns(said, shares):
    """An object of which the voxel at (column, 0, 0) has this share of the votes."""
    places = torch.tensor([[float(column), 0.0, 0.0] for column in range(4)])
    blocks = blocks_around(places, 1.0)
    votes = ObjectVotes.none(blocks, 1)
    nearest = blocks.trilinear(places)
    for column, share in enumerate(shares):
        voxel = nearest.sites[column][nearest.shares[column].argmax()]
        votes.inside[voxel, 0], votes.outside[voxel, 0] = share, 1.0 - share
    return SelectedObject(said, blocks, votes)


@pytest.fixture
def row():
    """One row of five pixels: samples at x = 0..3, and a pixel that meets nothing."""
    places = torch.tensor([[float(column), 0.0, 0.0] for column in range(4)])
    distance = torch.tensor([[1.0, 1.0, 1.0, 1.0, torch.inf]])
    return ViewSamples(places, torch.full((4,), 0.8), torch.arange(4), distance)


def test_the_ids_are_those_of_the_scenes_table_and_new_classes_come_after(row):
    table = ClassTable((SemanticClass(0, "Road", (1, 2, 3)), SemanticClass(1, "Building", (4, 5, 6))))
    objects = [
        at_columns(prompt("house", "building"), (0.9, 0.7, 0.0, 0.0)),
        at_columns(prompt("pond", "Pond"), (0.0, 0.8, 0.7, 0.55)),
        at_columns(prompt("another", None), (1.0, 1.0, 1.0, 1.0)),
    ]
    labels = ClickLabels.of(objects, table)
    assert labels.table.names == ("Road", "Building", "Pond") and labels.table.classes[:2] == table.classes
    assert labels.of_view(row).tolist() == [[1, 2, 2, 255, 255]]  # 0.55 is above the threshold, and not sure enough
    assert replace(labels, confidence=0.5).of_view(row).tolist() == [[1, 2, 2, 2, 255]]


def test_without_a_table_the_classes_are_those_of_the_objects(row):
    labels = ClickLabels.of([at_columns(prompt(str(n), c), (0.9,) * 4) for n, c in enumerate("baB")], None)
    assert labels.table.names == ("b", "a")
    with pytest.raises(InputError, match="no object has a class"):
        ClickLabels.of([at_columns(prompt("one", None), (0.9,) * 4)], None)


def test_the_sky_is_what_is_not_dense_and_less_sure_at_edges(row):
    sky = SkyObject.of(prompt("sky", "Sky"))
    assert sky.mask(row).tolist() == [[False, False, False, False, True]]
    # three rows are one and the same row at its border; of the columns one is dense, two (the last, repeated) are not
    assert sky.vote(row)[0].tolist() == pytest.approx([0.0, 0.0, 0.0, 1 / 3, 2 / 3])
    assert ClickLabels.of([sky], None).of_view(row).tolist() == [[255, 255, 255, 255, 0]]
    assert not sky.contains(torch.randn(20, 3)).any() and sky.bounds() is None


class SkyScene:
    """Views whose samples are given, of cameras that look so many degrees down, third axis up."""

    def __init__(self, *views, pitch=0):
        self.names = tuple(f"{view:03d}" for view in range(len(views)))
        self.samples = lambda view: views[view]
        down = math.radians(pitch)
        right, up = torch.tensor([1.0, 0, 0]), torch.tensor([0, math.sin(down), math.cos(down)])
        back = torch.tensor([0, -math.cos(down), math.sin(down)])
        c2w = torch.stack([right, up, back, torch.zeros(3)], dim=1)
        self.camera = lambda view: Pinhole(c2w, 1.0, 1.0, 0.5, 0.5, (1, 1))


def test_the_sky_rises_unless_a_click_tells_that_it_reaches_farther_down(row, tmp_path):
    """Holes of the ground below the horizon are no sky; where the scene ends there is sky there as well."""
    nothing = replace(row, distance=torch.full_like(row.distance, torch.inf))
    steep = torch.tensor([[0.5, 0.0, -0.1, -0.2, -0.3]]).expand_as(row.distance)
    view = replace(nothing, elevation=steep)
    above = SkyObject.of(prompt("sky", "Sky"))
    assert above.mask(view)[0].tolist() == [True, True, False, False, False]
    assert above.mask(nothing).all()  # of rays that are not known to fall, none is left out

    scene = SkyScene(view)
    # the pixels next to a click are clicked as well: -0.2 is next to -0.1
    for x, lowest, pixels in ((0.5, 0.0, 2), (2.5, -0.2, 4)):
        sky = SkyObject.clicked(scene, prompt("sky", "Sky", click=(x, 0.5)))
        assert sky.lowest == pytest.approx(lowest) and int(sky.mask(view)[0].sum()) == pixels
        path = tmp_path / f"{pixels}.npz"
        write_object(path, sky.with_threshold(0.7), SceneFrame.identity())
        stored = read_object(path).object
        assert stored.threshold == 0.7 and int(stored.mask(view)[0].sum()) == pixels
    for wrong in (0.1, -2, "low"):
        write_object(path, replace(sky, report={**sky.report, "lowest_elevation": wrong}), SceneFrame.identity())
        with pytest.raises(InputError, match="not an object file of nerfseg segment.*lowest_elevation"):
            read_object(path)
    older = {name: value for name, value in sky.report.items() if name != "lowest_elevation"}
    write_object(path, replace(sky, report=older), SceneFrame.identity())
    assert read_object(path).object.mask(view).all()


def test_a_click_on_the_sky_in_another_view_counts_unless_something_is_dense_there(row):
    nothing = replace(row, distance=torch.full_like(row.distance, torch.inf))
    steep = torch.tensor([[0.5, 0.0, -0.1, -0.2, -0.3]]).expand_as(row.distance)
    dense = torch.tensor([[torch.inf, torch.inf, torch.inf, torch.inf, 1.0]]).expand_as(row.distance)
    scene = SkyScene(replace(nothing, elevation=steep), replace(nothing, elevation=steep, distance=dense))
    first = ViewPrompt("000", ((0.5, 0.5, 1),))
    for x, label, lowest in ((2.5, 1, -0.2), (3.5, 1, 0.0), (2.5, 0, 0.0)):  # next to 3.5 something is dense
        said = ObjectPrompt("sky", (first, ViewPrompt("001", ((x, 0.5, label),))), class_name="Sky")
        assert SkyObject.clicked(scene, said).lowest == pytest.approx(lowest)


@pytest.mark.parametrize("pitch, horizon", [(0, True), (60, True), (90, False)])
def test_there_is_no_horizon_where_the_cameras_do_not_say_what_is_up(row, pitch, horizon):
    nothing = torch.full_like(row.distance, torch.inf)
    view = replace(row, distance=nothing, elevation=torch.full_like(nothing, -0.5))
    sky = SkyObject.clicked(SkyScene(view, pitch=pitch), prompt("sky", "Sky", click=(0.5, 0.5)))
    assert sky.lowest == (-0.5 if horizon else -1.0)
    fallen = replace(view, elevation=view.elevation - 0.500001)  # a hair beyond straight down, by rounding
    assert sky.mask(fallen).all() != horizon


@pytest.fixture
def sky_scene(analytic_scene):
    """The scene of two balls, whose camera sees no horizon, with a corner of nothing in its first view."""
    whole = analytic_scene.samples

    def samples(view):
        found = whole(view)
        if view > 0:
            return found
        distance = found.distance.clone()
        distance[:10, :10] = torch.inf
        return replace(found.where(distance.flatten()[found.pixels].isfinite()), distance=distance)

    analytic_scene.samples = samples
    return analytic_scene


def test_a_click_on_the_sky_with_a_class_makes_the_sky_and_without_one_is_refused(
    sky_scene, colour_segmenter, tmp_path, monkeypatch
):
    from nerfseg_ns.selection.selector import Listener

    selector = make_selector("vote")
    said = prompt("sky", "Sky", click=(4.5, 4.5))
    ball = ObjectPrompt("ball", (ViewPrompt("000", ((*sky_scene.middle(0, "red"), 1),)),), class_name="Ball")
    made = {
        each.prompt.name: each
        for each in select_with_sky(selector, sky_scene, colour_segmenter, [ball, said], Listener())
    }
    assert isinstance(made["sky"], SkyObject) and made["sky"].mask(sky_scene.samples(0)).sum() == 100
    assert made["sky"].mask(sky_scene.samples(3)).sum() == 0

    labels = ClickLabels.of([made["ball"], made["sky"]], None)
    ids = labels.of_view(sky_scene.samples(0))
    assert (ids[1:9, 1:9] == 1).all() and (ids == 1).sum() <= 100
    truth = sky_scene.truth(0, "red").numpy()
    assert ((ids == 0) & truth).sum() > 0.9 * truth.sum() and ((ids == 0) & ~truth).sum() < 0.1 * truth.sum()

    path = tmp_path / "sky.npz"
    write_object(path, made["sky"], SceneFrame.identity())
    stored = read_object(path).object
    assert isinstance(stored, SkyObject) and stored.prompt == said and stored.report["method"] == "sky"
    with pytest.raises(InputError, match="'sky': it is the sky"):
        export_object(sky_scene, stored, tmp_path)

    with pytest.raises(InputError, match="give the object a class to label the sky"):
        list(select_with_sky(selector, sky_scene, colour_segmenter, [replace(said, class_name=None)], Listener()))


def test_what_is_written_is_of_the_files_size_and_reads_back(row, tmp_path):
    class TwoViews:
        names = ("000", "b/001")

        def samples(self, view):
            return row

        def file_size(self, view):
            return (2, 10 + view)  # the second is not a whole multiple: 11 pixels for 5

    folder = LabelFolder(tmp_path / "labels")
    labels = ClickLabels.of([at_columns(prompt("a", "A"), (0.9, 0, 0, 0)), SkyObject.of(prompt("s", "Sky"))], None)
    counts = labels.write(TwoViews(), folder)
    assert counts == {"A": 2, "Sky": 2}
    assert folder.table().names == ("A", "Sky") and folder.outlined
    whole = np.array(Image.open(folder.label_file("000")))
    assert whole.tolist() == [[0, 0] + [255] * 6 + [1, 1]] * 2
    with Image.open(folder.label_file("b/001")) as image:
        assert image.size == (11, 2)
        back = np.array(image.resize((5, 1), Image.Resampling.NEAREST))
    assert back.tolist() == [[0, 255, 255, 255, 1]]
