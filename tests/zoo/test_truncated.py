"""Truncated generators of the zoo, with standing statistics of BatchNorm for each threshold."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse import cli, zoo
from gancourse.games.game import is_conditional
from gancourse.models.truncation import truncated

N = 200


def norms(network):
    return [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]


@pytest.fixture(scope="module", params=["dcgan-digits", "projection-digits"])
def trained(request):
    return zoo.trained(request.param)


def spread(trained):
    """Total variance of samples; of one class, where there are classes."""
    y = torch.zeros(N, dtype=torch.long) if is_conditional(trained.network) else None
    return trained.samples(N, 0, y).var(0).sum().item()


def test_with_the_statistics_of_training_a_smaller_threshold_gives_samples_that_vary_less():
    trained = zoo.trained("dcgan-digits")
    spreads = [spread(trained.truncated(threshold, standing=False)) for threshold in (0.2, 0.5, 1.0)]
    spreads.append(spread(trained))
    assert spreads == sorted(spreads)
    assert spreads[0] < 0.1 * spreads[-1]


def test_the_rules_order_is_that_of_their_standard_deviations():
    trained, rules = zoo.trained("dcgan-digits"), ("resample", "clamp", "scale")
    spreads = {rule: spread(trained.truncated(0.5, rule, standing=False)) for rule in rules}
    assert spreads["resample"] < 0.6 * min(spreads["clamp"], spreads["scale"])


def test_where_batch_norm_follows_the_first_layer_standing_statistics_undo_the_truncation(trained):
    """The first layer is linear in the latent, so BatchNorm divides by how much less the truncated ones vary."""
    assert spread(trained.truncated(0.2)) == pytest.approx(spread(trained.with_standing_statistics()), rel=0.05)


def test_the_zoo_s_own_network_does_not_change(trained):
    before = {name: value.clone() for name, value in trained.network.state_dict().items()}
    trained.truncated(0.5).samples(4)
    trained.with_standing_statistics()
    after = trained.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_statistics_are_those_of_the_truncated_latents_and_others_for_each_threshold(trained):
    """In the first BatchNorm, whose input is linear in the latent, they are known: means stay, variances shrink."""
    plain, small = trained.with_standing_statistics(), trained.truncated(0.5)
    first, other = norms(plain.network)[0], norms(small.network)[0]
    shrunk = truncated(torch.randn(200_000, generator=torch.Generator().manual_seed(0)), 0.5).var()
    ratio = (other.running_var / first.running_var).median()
    assert_close(ratio, shrunk, rtol=0.35, atol=0)
    assert not torch.equal(norms(trained.truncated(0.3).network)[0].running_var, other.running_var)


def test_without_them_a_truncated_generator_makes_other_samples():
    trained = zoo.trained("dcgan-digits")
    own, stale = trained.truncated(0.3), trained.truncated(0.3, standing=False)
    assert (own.samples(50) - stale.samples(50)).abs().mean() > 0.02


def test_samples_are_the_seed_s_alone_and_of_the_asked_class():
    trained = zoo.trained("projection-digits").truncated(0.5)
    y = trained.labels(["3"], 40)
    samples = trained.samples(40, 5, y)
    assert torch.equal(samples, zoo.trained("projection-digits").truncated(0.5).samples(40, 5, y))
    predicted = zoo.load("digits-classifier")(samples).argmax(1)
    assert (predicted == 3).float().mean() > 0.9


def test_the_command_line_samples_a_truncated_class(tmp_path, capsys):
    out = tmp_path / "a.png"
    words = ["sample", "projection-digits", "--truncation", "0.5", "--label", "3", "--n", "4", "--out", str(out)]
    cli.main(words)
    assert out.is_file()
    assert "4 samples of projection-digits (3)" in capsys.readouterr().out
    cli.main([*words, "--truncation-rule", "clamp", "--statistics", "training"])
    cli.main(["sample", "projection-digits", "--statistics", "standing", "--n", "4", "--out", str(out)])


def test_networks_without_latents_are_refused():
    with pytest.raises(ValueError, match="Classifier has no latents to truncate"):
        zoo.trained("digits-classifier").truncated(0.5)
