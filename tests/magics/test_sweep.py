"""What `--score` may name."""

import math

import pytest
from IPython.core.error import UsageError

from nbchat.cells.arguments import scorer


def brief(answer):
    return -len(answer)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, None),
        ("brief", brief),
        ("math.sqrt", math.sqrt),
        ("len", len),
        ("rubric", "Rate {answer}."),
        ("Rate {answer} from 0 to 10.", "Rate {answer} from 0 to 10."),
    ],
)
def test_a_function_a_prompt_by_name_or_the_prompt_itself(text, found):
    assert scorer(text, {"brief": brief, "math": math, "rubric": "Rate {answer}."}) is found or text == found


@pytest.mark.parametrize("text", ["breif", "number", "math.nothing", "empty"])
def test_a_name_that_is_neither_is_told_with_the_nearest_one(text):
    with pytest.raises(UsageError, match="there is no function") as failure:
        scorer(text, {"brief": brief, "math": math, "number": 3, "empty": " "})
    assert ("brief?" in str(failure.value)) == (text == "breif")
