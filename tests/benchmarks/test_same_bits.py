"""`benchmarks.same_bits` finds a single changed bit, names what is missing, and compares nothing that isn't alike."""

from pathlib import Path

import pytest
import torch

from benchmarks import same_bits
from gancourse.games import Remedy
from gancourse.recipes import recipes
from gancourse.training import read_tensors, write_tensors
from gancourse.training.average import Average
from gancourse.values import Value, is_abstract

WEIGHT = "ring/network/generator/layers.0.weight"


def save_file(path: Path, *arguments: str) -> Path:
    same_bits.main(["save", str(path), *(arguments or ("ring",)), "--steps", "2"])
    return path


def run_compare(ours: Path, theirs: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Exit status and printed lines of a comparison."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        same_bits.main(["compare", str(ours), str(theirs)])
    return end.value.code, capsys.readouterr().out.splitlines()


def alter(path: Path, change, **about) -> Path:
    """A copy of a file, its tensors changed in place by a function."""
    tensors, head = read_tensors(path)
    change(tensors)
    copy = path.with_name("altered.safetensors")
    write_tensors(copy, tensors, head | about)
    return copy


def test_the_same_code_gives_the_same_bits_on_any_number_of_threads(tmp_path, capsys):
    before = torch.get_num_threads()
    first = save_file(tmp_path / "a")
    torch.set_num_threads(before + 1)
    try:
        second = save_file(tmp_path / "b")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    code, lines = run_compare(first, second, capsys)
    assert code == 0
    n = len(read_tensors(first)[0])
    assert lines == [
        "note: both files were saved by the same code",
        f"all {n} tensors of 1 trainings are bit-equal",
    ]
    assert {name.split("/")[1] for name in read_tensors(first)[0]} == {"network", "average"}


def flip_lowest_bit(x):
    x.view(torch.int32).flatten()[0] ^= 1


def negate_zero(x):
    x.flatten()[0] = -0.0


@pytest.mark.parametrize("change", [flip_lowest_bit, negate_zero])
def test_a_single_changed_bit_is_found(change, tmp_path, capsys):
    path = alter(save_file(tmp_path / "a"), lambda tensors: tensors[WEIGHT].flatten()[0].zero_())
    path = path.rename(tmp_path / "zero")
    code, lines = run_compare(path, alter(path, lambda tensors: change(tensors[WEIGHT])), capsys)
    assert code == 1
    (line,) = [line for line in lines if line.startswith("ring: ")]
    assert line.startswith("ring: network/generator/layers.0.weight: 1 of 512 numbers differ, by at most ")
    assert lines[-1] == "1 difference"


def test_not_a_number_equals_itself_and_empty_tensors_each_other():
    x = torch.tensor([torch.nan, 1.0])
    assert same_bits.difference(x, x.clone()) is None
    assert same_bits.difference(x, torch.tensor([1.0, torch.nan])).startswith("2 of 2 numbers differ")
    assert same_bits.difference(torch.zeros(0, 2), torch.zeros(0, 2)) is None
    assert same_bits.difference(torch.tensor(3), torch.tensor(4)) == "1 of 1 numbers differ, by at most 1"
    assert same_bits.difference(torch.zeros(2), torch.zeros(3)) == "torch.float32 (2,) and torch.float32 (3,)"
    assert same_bits.difference(torch.zeros(2), torch.zeros(2).int()) == "torch.float32 (2,) and torch.int32 (2,)"


def test_another_order_of_operations_in_averages_is_found_in_averages_alone(tmp_path, capsys, monkeypatch):
    before = save_file(tmp_path / "a")

    @torch.no_grad()
    def update(self, network, n_images):
        decay = 0.5 ** (n_images / (1000 * self.half_life_kimg))
        for average, weight in zip(self.network.parameters(), network.parameters(), strict=True):
            average.mul_(decay).add_(weight * (1 - decay))  # lerp_ adds the difference

    monkeypatch.setattr(Average, "update", update)
    code, lines = run_compare(before, save_file(tmp_path / "b"), capsys)
    assert code == 1
    differing = [line for line in lines if line.startswith("ring: ")]
    assert differing
    assert all(line.startswith("ring: average/generator/") for line in differing)


def test_a_training_or_tensor_that_one_file_lacks_is_named_and_the_rest_is_compared(tmp_path, capsys):
    one, two = save_file(tmp_path / "one"), save_file(tmp_path / "two", "ring", "ring-wgan-gp")
    for ours, theirs in ((one, two), (two, one)):
        code, lines = run_compare(ours, theirs, capsys)
        assert (code, lines[1:]) == (1, [f"ring-wgan-gp: missing in {one}", "1 difference"])
    without = alter(two, lambda tensors: tensors.pop(WEIGHT))
    code, lines = run_compare(without, one, capsys)
    assert code == 1
    assert lines[1:-1] == [
        f"ring-wgan-gp: missing in {one}",
        f"ring: network/generator/layers.0.weight is missing in {without}",
    ]
    empty = alter(one, lambda tensors: tensors.clear(), trainings=[])
    assert run_compare(empty, one, capsys)[0] == 1  # nothing in common is no success


def test_another_torch_is_noted(tmp_path, capsys):
    path = save_file(tmp_path / "a")
    here = same_bits.conditions()
    theirs = alter(path, lambda tensors: None, source="0", conditions=here | {"torch": "2.0.0"})
    code, lines = run_compare(path, theirs, capsys)
    assert code == 0
    assert lines[:-1] == [f"note: torch is {here['torch']} and 2.0.0; that alone may change bits"]


def test_every_remedy_is_added_to_a_recipe_that_takes_it_and_its_memory_saved(tmp_path):
    kinds = {kind for kind in Value.kinds.values() if issubclass(kind, Remedy) and not is_abstract(kind)}
    ours = {kind for kind in kinds if kind.__module__.startswith("gancourse.")}
    selection = same_bits.trainings(["ring"], remedies=True)
    assert {type(r) for name in selection for r in selection[name].play.remedies} == ours
    assert len(selection) == 1 + len(ours)
    assert [name for name in selection if not name.startswith("ring")] == ["progan-faces-whole --remedies growing"]
    # Several discriminators refuse the recipe's penalty of one; the others keep it.
    assert [name for name, each in selection.items() if not each.play.terms] == ["ring --remedies several --terms"]
    name = "ring --remedies historical-averaging"
    same_bits.save(tmp_path / "a", {name: selection[name]}, 1)
    places = {key.split("/")[0] for key in same_bits.load(tmp_path / "a").tensors[name]}
    assert places == {"network", "memory", "average"}


def test_without_names_every_recipe_is_trained_on_the_package_s_data(tmp_path, monkeypatch):
    monkeypatch.setattr(same_bits, "save", lambda path, selection, steps: trained.update(selection))
    trained = {}
    same_bits.main(["save", str(tmp_path / "a")])
    assert list(trained) == [name for name in recipes if not name.endswith("-cifar")]
    assert not any(each.data.full or each.seed for each in trained.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "none", "whole"], "there is no file none; write it with `python -m benchmarks.same_bits save"),
        (["compare", "whole", "foreign"], "foreign was not written by `python -m benchmarks.same_bits save`"),
        (["compare", "whole", "text"], "text is not a checkpoint of gancourse"),
        (["compare", "whole", "damaged"], "damaged is damaged: its SHA-256 does not match"),
        (["compare", "whole", "longer"], "whole was saved after 2 steps and longer after 3; save both with the same"),
        (["save", "a", "rings"], "recipe 'rings' not found; did you mean 'ring'"),
        (["save", "a", "ring", "--steps", "0"], "--steps is 0; expected at least 1"),
        (["save", "."], "is a folder; pass a file, such as before.safetensors"),
    ],
)
def test_what_can_t_be_done_is_said_in_a_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    whole = save_file(Path("whole"))
    alter(whole, lambda tensors: None, steps=3).rename("longer")
    write_tensors(Path("foreign"), {"x": torch.zeros(1)}, {"name": "ring"})
    Path("text").write_text("weights")
    Path("damaged").write_bytes(whole.read_bytes()[:-1] + b"?")
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        same_bits.main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err
