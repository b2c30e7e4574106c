"""notebooks/data-analysis.ipynb, where the built-in model's answers do not carry it: a scripted server's do."""

from pathlib import Path

import nbformat

from nbchat.testing import Say, ScriptedServer

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "data-analysis.ipynb"

CODE = """```python
modules["per_function"] = modules["lines"] / modules["functions"]
modules.nlargest(10, "per_functon")
modulez.head()
```"""
FIXED = """`module` is not defined; `modules` is.

```python
modules["lines"].sum() / len(modules)
```"""
TABLE = '{"items": [{"name": "Ada Lovelace", "born": 1815, "city": "London"}]}'


def test_question_code_fix_figure_table(new_kernel):
    """Schema in the prompt, code out and checked, the failing cell repaired, a table out."""
    sources = [cell.source for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "code"]
    script = [Say(CODE), Say(FIXED), Say(TABLE)]
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
        'modules["lines"].sum() / len(module)',
    ]
    assert "- lines: int64" in bodies[0]["messages"][-1]["content"]
    assert "/os.py" not in str(bodies)  # the private column
    payload = [item for item in result("%%chat -t 0 --code").payload if item["source"] == "set_next_input"]
    assert payload[0]["text"].splitlines()[1].startswith('modules["per_function"]')  # below the line that marks it
    assert "uses modulez, which is not defined; did you mean modules?" in str(result("%%chat -t 0 --code").outputs)
    assert '-modules["lines"].sum() / len(module)' in str(result("%chat fix").outputs)
    assert "Ada Lovelace" in str(result("pd.DataFrame(people.data)").outputs)
