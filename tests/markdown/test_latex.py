r"""nbconvert's LaTeX: a model's text never becomes a command that reads a file, writes one or defines another command.

Pandoc, which nbconvert uses, takes TeX in Markdown as TeX wherever it is not code: so no backslash may be left outside of
code and formulas, and in formulas only commands that typeset.
"""

import re
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nbchat.markdown.render import render
from tests.markdown.readers import remove_math
from tests.markdown.test_render import PIECES

COMMANDS = [
    r"\input{/etc/passwd}", r"\input /etc/passwd ", r"\include{x}", r"\openin5=x", r"\openout5=x", r"\read5 to\x", r"\write18{ls}",
    r"\immediate\write18{ls}", r"\csname input\endcsname{x}", r"\def\x{\input}", r"\let\x\input", r"\catcode`\@=0 @input{x}",
    r"\usepackage{shellesc}", r"\lstinputlisting{x}", r"\verbatiminput{x}", r"\includegraphics{x}", r"\directlua{x}", r"\InputIfFileExists{x}{}{}",
    r"^^5cinput{x}", r"\@@input x", r"\newcommand{\x}{\input}", r"\pdffiledump 1", r"\ShellEscape{ls}", r"\expandafter\input{x}", r"\ inp\input{x}",
    r"\end{verbatim}\input{x}", r"\end {verbatim}", r"\begin{document}", r"\begin{filecontents}{x}y\end{filecontents}", r"\begin{filecontents*}[force]{x}y\end{filecontents*}", r"\begin {filecontents}{x}", r"\end{document}", r"\documentclass{x}", "\\in\nput{x}", r"\\input{x}",
]  # fmt: skip
FORBIDDEN = re.compile(
    r"\\(?:[@A-Za-z]*(?:input|include|import|openin|openout|write|csname|ShellEscape|lua|usepackage|documentclass|listing)"
    r"|read|def|let|catcode|newcommand|expandafter|pdf|immediate|InputIf|(?:begin|end)\s*\{(?:document|verbatim|filecontents))|\^\^"
)
_PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
texts = st.lists(st.sampled_from([*COMMANDS, *COMMANDS, *PIECES]), max_size=25).map("".join)


def tex_of(markdown):
    """What a reader of the emitted Markdown may take for TeX: all but code, whose own rule is not to end verbatim."""
    for token in _PARSER.parse(markdown):
        if token.type == "inline":
            yield re.sub("`[^`\n]*`", "", token.content)
        elif token.type in ("fence", "code_block"):
            yield from re.findall(r"\\end\s*\{verbatim", token.content)
        else:
            yield token.content


@given(texts)
def test_no_command_that_reads_or_defines_is_left(text):
    shown = render(text)
    assert FORBIDDEN.search("\n".join(tex_of(shown))) is None
    assert not any(FORBIDDEN.search(formula) for formula in remove_math(shown)[1] if "`" not in formula)


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "a {} b",
        "# {}",
        "> {}",
        "- {}",
        "| {} |\n|---|",
        "${}$",
        "$$\n{}\n$$",
        "`{}`",
        "```\n{}\n```",
        "[{}](http://a.b)",
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_inert_in_each_place(form, command):
    assert FORBIDDEN.search("\n".join(tex_of(render(form.replace("{}", command))))) is None


def test_the_commands_are_live_when_nothing_is_done():
    """The control."""
    assert all(
        FORBIDDEN.search("\n".join(tex_of(command)))
        for command in COMMANDS
        if "\n" not in command and "@=" not in command
    )


@pytest.mark.skipif(shutil.which("pandoc") is None, reason="nbconvert's LaTeX needs pandoc")
def test_what_pandoc_makes_of_it_reads_nothing():
    from nbconvert.filters import markdown2latex

    for command in COMMANDS:
        assert FORBIDDEN.search(markdown2latex(render(f"{command}\n\n${command}$"))) is None
