"""`gancourse report` and `film`, and what watching leaves for them."""

import json

import pytest
import torch
from PIL import Image

from gancourse import cli
from gancourse.training import read_tensors


def test_training_leaves_rows_and_pictures_at_each_tenth_and_says_where_to_see_them(tmp_path, capsys, ring):
    cli.main([*ring, "--out", str(tmp_path / "a b")])
    said = capsys.readouterr().out
    assert f"see its course with `gancourse report '{tmp_path}/a b'`" in said
    rows = [json.loads(line) for line in (tmp_path / "a b" / "watched.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(2, 21, 2))
    assert len(list((tmp_path / "a b" / "pictures").iterdir())) == 10
    assert said.count("reverse KL") == 10  # the quick metrics stand in the lines of progress


def test_without_watching_nothing_is_left_and_no_bit_differs(tmp_path, capsys, ring):
    cli.main([*ring, "--out", str(tmp_path / "watched")])
    capsys.readouterr()
    cli.main([*ring, "--no-watch", "--out", str(tmp_path / "alone")])
    said = capsys.readouterr().out
    assert "gancourse report" not in said
    assert "reverse KL" not in said
    assert {p.name for p in (tmp_path / "alone").iterdir()} == {"recipe.json", "checkpoint.safetensors", "log.jsonl"}
    ours, theirs = (read_tensors(tmp_path / n / "checkpoint.safetensors")[0] for n in ("watched", "alone"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_resumed_run_goes_on_watching_unless_told_not_to(tmp_path, ring, capsys, lengthen):
    run = tmp_path / "run"
    cli.main([*ring, "--decay", "constant", "--out", str(run)])  # with another decay, more steps are another schedule
    lengthen(run, 30)
    cli.main(["resume", str(run), "--device", "cpu"])
    rows = [json.loads(line) for line in (run / "watched.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows][-5:] == [20, 21, 24, 27, 30]
    lengthen(run, 40)
    cli.main(["resume", str(run), "--device", "cpu", "--no-watch"])
    assert len((run / "watched.jsonl").read_text().splitlines()) == len(rows)


def test_report_and_film_say_where_they_wrote(run, tmp_path, capsys):
    cli.main(["report", str(run)])
    assert capsys.readouterr().out == f"the course of {run}: {run / 'report.html'}\n"
    assert (run / "report.html").read_text("utf-8").startswith("<!doctype html>")
    cli.main(["film", str(run), "--out", str(tmp_path / "film.webp"), "--seconds", "1"])
    assert capsys.readouterr().out == f"the pictures of {run}: {tmp_path / 'film.webp'}\n"
    with Image.open(tmp_path / "film.webp") as film:
        assert film.n_frames == 10


@pytest.mark.parametrize("command", ["report", "film"])
def test_a_folder_without_a_run_costs_one_line(command, tmp_path, fails, run):
    assert "holds no run: recipe.json is missing" in fails(command, tmp_path / "none")
    (run / "checkpoint.safetensors").unlink()
    assert "holds no checkpoint: checkpoint.safetensors is missing" in fails(command, run)
    (run / "recipe.json").write_bytes(b"\xff\xfe")
    assert "recipe.json is damaged" in fails(command, run)


def test_a_page_or_film_that_can_t_be_written_costs_one_line(run, tmp_path, fails, capsys):
    for command, name in (("report", "page.html"), ("film", "film.gif")):
        said = fails(command, run, "--out", tmp_path / "none" / name)
        assert f"{tmp_path / 'none' / name}: No such file or directory" in said
        assert "is a folder; pass a file" in fails(command, run, "--out", tmp_path)
    assert "expected one of .gif, .png, .webp" in fails("film", run, "--out", tmp_path / "film.mp4")
    assert "pass a positive number" in fails("film", run, "--seconds", "0")
    assert "--seconds" in fails("film", run, "--seconds", "long")


def test_a_run_without_pictures_has_a_page_but_no_film(tmp_path, capsys, fails, ring):
    cli.main([*ring, "--no-watch", "--out", str(tmp_path / "run")])
    capsys.readouterr()
    cli.main(["report", str(tmp_path / "run")])
    capsys.readouterr()
    assert "it was trained with --no-watch, or makes no samples" in fails("film", tmp_path / "run")
