"""Frozen values: what they may hold, how they are written down and changed, and the command that says the change."""

import dataclasses
import json
import shlex
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from gancourse import data, objectives
from gancourse.cli.options import read
from gancourse.games import Remedy
from gancourse.recipes import REFERENCE, recipe, recipes
from gancourse.recipes.terms import R1, R2, GradientPenalty, Orthogonality, Term
from gancourse.spelling import difference, from_text, spelt, text
from gancourse.values import (
    Count,
    Decay,
    NonNegative,
    Positive,
    Range,
    Share,
    Value,
    element_kind,
    from_json,
    hints,
    is_abstract,
    options,
    to_json,
)


@dataclass(frozen=True)
class Bolt(Value):
    """A part.

    Args:
        length: from head to tip,
            in millimetres.
        turns: of the thread.
    """

    length: Positive = 1.0
    turns: int = 3


@dataclass(frozen=True)
class Hinge(Value):
    """A value with one field of each kind.

    Args:
        bolt: what holds it.
        count: of leaves.
        gap: between them.
        share: of the load.
        decay: of the spring.
        bare: any number.
        whole: any integer.
        finish: its surface.
        is_left: which side.
        label: a word.
        screws: further parts.
        sizes: numbers of a tuple.
        number: stamped on it.
    """

    bolt: Bolt = field(default_factory=Bolt)
    count: Count = 2
    gap: NonNegative = 0.0
    share: Share = 0.5
    decay: Decay = 0.5
    bare: float = 0.0
    whole: int = 0
    finish: Literal["brass", "steel"] = "brass"
    is_left: bool = True
    label: str = field(default="plain", metadata={"option": "tag"})
    screws: tuple[Bolt, ...] = ()
    sizes: tuple[Annotated[int, Range(0, 9)], ...] = ()
    number: str = field(default="1", metadata={"fixed": True})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bolt": 3}, "bolt is 3; expected Bolt"),
        ({"count": 0}, "count is 0; expected at least 1"),
        ({"count": 2.0}, "count is 2.0; expected int"),
        ({"count": True}, "count is True; expected int"),
        ({"gap": -1e-9}, "gap is -1e-09; expected a finite number ≥ 0"),
        ({"gap": float("inf")}, "gap is inf; expected a finite number"),
        ({"gap": float("nan")}, "gap is nan; expected a finite number"),
        ({"gap": "0"}, "gap is '0'; expected float"),
        ({"gap": None}, "gap is None; expected float"),
        ({"share": 1.1}, "share is 1.1; expected a finite number ≥ 0 and ≤ 1"),
        ({"decay": 1.0}, "decay is 1.0; expected a finite number ≥ 0 and < 1"),
        ({"bare": "x"}, "bare is 'x'; expected float"),
        ({"whole": 1.5}, "whole is 1.5; expected int"),
        ({"finish": "gold"}, "finish is 'gold'; pass one of brass, steel"),
        ({"is_left": 1}, "is_left is 1; expected bool"),
        ({"label": 1}, "label is 1; expected str"),
        ({"screws": [Bolt()]}, r"screws is \[.*\]; expected a tuple"),
        ({"screws": (1,)}, "screws is 1; expected Bolt"),
        ({"sizes": (1, 10)}, "sizes is 10; expected"),
    ],
)
def test_a_field_holds_what_its_type_hint_says(changes, message):
    with pytest.raises(ValueError, match=message):
        Hinge(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"bolt": Bolt(2)},
        {"count": 1},
        {"gap": 0},
        {"share": 1.0},
        {"decay": 0.0},
        {"bare": float("inf")},
        {"whole": -3},
        {"finish": "steel"},
        {"is_left": False},
        {"screws": (Bolt(), Bolt(2.0))},
        {"sizes": (0, 9)},
    ],
)
def test_the_bounds_of_each_hint_are_allowed_survive_json_and_come_back(changes):
    hinge = Hinge(**changes)
    assert from_json(json.loads(json.dumps(to_json(hinge)))) == hinge
    assert Hinge().changed(**changes) == hinge
    hash(hinge)  # frozen through and through


# JSON


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, r"its kind is missing in \{\}; expected one of .*Recipe"),
        ({"kind": "bolt"}, "kind 'bolt' not found; did you mean 'Bolt'"),
        ({"kind": None}, "kind 'None' not found"),
        ({"kind": "Value"}, "kind 'Value' not found"),
        ({"kind": "Family"}, "kind 'Family' not found"),
        ({"kind": "Bolt", "lenght": 1.0}, "field of Bolt 'lenght' not found; did you mean 'length'"),
        ({"kind": "Bolt", "length": 0.0}, "length is 0.0; expected a finite number > 0"),
        ({"kind": "Bolt", "length": None}, "length is None; expected float"),
        ({"kind": "Hinge", "bolt": {"kind": "R1"}}, r"bolt is R1\(.*\); expected Bolt"),
        ({"kind": "Hinge", "bolt": {"length": 1.0}}, "its kind is missing"),
        ({"kind": "Recipe", "name": "x", "about": ""}, "Recipe lacks data, play, training"),
    ],
)
def test_what_describes_no_value_is_refused(written, message):
    with pytest.raises(ValueError, match=message):
        from_json(written)


def test_fields_that_are_left_out_have_their_defaults():
    assert from_json({"kind": "Hinge", "count": 4}) == Hinge(count=4)


def test_two_classes_of_one_name_are_refused_and_one_that_is_defined_again_is_not():
    bolt = dataclass(frozen=True)(
        type("Bolt", (Value,), {"__module__": Bolt.__module__, "__qualname__": Bolt.__qualname__})
    )
    assert Value.kinds["Bolt"] is bolt  # a module that is loaded again
    Value.kinds["Bolt"] = Bolt
    with pytest.raises(ValueError, match=r"has a value named 'Bolt' already; take another name"):
        type("Bolt", (Value,), {"__module__": "elsewhere"})
    assert Value.kinds["Bolt"] is Bolt


def test_every_kind_is_spelt_in_its_own_way():
    """Terms and remedies are asked for by these words."""
    for base in (Term, Remedy):
        kinds = [kind for kind in Value.kinds.values() if issubclass(kind, base) and not is_abstract(kind)]
        assert len(kinds) > 3
        assert len({spelt(kind) for kind in kinds}) == len(kinds)


# Options


def test_options_are_all_leaves_by_name_with_their_help():
    known = options(Hinge())
    assert known["length"].path == ("bolt", "length")
    assert known["length"].about == "from head to tip, in millimetres."
    assert known["tag"].path == ("label",)
    assert known["is-left"].value is True
    assert not {"bolt", "label", "number"} & known.keys()


@dataclass(frozen=True)
class Gate(Value):
    upper: Bolt = field(default_factory=Bolt)
    lower: Bolt = field(default_factory=Bolt)


@dataclass(frozen=True)
class Yard(Value):
    front: Gate = field(default_factory=Gate)
    back: Gate = field(default_factory=Gate)


def test_two_fields_of_one_name_are_told_apart_by_what_they_belong_to():
    assert list(options(Gate())) == ["upper-length", "upper-turns", "lower-length", "lower-turns"]
    assert Gate().changed(lower_length=2.0) == Gate(lower=Bolt(2.0))
    assert difference(Gate(lower=Bolt(2.0)), Gate()) == ["--lower-length 2.0"]


def test_two_options_of_one_name_that_nothing_tells_apart_are_refused():
    with pytest.raises(ValueError, match=r"Yard has two options of one name among .*'upper-length', 'upper-length'"):
        options(Yard())


# Changes


def test_options_change_deep_and_values_whole():
    hinge = Hinge().changed(length=5.0, count=3, tag="x")
    assert hinge == Hinge(Bolt(5.0), 3, label="x")
    assert hinge.changed(bolt=Bolt(7.0)).bolt == Bolt(7.0)
    # Of the value that comes in, options change whatever the order they are written in.
    assert hinge.changed(turns=9, bolt=Bolt(7.0)) == hinge.changed(bolt=Bolt(7.0), turns=9)
    assert hinge.changed(bolt=Bolt(7.0), turns=9).bolt == Bolt(7.0, 9)
    assert hinge.changed() == hinge


def test_a_value_is_exchanged_whole_under_the_name_that_one_of_its_options_has_too():
    """`data` is the name of a field and, within that, of the option."""
    by_name, whole = recipe("ring").changed(data="grid"), recipe("ring").changed(data=recipe("ring").data)
    assert by_name.data.name == "grid"
    assert whole == recipe("ring")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lenght": 2.0}, "option 'lenght' not found; did you mean 'length'"),
        ({"number": "2"}, "option 'number' not found"),
        ({"length": -1.0}, "length is -1.0; expected a finite number > 0"),
        ({"bolt": 1.0}, "bolt is 1.0; expected Bolt"),
        ({"length": Bolt()}, r"length is Bolt\(.*\); expected float"),
    ],
)
def test_a_change_to_what_is_not_there_or_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Hinge().changed(**changes)


@dataclass(frozen=True)
class Bounds(Value):
    low: int = 0
    high: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low >= self.high:
            raise ValueError("low is above high")


def test_options_change_at_once_so_that_only_the_end_has_to_fit():
    assert Bounds().changed(low=5, high=6) == Bounds().changed(high=6, low=5) == Bounds(5, 6)
    with pytest.raises(ValueError, match="low is above high"):
        Bounds().changed(low=5)


# Differences


def test_a_difference_holds_what_differs_and_nothing_else():
    assert difference(Hinge(), Hinge()) == []
    changed = Hinge(Bolt(2.0), is_left=False, screws=(), sizes=(1, 2))
    assert difference(changed, Hinge()) == ["--length 2.0", "--no-is-left", "--sizes 1 2"]
    assert difference(Hinge(), changed) == ["--length 1.0", "--is-left", "--sizes"]
    assert difference(Hinge(label="a b'c"), Hinge()) == ["""--tag 'a b'"'"'c'"""]


def test_values_that_options_do_not_lead_to_have_no_difference():
    with pytest.raises(ValueError, match="an option 'length' that the other hasn't"):
        difference(Hinge(), Bolt())
    with pytest.raises(ValueError, match="more than options can say"):
        difference(Hinge(number="2"), Hinge())
    with pytest.raises(ValueError, match="more than options can say"):
        difference(Hinge(bolt=Screw()), Hinge())


@dataclass(frozen=True)
class Screw(Bolt):
    """Of the same options as a bolt, but another kind."""


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Everything that a type hint allows, within reason."""
    bounds = next((extra for extra in get_args(hint)[1:] if isinstance(extra, Range)), None)
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if element := element_kind(kind):
        kinds = [k for k in Value.kinds.values() if issubclass(k, element) and not is_abstract(k)]
        return st.lists(st.one_of([any_value(k) for k in kinds]), max_size=3).map(tuple)
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(-(2**40) if bounds is None else int(bounds.low), 2**40)
    assert kind is float, hint
    low, high = (0.0, 1e30) if bounds is None else (bounds.low, min(bounds.high, 1e30))
    return st.floats(low, high).filter(lambda x: bounds is None or x in bounds)


def any_value(kind: type[Value]) -> st.SearchStrategy[Value]:
    return st.builds(kind, **{name: any_of(hint) for name, hint in hints(kind).items()})


PLAIN = [name for name, entry in data.data_sets.items() if not entry.argument]
NAMED = {"data": sorted(PLAIN), "objective": sorted(objectives.objectives)}
"""Words that a type hint doesn't know."""


@st.composite
def changed_recipes(draw: st.DrawFn) -> tuple[Value, Value]:
    base = recipe(draw(st.sampled_from(sorted(recipes))))
    known = options(base)
    changes = {}
    for name in draw(st.lists(st.sampled_from(sorted(known)), unique=True, max_size=6)):
        changes[name] = draw(st.sampled_from(NAMED[name]) if name in NAMED else any_of(known[name].hint))
    if not data.entry(changes.get("data", base.data.name))[0].has_full_set:
        changes["full"] = False
    elif data.elsewhere(changes.get("data", base.data.name)) is not None:
        changes["full"] = True
    try:
        return base, base.changed(**{name.replace("-", "_"): value for name, value in changes.items()})
    except ValueError:
        reject()  # options that contradict each other, such as more steps of sampling than there are times


@settings(max_examples=60)
@given(changed_recipes())
def test_a_difference_is_the_command_that_reproduces_the_value(pair):
    base, changed = pair
    arguments = shlex.split(" ".join(difference(changed, base)))
    found = read({"recipe": base, "arithmetic": REFERENCE}, arguments, "gancourse train x", "Train x.")
    assert found == {"recipe": changed, "arithmetic": REFERENCE}
    assert from_json(json.loads(json.dumps(to_json(changed)))) == changed


# Text

ELEMENTS = [k for k in list(Value.kinds.values()) if issubclass(k, (Term, Remedy)) and not is_abstract(k)]


@given(st.one_of([any_value(kind) for kind in ELEMENTS]))
def test_a_term_or_remedy_comes_back_from_its_text(value):
    written = text(value)
    assert " " not in written
    assert from_text(written, Term if isinstance(value, Term) else Remedy) == value


def test_text_says_what_differs_from_the_defaults():
    assert [text(t) for t in (R1(), R1(0.5), R2(every=4), GradientPenalty(2, 3))] == [
        "r1",
        "r1:weight=0.5",
        "r2:every=4",
        "gradient-penalty:weight=2,every=3",
    ]
    assert from_text("orthogonality:of=discriminator", Term) == Orthogonality(of="discriminator")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("r3", "term 'r3' not found; did you mean 'r1'|did you mean 'r2'"),
        ("critic-penalty", "term 'critic-penalty' not found"),
        ("unrolled", "term 'unrolled' not found"),
        ("", "term '' not found"),
        ("r1:wieght=1", "setting of r1 'wieght' not found; did you mean 'weight'"),
        ("r1:weight", "'weight' in 'r1:weight' has no value; write weight=…"),
        ("r1:weight=", "weight is ''; expected float"),
        ("r1:weight=heavy", "weight is 'heavy'; expected float"),
        ("r1:weight=nan", "weight is nan; expected a finite number ≥ 0"),
        ("r1:every=1.5", "every is '1.5'; expected int"),
        ("r1:every=0", "every is 0; expected at least 1"),
        ("r1:weight=1,weight=2", "sets weight twice"),
        ("orthogonality:of=both", "of is 'both'; pass one of generator, discriminator"),
    ],
)
def test_text_that_names_no_term_says_what_to_write(written, message):
    with pytest.raises(ValueError, match=message):
        from_text(written, Term)


def test_a_switch_is_read_from_its_text():
    from gancourse.games import FeatureMatchingRemedy

    assert from_text("feature-matching:replace=False", Remedy) == FeatureMatchingRemedy(replace=False)
    with pytest.raises(ValueError, match="replace 'maybe' not found"):
        from_text("feature-matching:replace=maybe", Remedy)


def test_values_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        R1().weight = 2.0
