"""Which class of the scene a name in a label file means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.core.palettes import DEFAULT_PALETTE, Colour


@dataclass(frozen=True)
class ClassOptions:
    """What the user says about class names.

    Args:
        renamed: name in the label files -> name of the class.
        ignored: names in the label files whose pixels get no class, background or not.
        background: the class of pixels that nobody has labelled; None: they get none.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    background: str | None = None

    @classmethod
    def parsed(cls, renamed: Sequence[str], ignored: Sequence[str], background: str | None) -> "ClassOptions":
        """From the words ``OLD=NEW``.

        Raises:
            InputError: a word without =, or with one name twice.
        """
        pairs: dict[str, str] = {}
        for word in renamed:
            old, sign, new = word.partition("=")
            if not (sign and old and new) or old in pairs or old in ignored:
                raise InputError(f"--rename {word}: expected OLD=NEW, each OLD once and not in --ignore-classes too")
            pairs[old] = new
        return cls(pairs, frozenset(ignored), background)


@dataclass(frozen=True)
class ClassChoice:
    """The class table of an import and the way from names to its ids.

    Args:
        table: the classes.
        options: what the user says about names.
        source: where the table comes from, for messages; None: from the label files themselves.
    """

    table: ClassTable
    options: ClassOptions
    source: str | None = None

    @classmethod
    def of_names(cls, names: Sequence[str], colours: Mapping[str, Colour], options: ClassOptions) -> "ClassChoice":
        """A table of the names in label files, in their order; the background comes last if it is not among them.

        Raises:
            InputError: an option names what is not there, or there are more than 255 classes.
        """
        _require_known(names, options)
        chosen: dict[str, Colour | None] = {}
        for name in names:
            if name not in options.ignored:
                chosen.setdefault(options.renamed.get(name, name), colours.get(name))
        if options.background is not None:
            chosen.setdefault(options.background, None)
        own = {name: colour for name, colour in chosen.items() if colour is not None}
        return cls(ClassTable.from_names(list(chosen), DEFAULT_PALETTE, own), options)

    @classmethod
    def of_table(cls, table: ClassTable, source: str, names: Sequence[str], options: ClassOptions) -> "ClassChoice":
        """A table that is given.

        Args:
            table: the classes.
            source: where it comes from, for messages.
            names: in the label files.
            options: what the user says about names.

        Raises:
            InputError: an option names what is not there.
        """
        _require_known(names, options)
        for option, new in [("--rename", new) for new in options.renamed.values()] + [
            ("--background", options.background)
        ]:
            if new is not None and new not in table.names:
                raise InputError(f"{option}: {source} has no class {new!r}; {did_you_mean(new, table.names)}")
        return cls(table, options, source)

    def id_of(self, name: str, place: str) -> int:
        """The id of a name, :data:`~nerfseg_ns.core.class_table.IGNORE` for names to ignore.

        Args:
            name: as the label file has it.
            place: file and shape, for messages.

        Raises:
            InputError: the table has no such class.
        """
        if name in self.options.ignored:
            return IGNORE
        chosen = self.options.renamed.get(name, name)
        if chosen not in self.table.names:
            raise InputError(
                f"{place}: {self.source or 'the class table'} has no class {chosen!r}; "
                f"{did_you_mean(chosen, self.table.names)}; give --rename {name!r}=CLASS, --ignore-classes {name!r}, "
                "or --classes with a table that has it"
            )
        return self.table.names.index(chosen)

    @property
    def background(self) -> int:
        """The id of pixels that nobody has labelled."""
        name = self.options.background
        return IGNORE if name is None else self.table.names.index(name)


def _require_known(names: Sequence[str], options: ClassOptions) -> None:
    for option, old in [("--rename", old) for old in options.renamed] + [
        ("--ignore-classes", old) for old in sorted(options.ignored)
    ]:
        if old not in names:
            raise InputError(f"{option} {old}: the label files have no such class; {did_you_mean(old, names)}")
