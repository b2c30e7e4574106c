"""Ordinary answers look the same with and without the sanitiser, in JupyterLab and in nbconvert's export."""

from pathlib import Path

import pytest

from nbchat.markdown.sanitiser import sanitise
from tests.markdown.readers import dangers, lab_html, look, nbconvert_html, remove_math

CORPUS = Path(__file__).parent / "corpus"
CUT = "-----8<-----\n"


def answers(*names):
    return [
        pytest.param(text, id=f"{name}-{number}")
        for name in names
        for number, text in enumerate((CORPUS / f"{name}.md").read_text().split(CUT))
    ]


def spaced(formula):
    """A formula as TeX reads it: without blanks and empty groups."""
    return "".join(formula.split()).replace("{[}", "[")


@pytest.mark.parametrize("text", answers("prose", "code", "tables", "lists", "diagrams"))
def test_an_ordinary_answer_looks_the_same(text):
    shown = sanitise(text)
    assert look(lab_html(shown)) == look(lab_html(text))
    assert set(dangers(nbconvert_html(shown))) <= {"<interface>"}  # nbconvert writes diagrams into its page as they are


@pytest.mark.parametrize("text", answers("maths"))
def test_formulas_stay_formulas(text):
    shown = sanitise(text)
    assert [spaced(one) for one in remove_math(shown)[1]] == [spaced(one) for one in remove_math(text)[1]]
    assert look(lab_html(remove_math(shown)[0])) == look(lab_html(remove_math(text)[0]))


@pytest.mark.parametrize("text", answers("money"))
def test_money_is_shown_as_it_was_written(text):
    """What the page says is what the model wrote, but for the formulas, whose dollars MathJax takes away."""
    written = text.replace("\\$", "$").replace("&#36;", "$")
    page = "".join(part for part in look(lab_html(sanitise(text))) if isinstance(part, str) and part[0] != "/")
    marks = str.maketrans("", "", "-|*` \n")
    assert page.translate(marks) == written.translate(marks)


@pytest.mark.parametrize("text", answers("diagrams"))
def test_a_diagram_shows_as_text_until_it_is_whole(text):
    body = text.rstrip("\n")
    assert "```mermaid" in sanitise(body)
    for cut in range(body.index("mermaid") + 7, len(body) - 3):
        assert "mermaid" not in sanitise(body[:cut])
