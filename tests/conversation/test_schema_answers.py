"""`ask(…, schema=…)`: typed data from any server, whether it takes a response_format, refuses it or ignores it."""

import dataclasses
import json

import pytest

from nbchat.conversation.process import process
from nbchat.conversation.schemas.fitting import is_format_refused
from nbchat.conversation.session import Session
from nbchat.testing import Cut, Pause, Say, Status, Stream, chunk, error, tool_call
from nbchat.values.errors import (
    CutOff,
    Interrupted,
    ParameterError,
    ParameterRefused,
    QuotaExceeded,
    SchemaError,
    ServerError,
)
from nbchat.values.messages import ImagePart, TextPart
from tests.conversation.test_tools import Watcher, assert_valid


@dataclasses.dataclass
class City:
    name: str
    temp: float


GOOD = '{"items": [{"name": "Rome", "temp": 30}]}'
BAD = '{"items": [{"name": "Rome", "temp": "hot"}]}'
ROME = [City("Rome", 30.0)]


def format_of(request):
    return request.json.get("response_format", {}).get("type")


def last_words(request):
    return request.json["messages"][-1]["content"]


def test_data_is_typed_and_the_history_keeps_the_text(server, chat):
    """The schema goes as response_format; the question stays as it was asked."""
    server.add(Say(GOOD))
    reply = chat.ask("Cities?", schema=list[City])
    assert reply.data == ROME
    assert reply.text == GOOD
    assert format_of(server.requests[0]) == "json_schema"
    assert last_words(server.requests[0]) == "Cities?"
    assert chat.messages == [{"role": "user", "content": "Cities?"}, {"role": "assistant", "content": GOOD}]
    assert chat.turns[0].reply.data == ROME
    assert chat.params.response_format is None


def test_what_does_not_fit_is_asked_for_once_more(server, chat):
    """The model is told where; the correction is not in the history; tokens and the ledger count both."""
    server.add(Say(BAD, usage=(10, 5)), Say(GOOD, usage=(20, 6)))
    watcher = Watcher()
    reply = chat.ask("Cities?", schema=list[City], display=watcher)
    assert (reply.data, reply.text) == (ROME, GOOD)
    told = last_words(server.requests[1])
    assert 'items[0].temp: expected a number, got "hot"' in told
    assert "JSON schema" in told
    assert [message["content"] for message in server.requests[1].json["messages"][:2]] == ["Cities?", BAD]
    assert chat.messages == [{"role": "user", "content": "Cities?"}, {"role": "assistant", "content": GOOD}]
    assert reply.usage.total_tokens == 41
    assert len(chat.ledger()) == 2
    assert any("asked again" in note for note in reply.notices)
    assert len(watcher.restarts) == 1
    assert watcher.concluded == (reply, None)


def test_what_still_does_not_fit_keeps_its_text_and_says_where(server, chat):
    server.add(Say(BAD), Say("Rome is hot."))
    with pytest.raises(SchemaError, match="even after asking again: there is no JSON in it") as failed:
        chat.ask("Cities?", schema=list[City])
    assert failed.value.reply.text == "Rome is hot."
    assert failed.value.reply.data is None
    assert failed.value.reply.status == "complete"
    assert chat.turns[0].reply is failed.value.reply


@pytest.mark.parametrize(
    "refusal",
    [
        Status(
            400, error("response_format of type json_schema is not supported with this model", param="response_format")
        ),
        Status(400, error("This model does not support response format `json_schema`.")),
        Status(422, {"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted"}]}),
        Status(400, {"error": "Bad request"}),
        Status(400),
    ],
)
def test_a_server_without_response_format_is_asked_in_the_prompt(server, chat, refusal):
    """Without a visible failure; the instruction goes only into the request's message."""
    server.default = lambda request: refusal if "response_format" in request.json else Say(GOOD)
    reply = chat.ask("Cities?", schema=list[City])
    assert reply.data == ROME
    assert reply.status == "complete"
    assert last_words(server.requests[-1]).startswith("Cities?\n\nAnswer with JSON alone")
    assert chat.messages[0]["content"] == "Cities?"
    assert len(chat.ledger()) == 1


def test_a_refusal_that_names_the_field_is_remembered(server, chat):
    """The next schema for that model is asked for in words at once; a refusal of one schema is not remembered."""
    invalid = Status(400, error("Invalid schema for response_format 'City': 'x' is required.", param="response_format"))
    unsupported = Status(400, error("response_format is not supported", param="response_format"))
    server.default = Say('{"name": "Rome", "temp": 30}')
    server.add(invalid)
    chat.ask("1", schema=City)
    server.add(unsupported)
    chat.ask("2", schema=City)
    chat.ask("3", schema=City)
    asked = ["json_schema", None, "json_schema", None, None]
    assert [format_of(request) for request in server.requests] == asked
    assert "response_format" in process.capabilities.refused(server.base_url, "scripted-1")
    assert format_of_request(chat.request("4", schema=City)) is None


def format_of_request(request):
    return request.body.get("response_format")


def test_a_server_that_ignores_the_field_is_asked_in_the_prompt_from_then_on(server, chat):
    server.add(Say("Rome is hot."), Say(GOOD), Say(GOOD))
    chat.ask("Cities?", schema=list[City])
    chat.ask("Cities?", schema=list[City])
    assert [format_of(request) for request in server.requests] == ["json_schema", "json_schema", None]


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Status(400, error("temperature is not supported", param="temperature")), ParameterRefused),
        (Status(402, error("insufficient quota")), QuotaExceeded),
        (Status(401, error("wrong key")), ServerError),
    ],
)
def test_other_refusals_are_not_hidden(server, chat, refusal, kind):
    server.default = refusal
    with pytest.raises(kind):
        chat.ask("Cities?", schema=list[City], temperature=0.5)
    assert all(format_of(request) == "json_schema" for request in server.requests)


def test_if_the_prompt_does_not_help_either_the_servers_error_is_raised(server, chat):
    server.default = Status(400, error("response_format: no"))
    with pytest.raises(ServerError, match="response_format: no"):
        chat.ask("Cities?", schema=list[City])
    assert chat.turns == ()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Say('{"items": [{"name": "Ro', finish="length"), "token limit before its JSON was complete"),
        (Say('{"items": [', finish="content_filter"), "content filter"),
        (
            Stream([chunk(refusal="I must not."), chunk(finish="stop"), "data: [DONE]\n\n"]),
            "refused to answer: I must not.",
        ),
    ],
)
def test_failures_that_asking_again_can_not_fix_say_so(server, chat, answer, said):
    server.add(answer)
    with pytest.raises(SchemaError, match=said) as failed:
        chat.ask("Cities?", schema=list[City])
    assert len(server.requests) == 1
    assert failed.value.reply is chat.turns[0].reply


def test_a_broken_stream_is_a_broken_stream(server, chat):
    server.add(Stream([chunk('{"items"'), Cut()]))
    with pytest.raises(CutOff) as failed:
        chat.ask("Cities?", schema=list[City])
    assert (failed.value.reply.status, len(server.requests)) == ("cut_off", 1)


def test_an_interrupt_while_it_is_asked_again_keeps_the_first_answer(server, chat):
    class Stopping(Watcher):
        def restart(self, reason):
            raise KeyboardInterrupt

    server.add(Say(BAD), Say(GOOD))
    with pytest.raises(Interrupted) as stopped:
        chat.ask("Cities?", schema=list[City], display=Stopping())
    assert (stopped.value.reply.text, stopped.value.reply.status) == (BAD, "interrupted")


def test_tools_come_first_and_the_schema_fits_the_last_answer(server, chat):
    @chat.tool(safe=True)
    def temperature(city: str) -> float:
        return 30.0

    server.add(Say("", tool_calls=[tool_call("temperature", {"city": "Rome"})]), Say(BAD), Say(GOOD))
    reply = chat.ask("Cities?", schema=list[City])
    assert reply.data == ROME
    assert [format_of(request) for request in server.requests] == ["json_schema"] * 3
    assert_valid(server.requests[2].json["messages"])
    assert_valid(chat.messages)


def test_the_instruction_is_added_to_images_too(server, chat):
    server.add(Status(400, error("no response_format", param="response_format")), Say(GOOD))
    parts = (TextPart("What is it?"), ImagePart("data:image/png;base64,AA=="))
    assert chat.ask(parts, schema=list[City]).data == ROME
    content = last_words(server.requests[1])
    assert [part["type"] for part in content] == ["text", "image_url", "text"]
    assert len(chat.messages[0]["content"]) == 2


def test_the_data_of_several_choices_is_that_of_the_first(server, chat):
    server.add(Say(GOOD))
    reply = chat.ask("Cities?", schema=list[City], n=2)
    assert (reply.data, len(reply.choices)) == (ROME, 2)


def test_a_stream_gives_data_at_its_end(server, chat):
    server.add(Say(BAD), Say(GOOD))
    with chat.stream("Cities?", schema=list[City]) as events:
        for _ in events:
            pass
    assert events.reply.data == ROME
    server.add(Say(BAD), Say(BAD))
    with pytest.raises(SchemaError), chat.stream("Cities?", schema=list[City]) as events:
        for _ in events:
            pass


def test_an_invalid_schema_sends_nothing(server, chat):
    with pytest.raises(ParameterError):
        chat.ask("Cities?", schema="a:")
    assert server.requests == []


def test_a_slow_server_can_be_asked_by_several_sessions(server, chat):
    """The session keeps no schema: the next request is a plain one."""
    server.add(Say(GOOD), Stream([Pause(0.01), chunk("Hello"), chunk(finish="stop"), "data: [DONE]\n\n"]))
    chat.ask("Cities?", schema=list[City])
    reply = chat.ask("Hello?")
    assert (reply.text, reply.data, format_of(server.requests[1])) == ("Hello", None, None)


@pytest.mark.parametrize("schema", [City, list[City], "[city:str, temp:float?, kind:warm|cold]", dict[str, int], int])
def test_the_built_in_model_fills_any_of_them(schema):
    chat = Session(base_url="built-in")
    reply = chat.ask("Which cities are warm?", schema=schema, seed=1)
    assert reply.data is not None
    assert json.loads(reply.text) is not None


@pytest.mark.parametrize("status", [None, *range(400, 600)])
def test_which_refusals_may_be_of_the_schema(status):
    """By their words with these statuses; without words only where the request was called bad."""
    may = status in (None, 400, 404, 405, 422, 500, 501)
    assert is_format_refused(ServerError("response_format is not supported", status=status)) == may
    assert is_format_refused(ServerError("no", status=status)) == (status in (400, 422))
