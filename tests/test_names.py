import pytest

from gancourse.names import lookup

KNOWN = {"minimax": 1, "non-saturating": 2, "wasserstein": 3}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_name_gives_its_value(name):
    assert lookup(KNOWN, name, "objective") == KNOWN[name]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mini-max", "minimax"),
        ("nonsaturating", "non-saturating"),
        ("Wasserstein", "wasserstein"),
        ("MINIMAX", "minimax"),
    ],
)
def test_a_misspelt_name_suggests_the_nearest(typed, meant):
    with pytest.raises(ValueError, match=f"objective '{typed}' not found; did you mean '{meant}'"):
        lookup(KNOWN, typed, "objective")


@pytest.mark.parametrize("name", ["", " ", "ж", "\n", "%s", "{}", "x" * 1000])
def test_a_name_like_no_other_is_answered_by_all_of_them(name):
    with pytest.raises(ValueError, match="not found; it is one of minimax, non-saturating, wasserstein"):
        lookup(KNOWN, name, "objective")


def test_with_nothing_to_suggest_the_message_says_so():
    with pytest.raises(ValueError, match="recipe 'x' not found; there is none at all"):
        lookup({}, "x", "recipe")
