"""The line of a cell: every option read as it was written, every mistake named in one line."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from nbchat.cells.options import option_line, parse
from nbchat.cells.words import quoted, split
from nbchat.values.params import PARAMETERS, Params

LINES = st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs",)), max_size=60)


@example(["a b\\", "c d"])
@given(st.lists(st.text("ab \\'\"{}[](=", max_size=6) | LINES, max_size=6))
def test_quoted_words_are_restored(words):
    """`split` undoes `quoted`, whatever quotes, spaces, braces and backslashes a word holds."""
    assert split(" ".join(quoted(word) for word in words)) == words


@given(LINES)
def test_any_line_is_read_or_refused_in_one_line(line):
    """No line crashes; what is wrong is said in one line."""
    try:
        parse(line)
    except UsageError as error:
        assert "\n" not in str(error)
        assert len(str(error)) > 10


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a 'b c' \"d e\"", ["a", "b c", "d e"]),
        ('--logit-bias {"50256": -100, "1": 2} -t 1', ["--logit-bias", '{"50256": -100, "1": 2}', "-t", "1"]),
        ('--param x={"a": [1, "}"]}', ["--param", 'x={"a": [1, "}"]}']),
        (r"--stop '\n' C:\temp", ["--stop", r"\n", r"C:\temp"]),
        (r"'it\'s'", ["it's"]),
        ("cost $5 {x}", ["cost", "$5", "{x}"]),
        ("''", [""]),
        ("{never closed", ["{never", "closed"]),
        ("""df["a b"][df.n > 1].x 'c d'""", ["""df["a b"][df.n > 1].x""", "c d"]),
        ("""df.query('n > ")"') -t 1""", ["""df.query('n > ")"')""", "-t", "1"]),
        ("f(never closed", ["f(never", "closed"]),
    ],
)
def test_words(line, words):
    assert split(line) == words


@pytest.mark.parametrize(
    ("line", "params"),
    [
        ("-t 0.5 -m gpt-4o", {"temperature": 0.5, "model": "gpt-4o"}),
        ("--temperature=0 --top-p 1", {"temperature": 0, "top_p": 1}),
        ("--presence-penalty -1.5", {"presence_penalty": -1.5}),
        (r"--stop '\n\n' --stop END", {"stop": ("\n\n", "END")}),
        ("--logit-bias 5=3 --logit-bias 6=-2", {"logit_bias": {"5": 3, "6": -2}}),
        ('--logit-bias {"7": 1}', {"logit_bias": {"7": 1}}),
        ("--no-stream", {"stream": False}),
        ("--logprobs --top-logprobs 3", {"logprobs": True, "top_logprobs": 3}),
        ("--top-p none", {"top_p": None}),
        ("--reasoning-effort none", {"reasoning_effort": "none"}),
        ("--tool-choice auto", {"tool_choice": "auto"}),
        ("--param top_k=40 --param mode=fast", {"extra": {"top_k": 40, "mode": "fast"}}),
        ("--param temperature=0.3", {"temperature": 0.3}),
        ('--response-format {"type": "json_object"}', {"response_format": {"type": "json_object"}}),
    ],
)
def test_parameters(line, params):
    assert dict(parse(line).params) == params


def test_several_values_are_an_axis():
    options = parse("-t 0,0.5,1 -m a,b --repeat 3")
    assert options.axes == {"temperature": (0, 0.5, 1), "model": ("a", "b")}
    assert options.get("repeat") == 3


@pytest.mark.parametrize("line", ["<< answer", "<<answer", "--into answer", "-t 1 << answer"])
def test_a_name_for_the_reply(line):
    assert parse(line).get("into") == "answer"


def settings():
    """Any parameters that are set, as the table allows."""
    number = st.floats(-2, 2, allow_nan=False).map(lambda value: round(value, 3))
    text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
        lambda t: bool(t.strip())
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "model": text.filter(lambda t: "," not in t and t.lower().strip() != "none" and not t.startswith("-")),
            "temperature": number.map(abs),
            "presence_penalty": number,
            "n": st.integers(1, 9),
            "stop": st.lists(text | st.just("\n\\n\t"), min_size=1, max_size=4).map(tuple),
            "logit_bias": st.dictionaries(
                st.integers(0, 99999).map(str), st.integers(-100, 100), min_size=1, max_size=3
            ),
            "seed": st.integers(-(2**40), 2**40),
            "logprobs": st.booleans(),
            "stream": st.booleans(),
            "reasoning_effort": st.sampled_from(PARAMETERS["reasoning_effort"].choices),
        },
    )


@example({"stop": ("--param", "-t"), "user": "--model"})
@given(settings())
def test_a_line_made_of_parameters_means_them(given):
    """What `option_line` writes, `parse` reads back: the panel's line sends the panel's body."""
    params = Params(**given)
    options = parse(option_line(dict(params.items())))
    assert Params().replace(**options.params) == params


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--temp 0.5", "There is no option --temp. Did you mean --temperature?"),
        ("--max 5", "There is no option --max. Did you mean --max-tokens?"),
        ("--freq 5", "Did you mean --frequency-penalty?"),
        ("--Temperature 1", "Did you mean --temperature?"),
        ("--temperatur 1", "Did you mean --temperature?"),
        ("-t0.2", "There is no option -t0.2. Did you mean -t 0.2?"),
        ("-temp 1", "There is no option -temp. Did you mean --temperature?"),
        ("temperature=0.2", "got 'temperature=0.2'. Did you mean --temperature=0.2?"),
        ("max-tokens=20", "Did you mean --max-tokens=20?"),
        ("--topp 0.3", "Did you mean --top-p?"),
        ("-n 3", "There is no option -n. Did you mean --n?"),
        ("-f code", "There is no option -f. %chat help lists them."),
        ("--xyz", "There is no option --xyz. %chat help lists them."),
        ("--json", "There is no option --json. Did you mean --schema, such as"),
        ("--as answer", "Put << NAME at the end of the line"),
        ("--no_history", "Did you mean --once"),
        ("--api-key=sk-live-0f1e2d3c4b5a", "A key does not belong in a cell: %chat key asks for it"),
        ("--stream false", "got 'false'. Did you mean --stream=false?"),
        ("--system You are terse", 'Quote a value that has spaces: --system "You are …".'),
        ("--schema name: str", 'Quote a value that has spaces: --schema "name: str …".'),
        ("gpt-4o", "got 'gpt-4o'. Did you mean -m gpt-4o?"),
        ("-t 0.2 0.5", "got '0.5'. %chat help lists the options."),
        ("What is a mean?", "the message below it; got 'What'. %chat help lists the options."),
    ],
)
def test_an_unknown_option_is_reported_with_similar_ones(line, said):
    with pytest.raises(UsageError) as refused:
        parse(line)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "sk-live-0f1e2d3c4b5a",
        "--sk-live-0f1e2d3c4b5a",
        "-t sk-live-0f1e2d3c4b5a",
        "--param sk-live-0f1e2d3c4b5a",
        "--once=sk-live-0f1e2d3c4b5a",
    ],
)
def test_a_key_that_was_pasted_into_the_line_is_not_repeated(line):
    with pytest.raises(UsageError) as caught:
        parse(line)
    assert "0f1e2d3c4b5a" not in str(caught.value)
