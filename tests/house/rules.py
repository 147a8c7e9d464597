"""The house rules that no linter knows; each takes files and names the places that break it."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
FILE_LINES, TEST_FILE_LINES, FUNCTION_LINES, POSITIONAL = 300, 500, 40, 3
DRAWERS = {
    "base", "common", "data", "helper", "helpers", "info", "manager", "managers", "misc",
    "processor", "shared", "util", "utils",
}  # fmt: skip
# Written apart, so that this file does not break its own rule.
REGISTRIES = re.compile(
    "|".join(
        re.escape(host).replace("_", "")
        for host in ("py_pi.org", "python_hosted.org", "registry.npm_js", "deb.deb_ian.org",
                     "proxy.gol_ang.org", "registry-1.doc_ker.io")
    )
)  # fmt: skip
MACHINE_PATHS = re.compile(
    "|".join("/" + path + "/" for path in ("wor[k]", "far[m]", "hom[e]/[a-z]+", "opt/whee[l]s"))
)
TESTS_NAMED = re.compile(r"`(tests/[\w/.]+)`")
LINKS = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|NotImplemented[E]rror)\b")
IGNORES = re.compile(r"#\s*(noqa|type:\s*ignore)(?P<code>:\s?[A-Z]+\d+|\[[a-z-]+\])?(?P<rest>.*)")
ESCAPE = re.compile(r"# house: \w+ \w+")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One tracked file: its path from the root, and its text."""

    path: str
    text: str

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def folders(self) -> tuple[str, ...]:
        return PurePosixPath(self.path).parts[:-1]

    @property
    def is_test(self) -> bool:
        return self.folders[:1] == ("tests",)

    @property
    def is_migration(self) -> bool:
        return "migrations" in self.folders

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def functions(self) -> Iterator[tuple[FunctionNode, bool]]:
        """Every function, and whether it stands in a class."""
        methods = {
            id(item)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ClassDef)
            for item in node.body
        }
        for node in ast.walk(self.tree):
            if isinstance(node, FunctionNode):
                yield node, id(node) in methods

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


Rule = Callable[[Source], list[str]]


def tracked_sources(root: Path = ROOT) -> list[Source]:
    """Read every text file that git tracks or would track."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    sources = []
    for name in filter(None, listed.split("\0")):
        try:
            sources.append(Source(name, (root / name).read_text(encoding="utf-8")))
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a workbook, or a file just deleted
    return sources


def files_are_short(source: Source) -> list[str]:
    lines = source.text.count("\n")
    limit = TEST_FILE_LINES if source.is_test else FILE_LINES
    if not source.is_python or source.is_migration or lines <= limit:
        return []
    return [f"{source.path}: {lines} lines, at most {limit}"]


def functions_are_short(source: Source) -> list[str]:
    if not source.is_python or source.is_migration:
        return []
    return [
        f"{source.at(node)}: {node.name} has {_length(node)} lines, at most {FUNCTION_LINES}"
        for node, _ in source.functions()
        if _length(node) > FUNCTION_LINES
    ]


def _length(node: FunctionNode) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def parameters_are_named(source: Source) -> list[str]:
    """At most three positional parameters; pytest passes by name, so tests are free.

    A method whose signature a library dictates says so: `# house: <reason>` after its `def`.
    """
    if not source.is_python or source.is_test or source.is_migration:
        return []
    lines = source.text.splitlines()
    return [
        f"{source.at(node)}: {node.name} takes {count} positional parameters, at most {POSITIONAL}"
        for node, in_class in source.functions()
        if (count := _positional(node, in_class)) > POSITIONAL
        and not ESCAPE.search(lines[node.lineno - 1])
    ]


def _positional(node: FunctionNode, in_class: bool) -> int:
    given = [*node.args.posonlyargs, *node.args.args]
    is_bound = in_class and given and given[0].arg in ("self", "cls", "mcs")
    return len(given) - bool(is_bound)


def names_say_what(source: Source) -> list[str]:
    path = PurePosixPath(source.path)
    if source.folders[:1] == ("services",) and path.name == "service.py":
        return [f"{source.path}: everything here is a service"]
    drawers = DRAWERS & {path.stem, *source.folders} if source.is_python else set()
    return [f"{source.path}: {name} is a drawer, not a room" for name in sorted(drawers)]


def modules_say_their_purpose(source: Source) -> list[str]:
    """The docstring opens with one sentence, on its first line; tests may speak by their names."""
    if not source.is_python or source.is_migration or source.path.startswith("tests/"):
        return []
    first = (ast.get_docstring(source.tree) or "").partition("\n")[0]
    return (
        [] if first.endswith(".") and len(first) > 10 else [f"{source.path}: no opening sentence"]
    )


def no_registry_is_named(source: Source) -> list[str]:
    return _lines(source, REGISTRIES, "names a package registry")


def no_machine_path_is_named(source: Source) -> list[str]:
    return _lines(source, MACHINE_PATHS, "names a path of one machine")


def documents_name_what_is_there(source: Source) -> list[str]:
    """A test that shows a promise, and whatever a page leads to."""
    if not source.path.endswith(".md"):
        return []
    here = (ROOT / source.path).parent
    named = {ROOT / path for path in TESTS_NAMED.findall(source.text)}
    named |= {here / path for path in LINKS.findall(source.text)}
    return [f"{source.path}: {one} is not there" for one in sorted(named) if not one.exists()]


def nothing_is_unfinished(source: Source) -> list[str]:
    if source.path.endswith((".csv", ".json", ".txt")):
        return []  # tables hold other people's codes: XX and its kin are currency and country codes
    return _lines(source, UNFINISHED, "is unfinished on its own word")


def _lines(source: Source, pattern: re.Pattern[str], complaint: str) -> list[str]:
    lines = enumerate(source.text.splitlines(), start=1)
    return [
        f"{source.path}:{number}: {complaint}" for number, line in lines if pattern.search(line)
    ]


def ignores_have_reasons(source: Source) -> list[str]:
    """An ignore carries a code, and a reason after it."""
    if not source.is_python:
        return []
    complaints = []
    for number, line in enumerate(source.text.splitlines(), start=1):
        found = IGNORES.search(line)
        if found and not (found["code"] and re.search(r"[a-z]{3}", found["rest"])):
            complaints.append(f"{source.path}:{number}: an ignore without code or reason")
    return complaints


def only_the_wrapper_meets_faststream(source: Source) -> list[str]:
    """Bare `broker.publish`, `broker.request` and `subscriber` lose messages by default (design §6)."""
    if not source.is_python or source.is_test or source.path == "chassis/broker.py":
        return []
    return [
        f"{source.at(node)}: {name} of FastStream, outside chassis/broker.py"
        for node in ast.walk(source.tree)
        if (name := _faststream_call(node)) is not None
    ]


def _faststream_call(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    called = node.func
    if called.attr in ("subscriber", "publisher"):
        return called.attr
    owner = ast.unparse(called.value)
    is_broker = owner.split(".")[-1].lstrip("_") in ("broker", "router")
    return (
        called.attr
        if is_broker and called.attr in ("publish", "request", "publish_batch")
        else None
    )


def engines_hide_parameters(source: Source) -> list[str]:
    """An error of SQLAlchemy's ends with a statement's parameters unless the engine was told not to."""
    if not source.is_python or source.is_test:
        return []
    return [
        f"{source.at(node)}: an engine without hide_parameters=True"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in ("create_async_engine", "create_engine")
        and "hide_parameters=True" not in map(ast.unparse, node.keywords)
    ]


def only_settings_read_the_environment(source: Source) -> list[str]:
    if not source.is_python or source.is_test or PurePosixPath(source.path).name == "settings.py":
        return []
    return [
        f"{source.at(node)}: reads the environment outside a settings module"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("os.environ", "os.getenv", "os.environb")
    ]


def domains_stand_on_the_standard_library(source: Source) -> list[str]:
    path = PurePosixPath(source.path)
    is_domain = source.folders[:1] == ("services",) and "domain" in (path.stem, *source.folders[2:])
    if not source.is_python or not is_domain:
        return []
    own = ".".join((*source.folders[:2], "domain"))
    return [
        f"{source.at(node)}: a domain imports {name}"
        for node in ast.walk(source.tree)
        for name in _imported(node)
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith(own)
    ]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


RULES: tuple[Rule, ...] = (
    files_are_short,
    functions_are_short,
    parameters_are_named,
    names_say_what,
    modules_say_their_purpose,
    no_registry_is_named,
    no_machine_path_is_named,
    documents_name_what_is_there,
    nothing_is_unfinished,
    ignores_have_reasons,
    only_the_wrapper_meets_faststream,
    engines_hide_parameters,
    only_settings_read_the_environment,
    domains_stand_on_the_standard_library,
)
