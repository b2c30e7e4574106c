"""Structured answers: what was asked for, as a JSON schema, and the value read from an answer.

What is implemented here and what is left to libraries was decided by measurement (CPU time at first use, on one
machine):

- Annotations are read here; pydantic reads only its own: models, `Field`, `timedelta`. Used for every annotation, its
  `TypeAdapter` passed 38 of 55 cases of `tests/conversation/test_tools_signature.py` in 71 lines. Half of the failures
  were wording; the others change results: `typing.TypedDict` is refused on Python 3.11, strict mode takes no 3.0 for an
  int and lax mode takes "3", `Literal[1]` takes true, 2**53 + 1 and 1e400 become other floats, enums of tuples have no
  JSON. Each needs the very walk over annotations that it would replace. It costs 200 ms at the first `@chat.tool` or
  `--schema a:int`, this code 50 ms.
- JSON schemas are checked by jsonschema, which replaced a validator of 190 lines. It is imported only for a schema
  given as JSON: 50 ms, but more than a second if JupyterLab installed its optional formats.
- Docstrings are read by docstring_parser (13 ms), which replaced 60 lines and passes the same cases as griffe (140 ms).
"""
