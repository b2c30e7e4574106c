"""Extract values for JSON from a prompt: numbers, quoted strings, names and words; also the model's sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nbchat.builtin.model.relevance import terms

__all__ = ["Material", "words_of"]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w]|\.\d)")
_QUOTED = re.compile(r"\"([^\"\n]{1,80})\"|“([^”\n]{1,80})”|`([^`\n]{1,80})`|(?<!\w)'([^'\n]{1,80})'(?!\w)")
_NAME = re.compile(r"(?<=[a-z,:;] )[A-Z][\w-]*(?: [A-Z][\w-]*)*")
_VALUE = re.compile(
    r"[\"'“`]([^\"'”`\n]{1,80})[\"'”`]|([A-Z][\w-]*(?: [A-Z][\w-]*)*)|([^\s,;!?]*[^\s,;!?.])"  # quoted, a name, a word
)
_SPELLED = {
    word: i
    for i, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}


def words_of(name: str) -> list[str]:
    """Return the words of an identifier in lower case: `rowsOver_limit` gives rows, over, limit."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]


class Material:
    """The source of values. `text` is the user's message, `sentences` the model's sentences on the subject."""

    def __init__(self, text: str, sentences: Sequence[str]) -> None:
        self.text = text
        self.sentences = list(sentences)
        self.numbers = [float(number) if "." in number else int(number) for number in _NUMBER.findall(text)]
        self.numbers += [_SPELLED[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _SPELLED]
        self.quoted = ["".join(groups).strip() for groups in _QUOTED.findall(text)]
        self.names = [name for name in _NAME.findall(text) if name != "I"]
        self.words = [word for word in re.findall(r"[^\W\d_][\w-]+", text) if terms(word)]

    def keys_asked(self) -> list[str]:
        """The keys that the message asks for: "with the keys a and b", or names in quotes."""
        listed = re.search(
            r"\b(?:keys?|fields?|properties)\b:?\s+(\w+(?:(?:,\s*(?:and\s+)?|\s+and\s+)\w+){0,15})", self.text
        )
        found = re.findall(r"[A-Za-z_]\w*", listed[1]) if listed else []
        quoted = [text for text in self.quoted if text.isidentifier()]
        return list(dict.fromkeys(quoted or [word for word in found if word != "and"]))

    def mentions(self, text: str) -> bool:
        """Whether the user's message contains these words."""
        return bool(text) and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", self.text, re.IGNORECASE) is not None

    def denies(self, name: str) -> bool:
        """Whether the user's message has a word of `name` after "no", "not" or "without"."""
        return any(
            re.search(rf"\b(?:no|not|without|don't|never) (?:\w+ )?{re.escape(word)}", self.text, re.IGNORECASE)
            for word in words_of(name)
        )

    def given(self, name: str) -> list[str]:
        """Return the values that the message gives to a name: in "city: Paris, limit is 3", `city` is Paris."""
        label = r"[\s_-]*".join(map(re.escape, words_of(name)))
        if not label:
            return []
        leads = r"\W{0,2}\s*(?:(?:is|are|was|of|to|named|called|be)\s+|[=:]\s*){1,3}"
        values = (self.text[match.end() :] for match in re.finditer(rf"\b{label}\b{leads}", self.text, re.IGNORECASE))
        found = (_VALUE.match(value) for value in values)
        return ["".join(match.groups(default="")) for match in found if match is not None]
