"""Mutation testing of one room: change one line at a time, and see whether a test turns red.

    python -m tests.mutations ROOM [--sample 60] [--seed 0] [--wider FOLDER ...]

In a copy of the checkout, it notes which tests of `tests/ROOM` run which lines, and then tries mutants of
`nbchat/ROOM`. A mutant first meets the tests that run its line, the fastest first, then the folders of `--wider`
(`kernel` whole, since coverage does not see into kernels). It prints each mutant that survives, and at the end the
score. A timeout, also of a test's CPU time, counts as killed. Exits with 1 if fewer than 90 % were killed.

mutmut and cosmic-ray do not fit: the one replaces functions by trampolines, which tracebacks, signatures and kernels
show; the other runs every test for every mutant. Neither samples.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, NamedTuple

import coverage
import pytest

ROOT = Path(__file__).parent.parent

PRELOADED = ("IPython", "httpx", "hypothesis", "ipywidgets", "jsonschema", "msgspec", "narwhals", "pandas")
"""Slow imports, done once; each run is a fork that has them already."""

QUIETLY = ("-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}


class Site(NamedTuple):
    """A place in a file, in bytes, and what can be put there."""

    path: Path
    line: int
    start: int
    end: int
    replacements: list[str]


class Tests(NamedTuple):
    """The tests of some folders that pass: seconds of each, and those that run a line (or a file, with line 0)."""

    seconds: dict[str, float]
    running: dict[tuple[str, int], set[str]]

    def running_at(self, site: Site) -> dict[str, float]:
        """Those that run a line, and all that run in kernels.

        If it runs at import, or in one test only, since its result may be cached: those that run its file.
        """
        file = str(site.path)
        names = next((found for line in range(site.line, 0, -1) if (found := self.running.get((file, line)))), {""})
        names = self.running.get((file, 0), set()) if "" in names or len(names) == 1 else names
        return {one: took for one, took in self.seconds.items() if one in names or one.startswith("tests/kernel/")}


class Plugin:
    """Runs only `chosen` tests, the fastest first, and notes what each took and which failed."""

    def __init__(self, chosen: dict[str, float] | None, measured: coverage.Coverage | None) -> None:
        self.chosen, self.measured = chosen, measured
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.failed: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if (chosen := self.chosen) is not None:
            items[:] = sorted((one for one in items if _name(one) in chosen), key=lambda one: chosen[_name(one)])

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self.measured is not None:
            self.measured.switch_context(_name(item))
        if self.chosen is not None:  # a mutant may never end; the signal ends the process
            signal.setitimer(signal.ITIMER_PROF, 20 + 2 * self.chosen[_name(item)])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.split("[")[0]
        self.seconds[name] += report.duration
        if report.failed:
            self.failed.append(name)


def _name(item: pytest.Item) -> str:
    """A test function: its cases are one test, since a mutant may rename them."""
    return item.nodeid.split("[")[0]


def sites(path: Path) -> Iterator[Site]:
    """The places of a file where a mutant can be made."""
    source = path.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node, replacements in _replaced(ast.parse(source)):
        start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        yield Site(path, node.lineno, start, end, replacements)


def _replaced(node: ast.AST, optional: bool = False) -> Iterator[tuple[Any, list[str]]]:
    """Nodes below `node` with what can replace each; `optional` if the function may return None."""
    match node:
        case ast.JoinedStr() | ast.Subscript(value=ast.Name(id="Literal")):  # messages, and types
            return
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return
        case ast.FunctionDef(returns=returns) | ast.AsyncFunctionDef(returns=returns):
            optional = returns is not None and any(word in ast.unparse(returns) for word in ("None", "Any"))
        case ast.Compare(left=left, ops=[op, *ops], comparators=comparators):
            others = (ast.Compare(left, [other(), *ops], comparators) for other in COMPARISONS[type(op)])
            yield node, [f"({ast.unparse(other)})" for other in others]
        case ast.BoolOp(op=op, values=values):
            yield node, [f"({ast.unparse(ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values))})"]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, [f"({ast.unparse(operand)})"]
        case ast.Constant(value=bool() as value):
            yield node, [str(not value)]
        case ast.Constant(value=int() | float() as value):
            yield node, [f"({value + 1})", f"({value - 1})"]
        case ast.Break() | ast.Continue():
            yield node, ["continue" if isinstance(node, ast.Break) else "break"]
        case ast.Return(value=value) if optional and not (value is None or isinstance(value, ast.Constant)):
            yield node, ["return None"]
        case ast.Raise() | ast.AugAssign() | ast.Delete() | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, ["pass"]
        case ast.Expr(value=value) if not isinstance(value, ast.Constant):
            if "log." not in ast.unparse(value):
                yield node, ["pass"]
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Constant):
            yield test, ["True", "False"]
        case ast.comprehension(ifs=tests):
            yield from ((test, ["True", "False"]) for test in tests)
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _replaced(child, optional)


def forked(tree: Path, timeout: float | None, work: Callable[[], Any]) -> Any:
    """What `work` returns in a process of its own that imports from `tree`; a sentence if it took or went too long."""
    fork = multiprocessing.get_context("fork")
    received, sent = fork.Pipe(duplex=False)

    def run() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        os.chdir(tree)
        sys.path.insert(0, str(tree))
        for name in [name for name in sys.modules if name.split(".")[0] in ("nbchat", "tests")]:
            del sys.modules[name]
        with (tree / "output.txt").open("w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            sent.send(work())

    process = fork.Process(target=run)
    process.start()
    sent.close()
    try:
        return received.recv() if received.poll(timeout) else "(timeout)"
    except EOFError:
        return "(the process died)"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()


def record(tree: Path, room: str, folders: list[str]) -> Tests:
    """Run the tests of `folders` and note which lines of the room each runs; those that fail are left out."""

    def work() -> tuple[Any, ...]:
        measured = coverage.Coverage(data_file=None, source=[f"nbchat/{room}"])
        plugin = Plugin(None, measured)
        with measured.collect():
            pytest.main([*QUIETLY, *(f"tests/{one}" for one in folders)], [plugin])
        seconds = {name: took for name, took in plugin.seconds.items() if name not in plugin.failed}
        running: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        for file in (data := measured.get_data()).measured_files():
            for line, names in data.contexts_by_lineno(file).items():
                running[file, line] |= {*names} & {*seconds, ""}
                running[file, 0] |= {*names} & seconds.keys()
        return seconds, running  # tests of IPython replace this module, so that `Tests` can't be sent

    os.environ["COVERAGE_CORE"] = "ctrace"  # the one that knows contexts
    found = forked(tree, None, work)
    assert isinstance(found, tuple), (tree / "output.txt").read_text()
    return Tests(*found)


def killer(tree: Path, chosen: dict[str, float]) -> str | None:
    """The test that fails first, if one does."""

    def work() -> str | None:
        plugin = Plugin(chosen, None)
        files = sorted({name.split("::")[0] for name in chosen})
        code = pytest.main([*QUIETLY, "-x", *files], [plugin])
        if code == pytest.ExitCode.OK:
            return None
        return plugin.failed[0] if plugin.failed else f"(pytest: {pytest.ExitCode(code).name})"

    return forked(tree, 120 + 5 * sum(chosen.values()), work) if chosen else None


def tried(tree: Path, tests: Tests, drawn: list[tuple[Site, str]]) -> list[tuple[Site, str]]:
    """Run the tests against each mutant, print who found it, and return those that survive."""
    survived = []
    for site, replacement in drawn:
        source, compiled = site.path.read_bytes(), Path(cache_from_source(str(site.path)))
        mutant = source[: site.start] + replacement.encode() + source[site.end :]
        try:
            site.path.write_bytes(mutant)
            compiled.unlink(missing_ok=True)  # it may be of the same second and size as the source
            found = killer(tree, tests.running_at(site))
        finally:
            site.path.write_bytes(source)
            compiled.unlink(missing_ok=True)
        print(f"{found or 'SURVIVED'} {site.path.relative_to(tree)}:{site.line}")
        for sign, text in (("-", source), ("+", mutant)):
            print(f"    {sign} {text.splitlines()[site.line - 1].decode().strip()}", flush=True)
        if found is None:
            survived.append((site, replacement))
    return survived


def main() -> int:
    """Try a sample of the room's mutants; 1 if too many survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description="Mutation testing of one room.")
    parser.add_argument("room")
    parser.add_argument("--sample", type=int, default=60, help="mutants to try (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (%(default)s)")
    parser.add_argument("--wider", nargs="*", default=["kernel"], help="folders of tests for survivors (kernel)")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the processes and the copy go too
    for name in PRELOADED:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve() / "checkout"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        places = [site for path in sorted((tree / "nbchat" / asked.room).rglob("*.py")) for site in sites(path)]
        draw = random.Random(asked.seed)
        drawn = [(site, draw.choice(site.replacements)) for site in draw.sample(places, min(asked.sample, len(places)))]
        left = tried(tree, record(tree, asked.room, [asked.room]), drawn)
        if left and asked.wider:
            print(f"\n{len(left)} survivors meet the tests of {', '.join(asked.wider)}:")
            left = tried(tree, record(tree, asked.room, asked.wider), left)
    killed = len(drawn) - len(left)
    print(f"{asked.room}: {killed} of {len(drawn)} killed ({killed / len(drawn):.0%}), seed {asked.seed}")
    return int(killed < 0.9 * len(drawn))


if __name__ == "__main__":
    sys.exit(main())
