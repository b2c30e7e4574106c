"""The view of a what-if analysis: an answer's tokens coloured by probability, with sliders for temperature and top_p.

The sliders are widgets; the tokens are an ordinary output that they update, so that a saved notebook keeps the last
state. In a dashboard, which saves nothing and does not update outputs, the tokens are a widget too.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from nbchat.display import chrome
from nbchat.display.canvas import Bundle, Canvas, CellCanvas, TextOutput
from nbchat.display.kernel import running_shell
from nbchat.display.presenting import is_dashboard, is_notebook
from nbchat.display.widget_style import WIDGETS_CLASS, script_outputs, style_widgets
from nbchat.markdown.inline import html_text
from nbchat.markdown.terminal_text import plain_text, terminal_text
from nbchat.tuning.whatif import Candidate, Probability, Reshaped, WhatIf
from nbchat.tuning.whatif import what_if as reshape_reply
from nbchat.values.answer.reply import Reply
from nbchat.values.params import PARAMETERS

__all__ = ["WhatIfView", "what_if", "what_if_bundle"]

MOST_TOKENS = 1_000
"""Most tokens shown; the sentence above them is about all."""

MOST_ALTERNATIVES = 8
"""Most alternatives in a token's tooltip."""

FLUENT = 250
"""Most tokens for which the view follows a slider while it moves; with more, it updates when the slider is released."""

CLICKS = """
(function attach(tries) {
  const root = element.closest('.nbchat-widgets');
  const field = root?.querySelector('.nbchat-clicked input');
  if (!field) { if (tries) setTimeout(() => attach(tries - 1), 20); return; }
  if (root.dataset.nbchatClicks) return;
  root.dataset.nbchatClicks = 'yes';
  let count = 0;
  document.addEventListener('click', event => {
    const token = event.target.closest?.('[data-nbchat-token]');
    if (token?.closest('[data-nbchat-view]')?.dataset.nbchatView !== VIEW || !root.isConnected) return;
    field.value = `${token.dataset.nbchatToken}:${count++}`;
    field.dispatchEvent(new Event('input', {bubbles: true}));
    field.dispatchEvent(new Event('change', {bubbles: true}));
  });
})(250);
"""
"""Reports clicks on tokens, which are in an output outside the widgets."""

UNLIKELY = "213,94,0"
LIKELY = "0,114,178"
"""Okabe and Ito's vermilion and blue (2008), as RGB: distinguishable for colour-blind readers, on white and on black."""


def what_if(
    reply: Reply,
    temperature: float | None = None,
    top_p: float | None = None,
    *,
    choice: int = 0,
    reported_at: float | None = None,
) -> WhatIfView:
    """Show how another temperature and top_p would have changed each token's probability. Sends nothing.

    The answer must have token probabilities (`logprobs=True, top_logprobs=10`). At the end of a cell it shows sliders
    and the tokens. `temperature` and `top_p` are the sliders' initial values, None = the request's; `reported_at` is
    the temperature that the reported probabilities already contain, None = 1 (see `nbchat.tuning.whatif`).

    Raises NbchatError if there are no probabilities, and ParameterError.
    """
    return WhatIfView(reply, temperature, top_p, choice=choice, reported_at=reported_at)


class WhatIfView:
    """An answer at an adjustable temperature and top_p. `now` is the analysis that is shown."""

    def __init__(
        self,
        reply: Reply,
        temperature: float | None = None,
        top_p: float | None = None,
        *,
        choice: int = 0,
        reported_at: float | None = None,
    ) -> None:
        self._reply, self._choice, self._reported_at = reply, choice, reported_at
        self.now = self.at(_initial_value(reply, "temperature", temperature), _initial_value(reply, "top_p", top_p))
        self._place = _most_open(self.now)
        self._name = uuid.uuid4().hex

    def at(self, temperature: float | None = None, top_p: float | None = None) -> WhatIf:
        """Return the same answer at other values; None = 1. Raises ParameterError."""
        return reshape_reply(self._reply, temperature, top_p, choice=self._choice, reported_at=self._reported_at)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.now}>"

    def _mime_(self) -> tuple[str, str]:
        """The protocol of marimo: what a cell shows, without the sliders."""
        return "text/html", str(self._bundle()["text/html"])

    def _ipython_display_(self) -> None:
        """IPython's protocol: show it at the end of a cell."""
        shell = running_shell()
        if shell is None or not is_notebook(shell):
            TextOutput.standard().write(terminal_text(str(self._bundle()["text/plain"])) + "\n")
            return
        cell = CellCanvas(shell)
        sliders, tokens = "[sliders: temperature, top_p, token: run the cell again to use them]", "[tokens]"
        if is_dashboard():
            from nbchat.display.reply_area import ReplyArea
            from nbchat.display.widget_factory import WidgetFactory

            area = ReplyArea(WidgetFactory())
            sheet = area.fresh()
            cell.show(chrome.widget_bundle(self._sliders(sheet), sliders))
            cell.show(chrome.widget_bundle(area.widget, tokens))
            self._output = sheet.show(self._bundle())
        else:
            cell.show(chrome.widget_bundle(self._sliders(cell), sliders))
            self._output = cell.show(self._bundle())

    def _bundle(self) -> Bundle:
        return what_if_bundle(self.now, self._place, self._name)

    def _sliders(self, canvas: Canvas) -> Any:
        import ipywidgets as widgets

        count = len(self.now.positions)
        common = {"continuous_update": count <= FLUENT, "style": {"description_width": "6.5em"}}
        layout = widgets.Layout(width="100%", max_width="34em")
        temperature = widgets.FloatSlider(
            self.now.temperature, min=0, max=2, step=0.05, description="temperature", layout=layout, **common
        )
        top_p = widgets.FloatSlider(
            self.now.top_p, min=0, max=1, step=0.01, description="top_p", layout=layout, **common
        )
        place = widgets.IntSlider(self._place, min=0, max=count - 1, description="token", layout=layout, **common)

        def moved(_change: Any) -> None:
            self.now, self._place = self.at(temperature.value, top_p.value), place.value
            canvas.update(self._output, self._bundle())

        for slider in (temperature, top_p, place):
            slider.observe(moved, "value")
        click = widgets.Text(layout=widgets.Layout(display="none"), _dom_classes=("nbchat-clicked",))

        def clicked(change: Any) -> None:
            number = str(change["new"]).partition(":")[0]
            if number.isdecimal() and int(number) < count:
                place.value = int(number)

        click.observe(clicked, "value")
        keys = script_outputs(CLICKS.replace("VIEW", json.dumps(self._name)))
        script = widgets.Output(outputs=keys, layout=widgets.Layout(height="0", margin="0", overflow="hidden"))
        return widgets.VBox([*style_widgets(), script, click, temperature, top_p, place], _dom_classes=(WIDGETS_CLASS,))


def _initial_value(reply: Reply, name: str, given: float | None) -> float:
    """Return a slider's initial value: as given, else as requested, else 1."""
    if given is not None:
        return given
    request = getattr(reply, "request", None)  # `what_if` reports anything but a reply
    body = {} if request is None else request.body
    value = body.get(name)
    return PARAMETERS[name].check(1.0 if value is None else value)  # type: ignore[no-any-return]  # a number


def _most_open(now: WhatIf) -> int:
    """Return the position whose actual token was least certain."""
    chances = [position.chosen.before for position in now.positions]
    return chances.index(min(chances))


def what_if_bundle(now: WhatIf, place: int, name: str = "") -> Bundle:
    """Return the sentence, the tokens, and the candidates for the token at a position."""
    shown = now.positions[:MOST_TOKENS]
    tokens = "".join(
        _token(position, index == place, f' data-nbchat-token="{index}"' if name else "")
        for index, position in enumerate(shown)
    )
    rest = len(now.positions) - len(shown)
    more = html_text(f" … {rest:,} more tokens") if rest else ""
    mark = f' data-nbchat-view="{name}"' if name else ""
    alone = all(len(position.candidates) < 2 for position in shown)
    prose = "line-height:1.9;white-space:pre-wrap;overflow-wrap:anywhere;margin:0.4em 0"
    html = (
        f'<div class="{chrome.NO_MATH_CLASS}"><div style="margin:0.3em 0">{html_text(str(now))}</div>'
        f'<div dir="auto"{mark} style="{prose}">{tokens}{more}</div>{_legend(alone)}{_candidates(now, place)}</div>'
    )
    return {"text/html": html, "text/plain": plain_text(f"{now}\n\n{_plain(shown)}")}


def _token(position: Reshaped, selected: bool, mark: str = "") -> str:
    chosen = position.chosen
    doubt = 0.6 * (1 - chosen.after.middle)
    style = [f"background:rgba({UNLIKELY},{doubt:.2f})", "border-radius:2px"]
    if chosen.kept is False:
        style.append("text-decoration:line-through")
    elif chosen.before < position.likeliest.before:
        style.append("text-decoration:underline dotted")
    if selected:
        style.append("outline:2px solid var(--jp-brand-color1,#1976d2)")
    text = html_text(chosen.token).replace("\n", "↵\n")
    return f'<span{mark} title="{_tip(position)}" style="{";".join(style)}">{text}</span>'


def _tip(position: Reshaped) -> str:
    """Return a token's tooltip: the actual token, then its alternatives."""
    others = [candidate for candidate in position.candidates if not candidate.chosen]
    lines = [_tip_line(candidate) for candidate in (position.chosen, *others[:MOST_ALTERNATIVES])]
    if position.rest.high > 0:
        lines.append(f"all others: {position.rest}")
    return html_text("\n".join(lines))


def _tip_line(candidate: Candidate) -> str:
    mark = "▸ " if candidate.chosen else "  "
    return f"{mark}{_quoted(candidate.token)}  {_percent(candidate.before)} → {_after(candidate)}"


def _after(candidate: Candidate) -> str:
    return "ruled out" if candidate.kept is False else _chance(candidate.after)


def _quoted(token: str) -> str:
    return "‘" + token.replace("\n", "↵").replace("\t", "⇥") + "’"


def _percent(chance: float) -> str:
    percent = 100 * chance
    return f"{percent:.0f} %" if percent >= 9.95 else f"{percent:.1f} %" if percent >= 0.095 else "under 0.1 %"


def _chance(chance: Probability) -> str:
    low, high = _percent(chance.low), _percent(chance.high)
    return low if low == high else f"{low} to {high}"


def _legend(alone: bool) -> str:
    """Explain the marks; `alone` = the answer has no alternatives to its tokens."""
    unlikely = f"background:rgba({UNLIKELY},0.5);color:var(--jp-ui-font-color1,inherit);border-radius:2px"
    marks = [
        f'<span style="{unlikely}">&nbsp;unlikely&nbsp;</span>',
        '<span style="text-decoration:underline dotted">not the likeliest</span>',
        '<span style="text-decoration:line-through">ruled out by top_p</span>',
    ]
    use = "point at a token or click it for its alternatives; each follows the text that was actually written"
    ask = "no alternatives came: --top-logprobs 10 asks for them"
    return f'<div style="{chrome.QUIET};font-size:0.85em">{" · ".join([*marks, ask if alone else use])}</div>'


def _candidates(now: WhatIf, place: int) -> str:
    """Return the candidates at one position: as reported and as reshaped, each with a bar."""
    position = now.positions[place]
    rows = "".join(
        f'<tr><td style="text-align:left;white-space:pre">{_bold(candidate)}</td>'
        f"{_bar(candidate.before, '127,127,127', _percent(candidate.before))}"
        f"{_bar(candidate.after.middle, LIKELY, _after(candidate))}</tr>"
        for candidate in position.candidates
    )
    heads = [f"token {place}", "as reported", f"at temperature {now.temperature:g}, top_p {now.top_p:g}"]
    head = "".join(f'<th style="text-align:left">{html_text(text)}</th>' for text in heads)
    return (
        f'<div style="overflow-x:auto;margin:0.5em 0"><table style="margin:0"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _bold(candidate: Candidate) -> str:
    text = html_text(_quoted(candidate.token), 40)
    return f"<b>{text}</b>" if candidate.chosen else text


def _bar(chance: float, colour: str, text: str) -> str:
    bar = (
        f'<span style="display:inline-block;vertical-align:middle;height:0.8em;width:{8 * chance:.2f}em;'
        f'background:rgba({colour},0.75);border-radius:2px;margin-right:0.4em"></span>'
    )
    return f'<td style="text-align:left;white-space:nowrap;min-width:11em">{bar}{html_text(text)}</td>'


def _plain(positions: Sequence[Reshaped]) -> str:
    """Return a line for each token: the token, its probability, and the likeliest alternative."""
    rows = []
    for number, position in enumerate(positions):
        chosen = position.chosen
        others = [candidate for candidate in position.candidates if not candidate.chosen]
        other = f"{_quoted(others[0].token)} {_percent(others[0].before)} → {_after(others[0])}" if others else ""
        rows.append([str(number), _quoted(chosen.token), _percent(chosen.before), _after(chosen), other])
    return str(chrome.table(["token", "written", "reported", "reshaped", "likeliest other"], rows)["text/plain"])
