"""`%chat`: one word at a time."""

import pytest

from nbchat.testing import Say, Status


@pytest.fixture
def run(load):
    """Runs a line in a kernel whose default session talks to the server."""
    return load()


def shown(result):
    return "\n".join(
        o["data"].get("text/markdown") or o["data"].get("text/plain", "") for o in result.outputs if "data" in o
    )


def test_ask_continues_the_conversation_and_gives_the_reply(run, server):
    server.add(Say("First."), Say("Second."))
    assert shown(run("%chat ask one")).startswith("First.")
    assert run("reply = %chat ask two\nprint(reply.text)").stdout == "Second.\n"
    assert [m["content"] for m in server.requests[-1].json["messages"]] == ["one", "First.", "two"]


def test_status_names_server_model_settings_and_session(run, server):
    run("%chat set temperature=0.5")
    text = shown(run("%chat"))
    for word in (server.base_url.removesuffix("/v1"), "scripted-1", "-t 0.5", "default, 0 turns"):
        assert word in text


def test_set_and_unset(run, server):
    assert shown(run("%chat set temperature=0.2 top_p=0.9")) == "-t 0.2 --top-p 0.9"
    assert shown(run("%chat set top_p=none")) == "-t 0.2"
    run("%%chat\nHello")
    assert server.requests[-1].json["temperature"] == 0.2
    assert "top_p" not in server.requests[-1].json


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('%chat set "', "Can't read this line: the quote at '\"' is not closed."),
        ("%chat histroy", "Unknown command 'histroy'. Did you mean history?"),
        ("%chat reset", "Unknown command 'reset'. Did you mean %chat clear?"),
        ("%chat cost", "Unknown command 'cost'. Did you mean %chat usage?"),
        ("%chat set temperatur=1", "There is no parameter temperatur. Did you mean temperature?"),
        ("%chat set temperature", "NAME=VALUE, such as temperature=0.2 or top_p=none; got 'temperature'."),
        ("%chat temperature 0.3", "Unknown command 'temperature'. Did you mean %chat set temperature=…?"),
        ("%chat -t 0.3 Hello", "Options go on a %%chat line, with the message below it; %chat set keeps them"),
        ("%chat clear 3", "%chat clear takes no argument; got '3'."),
        ("%chat undo two", "%chat undo takes a number of turns; got 'two'."),
        ("%chat key sk-live-0123456789", "Never type a key into a cell"),
        ("%chat connect opnai", "There is no endpoint 'opnai'. Did you mean openai?"),
        (
            "%chat switch nowhere",
            "There is no session 'nowhere'. %chat sessions lists them; %%chat --session nowhere starts a new one.",
        ),
        ("%chat export talk.txt", "A conversation is exported as .md, .json, .jsonl or .ipynb; got .txt."),
        ("%chat import missing.json", "missing.json can't be read: No such file or directory."),
        ("%chat retry", "There is no turn yet to ask again."),
        ("%chat help nonsense", "There is no help for 'nonsense'."),
    ],
)
def test_a_bad_line_fails_in_one_line(run, server, line, words):
    result = run(line)
    assert result.status == "error"
    assert words in result.error.value
    assert server.requests == []


def test_history_undo_retry_clear(run, server):
    server.add(Say("One."), Say("Two."), Say("Two again."))
    run("%chat ask first")
    run("%chat ask second")
    run("%chat retry -t 1")
    assert server.requests[-1].json["temperature"] == 1
    text = shown(run("%chat history"))
    assert "Two again." in text
    assert "Two.\n" not in text
    assert "undid 1 turn; 1 left" in shown(run("%chat undo"))
    assert "cleared 1 turn" in shown(run("%chat clear"))
    assert "no turns yet" in shown(run("%chat history"))


def test_fork_switch_sessions(run, server):
    run("%chat ask first")
    assert "now in session other, 1 turn" in shown(run("%chat fork other"))
    run("%chat ask only here")
    assert "now in session default, 1 turn" in shown(run("%chat switch default"))
    text = shown(run("%chat sessions"))
    assert "default" in text
    assert "other" in text


def test_system_text(run, server):
    run('%chat system "You are terse."')
    run("%%chat\nHello")
    assert server.requests[-1].json["messages"][0] == {"role": "system", "content": "You are terse."}
    assert shown(run("%chat system none")) == "no system text"


def test_models_and_connect(run, server):
    server.models = ["alpha", "beta-large"]
    assert "beta-large" in shown(run("%chat models beta"))
    assert "alpha" not in shown(run("%chat models beta"))
    bare = server.base_url.removesuffix("/v1")
    server.models = ["only-one"]
    text = shown(run(f"%chat connect {bare} --model only-one"))
    assert "connected to" in text
    assert "only-one" in text
    run("%%chat\nHello")
    assert server.requests[-1].json["model"] == "only-one"


def test_usage_is_counted_by_model(run, server):
    server.add(Say("a", usage=(10, 5)), Say("b", usage=(20, 7)))
    run("%chat ask one")
    run("%chat ask two")
    assert "30 → 12 tokens" in shown(run("%chat usage"))


def test_a_conversation_comes_back_from_its_file(run, server, kernel):
    server.add(Say("Kept."))
    run("%chat ask keep this")
    for name in ("talk.json", "talk.md", "talk.ipynb"):
        assert f"to {name}" in shown(run(f"%chat export {name}"))
    run("%chat clear")
    assert "1 turn" in shown(run("%chat import talk.json"))
    assert "Kept." in shown(run("%chat history"))
    assert run("import nbformat; nbformat.validate(nbformat.read('talk.ipynb', 4)); print('valid')").stdout == "valid\n"


def test_what_is_imported_takes_no_live_session_s_place(run, server):
    run("%chat ask one")
    run("%chat export talk.json")
    run("%chat ask two")
    assert "now in session default-2, 1 turn" in shown(run("%chat import talk.json"))
    assert "now in session default, 2 turns" in shown(run("%chat switch default"))


def test_a_key_is_asked_for_without_echo_and_shown_nowhere(run, server):
    result = run("%chat key", answers=["sk-live-secret-0123456789"])
    assert result.status == "ok"
    server.add(Status(401, "key sk-live-secret-0123456789 is wrong"))
    failed = run("%%chat\nHello")
    assert server.requests[-1].headers["authorization"] == "Bearer sk-live-secret-0123456789"
    assert "sk-live-secret" not in str([result.messages, failed.messages, failed.error, run("%chat").messages])


def test_help_is_there_for_all_and_for_one(run):
    assert "--temperature" in shown(run("%chat help"))
    assert "higher is more random" in shown(run("%chat help temperature"))
    assert "%chat undo [N]" in shown(run("%chat help undo"))


def test_a_question_mark_at_the_end_reaches_the_model(run, server):
    """Python's help has the same mark, and does not get it."""
    server.add(Say("A sequence."), Say("Because."))
    assert "A sequence." in shown(run("%chat ask What is a list?"))
    assert run("r = %chat ask Why?\nprint(r.text)").stdout == "Because.\n"
    assert [request.json["messages"][-1]["content"] for request in server.requests] == ["What is a list?", "Why?"]


@pytest.mark.parametrize("line", ["%chat --help", "%chat ?", "%chat -h"])
def test_help_by_other_words(run, line):
    assert "undo" in shown(run(line)) or "undo" in str(run(line).outputs)


def test_help_on_a_word_by_a_question_mark(run):
    assert "%chat undo [N]" in str(run("%chat undo?").outputs)


@pytest.mark.parametrize("line", [r'%chat set stop="\n"', r"%chat set --stop '\n'", r"%chat set stop='\n'"])
def test_stop_means_the_same_everywhere(run, server, line):
    run(line)
    server.add(Say("Hi."))
    run("%%chat\nHello")
    run("%%chat --stop '\\n' --once\nHello")
    assert [request.json["stop"] for request in server.requests] == [["\n"], ["\n"]]


def test_a_setting_may_be_named_by_its_beginning(run):
    assert "Did you mean temperature?" in run("%chat set temp=1").error.value


def test_a_path_may_begin_at_home(run, server):
    server.add(Say("Hi."))
    run("%%chat\nHello")
    run("import pathlib; home = pathlib.Path.home()")
    assert run("%chat export ~/talk.json").status == "ok"
    assert run("print((home / 'talk.json').exists())").stdout == "True\n"
    assert run("%chat import ~/talk.json").status == "ok"
    assert run("from nbchat import Session\nprint(len(Session.load('~/talk.json').turns))").stdout == "1\n"


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_a_cell_with_other_line_ends_is_the_same_message(run, server, end):
    server.add(Say("Hi."))
    run(f"%%chat --once{end if end != chr(13) else chr(10)}one{end}two{end}")
    assert server.requests[-1].json["messages"][-1]["content"] == "one\ntwo"


def test_a_cell_that_ends_in_private_shows_no_rows(run):
    """The frame is given back, and shown wherever else it is the cell's value."""
    run("import nbchat, pandas as pd\ndf = pd.DataFrame({'email': ['zelda@mail.example']})")
    for cell in ("nbchat.private(df, 'email')", "x = 1\nnbchat.private(df, 'email')  # marked"):
        result = run(cell)
        assert result.status == "ok"
        assert result.outputs == []
    for cell in ("df", "nbchat.private(df, 'email')\ndf", "nbchat.private(df, 'email').head()", "df"):
        assert "zelda" in str(run(cell).outputs)
    assert run("print(nbchat.private(df, 'email') is df)").stdout == "True\n"
