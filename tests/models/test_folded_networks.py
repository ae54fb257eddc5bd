"""A folded network is the network that it was: names, copies, parts, hooks, and layers that change afterwards."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from gancourse.functional import call_at
from gancourse.models import dcgan, fold_if_possible, folded, folds, resnet, spectral, unfolded
from gancourse.rng import initialised_from


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def chain() -> nn.Sequential:
    """Images [batch, 3, 6, 6] to scores; three forms, two activations that may write over their input."""
    torch.manual_seed(1)
    return nn.Sequential(
        *(nn.Upsample(scale_factor=2), nn.Conv2d(3, 4, 3, padding=1), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(4, 5, 3, padding=1), nn.AvgPool2d(2), nn.BatchNorm2d(5), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(5 * 36, 2)),
    ).double()


X = random(4, 3, 6, 6)
PLAIN = [type(layer) for layer in chain()]
FORMS = [folds.UpsampledConvolution, folds.PooledConvolution, folds.FlattenedLinear]


def both(in_place: bool = True) -> tuple[nn.Sequential, nn.Sequential]:
    """The same network, plain and folded."""
    return chain(), folded(chain(), in_place)


def forms(network: nn.Sequential) -> list[type]:
    """Kinds of the forms that are called."""
    called = [type(call.module) for call in network._current_calls()]
    return [kind for kind in called if kind.__module__ == folds.__name__]


def check_the_same(slow: nn.Module, fast: nn.Module, x: torch.Tensor = X) -> None:
    """Values and gradients agree to rounding."""
    outputs = [network(x) for network in (slow, fast)]
    torch.testing.assert_close(*outputs, rtol=1e-12, atol=1e-12)
    slopes = [torch.autograd.grad(y.square().sum(), n.parameters()) for y, n in zip(outputs, (slow, fast), strict=True)]
    torch.testing.assert_close(*slopes, rtol=1e-11, atol=1e-12)


def networks() -> list[Callable[[], nn.Module]]:
    upsampling = dcgan.Guidelines(strided=False)
    return [
        chain,
        lambda: dcgan.Generator(8, 8),
        lambda: dcgan.Generator(8, 8, guidelines=upsampling),
        lambda: resnet.Generator(8, 8),
        lambda: spectral.spectral_normalised(resnet.Discriminator(8)),
    ]


@pytest.mark.parametrize("make", networks())
def test_checkpoints_fit_folded_and_plain_networks_alike(make: Callable[[], nn.Module]):
    with initialised_from(0):
        slow, fast = make(), folded(make())
    assert list(fast.state_dict()) == list(slow.state_dict())
    fast.load_state_dict(slow.state_dict())
    for a, b in zip(fast.state_dict().values(), slow.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    with torch.no_grad():
        for weight in fast.parameters():
            weight.add_(1e-2)
    slow.load_state_dict(fast.state_dict())
    shape = (4, 8) if hasattr(slow, "latent_size") else (4, 3, 32, 32) if make is not chain else X.shape
    slow.double().eval(), fast.double().eval()
    torch.testing.assert_close(fast(random(*shape)), slow(random(*shape)), rtol=1e-10, atol=1e-10)


def test_weights_that_are_loaded_count_from_the_next_pass_on():
    slow, fast = both()
    fast(X)
    with torch.no_grad():
        for weight in slow.parameters():
            weight.mul_(1.5)
    assert not torch.allclose(fast(X), slow(X))
    fast.load_state_dict(slow.state_dict(), assign=True)
    check_the_same(slow, fast)


class Block(nn.Sequential):
    """A Sequential of one's own."""

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        return self(x).sum(1)


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda network: pickle.loads(pickle.dumps(network)),
    "deepcopy of deepcopy": lambda network: copy.deepcopy(copy.deepcopy(network)),
}


@pytest.mark.parametrize("kind", [nn.Sequential, Block])
@pytest.mark.parametrize("name", COPIES)
def test_the_forms_of_a_copy_are_of_the_copy_s_layers(name: str, kind: type[nn.Sequential]):
    original = folded(kind(*chain()), in_place=True)
    before = original.eval()(X)
    double = COPIES[name](original)
    assert forms(double) == forms(original) == FORMS
    assert isinstance(double, kind)
    assert double._folds_in_place
    assert torch.equal(double(X), before)
    own = {id(layer) for layer in double}
    for call in double._current_calls():
        assert {id(layer) for layer in call.module.children()} <= own
    with torch.no_grad():
        for weight in double.parameters():
            weight.mul_(1.5)
    slow = chain().eval()
    slow.load_state_dict(double.state_dict())
    check_the_same(slow, double)
    assert torch.equal(original(X), before)


def test_a_shallow_copy_follows_its_own_layers():
    fast = folded(chain())
    double = copy.copy(fast)
    double._modules = dict(fast._modules) | {"1": nn.Conv2d(3, 4, 1).double()}
    check_the_same(nn.Sequential(*double), double)
    check_the_same(chain(), fast)


def test_replaced_parameters_are_used_and_can_be_differentiated_in():
    slow, fast = both()
    fast(X), slow(X)
    weights = {name: (1.5 * w).detach().requires_grad_() for name, w in slow.named_parameters()}
    results = []
    for network in (slow, fast):
        y = call_at([network], [weights], network, X)
        results.append([y, *torch.autograd.grad(y.square().sum(), weights.values())])
    torch.testing.assert_close(*results, rtol=1e-11, atol=1e-12)
    assert (fast(X) - results[1][0]).abs().max() > 0.1  # the twin: its own weights are back


def test_parts_layers_and_walks_are_the_plain_network_s():
    slow, fast = both()
    for part in (slice(None, -2), slice(1, 5), slice(None, None, 2)):
        assert type(fast[part]) is nn.Sequential
        assert list(fast[part]) == list(fast)[part]
    torch.testing.assert_close(fast[:-2](X), slow[:-2](X), rtol=1e-12, atol=1e-12)
    assert type(folded(Block(*chain()))[1:]) is Block
    assert [type(layer) for layer in fast] == PLAIN
    assert (len(fast), type(fast[1]), type(fast[-1])) == (9, nn.Conv2d, nn.Linear)
    with pytest.raises(IndexError):
        fast[9]
    x = X
    for layer in fast:
        x = layer(x)
    torch.testing.assert_close(x, slow(X), rtol=1e-12, atol=1e-12)


# By the index of the layer that has it, the forms that are left.
HOOKED = {0: [1, 2], 1: [1, 2], 2: [0, 1, 2], 3: [0, 2], 4: [0, 2], 5: [0, 1, 2], 7: [0, 1], 8: [0, 1]}


@pytest.mark.parametrize("index", HOOKED)
def test_hooks_that_come_later_are_called_with_what_the_plain_network_gives_them(index: int):
    slow, fast = both()
    fast(X)
    seen: dict[str, list[torch.Tensor]] = {"slow": [], "fast": []}
    handles = []
    for name, network in (("slow", slow), ("fast", fast)):

        def note_and_double(module, inputs, output, name=name):
            seen[name] += [inputs[0], output]
            return 2 * output

        handles.append(network[index].register_forward_hook(note_and_double))
    check_the_same(slow, fast)
    assert forms(fast) == [FORMS[k] for k in HOOKED[index]]
    # What was noted is not written over afterwards.
    torch.testing.assert_close(seen["fast"], seen["slow"], rtol=1e-12, atol=1e-12)
    for handle in handles:
        handle.remove()
    check_the_same(slow, fast)
    assert forms(fast) == FORMS


@pytest.mark.parametrize(
    "register",
    [
        lambda layer, hook: layer.register_forward_pre_hook(lambda module, inputs: hook()),
        lambda layer, hook: layer.register_full_backward_hook(lambda module, inner, outer: hook()),
        lambda layer, hook: layer.register_full_backward_pre_hook(lambda module, outer: hook()),
        lambda layer, hook: layer.register_forward_hook(lambda *_: hook(), always_call=True),
        lambda layer, hook: layer.register_forward_hook(lambda *_: hook(), with_kwargs=True),
        lambda layer, hook: layer.register_forward_pre_hook(lambda *_: hook(), with_kwargs=True),
    ],
)
def test_each_kind_of_hook_is_called(register: Callable):
    fast = folded(chain())
    fast(X)
    calls: list[int] = []
    register(fast[3], lambda: calls.append(1))
    fast(X).sum().backward()
    assert calls == [1]


def test_hooks_of_the_chain_itself_leave_it_folded():
    fast = folded(chain())
    calls: list[torch.Size] = []
    fast.register_forward_hook(lambda module, inputs, output: calls.append(output.shape))
    fast(X)
    assert calls == [(4, 2)]
    assert forms(fast) == FORMS


class Bracket:
    """Hooks for any module, which count how deep the call is that they belong to."""

    def __init__(self, *layers: nn.Module) -> None:
        self.depth, self.calls = 0, 0
        for layer in layers:
            layer.register_forward_pre_hook(self.enter)
            layer.register_forward_hook(self.leave)

    def enter(self, module: nn.Module, inputs: tuple) -> None:
        self.depth += 1
        self.calls += 1

    def leave(self, module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        self.depth -= 1

    enter.of_any_module = leave.of_any_module = True


@pytest.mark.parametrize("early", [True, False])
def test_hooks_for_any_module_are_called_around_each_form(early: bool):
    fast = chain()
    if early:
        bracket = Bracket(*fast.modules())
        folded(fast, in_place=True)
    else:
        folded(fast, in_place=True)(X)
        bracket = Bracket(*fast.modules())
    check_the_same(chain(), fast)
    assert forms(fast) == FORMS
    assert [call.module.inplace for call in fast._current_calls() if hasattr(call.module, "inplace")] == [True, True]
    assert (bracket.depth, bracket.calls) == (0, 1 + 6)  # the chain, three forms and three layers


def test_hooks_for_any_module_on_some_layers_of_a_form_stop_it():
    fast = folded(chain())
    bracket = Bracket(fast[1], fast[3], fast[4])
    check_the_same(chain(), fast)
    assert forms(fast) == FORMS[1:]
    assert (bracket.depth, bracket.calls) == (0, 2)


def wider(network: nn.Sequential) -> None:
    torch.manual_seed(2)
    network[1] = nn.Conv2d(3, 4, 5, padding=2).double()


def attribute(network: nn.Sequential) -> None:
    network.register_module("4", nn.MaxPool2d(2))


def longer(network: nn.Sequential) -> None:
    network.append(nn.Flatten(0))


def without_pooling(network: nn.Sequential) -> None:
    del network[4:]


def inserted(network: nn.Sequential) -> None:
    network.insert(1, nn.Tanh())


def padded_otherwise(network: nn.Sequential) -> None:
    network[3].padding_mode = "circular"


def without_slope(network: nn.Sequential) -> None:
    network[2].negative_slope = 0.0


def another_size(network: nn.Sequential) -> None:
    network[0].mode = "bilinear"


def another_forward(network: nn.Sequential) -> None:
    layer = network[8]
    layer.forward = lambda x: type(layer).forward(layer, x).tanh()


def another_class(network: nn.Sequential) -> None:
    network[3].__class__ = type("Mine", (nn.Conv2d,), {"forward": lambda self, x: 3 * nn.Conv2d.forward(self, x)})


# What changes, and the forms that are left.
CHANGES = {
    **{wider: [0, 1, 2], attribute: [0, 2], longer: [0, 1, 2], without_pooling: [0], inserted: [1, 2]},
    **{padded_otherwise: [0, 2], without_slope: [0, 1, 2], another_size: [1, 2]},
    **{another_forward: [0, 1], another_class: [0, 2]},
}


@pytest.mark.parametrize("change", CHANGES)
def test_layers_that_are_replaced_or_changed_later_are_never_stale(change: Callable):
    slow, fast = both()
    fast(X)
    change(slow), change(fast)
    check_the_same(slow, fast)
    assert forms(fast) == [FORMS[k] for k in CHANGES[change]]
    flags = [call.module.inplace for call in fast._current_calls() if isinstance(call.module, nn.LeakyReLU)]
    assert flags == [change is not without_slope]


@pytest.mark.parametrize("norm", [spectral.spectral_norm, parametrizations.spectral_norm])
def test_spectral_norm_may_come_after_folding_and_go_again(norm: Callable):
    slow, fast = both()
    fast(X), slow(X)
    for network in (slow, fast):
        torch.manual_seed(3)
        for layer in (network[1], network[3], network[8]):
            norm(layer)
    for _ in range(3):
        check_the_same(slow, fast)
    assert forms(fast) == FORMS
    for a, b in zip(slow.buffers(), fast.buffers(), strict=True):  # one power iteration a pass
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    for network in (slow, fast):
        parametrize.remove_parametrizations(network[3], "weight")
    check_the_same(slow, fast)
    assert forms(fast) == FORMS


def test_modes_types_and_layouts_reach_the_layers():
    slow, fast = both()
    for mode in (True, False, True):
        slow.train(mode), fast.train(mode)
        check_the_same(slow, fast)
    torch.testing.assert_close(fast[5].running_mean, slow[5].running_mean, rtol=1e-12, atol=1e-12)
    fast.to(memory_format=torch.channels_last)
    check_the_same(slow, fast, X.to(memory_format=torch.channels_last))
    assert fast.float()(X.float()).dtype == torch.float32
    torch.testing.assert_close(fast(X.float()), slow.float()(X.float()), rtol=1e-4, atol=1e-5)


def test_unfolding_leaves_no_trace():
    network, state = chain(), vars(chain()).keys()
    layers = list(network)
    assert unfolded(folded(network, in_place=True)) is network
    assert type(network) is nn.Sequential
    assert vars(network).keys() == state
    assert list(network) == layers
    assert torch.equal(network(X), chain()(X))
    assert unfolded(network) is network
    fast = folded(network)
    fast(X)
    assert type(unfolded(fast)) is nn.Sequential
    assert vars(fast).keys() == state


def test_what_is_folded_is_counted_and_nothing_is_no_error():
    counts = {"UpsampledConvolution": 1, "PooledConvolution": 1, "FlattenedLinear": 1}
    network = nn.ModuleDict({"a": chain(), "b": nn.Sequential(nn.Linear(2, 2), nn.ReLU())})
    assert fold_if_possible(network) == counts
    assert fold_if_possible(network, in_place=True) == counts
    assert not network["a"]._folds_in_place
    assert type(network["b"]) is nn.Sequential
    assert fold_if_possible(network["b"], in_place=True) == {}
    assert type(network["b"]) is nn.Sequential
    assert fold_if_possible(nn.Linear(2, 2)) == {}
    assert fold_if_possible(dcgan.Generator(8, 8)) == {"TransposedConvolution": 2, "ThinConvolution": 1}
    unfolded(network)
    fast = folded(network, in_place=True)
    assert type(fast["b"]) is not nn.Sequential  # only activations in place


def test_a_sequential_of_one_s_own_keeps_its_class_and_one_that_computes_otherwise_is_left_alone():
    fast = folded(Block(*chain()))
    assert isinstance(fast, Block)
    torch.testing.assert_close(fast.scores(X), chain()(X).sum(1), rtol=1e-12, atol=1e-12)
    assert type(unfolded(fast)) is Block

    class Backwards(nn.Sequential):
        def __iter__(self):
            return reversed(self._modules.values())

    class Doubling(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(2 * x)

    for kind in (Backwards, Doubling):
        with pytest.raises(ValueError, match="nothing that can be folded"):
            folded(kind(nn.Conv2d(3, 1, 3, padding=1), nn.Identity()))


def test_the_printed_network_names_its_layers_and_its_forms():
    fast = folded(chain(), in_place=True)
    lines = str(fast).splitlines()
    assert lines[0] == "FoldedSequential("
    assert lines[1:6] == [
        "  0 + 1: by UpsampledConvolution",
        "  2: by LeakyReLU",
        "  3 + 4: by PooledConvolution",
        "  6: by ReLU",
        "  7 + 8: by FlattenedLinear",
    ]
    assert len(lines) == 1 + 5 + 9 + 1
    fast._modules = {f"layer{name}": layer for name, layer in fast._modules.items()}
    assert str(fast).splitlines()[2] == "  layer2: by LeakyReLU"
