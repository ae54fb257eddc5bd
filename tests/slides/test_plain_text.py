"""MyST to plain Markdown."""

import pytest
from plain_text import plain, read_bibliography, strip_labels

from tests.slides.chapters import AUTHORS


def test_labels_of_equations_go_and_other_parentheses_stay():
    assert strip_labels("(sec-a)=\n$$ x $$ (eq-a)\n\nSo $x$ (see below)\n% note") == "$$ x $$\n\nSo $x$ (see below)\n"


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("{cite:t}`goodfellow2014`", "Goodfellow et al. (2014)"),
        ("{cite:p}`goodfellow2014,mao2017`", "(Goodfellow et al., 2014; Mao et al., 2017)"),
        ("{cite}`unknown1999`", "(unknown1999)"),
        ("{eq}`eq-value`", "the equation"),
        ("{numref}`fig-ring`", "the figure"),
        ("{numref}`Chapter %s <02_gan_game>` shows", "Chapter 2 shows"),
        ("{numref}`Chapters %s <02_gan_game>` and {numref}`%s <16_diffusion>`", "Chapters 2 and 16"),
        ("{numref}`02_gan_game`", "chapter 2"),
        ("{numref}`Figure %s <fig-ring>`", "the figure"),
        ("{prf:ref}`thm-optimal-d`", "the theorem"),
        ("{ref}`the proof <sec-proof>`", "the proof"),
        ("{doc}`03_optimal_discriminator`", "chapter 3"),
        ("{ref}`03_optimal_discriminator`", "chapter 3"),
        ("{prf:ref}`alg-gan`", "the algorithm"),
        ("{math}`x^2`", "$x^2$"),
        ("{func}`gancourse.objectives.r1`", "`gancourse.objectives.r1`"),
        ("[the loop](02_gan_game.ipynb)", "the loop"),
        ("[paper](https://arxiv.org/abs/1406.2661)", "[paper](https://arxiv.org/abs/1406.2661)"),
    ],
)
def test_a_role_becomes_readable_text(role, text):
    assert plain(f"a {role} b", AUTHORS) == f"a {text} b"


def test_code_is_left_as_it_is():
    text = "Write `{cite:t}` and\n\n```python\nx = 1  # [a](b)\n% not a comment\n```"
    assert plain(text) == text


def test_two_roles_and_code_in_one_line_stay_apart():
    assert plain("{eq}`eq-a` and `x` and {eq}`eq-b`") == "the equation and `x` and the equation"


def test_a_directive_becomes_a_bold_heading_and_its_body():
    assert plain("```{prf:theorem} Optimum\n:label: thm-a\n\n$D = p$\n```") == "**Theorem (Optimum).**\n\n$D = p$"
    assert plain(":::{admonition} Run this page\n:class: tip\nNow.\n:::") == "**Run this page.**\n\nNow."
    assert plain("```{math}\n:label: eq-a\nx = y\n```") == "$$\nx = y\n$$"
    assert plain("```{bibliography}\n```") == ""


def test_directives_inside_directives_are_opened_too():
    nested = "````{note}\nOuter.\n```{warning}\nInner {cite:t}`mao2017`.\n```\n````"
    assert plain(nested, AUTHORS) == "**Note.**\n\nOuter.\n\n**Warning.**\n\nInner Mao et al. (2017)."


def test_the_bibliography_gives_surnames_and_years(tmp_path):
    (tmp_path / "a.bib").write_text(
        "@article{one, author = {Adams, Ann}, year = 2001}\n"
        '@article{two,\n  author = "Bob {van Beek} and C{\\"o}r{\\\'e}, Cy", title={{T} year}, year={2002}}\n'
        "@article{three, author={A, X and B, Y and C, Z}, year={2003}}\n",
        encoding="utf-8",
    )
    authors = {"one": "Adams 2001", "two": "van Beek and Cöré 2002", "three": "A et al. 2003"}
    assert read_bibliography(tmp_path / "a.bib") == authors
    assert read_bibliography(tmp_path / "missing.bib") == {}
