"""The rules of the protocol are numbered, and each of them has a test that cites it."""

import re

from tests.environment import ROOT

RULES = set(re.findall(r"^\*\*(\d\.\d+)\*\*", (ROOT / "nbchat/api/PROTOCOL.md").read_text(), re.MULTILINE))
CITATION = re.compile(r"PROTOCOL (\d\.\d+)((?:,? (?:and |to )?\d\.\d+)*)")


def cited(folder):
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for first, more in CITATION.findall(path.read_text()):
            found |= {first, *re.findall(r"\d\.\d+", more)}
    return found


def test_every_rule_that_is_cited_exists():
    assert (cited("tests") | cited("nbchat")) - RULES == set()


def test_every_rule_has_a_test():
    assert RULES - cited("tests") == set()
