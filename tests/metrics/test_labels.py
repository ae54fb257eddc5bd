import pytest

from gancourse.metrics import label


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((10_000, 2_000), "fid(x, 10k/2k)"),
        ((1_500, 999), "fid(x, 1500/999)"),
        ((1_000, 50), "fid(x, 1k/50)"),
        ((500,), "fid(x, 500)"),
    ],
)
def test_a_label_names_metric_extractor_and_sizes(sizes, expected):
    assert label("fid", "x", *sizes) == expected


@pytest.mark.parametrize("sizes", [(), (0, 10), (10.0, 10)])
def test_a_label_without_sizes_is_refused(sizes):
    with pytest.raises(ValueError, match="expected label"):
        label("fid", "x", *sizes)


def test_an_old_label_without_the_metric_is_refused():
    with pytest.raises(TypeError):
        label("digits-classifier")
    with pytest.raises(ValueError, match="the name of the extractor is 10000"):
        label("digits-classifier", 10_000, 10_000)
