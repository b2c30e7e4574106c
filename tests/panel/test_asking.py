"""The panel asks: in a thread, stopped at any moment, with the settings of the click and no others."""

import re
import threading

import pytest
from ipywidgets import HTML

from nbchat.conversation.session import Session
from nbchat.frontend import registry
from nbchat.panel.transcript import transcript_of
from nbchat.panel.worker import Worker
from nbchat.testing import Cut, Pause, Say, Status, Stream, Until, chunk, error, tool_call
from nbchat.values.answer.rating import Rating
from nbchat.values.params import Params
from tests.environment import PATIENCE
from tests.panel.panels import posts, tip, until, walk


def body(server, index=-1):
    return posts(server)[index].json


def test_send_streams_into_the_panel_and_keeps_the_turn(hand, session, server):
    server.add(Say("The *answer*.", usage=(7, 3)))
    here = hand(session)
    here.send("  What is it?\n")
    here.wait()
    assert "The *answer*." in here.replied()
    assert "7 → 3 tokens" in here.replied()
    assert [turn.message.text for turn in session.turns] == ["  What is it?\n"]
    assert here.labelled("Message").value == ""
    assert here.labelled("History").options[0].startswith("1  What is it?  →  The answer.")
    assert (here.labelled("Send").disabled, here.labelled("Stop").disabled) == (False, True)


def test_an_empty_message_sends_nothing(hand, session, server):
    here = hand(session)
    here.send(" \n")
    assert "The message is empty" in here.said()
    assert posts(server) == []


def test_a_message_is_asked_alone_at_a_click(hand, session, server):
    """It neither reads nor joins the history, so comparing two prompts takes one click."""
    here = hand(session)
    server.add(Say("first"), Say("alone"), Say("with both"))
    for text, label in (("One?", None), ("Two?", "with history"), ("Three?", "alone")):
        if label:
            here.click(label)
        here.send(text)
        here.wait()
    sent = [[message["content"] for message in request.json["messages"]] for request in posts(server)]
    assert sent == [["One?"], ["Two?"], ["One?", "first", "Three?"]]
    assert [turn.message.text for turn in session.turns] == ["One?", "Three?"]
    assert "alone" in "".join(page["text/plain"] for page in transcript_of(session).pages())


def test_an_empty_box_asks_the_last_message_again(hand, session, server):
    here = hand(session)
    here.send("Why?")
    here.wait()
    here.click("Send")
    here.wait()
    assert [request.json["messages"][-1]["content"] for request in posts(server)] == ["Why?", "Why?"]


def test_the_size_of_the_request_is_said_while_it_is_typed(hand, session, server):
    """History included; the model is not asked."""
    here = hand(session)
    server.add(Say("word " * 400))
    here.send("Why?")
    here.wait()
    asked = len(posts(server))
    size = int(re.search(r"~([\d,]+) tokens", here.type_message("And then?"))[1].replace(",", ""))
    assert 480 < size < 520
    here.click("with history")
    assert "~3 tokens" in here.type_message("And then? ")
    assert here.type_message(" ") == ""
    assert [request.path for request in posts(server)[asked:]] in ([], ["/tokenize", "/v1/tokenize"])


def test_the_tokenizer_of_a_server_on_this_machine_counts(hand):
    here = hand(Session())
    assert re.fullmatch(r"\d+ tokens", here.type_message("What is a list?"))


def test_the_size_goes_with_the_message_and_comes_back_with_the_same_one(hand, session):
    here = hand(session)
    size = here.type_message("Why?")
    here.send("Why?")
    here.wait()
    here.panel.sizing.wait(PATIENCE)
    assert here.panel.sizing.line.value == ""
    session.clear()
    assert here.type_message("Why?") == size != ""


def test_the_message_stays_if_keep_is_chosen(hand, session):
    here = hand(session)
    here.click("keep text")
    here.send("Why?")
    here.wait()
    assert here.labelled("Message").value == "Why?"


def test_stop_keeps_the_partial_answer_and_closes_the_connection(hand, session, server):
    gate = threading.Event()
    server.add(Stream([chunk("Half an"), Until(gate), chunk(" answer")]))
    here = hand(session)
    here.send("Go")
    until(lambda: "Half an" in here.replied())
    assert here.labelled("Send").disabled
    here.click("Stop")
    here.wait()
    assert session.turns[-1].reply.status == "interrupted"
    assert session.turns[-1].reply.text == "Half an"
    assert "The partial answer was kept; the Continue button resumes it." in here.said()
    server.add(Say("."))
    here.click("Continue")
    here.wait()
    assert session.turns[-1].reply.text == "Half an."
    assert len(session.turns) == 1


def test_what_was_said_of_an_answer_goes_with_it(hand, session, server):
    server.add(Status(404, {"error": {"message": "No such model."}}), Say("Fine."))
    here = hand(session)
    here.send("Go")
    here.wait()
    assert "No such model." in here.said()
    session.ask("from a cell")
    assert here.said() == ""


def test_stop_before_anything_came_gives_the_message_back(hand, session, server):
    server.add(Stream([Pause(30)]))
    here = hand(session)
    here.send("Go")
    until(lambda: posts(server))
    here.click("Stop")
    here.wait()
    assert session.turns == ()
    assert here.labelled("Message").value == "Go"


def test_changes_during_an_answer_apply_to_the_next_one(hand, session, server):
    """The running request was settled by the click; the history gets what was asked."""
    gate = threading.Event()
    server.add(Stream([Until(gate), chunk("x", finish="stop")]))
    here = hand(session)
    here.type("temperature", "0.5")
    here.send("one")
    here.type("temperature", "1.5")
    here.type("max_tokens", "7")
    here.labelled("System").value = "Be brief."
    gate.set()
    here.wait()
    assert body(server)["temperature"] == 0.5
    assert "max_tokens" not in body(server)
    assert [message["role"] for message in body(server)["messages"]] == ["user"]
    assert session.params == Params(model="gpt-test", temperature=1.5, max_tokens=7)
    here.send("two")
    here.wait()
    assert body(server)["max_tokens"] == 7


def test_a_message_sent_during_an_answer_waits_for_its_end(hand, session, server):
    """It stays in the box meanwhile, and the last one sent is meant; the other buttons do nothing."""
    gate = threading.Event()
    server.add(Stream([Until(gate), chunk("x", finish="stop")]))
    here = hand(session)
    here.send("one")
    here.send("too early")
    here.send("two")
    here.click("Retry")
    here.click("Undo")
    assert "will be sent when the answer is complete" in here.said()
    assert here.labelled("Message").value == "two"
    gate.set()
    until(lambda: len(session.turns) == 2)
    here.wait()
    assert [turn.message.text for turn in session.turns] == ["one", "two"]
    assert len(posts(server)) == 2
    assert [here.labelled("Message").value, here.said()] == ["", ""]


def _edit(here):
    here.labelled("Message").value = "two and a half"


def _type(here):
    here.type_message("two and")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda here: here.click("Stop"), "answer"),
        (_edit, "edited meanwhile, so it was not sent"),
        (_type, "edited meanwhile, so it was not sent"),
        (lambda here: here.panel.switch(Session(name="elsewhere")), ""),
        (lambda here: here.panel.close(), ""),
    ],
)
def test_a_waiting_message_is_not_sent_after_all(hand, session, server, change, says):
    """After Stop, an edit (also one that the box has not reported yet), in another session, without the panel."""
    gate = threading.Event()
    server.add(Stream([chunk("Half"), Until(gate), chunk("x", finish="stop")]))
    here = hand(session)
    here.send("one")
    until(lambda: "Half" in here.replied())
    here.send("two")
    change(here)
    gate.set()
    here.wait()
    assert says in here.said()
    assert here.labelled("Message").value.startswith("two")
    assert [turn.message.text for turn in session.turns] == ["one"]


def test_two_clicks_on_send_pay_once(hand, session, server):
    """Also if the text is kept in the box."""
    gate = threading.Event()
    server.add(Stream([Until(gate), chunk("x", finish="stop")]))
    here = hand(session)
    here.click("keep text")
    here.send("one")
    here.click("Send")
    gate.set()
    here.wait()
    assert [turn.message.text for turn in session.turns] == ["one"]
    assert here.labelled("Message").value == "one"


def test_a_failure_is_one_sentence_and_the_message_is_there_again(hand, session, server):
    server.add(Status(401, error("No such key sk-12345678901234567890")))
    here = hand(session)
    here.send("Go")
    here.wait()
    assert "key" in here.said()
    assert "nbchat-wrong" in next(w for w in walk(here.panel) if "nbchat-status" in w._dom_classes)._dom_classes
    assert here.labelled("Message").value == "Go"
    assert transcript_of(session).pages() == []


def test_a_refused_parameter_is_greyed_with_the_server_s_words(hand, session, server):
    """For this model at this server; another model is another matter. It can still be unset."""
    words = "Unsupported parameter: 'temperature' is not supported with this model."
    server.add(Status(400, error(words, param="temperature", code="unsupported_parameter")))
    here = hand(session)
    here.type("temperature", "0.5")
    here.send("Go")
    here.wait()
    assert here.labelled("temperature").disabled
    assert "not supported with this model" in tip(here.labelled("temperature"))
    assert here.box("temperature").placeholder == "refused"
    assert here.notes("temperature") == []  # a note would move the rows, and Send says it already
    assert "Leave it unset with the × beside it." in here.said()
    here.unset("temperature")
    assert session.params.temperature is None
    here.type("model", "another")
    assert not here.labelled("temperature").disabled
    assert here.box("temperature").placeholder == "not sent"


def test_what_the_server_silently_changed_is_shown_as_asked_and_answered(hand, session, server):
    server.add(Say("one", choices=1, model="gpt-other"))
    here = hand(session)
    here.type("n", "3")
    here.send("Go")
    here.wait()
    rows = [line.split() for line in here.replied().splitlines()]
    assert ["asked", "answered"] in rows
    assert ["n", "3", "1"] in rows
    assert ["model", "gpt-test", "gpt-other"] in rows


def test_retry_asks_the_chosen_turn_again_with_the_settings_of_now(hand, session, server):
    here = hand(session)
    for text in ("one", "two"):
        here.send(text)
        here.wait()
    here.labelled("History").index = 0
    here.type("temperature", "0.1")
    server.add(Say("anew"))
    here.click("Retry")
    here.wait()
    assert [turn.message.text for turn in session.turns] == ["one", "two"]
    assert session.turns[0].reply.text == "anew"
    assert session.turns[1].before_edit
    assert body(server)["temperature"] == 0.1
    assert len(body(server)["messages"]) == 1


def test_undo_takes_back_from_the_chosen_turn_on_and_gives_its_message_back(hand, session):
    here = hand(session)
    for text in ("one", "two", "three"):
        here.send(text)
        here.wait()
    here.labelled("History").index = 1
    here.click("Undo")
    assert [turn.message.text for turn in session.turns] == ["one"]
    assert here.labelled("Message").value == "two"
    here.click("Undo")
    assert session.turns == ()
    here.click("Undo")
    assert here.labelled("Undo").disabled


def test_the_chosen_turn_is_shown_and_its_settings_can_be_taken_over(hand, session, server):
    server.add(Say("first answer"), Say("second answer"))
    here = hand(session)
    here.type("temperature", "0.25")
    here.send("one")
    here.wait()
    here.unset("temperature")
    here.send("two")
    here.wait()
    here.labelled("History").index = 0
    assert "first answer" in here.replied()
    assert "second answer" not in here.replied()
    here.click("Use settings")
    assert session.params.temperature == 0.25


def test_fork_goes_on_in_a_session_of_its_own(hand, session):
    here = hand(session)
    for text in ("one", "two"):
        here.send(text)
        here.wait()
    here.labelled("History").index = 0
    here.click("Fork")
    branch = here.panel.session
    assert branch is not session
    assert [turn.message.text for turn in branch.turns] == ["one"]
    assert len(session.turns) == 2
    here.type("temperature", "1")
    assert session.params.temperature is None
    assert registry().open(branch.name) is branch


def test_a_panel_of_the_current_session_goes_along_when_another_becomes_current(hand):
    here = hand(None)
    before = registry().current
    try:
        branch = registry().fork()
        here.panel.refresh()
        assert here.panel.session is branch
        assert here.labelled("Session").value == branch.name
        here.labelled("Session").value = before.name
        assert registry().current is before
    finally:
        registry().switch(before.name)


def test_a_panel_opens_with_the_last_answer_of_its_session(hand, server, session):
    server.add(Say("One list."), Say("Another tuple."))
    session.ask("What is a list?", display=False)
    here = hand(session)
    assert "You: What is a list?" in here.replied()
    assert "One list." in here.replied()
    other = Session(name="other", base_url=session.base_url, model="gpt-test")
    other.ask("And a tuple?", display=False)
    here.panel.switch(other)
    assert "Another tuple." in here.replied()
    assert "One list." not in here.replied()


def test_an_answer_stays_with_the_session_it_was_asked_in(hand, session, server):
    """The panel switches to another session meanwhile: Stop still stops it, and nothing of it is painted there."""
    gate = threading.Event()
    server.add(Stream([chunk("Half an"), Until(gate), chunk(" answer")]))
    here = hand(session)
    here.send("Go")
    until(lambda: "Half an" in here.replied())
    other = Session(base_url=server.base_url, model="gpt-test", name="elsewhere")
    here.panel.switch(other)
    assert here.replied() == ""
    assert "still answering" in here.said()
    here.click("Stop")
    here.wait()
    assert posts(server)[-1].closed.wait(PATIENCE)
    assert (session.turns[-1].reply.text, session.turns[-1].reply.status) == ("Half an", "interrupted")
    assert other.turns == ()
    assert here.replied() == ""
    assert len(transcript_of(session).pages()) == 1
    here.send("And here?")
    here.wait()
    assert other.turns[-1].message.text == "And here?"


def test_stop_right_behind_send_stops(hand, session, server):
    """Before the session knows of a request, and before the server does."""
    server.default = Stream([Pause(30)])
    here = hand(session)
    for _ in range(20):
        here.send("Go")
        here.click("Stop")
        here.wait()
        assert session.turns == ()
        assert here.labelled("Message").value == "Go"


def test_stop_in_one_panel_leaves_the_other_panel_s_request(hand, session, server):
    """Both ask in the same session at the same time."""
    rest = threading.Event()
    server.add(Stream([chunk("Half"), Until(rest), chunk(" and half.", finish="stop")]))
    server.add(Stream([chunk("Never"), Until(threading.Event())]))
    here, there = hand(session), hand(session)
    here.send("One?")
    until(lambda: "Half" in here.replied())
    there.send("Two?")
    until(lambda: "Never" in there.replied())
    there.click("Stop")
    there.wait()
    rest.set()
    here.wait()
    replies = {turn.message.text: turn.reply for turn in session.turns}
    assert (replies["One?"].text, replies["One?"].status) == ("Half and half.", "complete")
    assert (replies["Two?"].text, replies["Two?"].status) == ("Never", "interrupted")


def test_returning_to_a_session_shows_each_turn_once(hand, session):
    class Pages(list):
        def show(self, bundle):
            self.append(bundle["text/plain"])
            return str(len(self) - 1)

        def update(self, output, bundle):
            self[int(output)] = bundle["text/plain"]

    here, pages = hand(session), Pages()
    here.panel.conversation.pin(pages)
    here.send("One?")
    here.wait()
    for _ in range(2):
        here.panel.switch(Session(name="other", base_url=session.base_url, model="gpt-test"))
        here.panel.switch(session)
    here.send("Two?")
    here.wait()
    assert ["".join(pages).count(f"> {text}") for text in ("One?", "Two?")] == [1, 1]


def test_answers_of_before_stay_as_versions_to_choose_and_compare(hand, session, server):
    here = hand(session)
    server.add(Say("the red car"), Say("the blue car"))
    here.send("Which?")
    here.wait()
    here.type("temperature", "0.7")
    here.click("Retry")
    here.wait()
    (turn,) = session.turns
    assert [(version.reply.text, version.params.temperature) for version in turn.versions] == [
        ("the red car", None),
        ("the blue car", 0.7),
    ]
    assert "the blue car" in here.replied()
    here.click("‹ 2/2")
    assert session.turns[0].reply.text == "the red car"
    assert "the red car" in here.replied()
    here.click("Compare")
    assert "red" in here.replied()
    assert "blue" in here.replied()
    assert "-t 0.7" in here.replied()
    here.click("›")
    assert session.messages[-1]["content"] == "the blue car"


def test_a_turn_says_with_which_settings_it_was_asked(hand, session):
    here = hand(session)
    here.type("temperature", "0.7")
    here.send("Why?")
    here.wait()
    assert "(scripted-1 · -t 0.7)" in here.labelled("History").options[0]
    assert "-t 0.7" in here.replied()


def test_only_an_answer_that_is_not_whole_can_be_continued(hand, session, server):
    here = hand(session)
    server.add(Say("whole"), Say("cut", finish="length"))
    here.send("One?")
    here.wait()
    assert here.labelled("Continue").disabled
    here.send("Two?")
    here.wait()
    assert not here.labelled("Continue").disabled
    here.labelled("History").index = 0
    assert here.labelled("Continue").disabled


def test_a_panel_that_is_closed_while_a_tool_asks_refuses_it(hand, session, server):
    ran = []
    session.tool(_named(ran))
    server.add(Say("", tool_calls=[tool_call("danger", {})]), Say("done"))
    here = hand(session)
    here.send("Go")
    until(here.asked)
    here.panel.close()
    here.wait()
    assert ran == []
    assert session.turns[-1].reply.text == "done"


def test_nothing_is_sent_while_something_typed_is_wrong(hand, session, server):
    """Whichever control has the error, and whichever button is pressed; once corrected, it is sent."""
    here = hand(session)
    here.send("one")
    here.wait()
    wrong = [
        (lambda: here.type("temperature", "9"), lambda: here.type("temperature", "1")),
        (lambda: setattr(here.labelled("Cell"), "value", "%%chat -t 99"), lambda: here.type("top_p", "0.5")),
        (
            lambda: setattr(here.labelled("Endpoint"), "value", "ftp://nonsense"),
            lambda: setattr(here.labelled("Endpoint"), "value", ""),
        ),
    ]
    for spoil, mend in wrong:
        spoil()
        for button in ("Retry", "Send", "Continue"):
            here.labelled("Message").value = "two"
            here.click(button)
            here.wait()
            assert "Nothing was sent." in here.said()
        assert len(posts(server)) == 1
        mend()
    here.send("two")
    here.wait()
    assert len(posts(server)) == 2
    assert session.turns[-1].message.text == "two"


def test_an_answer_that_is_continued_stands_there_whole(hand, session, server):
    server.add(Stream([chunk("Half an"), Cut()]), Say(" answer."))
    here = hand(session)
    here.send("Go")
    here.wait()
    here.click("Continue")
    here.wait()
    assert session.turns[-1].reply.text == "Half an answer."
    assert "Half an" in here.replied()
    assert "answer." in here.replied()


def test_late_token_ids_are_dropped(hand, session, server):
    """The user has moved on; until they come, nothing is sent without them."""
    late = threading.Event()
    here = hand(session)
    here.panel.controls["logit_bias"]._tokens = lambda _text: [late.wait(PATIENCE) and 7]
    here.type("logit_bias", '" word"=5')
    here.send("Go")
    assert "still being looked up" in here.said()
    assert posts(server) == []
    here.type("logit_bias", "3=1")
    late.set()
    here.send("Go")
    here.wait()
    assert body(server)["logit_bias"] == {"3": 1}
    until(lambda: not any(thread.name == "nbchat-tokens" for thread in threading.enumerate()))
    assert session.params.logit_bias == {"3": 1}


def test_a_key_that_a_server_lists_among_its_models_is_masked(hand, server):
    key = "sk-12345678901234567890"
    session = Session(base_url=server.base_url, model="m", api_key=key)
    server.models = ["one", f"x-{key}"]
    here = hand(session)
    until(lambda: here.labelled("Model").options)
    assert key not in repr(here.labelled("Model").get_state())


def test_an_end_is_reported_before_the_next_start():
    """Otherwise the buttons of the new request would be set as if it were over."""
    told, others = [], []

    def over(_failure):
        if not others:
            others.append(threading.Thread(target=worker.start, args=(lambda: None, lambda: told.append("begun"))))
            others[0].start()
            others[0].join(0.05)  # it may try
        told.append("over")

    worker = Worker(over)
    worker.start(lambda: None, lambda: told.append("begun"))
    worker.wait()
    others[0].join()
    worker.wait()
    assert told == ["begun", "over", "begun", "over"]


def test_turns_asked_elsewhere_are_in_the_history_at_once(hand, session):
    here = hand(session)
    session.ask("from a cell")
    assert here.labelled("History").options[0].startswith("1  from a cell")
    assert "You: from a cell" in here.replied()
    session.clear()
    assert here.labelled("History").options == ()
    assert here.replied() == ""


def test_an_answer_in_one_panel_is_shown_in_another_when_it_is_whole(hand, session, server):
    """Also in a panel that was opened while it came; and the list and the answer never differ."""
    gate = threading.Event()
    server.add(Stream([chunk("A generator "), Until(gate), chunk("yields.", finish="stop")]))
    first = hand(session)
    first.send("What is a generator?")
    other = hand(session)
    assert other.replied() == ""
    gate.set()
    first.wait()
    assert "A generator yields." in other.replied()
    first.click("Undo")
    assert other.replied() == first.replied() == ""


def test_a_tool_asks_in_the_panel_before_it_runs(hand, session, server):
    """Allow runs it, Refuse tells the model; no input prompt is needed."""
    ran = []

    @session.tool
    def delete(name: str) -> str:
        """Delete something."""
        ran.append(name)
        return "gone"

    for label, expected in (("Refuse", []), ("Allow", ["x"])):
        server.add(Say("", tool_calls=[tool_call("delete", {"name": "x"})]), Say("done"))
        here = hand(session)
        here.send("Delete x")
        until(here.asked)
        here.click(label)
        here.wait()
        assert ran == expected
        assert session.turns[-1].reply.text == "done"


def test_a_long_call_is_allowed_only_once_all_of_it_is_shown(hand, session, server):
    ran = []

    @session.tool
    def run(code: str) -> None:
        ran.append(code)

    code = "\n".join(f"x{n} = {n}" for n in range(130))
    server.add(Say("", tool_calls=[tool_call("run", {"code": code})]), Say("done"))
    here = hand(session)
    here.send("Go")
    until(here.asked)
    here.click("Allow")
    assert here.asked()
    here.click("Show more")
    here.click("Allow")
    here.wait()
    assert ran == [code]


def test_stop_while_a_tool_asks_refuses_it(hand, session, server):
    ran = []
    session.tool(_named(ran))
    server.add(Say("", tool_calls=[tool_call("danger", {})]), Say("done"))
    here = hand(session)
    here.send("Go")
    until(here.asked)
    here.click("Stop")
    here.wait()
    assert ran == []
    assert len(posts(server)) == 1


def _named(ran):
    def danger() -> str:
        """Do something dangerous."""
        ran.append(1)
        return "did"

    return danger


def test_words_are_looked_up_with_the_server_s_tokenizer(hand):
    """The built-in model has one; a server without says so, and nothing is set."""
    session = Session(base_url="built-in")
    here = hand(session)
    here.type("logit_bias", '" list"=-100, 7=2.5')
    until(lambda: session.params.logit_bias)
    assert session.params.logit_bias["7"] == 2.5
    assert len(session.params.logit_bias) >= 2
    until(lambda: "list" in "".join(here.notes("logit_bias")))


def test_a_server_without_a_tokenizer_takes_ids_only(hand, session, server):
    here = hand(session)
    here.type("logit_bias", "word=5")
    until(lambda: any("no tokenizer" in note for note in here.notes("logit_bias")))
    assert session.params.logit_bias is None


def test_the_models_of_the_server_are_offered(hand, session, server):
    server.models = ["one", "two"]
    here = hand(session)
    until(lambda: here.labelled("Model").options == ("one", "two"))
    here.type("model", "a-name-of-my-own")
    assert session.params.model == "a-name-of-my-own"


def test_an_unlisted_model_gets_a_note(hand, session, server):
    server.models = ["gpt-test", "gpt-test-mini"]
    here = hand(session)
    until(lambda: here.box("model").options)
    here.type("model", "gpt-tes")
    assert "not on the server&#x27;s list of 2. Did you mean gpt-test?" in here.notes("model")[0]
    here.type("model", "gpt-test")
    assert here.notes("model") == []


def test_a_model_applies_while_it_is_typed(hand, session):
    here = hand(session)
    for typed in ("g", "g ", "g t", "none", "nonesuch "):
        here.type("model", typed)
        assert here.box("model").value == typed
    assert session.params.model == "nonesuch"
    session.set(model="other")
    assert here.box("model").value == "other"
    here.unset("model")
    assert here.box("model").value == ""


def test_another_endpoint_has_another_model(hand, session, server):
    here = hand(session)
    here.labelled("Endpoint").value = "built-in"
    assert session.endpoint.is_builtin
    assert session.params.model is None
    here.labelled("Endpoint").value = "no such name"
    assert session.endpoint.is_builtin
    notes = [w.value for w in walk(here.panel) if "nbchat-note" in w._dom_classes]
    assert any("There is no endpoint" in note for note in notes)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "![x](http://evil.example/x.png)", "</details><img src=x>"]
)
def test_nothing_a_model_or_user_writes_is_live_in_panel_or_transcript(hand, session, server, text):
    server.add(Say(text))
    here = hand(session)
    here.send(text)
    here.wait()
    markdown = [page["text/markdown"] for page in transcript_of(session).pages()]
    html = []
    for widget in here.panel.conversation.area.widget.children:
        markdown += [out["data"].get("text/markdown", "") for out in widget.outputs]
        html += [out["data"].get("text/html", "") for out in widget.outputs]
    shown = "\n".join([*markdown, *html])
    assert "<script" not in shown
    assert "<img" not in shown
    assert "![x](" not in "\n".join(markdown)
    assert shown.count("</details>") == 1


def test_an_answer_in_the_history_is_rated_with_a_thumb(hand, server):
    """It is the turn's, stands in the list, and the same thumb again takes it back."""
    session = Session(base_url=server.base_url, model="m")
    here = hand(session)
    here.send("Hello")
    here.wait()
    here.click("👍")
    assert session.turns[0].rating.thumb is True
    assert "👍" in here.labelled("History").options[0]
    here.click("👎")
    assert session.turns[0].rating.thumb is False
    here.click("👎")
    assert session.turns[0].rating is None


def test_an_answer_in_the_history_takes_a_score_and_a_note(hand, server):
    """They join the thumb, stand in the list, and belong to the answer that is selected."""
    session = Session(base_url=server.base_url, model="m")
    here = hand(session)
    for text in ("Hello", "Again"):
        here.send(text)
        here.wait()
    here.click("👍")
    here.click("Rate…")
    here.labelled("Score").value = "4,5"
    here.labelled("Note").value = "to the point"
    assert session.turns[1].rating == Rating(True, 4.5, "to the point")
    assert "→  👍 4.5 ✎" in here.labelled("History").options[1]
    here.labelled("History").index = 0
    assert (here.labelled("Score").value, here.labelled("Note").value) == ("", "")
    here.labelled("Score").value = "good"
    assert "must be a number; got &#x27;good&#x27;" in str([w.value for w in walk(here.panel) if isinstance(w, HTML)])
    assert session.turns[0].rating is None
    here.labelled("History").index = 1
    assert here.labelled("Score").value == "4.5"
    here.labelled("Score").value = here.labelled("Note").value = ""
    assert session.turns[1].rating == Rating(True)
