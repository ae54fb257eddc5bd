"""Tables: the same values as text, HTML and Markdown, within the page's width."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch

from gancourse import plots

ROWS = [
    {"loss": "minimax", "gradient": -0.00312, "steps": 12000, "learned": False, "note": None},
    {"loss": "−log D | x < 1", "gradient": 2.7, "steps": 5, "learned": True, "note": "a & b"},
]


def cells(table) -> list[list[str]]:
    root = ElementTree.fromstring(table._repr_html_())
    return [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]


def test_values_are_written_as_a_reader_expects_them():
    assert cells(plots.table(ROWS)) == [
        ["loss", "gradient", "steps", "learned", "note"],
        ["minimax", "−0.00312", "12,000", "no", ""],
        ["−log D | x < 1", "2.7", "5", "yes", "a & b"],
    ]


def test_dictionaries_and_header_with_rows_give_the_same_table():
    header = list(ROWS[0])
    assert plots.table((header, [list(row.values()) for row in ROWS])) == plots.table(ROWS)


def test_the_order_of_a_dictionary_is_the_first_rows():
    assert cells(plots.table([{"a": 1, "b": 2}, {"b": 4, "a": 3}]))[2] == ["3", "4"]


def test_tensors_and_arrays_of_one_number_are_numbers():
    table = plots.table([{"a": torch.tensor(0.5), "b": np.float32(0.25), "c": np.int64(7)}])
    assert table.rows == (("0.5", "0.25", "7"),)
    assert table.numeric == (True, True, True)


def test_columns_of_numbers_are_set_to_the_right_also_where_they_are_text():
    table = plots.table([{"a": "x", "b": "0.12 ± 0.03", "c": "< 5 %", "d": "3 of 5", "e": 1}])
    assert table.numeric == (False, True, True, True, True)
    assert table._repr_html_().count("text-align: right") == 8


def test_a_column_in_which_arithmetic_failed_or_a_number_is_missing_is_a_column_of_numbers():
    rows = [{"a": "x", "b": "1.00", "c": "−0.20 to 0.40"}, {"a": "nan", "b": "nan", "c": "–"}]
    assert plots.table(rows).numeric == (False, True, True)
    assert plots.table([{"a": "to", "b": "–x"}]).numeric == (False, False)


def test_a_row_is_named_by_its_first_cell_unless_that_is_a_number():
    assert plots.table(ROWS)._repr_html_().count('<th scope="row"') == 2
    assert '<th scope="row"' not in plots.table([{"step": 1}])._repr_html_()


def test_markdown_has_as_many_columns_as_the_table():
    lines = plots.table(ROWS, caption="Two losses")._repr_markdown_().splitlines()
    assert lines[0] == "**Two losses**"
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines[2:]} == {6}
    assert lines[3] == "| :--- | ---: | ---: | :--- | :--- |"


def test_text_is_at_most_78_columns_wide_and_keeps_every_word():
    words = " ".join(f"word{i}" for i in range(40))
    table = plots.table([{"name": "a", "long": words, "n": 1}, {"name": "b", "long": words, "n": 2}], caption=words)
    text = repr(table)
    assert max(map(len, text.splitlines())) <= 78
    assert all(len(re.findall(rf"\bword{i}\b", text)) == 3 for i in range(40))


def test_the_caption_stands_above():
    table = plots.table([{"a": 1}], caption="A < B")
    assert "<caption>A &lt; B</caption>" in table._repr_html_()
    assert repr(table).startswith("A < B\n\na\n")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "a table has no rows"),
        ((["a"], []), "a table has no rows"),
        ([{"a": 1}, {"b": 1}], r"row \{'b': 1\} has the columns \['b'\]; expected \['a'\]"),
        ((["a", "b"], [[1]]), r"row \[1\] has 1 values; expected 2, one for each of \['a', 'b'\]"),
    ],
)
def test_rows_that_make_no_table_are_refused(rows, message: str):
    with pytest.raises(ValueError, match=message):
        plots.table(rows)
