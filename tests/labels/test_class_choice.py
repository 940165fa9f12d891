import pytest

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.class_choice import ClassChoice, ClassOptions

NAMES = ["Road", "car", "van", "dust"]
TABLE = ClassTable.from_names(["Building", "Road", "Vehicles"], "carla-0.9.10")


def test_a_table_of_the_names_in_their_order_and_colours():
    options = ClassOptions.parsed(["car=Vehicles", "van=Vehicles"], ["dust"], "Terrain")
    choice = ClassChoice.of_names(NAMES, {"Road": (1, 2, 3)}, options)
    assert choice.table.names == ("Road", "Vehicles", "Terrain")
    assert [entry.rgb for entry in choice.table.classes] == [(1, 2, 3), (0, 0, 142), (145, 170, 100)]
    assert [choice.id_of(name, "a") for name in NAMES] == [0, 1, 1, IGNORE]
    assert choice.background == 2
    assert ClassChoice.of_names(NAMES, {}, ClassOptions()).background == IGNORE


def test_a_background_that_is_a_class_already():
    choice = ClassChoice.of_names(NAMES, {}, ClassOptions.parsed([], [], "Road"))
    assert choice.table.names == tuple(NAMES) and choice.background == 0


def test_a_table_that_is_given():
    options = ClassOptions.parsed(["car=Vehicles"], ["dust"], "Building")
    choice = ClassChoice.of_table(TABLE, "classes.json", NAMES, options)
    assert [choice.id_of(name, "a") for name in ("Road", "car", "dust")] == [1, 2, IGNORE]
    with pytest.raises(
        InputError, match=r"x.json, shape 1: classes.json has no class 'Vehicle'; did you mean Vehicles\?"
    ):
        choice.id_of("Vehicle", "x.json, shape 1")


@pytest.mark.parametrize(
    ("renamed", "ignored", "background", "message"),
    [
        (["car=Vehicle"], [], None, r"--rename: classes.json has no class 'Vehicle'; did you mean Vehicles"),
        ([], [], "road", r"--background: classes.json has no class 'road'; did you mean Road"),
        (["cat=Road"], [], None, r"--rename cat: the label files have no such class; did you mean car"),
        ([], ["dusk"], None, r"--ignore-classes dusk: the label files have no such class; did you mean dust"),
    ],
)
def test_options_that_name_what_is_not_there(renamed, ignored, background, message):
    with pytest.raises(InputError, match=message):
        ClassChoice.of_table(TABLE, "classes.json", NAMES, ClassOptions.parsed(renamed, ignored, background))


@pytest.mark.parametrize("words", [["car"], ["=car"], ["car="], ["car=a", "car=b"], ["dust=a"]])
def test_words_that_rename_nothing(words):
    with pytest.raises(InputError, match="expected OLD=NEW"):
        ClassOptions.parsed(words, ["dust"], None)


def test_more_classes_than_ids():
    with pytest.raises(InputError, match="class ids must be"):
        ClassChoice.of_names([str(number) for number in range(256)], {}, ClassOptions())
