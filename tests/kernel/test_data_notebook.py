"""notebooks/data-analysis.ipynb, where the built-in model's answers do not carry it: a scripted server's do."""

from pathlib import Path

import nbformat

from nbchat.testing import Say, ScriptedServer, tool_call

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "data-analysis.ipynb"

CODE = """```python
modules["per_function"] = modules["lines"] / modules["functions"]
modules.nlargest(10, "per_functon")
modulez.head()
```"""
FIXED = """`documented_share` is no column; `documented` is.

```python
modules.groupby("documented")["lines"].mean()
```"""
TABLE = '{"items": [{"module": "json", "purpose": "reads and writes JSON", "difficulty": 1}]}'


def test_question_code_fix_figure_table_tool(new_kernel):
    """Schema in the prompt, code out and checked, the failing cell repaired, a table out, a tool called."""
    sources = [cell.source for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "code"]
    script = [
        Say(CODE),
        Say(FIXED),
        Say(TABLE),
        Say("", tool_calls=[tool_call("modules_over", '{"lines": 3000}')]),
        Say("Those."),
    ]
    kernel = new_kernel()
    with ScriptedServer(*script) as server:
        kernel.run(f"import os; os.environ.update(NBCHAT_BASE_URL={server.base_url!r}, NBCHAT_MODEL='scripted-1')")
        results = {source: kernel.run(source) for source in sources}
        bodies = [request.json for request in server.requests]

    def result(start):
        return next(found for source, found in results.items() if source.startswith(start))

    failed = [source for source, found in results.items() if found.status == "error"]
    assert [source.split("\n")[-1] for source in failed] == [
        "What is in the file {one_path}?",
        'modules.groupby("documented_share")["lines"].mean()',
    ]
    assert "- lines: int64" in bodies[0]["messages"][-1]["content"]
    assert "/os.py" not in str(bodies)  # the private column
    payload = [item for item in result("%%chat --code").payload if item["source"] == "set_next_input"]
    assert payload[0]["text"].splitlines()[1].startswith('modules["per_function"]')  # below the line that marks it
    assert "uses modulez, which is not defined; did you mean modules?" in str(result("%%chat --code").outputs)
    assert '-modules.groupby("documented_share")' in str(result("%chat fix").outputs)
    assert "reads and writes JSON" in str(result("pd.DataFrame(table.data)").outputs)
    assert "inspect" in bodies[-1]["messages"][-1]["content"]
