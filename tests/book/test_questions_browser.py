"""Questions and predictions on a built page in a browser: by keyboard, in both themes, on paper, without scripts."""

from __future__ import annotations

from pathlib import Path

import check
import pytest

from tests.book import small_book
from tests.book.page_browser import faults, on_paper, open_page, without_scripts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(check.browser_paths() is None, reason="no chromium with chromedriver"),
]

QUESTIONS = r"""## Questions

```{question} Whose weights change in $G$'s turn?
:name: whose-turn

- [x] Those of $G$ alone
  Only $G$'s optimiser takes a step.
- [ ] Those of $G$ and $D$
  The gradient $\nabla_x D(x)$ passes through $D$, but no optimiser of $D$ takes a step.
```

:::{question} Which of these does `detach` do?
:name: detach-does

Think of what {cite:t}`goodfellow2014` say.

- [x] It stops gradients
  Yes.
- [x] It keeps values
  Yes.
- [ ] It copies data
  It shares memory.
:::

```{predict} What is printed?
:name: sum

- [ ] 1
- [x] 2
  Because $1 + 1 = 2$.
```
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built page with two questions, and a prediction of the second of two printouts."""
    cells = [
        "# Sample",
        small_book.code("print(0)", small_book.printed("0\n")),
        QUESTIONS,
        small_book.code("x = 1"),
        small_book.code("print(x + 1)", small_book.printed("2\n")),
    ]
    html, problems = small_book.build(small_book.write(tmp_path_factory.mktemp("questions"), cells))
    assert problems == []
    return html / f"{small_book.CHAPTER}.html"


@pytest.fixture
def driver(browser, page: Path):
    """The browser with the page just opened, whose console must stay empty."""
    browser.get_log("browser")
    open_page(browser, page)
    yield browser
    assert check.console_errors(browser) == []


def find(driver, selector: str):
    return driver.find_element("css selector", selector)


def all_of(driver, selector: str) -> list:
    return driver.find_elements("css selector", selector)


def keys(driver, *pressed: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*pressed).perform()


def visible_texts(driver, selector: str) -> list[str]:
    return [element.text for element in all_of(driver, selector) if element.is_displayed()]


def status(driver, name: str) -> str:
    return find(driver, f"#{name} [role=status]").text


def click(driver, selector: str) -> None:
    driver.execute_script("arguments[0].click()", find(driver, selector))


def test_a_question_is_answered_by_keyboard_alone(driver):
    from selenium.webdriver.common.keys import Keys

    driver.execute_script("document.querySelector('#whose-turn input').focus()")
    keys(driver, Keys.ARROW_DOWN, Keys.TAB)
    assert driver.execute_script("return document.activeElement.textContent") == "Check"
    keys(driver, Keys.ENTER)
    assert status(driver, "whose-turn") == "Not right. The right answer is A."
    reasons = visible_texts(driver, "#whose-turn .question-copy")
    assert [text.split()[0] for text in reasons] == ["Right.", "Wrong."]
    assert "Only" in reasons[0]
    # The equations of the copy are drawn, in the size of the others.
    sizes = driver.execute_script(
        "return [...document.querySelectorAll('#whose-turn mjx-container')].filter((e) => e.offsetHeight)"
        ".map((e) => getComputedStyle(e).fontSize)"
    )
    assert len(sizes) >= 5
    keys(driver, Keys.ENTER)
    assert visible_texts(driver, "#whose-turn .question-copy") == []
    assert driver.execute_script("return document.activeElement.name") == "whose-turn"


def test_focus_is_visible(driver):
    from selenium.webdriver.common.keys import Keys

    driver.execute_script("document.querySelector('#whose-turn input').focus()")
    outline = "return getComputedStyle(document.querySelector('#whose-turn label')).outlineStyle"
    assert driver.execute_script(outline) == "solid"
    keys(driver, Keys.TAB)
    assert driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_without_a_choice_the_reader_is_asked_for_one(driver):
    click(driver, "#whose-turn .question-button")
    assert status(driver, "whose-turn") == "Choose an answer first."
    assert visible_texts(driver, "#whose-turn .question-copy") == []


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ([0, 1], "Right."),
        ([0], "Partly right: 1 of 2. The right answers are A and B."),
        ([0, 1, 2], "Partly right: 2 of 2, and 1 wrong. The right answers are A and B."),
        ([2], "Not right. The right answers are A and B."),
    ],
)
def test_with_several_right_answers_all_of_them_and_no_other_are_right(driver, chosen: list[int], said: str):
    for position in chosen:
        click(driver, f"#detach-does li:nth-child({position + 1}) input")
    click(driver, "#detach-does .question-button")
    assert status(driver, "detach-does") == said


def test_a_prediction_covers_the_next_output_and_no_other_until_it_is_made(driver):
    assert visible_texts(driver, ".cell_output pre") == ["0"]
    click(driver, "#sum li:nth-child(1) input")
    click(driver, "#sum .question-button")
    assert status(driver, "sum") == "Not right. The right answer is B. The output below is shown."
    assert visible_texts(driver, ".cell_output pre") == ["0", "2"]


def test_a_covered_output_is_shown_on_demand(driver):
    click(driver, ".question-cover button:last-child")
    assert visible_texts(driver, ".cell_output pre") == ["0", "2"]
    assert "cell_output" in driver.execute_script("return document.activeElement.className")


def test_a_link_into_a_covered_output_uncovers_it(browser, page: Path):
    open_page(browser, page, query="#sum-output")
    assert visible_texts(browser, ".cell_output pre") == ["0", "2"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_fault_before_and_after_the_answers(browser, page: Path, theme: str):
    pytest.importorskip("axe_core_python")
    open_page(browser, page, theme=theme)
    assert faults(browser, "fieldset.question") == []
    assert faults(browser, ".predicted") == []
    for name, position in (("whose-turn", 2), ("detach-does", 3), ("sum", 1)):
        click(browser, f"#{name} li:nth-child({position}) input")
        click(browser, f"#{name} .question-button")
    assert faults(browser, "fieldset.question") == []


def test_axe_would_find_a_fault(browser, page: Path):
    pytest.importorskip("axe_core_python")
    open_page(browser, page)
    browser.execute_script(
        "document.querySelector('.question-status').textContent = 'pale';"
        "document.querySelector('.question-status').style.color = '#ccc'"
    )
    assert [fault.split(":")[0] for fault in faults(browser, "#whose-turn")] == ["color-contrast"]


def test_without_scripts_the_answers_unfold(browser, page: Path):
    with without_scripts(browser):
        browser.get(page.as_uri())
        assert visible_texts(browser, ".cell_output pre") == ["0", "2"]
        assert visible_texts(browser, "fieldset input") == []
        assert visible_texts(browser, ".question-button") == []
        answers = find(browser, "#whose-turn details")
        assert answers.is_displayed()
        assert answers.get_attribute("open") is None
        find(browser, "#whose-turn summary").click()
        assert answers.get_attribute("open")
        assert "Only" in find(browser, "#whose-turn .question-answers li").text
    browser.get("about:blank")


def test_on_paper_options_come_first_and_then_answers_with_reasons(driver):
    click(driver, "#whose-turn li:nth-child(2) input")
    click(driver, "#whose-turn .question-button")
    with on_paper(driver):
        text = driver.execute_script("return document.querySelector('#whose-turn').innerText")
        assert text.index("alone") < text.index("Answers") < text.index("Right.") < text.index("Wrong.")
        assert text.count("Right.") == 1
        assert "your answer" not in text
        assert visible_texts(driver, ".question-button") == []
        assert visible_texts(driver, ".cell_output pre") == ["0", "2"]
        height = "return document.querySelector('#whose-turn details li').getBoundingClientRect().height"
        assert driver.execute_script(height) > 10


def test_a_prediction_before_no_output_is_a_warning(tmp_path: Path):
    cells = ["# Sample", small_book.code("print(0)", small_book.printed("0\n")), QUESTIONS]
    _, problems = small_book.build(small_book.write(tmp_path, cells))
    assert len(problems) == 1
    assert "no output follows this prediction; put it before a code cell that prints" in problems[0]


def test_a_question_that_cannot_be_read_is_an_error_with_its_line(tmp_path: Path):
    cells = ["# Sample\n\n```{question} What?\n- [ ] a\n  b\n- [ ] c\n  d\n```"]
    _, problems = small_book.build(small_book.write(tmp_path, cells))
    assert len(problems) == 1
    assert "question 'What?' has no right option" in problems[0]
