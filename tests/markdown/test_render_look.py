"""Ordinary answers look the same with and without the renderer, in JupyterLab and in nbconvert's export."""

import re
from pathlib import Path

import pytest
from hypothesis import given

from nbchat.markdown.render import render
from tests.markdown.documents import documents
from tests.markdown.readers import dangers, lab_html, look, nbconvert_html, remove_math
from tests.strategies import scaled

CORPUS = Path(__file__).parent / "corpus"
CUT = "-----8<-----\n"
BRACKET = re.compile(r"(?<!\\)\\([()\[\]])")
QUOTE = re.compile("^> ?", re.MULTILINE)


def answers(*names):
    return [
        pytest.param(text, id=f"{name}-{number}")
        for name in names
        for number, text in enumerate((CORPUS / f"{name}.md").read_text().split(CUT))
    ]


def spaced(formula):
    """A formula as TeX reads it: without blanks and empty groups."""
    return re.sub(r"^\\\\[(\[]|\\\\[)\]]$|\$", "", "".join(formula.split()))


def unlinked(html):
    """What a reader sees but for links: the reader here makes none of bare addresses, JupyterLab does."""
    return look(re.sub("</?a[^>]*>", "", html))


@pytest.mark.parametrize("text", answers("prose", "code", "tables", "lists", "diagrams"))
def test_an_ordinary_answer_looks_the_same(text):
    shown = render(text)
    assert unlinked(lab_html(shown)) == unlinked(lab_html(text))
    assert set(dangers(nbconvert_html(shown))) <= {"<interface>"}  # nbconvert writes diagrams into its page as they are


@given(documents)
@scaled(2)
def test_any_harmless_document_looks_the_same(text):
    assert look(lab_html(render(text))) == look(lab_html(text))


@pytest.mark.parametrize("text", answers("maths"))
def test_formulas_stay_formulas(text):
    shown = render(text)
    formulas = remove_math(BRACKET.sub(r"\\\\\1", QUOTE.sub("", text)))[1]
    assert [spaced(one) for one in remove_math(shown)[1]] == [spaced(one) for one in formulas]


@pytest.mark.parametrize("text", answers("money"))
def test_money_is_shown_as_it_was_written(text):
    """What the page says is what the model wrote, but for the formulas, whose dollars MathJax takes away."""
    written = text.replace("\\$", "$").replace("&#36;", "$")
    page = "".join(part for part in look(lab_html(render(text))) if isinstance(part, str) and part[0] != "/")
    marks = str.maketrans("", "", "-|*` \n")
    assert page.translate(marks) == written.translate(marks)


@pytest.mark.parametrize("text", answers("diagrams"))
def test_a_diagram_shows_as_text_until_it_is_whole(text):
    body = text.rstrip("\n")
    assert "```mermaid" in render(body)
    for cut in range(body.index("mermaid") + 7, len(body) - 3):
        assert "mermaid" not in render(body[:cut])
