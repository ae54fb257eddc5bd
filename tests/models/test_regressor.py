"""The network that reads factors."""

import pytest
import torch
from torch.testing import assert_close

from gancourse.games.regression import class_of
from gancourse.models import FactorRegressor, SmallRegressor
from gancourse.signature import Classes, Factors, Signature

X = torch.linspace(-1, 1, 4 * 3 * 32 * 32).reshape(4, 3, 32, 32)


def network(n_classes=(3, 0, 2)):
    torch.manual_seed(0)
    return FactorRegressor(n_classes, width=4, n_features=8).eval()


def test_its_factors_are_the_middles_of_the_likeliest_classes_and_clamped_values():
    regressor = network()
    with torch.no_grad():
        regressor.head[1].bias[3] = 7.0  # the number, far above 1
        first, second, third = regressor.readings(X)
        factors = regressor(X)
    assert_close(factors[:, 0], (first.argmax(1) + 0.5) / 3)
    assert_close(factors[:, 1], torch.ones(4))
    assert_close(class_of(factors[:, 2], 2), third.argmax(1))
    assert bool((second > 1).all())


def test_features_are_what_the_last_layer_reads():
    regressor = network()
    with torch.no_grad():
        assert_close(
            torch.cat([r.reshape(4, -1) for r in regressor.readings(X)], 1), regressor.head(regressor.features(X))
        )
    assert regressor.features(X).shape == (4, 8)


@pytest.mark.parametrize("n_classes", [(), (1,), (3, -1)])
def test_factors_have_no_class_or_two_or_more(n_classes):
    with pytest.raises(ValueError, match="0 or at least 2 classes"):
        FactorRegressor(n_classes)


def test_a_family_says_what_it_can_t_read():
    fits = Signature((3, 32, 32), Factors(("smile", "glasses"), (0, 2)))
    assert SmallRegressor(width=4).regressor(fits).n_classes == (0, 2)
    assert SmallRegressor(width=4).regressor(Signature((1, 32, 32), Factors(("smile",)))).n_classes == (0,)
    for condition, kind in ((None, "nothing"), (Classes(("a", "b")), "classes")):
        with pytest.raises(ValueError, match=rf"no factors.*channels come with {kind}; pass data whose y is factors"):
            SmallRegressor().regressor(Signature((3, 32, 32), condition))
    with pytest.raises(ValueError, match="32 × 32 images"):
        SmallRegressor().regressor(Signature((1, 28, 28), Factors(("smile",))))
    with pytest.raises(ValueError, match="pass one for each"):
        Factors(("smile", "glasses"), (0,))
