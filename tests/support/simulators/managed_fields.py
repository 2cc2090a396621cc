"""Who wrote what: `metadata.managedFields` as the API server computes them, for the fields of a Secret."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

Json = dict[str, Any]
Path = tuple[str, ...]

_MAPS: tuple[Path, ...] = (("data",), ("metadata", "labels"), ("metadata", "annotations"))


def after_update(entries: list[Json], before: Json | None, after: Json, *, manager: str, time: datetime) -> list[Json]:
    """The entries after a create, replace or patch.

    Whoever changes a value takes the field from all others; who writes the value that is there gets nothing. Where the
    entries were stripped, the server keeps no record any more.
    """
    if before is not None and not entries:
        return []
    return _handed_over(entries, before, after, manager=manager, operation="Update", taken=set(), time=time)


def after_apply(
    entries: list[Json], before: Json, after: Json, applied: Json, *, manager: str, time: datetime
) -> list[Json]:
    """The entries after a forced server-side apply: who applies a value that is there owns it beside the others."""
    taken = set(_leaves(applied))
    return _handed_over(entries, before, after, manager=manager, operation="Apply", taken=taken, time=time)


def _handed_over(
    entries: list[Json],
    before: Json | None,
    after: Json,
    *,
    manager: str,
    operation: str,
    taken: set[Path],
    time: datetime,
) -> list[Json]:
    was, there = _leaves(before or {}), _leaves(after)
    changed = {path for path, value in there.items() if path not in was or was[path] != value}
    fields = {(entry["manager"], entry["operation"]): (_paths(entry) - changed) & set(there) for entry in entries}
    times = {(entry["manager"], entry["operation"]): entry["time"] for entry in entries}
    writer = (manager, operation)
    if changed or taken:
        fields[writer] = fields.get(writer, set()) | changed | taken
        times[writer] = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [_entry(who, paths, times[who]) for who, paths in fields.items() if paths]


def _leaves(body: Json) -> dict[Path, Any]:
    found: dict[Path, Any] = {("type",): body["type"]} if "type" in body else {}
    for path in _MAPS:
        branch: Any = body
        for name in path:
            branch = branch.get(name) or {}
        found.update({(*path, name): value for name, value in branch.items()})
    return found


def _entry(who: tuple[str, str], paths: Iterable[Path], time: str) -> Json:
    tree: Json = {}
    for path in sorted(paths):
        node = tree
        for name in path:
            node = node.setdefault(f"f:{name}", {})
    manager, operation = who
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
    }


def _paths(entry: Json) -> set[Path]:
    found = set[Path]()

    def walk(node: Json, path: Path) -> None:
        if not node:
            found.add(path)
        for name, below in node.items():
            walk(below, (*path, name.removeprefix("f:")))

    walk(entry["fieldsV1"], ())
    return found
