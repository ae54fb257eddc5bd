import pytest
import torch

from gancourse.device import device


@pytest.fixture
def machine(monkeypatch):
    """Sets how many CUDA devices torch believes to see."""

    def set_cuda_devices(n):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: n > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n)

    return set_cuda_devices


def test_auto_is_cuda_where_there_is_one_and_else_the_cpu(machine):
    machine(0)
    assert device() == device("auto") == torch.device("cpu")
    machine(1)
    assert device() == device("auto") == torch.device("cuda")


def test_a_device_that_exists_is_taken_at_its_word(machine):
    machine(2)
    assert device("cpu") == torch.device("cpu")
    assert device("cuda:1") == torch.device("cuda:1")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:-1", "cuda:x", "CPU"])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match=f"device '{name}' is unknown; pass 'auto', 'cpu' or 'cuda'"):
        device(name)


@pytest.mark.parametrize("name", ["mps", "meta"])
def test_a_device_that_the_course_does_not_support_is_refused(name):
    with pytest.raises(ValueError, match=f"device '{name}' is not supported"):
        device(name)


def test_cuda_is_refused_where_there_is_none(machine):
    machine(0)
    with pytest.raises(ValueError, match="torch sees no CUDA device; pass 'cpu' or 'auto'"):
        device("cuda")


def test_a_number_beyond_the_last_device_is_refused(machine):
    machine(2)
    with pytest.raises(ValueError, match="device is 'cuda:2', but this machine has 2; count from 0"):
        device("cuda:2")
