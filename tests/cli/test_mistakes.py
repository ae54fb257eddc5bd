"""The command line's lists, and that every mistake costs one line, exit code 2, and nothing else."""

import pytest

from gancourse import cli, recipes
from gancourse.cli.dispatch import COMMANDS
from gancourse.training import Trainer
from tests import checkout

FEW = ["train", "semi-supervised-digits", "--no-full", "--data"]
PROGAN = ["train", "progan-faces", "--width", "4", "--no-watch"]


def test_lists_name_everything(capsys):
    cli.main(["recipes"])
    assert set(recipes.recipes) <= set(capsys.readouterr().out.split())
    cli.main(["zoo"])
    assert "digits-classifier" in capsys.readouterr().out
    cli.main(["--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in ("train", *COMMANDS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "command 'trian' not found; did you mean 'train'"),
        (["train", "dcgan-digit"], "recipe 'dcgan-digit' not found; did you mean 'dcgan-digits'?"),
        (["train", "ring", "--steps", "many"], "--steps"),
        (["train", "ring", "--bogus", "1"], "--bogus"),
        (
            ["train", "ring", "--data", "digits"],
            "MLP makes points, not 28 × 28 images of 1 channel; take another recipe",
        ),
        (["train", "ring", "--data", "rings"], "data set 'rings' not found; did you mean 'ring'"),
        (["train", "ring", "--data", "ring:x"], "data set 'ring:x' can't be opened; write ring"),
        (["train", "ring", "--full"], "ring has no full set"),
        (["train", "ring", "--strided"], "--strided"),
        (["train", "ring", "--family", "dcgan"], "--family"),
        (["train", "ring", "--terms", "r3"], "term 'r3' not found; did you mean"),
        (["train", "ring", "--terms", "r1:weight=heavy"], "weight is 'heavy'; expected float"),
        (["train", "ring", "--terms", "r1", "r1"], "would overwrite each other"),
        (["train", "ring", "--remedies", "unroled"], "remedy 'unroled' not found; did you mean 'unrolled'"),
        (["train", "ring", "--remedies", "weight-clipping", "weight-clipping"], "two remedies constrain"),
        (["train", "ring", "--beta1", "1"], "beta1 is 1.0; expected a finite number ≥ 0 and < 1"),
        (["train", "ring", "--channels-last"], "channels_last lays out images, and the data is points of 2 numbers"),
        (["train", "ring", "--fast", "--fused"], "fast holds channels_last and fused"),
        (["train", "vae-digits", "--objective", "hinge"], "--objective"),
        (["train", "--steps", "3"], "which recipe? pass a name of the list above"),
        (["train", "ring", "--objective", "hinges"], "did you mean 'hinge'"),
        (["train", "ring", "--batch-size", "0"], "batch_size is 0"),
        (["train", "ring", "--device", "tpu"], "device 'tpu' is unknown"),
        (["train", "ring", "--precision", "fp8"], "--precision"),
        (["train", "ring", "--devices", "0"], "devices is 0; expected at least 1"),
        (["train", "ring", "--timeout-s", "0"], "timeout_s is 0.0; expected a finite number > 0"),
        (["resume", "nowhere", "--nodes", "0"], "nodes is 0; expected at least 1"),
        (["evaluate", "dcgan-digits", "--n", "0"], "n is 0; ask for at least 1 sample"),
        (["evaluate", "digits-classifier", "--n", "-1"], "n is -1; ask for at least 1 sample"),
        (["train", "ring", "--nodes", "2"], "2 nodes, but NODE_RANK, MASTER_ADDR, MASTER_PORT isn't set"),
        (["sample", "dcgan-digit"], "did you mean 'dcgan-digits'"),
        (["sample", "digits-classifier"], "makes no samples"),
        (["sample", "dcgan-digits", "--n", "0"], "ask for at least 1"),
        (["sample", "dcgan-digits", "--label", "3"], "dcgan-digits makes samples of no class; leave the label out"),
        (["train", "infogan-ring", "--n-categories", "1"], "codes of 1 categories and 1 numbers; pass at least 2"),
        (["evaluate", "dcgan-digits", "--n", "20000"], "asked for 20000 of 10000 images"),
        (["resume", "nowhere"], "nowhere holds no run"),
        (["report", "nowhere"], "nowhere holds no run"),
        (["film", "nowhere"], "nowhere holds no run"),
        (["zoo-add", "nowhere"], "nowhere"),
        (["resume", "nowhere", "--devices", "2"], "nowhere holds no run"),
        (["resume", "nowhere", "--devices", "many"], "--devices"),
        (["experiment", "dcgan"], "did you mean 'dcgan-guidelines'"),
        (["check", "nowhere"], "nowhere"),
        (["sample", "dcgan-digits", "--label", "11"], "dcgan-digits makes samples of no class; leave the label out"),
        (["sample", "faces-regressor", "--label", "bald"], "faces-regressor makes samples of no class"),
        # Truncation.
        (["sample", "dcgan-digits", "--truncation", "0"], "the truncation is 0.0; pass a positive number, such as 0.5"),
        (["sample", "dcgan-digits", "--truncation", "-0.5"], "the truncation is -0.5; pass a positive number"),
        (["sample", "dcgan-digits", "--truncation", "much"], "--truncation"),
        (
            ["sample", "dcgan-digits", "--truncation-rule", "clamp"],
            "the rule clamp truncates nothing; pass --truncation",
        ),
        (["sample", "dcgan-digits", "--truncation", "1", "--truncation-rule", "clip"], "invalid choice 'clip'"),
        (["sample", "digits-classifier", "--truncation", "0.5"], "Classifier has no latents to truncate; leave the"),
        (
            ["sample", "projection-digits", "--truncation", "0.5", "--label", "10"],
            "label '10' is no class; pass a number",
        ),
        # Conditions of the wrong kind, or none.
        (["train", "faces-regressor", "--data", "faces-by-hair"], "no factors, which a regressor reads"),
        (["train", "faces-regressor", "--data", "faces-captions"], "come with tokens; pass data whose y is factors"),
        ([*FEW, "digits"], "needs unlabelled data of the labelled data's shape; pass data with few labels"),
        ([*FEW, "few-labels:faces,100"], "the data has no classes, of which few labels could be kept"),
        # Too many labels, and other wrong numbers of them.
        ([*FEW, "few-labels:digits,20000"], "class '0' has 1001 samples, but 2000 labels of each class were asked for"),
        ([*FEW, "few-labels:digits,102"], "102 labels for 10 classes; pass a positive multiple of 10"),
        ([*FEW, "few-labels:digits,0"], "0 labels for 10 classes; pass a positive multiple of 10"),
        ([*FEW, "few-labels:digits"], "names no labels; write few-labels:NAME,LABELS or NAME,LABELS,DRAW"),
        ([*FEW, "few-labels:digits,many"], "names no labels; write few-labels:NAME,LABELS or NAME,LABELS,DRAW"),
        ([*FEW, "few-labels:rings,100"], "data set 'rings' not found; did you mean 'ring'"),
        # Batches without groups, which the first step finds.
        ([*PROGAN, "--batch-size", "6"], "a batch of 6 has no groups of 4; pass a batch_size that 4 divides"),
        ([*PROGAN, "--group", "3", "--batch-size", "8"], "a batch of 8 has no groups of 3"),
        ([*PROGAN, "--group", "1"], "groups of 1; the samples of a group are compared, so pass at least 2"),
        (
            ["train", "dcgan-faces", "--minibatch-std", "--batch-size", "6", "--width", "4"],
            "a batch of 6 has no groups of 4; pass a batch_size that 4 divides",
        ),
        # Resolutions that are no power of two, or too many levels.
        ([*PROGAN, "--data", "stacked-digits"], "images: 28 × 28; ProGAN doubles 4 × 4, so pass 4, 8, 16, 32, …"),
        ([*PROGAN, "--wide-to", "12"], "wide_to: 12 × 12; ProGAN doubles 4 × 4"),
        ([*PROGAN, "--wide-to", "64"], "wide_to is 64, but the images are 32 × 32; pass at most 32"),
        (["train", "lapgan-faces", "--data", "ring"], "LAPGAN makes square images, not points of 2 numbers"),
        (["train", "lapgan-faces", "--n-levels", "0"], "n_levels is 0; expected at least 1"),
        (["train", "lapgan-faces", "--n-levels", "9"], "after 6 there is one pixel left; pass at most 6"),
        (["train", "lapgan-faces", "--group", "4"], "--group"),
        # Settings of growing.
        ([*PROGAN, "--remedies", "growing:fade-kimg=-1"], "fade_kimg is -1.0; expected a finite number ≥ 0"),
        ([*PROGAN, "--remedies", "growing:stable-kimg=nan"], "stable_kimg is nan; expected a finite number ≥ 0"),
        ([*PROGAN, "--remedies", "growing", "growing"], "the game is a Growing already"),
        (["train", "dcgan-faces", "--remedies", "growing"], "Discriminator has no resolution and alpha, so it doesn't"),
        ([*PROGAN, "--group", "-4"], "group is -4; expected at least 1"),
        (["train", "lapgan-faces", "--n-levels", "6"], "pass a smaller n_levels"),
        # Faces.
        (["train", "dcgan-faces", "--data", "faces-correlated:2"], "can't be opened; write faces-correlated"),
        (["train", "dcgan-faces", "--data", "faces-by-hairs"], "not found; did you mean 'faces-by-hair'"),
        (["train", "dcgan-faces", "--data", "faces-by-hair:mohawk"], "can't be opened; write faces-by-hair"),
    ],
)
def test_a_mistake_costs_one_line_that_says_what_to_do(arguments, message, tmp_path, monkeypatch, fails):
    monkeypatch.chdir(tmp_path)
    assert message in fails(*arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there_before", [False, True], ids=["new", "in a folder of mine"])
def test_a_first_step_that_is_refused_takes_its_own_files_away_and_no_others(there_before, tmp_path, fails):
    folder = tmp_path / "deep" / "run"
    if there_before:
        folder.mkdir(parents=True)
        (folder / "notes.txt").write_text("mine")
    assert "no groups of 4" in fails(*PROGAN, "--fast", "--batch-size", "6", "--out", folder)
    assert [path.name for path in tmp_path.rglob("*.*")] == (["notes.txt"] if there_before else [])
    assert (tmp_path / "deep").exists() == there_before


def test_a_refusal_after_the_first_step_keeps_the_run(tmp_path, monkeypatch, ring, fails):
    folder, before = tmp_path / "run", Trainer.until

    def until(trainer, steps):
        """Two steps, and then a mistake."""
        yield from before(trainer, 2)
        raise ValueError("the third step is refused; look at the data")

    monkeypatch.setattr(Trainer, "until", until)
    assert "the third step is refused" in fails(*ring, "--out", folder)
    assert (folder / "recipe.json").exists()
    assert (folder / "checkpoint.safetensors").exists()


def test_checking_blank_exercises_prints_the_table_and_fails(tmp_path, capsys):
    (tmp_path / "09_dcgan.ipynb").write_text(checkout.text("exercises/09_dcgan.ipynb"), "utf-8")
    with pytest.raises(SystemExit) as stop:
        cli.main(["check", str(tmp_path)])
    said = capsys.readouterr()
    assert stop.value.code == 1
    assert "0 of 5 exercises passed" in said.out
    assert "gancourse:" not in said.err
