"""Find the end of a link's or an image's label in time linear in the text.

markdown-it's own function reads the rest of the text again for each bracket that is never closed, and nested labels
once for each level.
"""

from __future__ import annotations

from markdown_it.rules_inline import StateInline

__all__ = ["label_end"]


def label_end(state: StateInline, start: int, disableNested: bool = False) -> int:  # noqa: N803  # markdown-it's name
    """Return the offset of the `]` that closes the label opened at `start`; -1 if there is none.

    With `disableNested`, also -1 if the label holds a link. The results are kept for the labels around it.
    """
    ends = _ends(state)
    if (start, disableNested) in ends:
        return ends[start, disableNested]
    before, state.pos = state.pos, start + 1
    end, depth, may_hold_link = -1, 1, False
    while state.pos < state.posMax:
        at, sign = state.pos, state.src[state.pos]
        if sign == "]":
            depth -= 1
            if not depth:
                end = at
                break
        state.md.inline.skipToken(state)
        if sign != "[":
            continue
        if state.pos > at + 1:
            may_hold_link = True
            if disableNested:
                break
        elif (inner := ends.get((at, disableNested))) is None:
            depth += 1
        elif inner == -1:
            may_hold_link = True  # perhaps why that label has no end
            break
        else:
            state.pos = inner + 1
            may_hold_link = may_hold_link or not disableNested  # perhaps in that label
    state.pos = before
    ends[start, disableNested] = end
    if not may_hold_link:
        ends.setdefault((start, not disableNested), end)
    return end


def _ends(state: StateInline) -> dict[tuple[int, bool], int]:
    """The labels' ends found so far in this paragraph, by their start and `disableNested`."""
    known = state.env.get("label_ends")
    if known is None or known[:2] != (state.posMax, state.src):
        known = state.env["label_ends"] = state.posMax, state.src, {}
    ends: dict[tuple[int, bool], int] = known[2]
    return ends
