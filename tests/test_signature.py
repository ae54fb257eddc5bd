"""What data hands out, as networks see it."""

import pytest
import torch
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import PackingRemedy, packing
from gancourse.rng import Noise
from gancourse.signature import Classes, Factors, Packs, Picture, Signature, States, Tokens

CONDITIONS = {
    "classes": (Classes(("a", "b", "c")), torch.tensor([0, 2]), torch.tensor([[1.0, 0, 0], [0, 0, 1]])),
    "factors": (Factors(("x", "y")), torch.tensor([[0.5, 1.0]]), torch.tensor([[0.5, 1.0]])),
    "picture": (Picture((1, 2, 2)), torch.ones(2, 1, 2, 2), torch.ones(2, 4)),
    "states": (
        States((2,), 3),
        torch.tensor([[0.5, -1.0, 2.0], [0.0, 2.0, 0.0]]),
        torch.tensor([[0.5, -1.0, 0, 0, 1], [0.0, 2.0, 1, 0, 0]]),
    ),
    "tokens": (Tokens(("", "big", "eye"), 3), torch.tensor([[2, 1, 2]]), torch.tensor([[0.0, 1, 2]])),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_is_encoded_as_so_many_floats(name):
    condition, y, expected = CONDITIONS[name]
    encoded = condition.encoded(y)
    assert encoded.shape == (len(y), condition.size)
    assert encoded.dtype == torch.float32
    assert_close(encoded, expected)


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_pack_s_condition_is_that_of_its_samples_side_by_side(name):
    """As the packing of games makes it, by which the discriminator's y is what its signature says."""
    each, y, _ = CONDITIONS[name]
    y = torch.cat([y, y.flip(0), y, y, y, y])[:6]
    batch = Batch(torch.zeros(6, 2), y)
    packed = packing(3).function(batch, batch, Noise((0,), 6))[0].y
    condition = PackingRemedy(3).seen(Signature((2,), each)).condition
    assert condition == Packs(each, 3)
    assert packed.shape == (2, *condition.shape)
    assert_close(condition.encoded(packed), each.encoded(y).reshape(2, 3 * each.size))
    assert each.shape == tuple(y.shape[1:])
    with pytest.raises(ValueError, match=r"conditions of packs of 3 have shape \("):
        condition.encoded(y)
    assert PackingRemedy(3).seen(Signature((2,))) == Signature((6,))


@pytest.mark.parametrize(
    ("condition", "y", "message"),
    [
        (Classes(("a",)), torch.tensor([1.0]), "labels are torch.float32; expected integers"),
        (Classes(("a",)), torch.tensor([[0]]), r"labels have shape \(1, 1\); expected \[batch\]"),
        (Classes(("a", "b")), torch.tensor([0, 2]), "labels run from 0 to 2; expected 0 to 1"),
        (Classes(("a", "b")), torch.tensor([-1]), "labels run from -1 to -1; expected 0 to 1"),
        (Factors(("x", "y")), torch.zeros(3, 1), r"factors have shape \(3, 1\); expected \[batch, 2\]"),
        (Picture((1, 2, 2)), torch.zeros(3, 2, 2), r"expected \[batch, 1, 2, 2\]"),
        (States((2,), 3), torch.zeros(2, 2), r"states have shape \(2, 2\); expected \[batch, 3\]"),
        (States((2,), 3), torch.tensor([[0.0, 0.0, 3.0]]), "steps run from 3 to 3; expected 0 to 2"),
        (Tokens(("", "a"), 3), torch.zeros(2, 4).long(), r"sentences have shape \(2, 4\); expected \[batch, 3\]"),
        (Tokens(("", "a"), 1), torch.tensor([[2]]), "words run from 2 to 2; expected 0 to 1"),
        (Tokens(("", "a"), 1), torch.zeros(1, 1), "words are torch.float32; expected integers"),
    ],
)
def test_what_is_no_such_condition_is_refused(condition, y, message):
    with pytest.raises(ValueError, match=message):
        condition.encoded(y)


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        (Signature((1, 28, 28)), "28 × 28 images of 1 channel"),
        (Signature((3, 32, 16)), "32 × 16 images of 3 channels"),
        (Signature((2,)), "points of 2 numbers"),
        (Signature((4, 5)), "samples of shape (4, 5)"),
    ],
)
def test_a_signature_says_what_it_is(signature, said):
    assert str(signature) == said
    assert signature.is_image == ("images" in said)


@pytest.mark.parametrize("shape", [(), (0,), (3, -1, 2)])
def test_an_empty_shape_is_refused(shape):
    with pytest.raises(ValueError, match="expected positive numbers"):
        Signature(shape)
    with pytest.raises(ValueError, match="expected positive numbers"):
        Signature((2,), other=shape)
