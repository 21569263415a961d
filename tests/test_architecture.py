"""The arrows of docs/architecture.md: who may import whom, and where chance may come from."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP = ("engine", "city_models", "scenarios", "viz")
PHASE_FOLDERS = ("hazards", "networks", "sensing", "command", "people", "mobility", "response")
#: Modules that hold the state of a run.
WORLD = {"engine.world", "engine.twin", "engine.run", "engine.component", "engine.record"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(path): path
    for top in TOP for path in sorted((ROOT / top).rglob("*.py"))
}


class Imports(ast.NodeVisitor):
    """Imported modules of one file: (name, inside a function, for type checkers only)."""

    def __init__(self, module: str, is_package: bool) -> None:
        self.found: list[tuple[str, bool, bool]] = []
        self._package = module if is_package else module.rpartition(".")[0]
        self._depth = 0
        self._typing = False

    def _add(self, name: str) -> None:
        self.found.append((name, self._depth > 0, self._typing))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            above = self._package.split(".")
            above = above[: len(above) - node.level + 1]
            base = ".".join([*above, base]) if base else ".".join(above)
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            self._add(inner if inner in SOURCES else base)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def visit_If(self, node: ast.If) -> None:
        before = self._typing
        self._typing |= "TYPE_CHECKING" in ast.unparse(node.test)
        for child in node.body:
            self.visit(child)
        self._typing = before
        for child in node.orelse:
            self.visit(child)


def imports_of(module: str) -> list[tuple[str, bool, bool]]:
    path = SOURCES[module]
    visitor = Imports(module, path.name == "__init__.py")
    visitor.visit(ast.parse(path.read_text(encoding="utf-8")))
    return visitor.found


IMPORTS = {module: imports_of(module) for module in SOURCES}


def arrows(module: str) -> set[str]:
    """Modules imported at run time, at the top or inside functions."""
    return {name for name, _, typing_only in IMPORTS[module] if not typing_only}


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def test_the_parser_finds_the_project() -> None:
    """Otherwise every test below would pass on an empty list."""
    assert len(SOURCES) > 60
    assert "engine.twin" in arrows("engine.run")
    assert "engine.scoring.score" in arrows("engine.run")  # inside a function
    assert "engine.twin" in {name for name, _, typing in IMPORTS["engine.ledger"] if typing}
    assert "engine.twin" not in arrows("engine.ledger")


@pytest.mark.parametrize("module", [m for m in SOURCES if inside(m, "engine.kernels")])
def test_kernels_know_arrays_only(module: str) -> None:
    if module == "engine.kernels._jit":  # names the cache folder
        return
    allowed = {"__future__", "numpy", "numpy.typing", "numba", "math", "engine.rng", "typing"}
    if module == "engine.kernels.tree_batch":  # rows of numbers as vectors of the processor
        allowed |= {"llvmlite", "numba.core", "numba.extending", "collections.abc"}
    strange = {n for n in arrows(module) if n not in allowed and not inside(n, "engine.kernels")}
    assert strange == set()


@pytest.mark.parametrize("folder", PHASE_FOLDERS)
def test_phases_do_not_import_each_other(folder: str) -> None:
    """They meet in World and in events."""
    for module in SOURCES:
        if inside(module, f"engine.{folder}"):
            for other in PHASE_FOLDERS:
                if other != folder:
                    strange = {n for n in arrows(module) if inside(n, f"engine.{other}")}
                    assert strange == set(), module


def test_phases_do_not_import_the_spine() -> None:
    spine = {"engine.run", "engine.twin", "engine.phases", "engine.record", "engine.runfolder",
             "engine.ensemble", "engine.cli", "engine.ledger", "engine.summary"}
    for folder in (*PHASE_FOLDERS, "kernels"):
        for module in SOURCES:
            if inside(module, f"engine.{folder}"):
                assert arrows(module) & spine == set(), module


def test_scoring_reads_city_and_log_only() -> None:
    for module in SOURCES:
        if inside(module, "engine.scoring"):
            reached = {name for name, _, _ in IMPORTS[module]}  # also for type checkers
            assert reached & WORLD == set(), module
            for folder in PHASE_FOLDERS:
                assert not {n for n in reached if inside(n, f"engine.{folder}")}, module


def test_foundations_do_not_look_up() -> None:
    """Tables and helpers import nothing that stands on them."""
    low = {
        "engine.errors": set(),
        "engine.rng": set(),
        "engine.departments": {"engine.errors"},
        "engine.city": {"engine.errors", "engine.departments"},
        "engine.world": set(),
        "engine.events": {"engine.errors"},
        "engine.yamlfile": {"engine.errors"},
    }
    for module, allowed in low.items():
        found = {n for n in arrows(module) if n.split(".")[0] in TOP}
        assert found <= allowed, module


def test_pages_are_nobodys_foundation() -> None:
    """viz is imported inside the commands of engine/cli*.py and nowhere else."""
    for module, found in IMPORTS.items():
        if inside(module, "viz"):
            continue
        for name, in_function, _ in found:
            if inside(name, "viz"):
                assert module.startswith("engine.cli"), module
                assert in_function, f"{module} imports viz outside a command"


def test_pages_do_not_reach_into_a_run() -> None:
    for module in SOURCES:
        if inside(module, "viz"):
            reached = arrows(module)
            assert reached & {"engine.twin", "engine.run", "engine.component"} == set(), module
            for folder in PHASE_FOLDERS:
                assert not {n for n in reached if inside(n, f"engine.{folder}")}, module


def test_engine_finds_cities_without_importing_them_at_load() -> None:
    """city_models stands beside the engine: built-in cities are found when asked for."""
    for module, found in IMPORTS.items():
        if inside(module, "engine"):
            for name, in_function, _ in found:
                if inside(name, "city_models"):
                    assert in_function, module
                    assert module in ("engine.cli", "engine.city_io"), module


def test_no_cycles() -> None:
    """Imports at the top of modules form no circle."""
    graph = {
        module: {n for n, in_function, typing_only in found
                 if n in SOURCES and not in_function and not typing_only and n != module}
        for module, found in IMPORTS.items()
    }
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module in done:
            return
        for following in sorted(graph[module]):
            walk(following, (*path, module))
        done.add(module)

    for module in graph:
        walk(module, ())


@pytest.mark.parametrize("module", SOURCES)
def test_chance_comes_from_rng_only(module: str) -> None:
    path = SOURCES[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for name in arrows(module):
        assert name.split(".")[0] not in ("random", "secrets", "uuid"), f"{module} imports {name}"
        assert not name.startswith("numpy.random"), module
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            assert not text.startswith(("np.random", "numpy.random")), f"{module}:{node.lineno}"
            # Mesa's own generators hang on every model and agent.
            assert not text.startswith(("self.random", "self.rng", "model.random", "model.rng")), (
                f"{module}:{node.lineno}"
            )


@pytest.mark.parametrize("module", [m for m in SOURCES if inside(m, "engine")])
def test_one_decorator_compiles(module: str) -> None:
    """numba is used through engine.kernels._jit, so that every kernel shares cache and layer."""
    if module in ("engine.kernels._jit", "engine.rng"):
        return
    source = SOURCES[module].read_text(encoding="utf-8")
    for word in ("numba.njit", "numba.jit", "@njit", "fastmath=True"):
        assert word not in source, f"{module}: {word}"
