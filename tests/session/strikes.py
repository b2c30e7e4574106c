"""Interrupts asking before each of its lines in turn, and checks what was kept: `python -m tests.session.strikes`."""

import sys
from pathlib import Path

from nbchat.session import exchange as exchange_module
from nbchat.session import session as session_module
from nbchat.session import waits as waits_module
from nbchat.session.session import Session
from nbchat.testing import Say, ScriptedServer

WATCHED = {Path(module.__file__) for module in (session_module, exchange_module, waits_module)}


class Strike:
    """Interrupts this thread before the line of that number, counted over the modules that ask."""

    def __init__(self, line):
        self.line = line
        self.struck = False
        self.sent = False
        """Whether the request had been sent by then, which may cost something."""
        self.came = False
        """Whether something of an answer had come."""
        self._lines = 0

    def __enter__(self):
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_):
        sys.settrace(self._before)

    def _call(self, frame, _event, _argument):
        return self._step if Path(frame.f_code.co_filename) in WATCHED else None

    def _step(self, frame, event, _argument):
        if event == "line":
            self._lines += 1
            if self._lines == self.line:
                sys.settrace(None)
                self._note(frame)
                raise KeyboardInterrupt
        return self._step

    def _note(self, frame):
        self.struck = True
        while frame is not None:
            exchange = frame.f_locals.get("exchange")
            if isinstance(exchange, exchange_module.Exchange):
                drafts = [] if exchange.draft is None else [exchange.draft]
                self.sent |= bool(exchange.replies) or any(draft.sent or draft.ended for draft in drafts)
                replies = [*exchange.replies, *(draft.reply() for draft in drafts)]
                self.came |= any(not reply.empty for reply in replies)
            frame = frame.f_back


def main():
    """Ask until a question is over before it could be struck."""
    kept = []
    with ScriptedServer(default=Say("A whole answer.")) as server:
        for line in range(1, 2000):
            chat = Session(base_url=server.base_url, model="scripted-1")
            with Strike(line) as strike:
                try:
                    chat.ask("Hi", display=False)
                except KeyboardInterrupt:
                    pass
                else:
                    assert not strike.struck
                    break
            assert strike.struck
            assert (len(chat.turns), len(chat.ledger())) == (strike.came, strike.sent)
            kept.append(strike.came)
            chat.ask("And now?", display=False)
            assert chat.turns[-1].reply.text == "A whole answer."
    print(f"struck {kept.count(False)} times before and {kept.count(True)} times after something had come")


if __name__ == "__main__":
    main()
