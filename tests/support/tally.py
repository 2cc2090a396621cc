"""How often the operator did what in a namespace."""

from collections import Counter
from collections.abc import Iterable

from support.audit import Call

READ = "get secrets"
CREATION = "create secrets"
SECRET_WRITE = "patch secrets"
DELETION = "delete secrets"
STATUS_WRITE = "patch clientcredentialtokens/status"


def tally(calls: Iterable[Call], namespace: str, names: Iterable[str] | None = None) -> Counter[str]:
    """Count calls by what they did, as `patch secrets` or `patch clientcredentialtokens/status`.

    Args:
        calls: of the audit log.
        namespace: where. Lists and watches of the whole cluster are in none.
        names: of the objects that count; else all.
    """
    wanted = None if names is None else set(names)
    return Counter(
        f"{call.verb} {'/'.join(filter(None, (call.resource, call.subresource)))}"
        for call in calls
        if call.namespace == namespace and (wanted is None or call.name in wanted)
    )
