"""Where the servers and their clients are, and how they are got."""

import shutil
from pathlib import Path

PACKAGES = {
    "docker-registry": "docker-registry",
    "initdb": "postgresql",
    "postgres": "postgresql",
    "psql": "postgresql-client",
    "skopeo": "skopeo",
}
"""Programs, and the Debian packages that have them."""


class RequirementError(RuntimeError):
    """A program is not here. The message ends with what to do."""


def find(name: str) -> Path:
    """The path of a program.

    Raises:
        RequirementError: if it is not here.
    """
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), "/usr/bin", "/usr/local/bin"]
    found = shutil.which(name, path=":".join(map(str, places)))
    if found is None:
        packages = " ".join(sorted(set(PACKAGES.values())))
        raise RequirementError(f"these tests need the program {name}: apt-get install {packages}")
    return Path(found)
