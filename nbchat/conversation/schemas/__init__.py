"""Structured answers: what was asked for, as a JSON schema, and the value read from an answer.

What is ours here and what is not was decided with figures (CPU time at first use, on one machine):

- Annotations are read here, and pydantic reads what only it understands: its models, `Field`, `timedelta`. As the form
  of every annotation its `TypeAdapter` passed 38 of 55 cases of `tests/conversation/test_tools_signature.py` in 71
  lines. Half of the rest were words; the others change what users get: `typing.TypedDict` is refused on Python 3.11,
  strict mode takes no 3.0 for an int and lax mode takes "3", `Literal[1]` takes true, 2**53 + 1 and 1e400 become other
  floats, enums of tuples have no JSON. Each needs the walk over annotations that it was to replace. It would cost 200 ms
  at the first `@chat.tool` or `--schema a:int`; ours 50 ms.
- JSON schemas are checked by jsonschema, which replaced a validator of 190 lines. It is imported for a schema that is
  written as JSON, alone: 50 ms, but more than a second where JupyterLab brought its optional formats along.
- Docstrings are read by docstring_parser (13 ms), which replaced 60 lines and passes the same cases as griffe (140 ms).
"""
