"""Reads a token from a file twice a second and prints, for each time, when it did and when the token expires.

A program that runs in a pod: it is told the file, and knows of the token what stands in it.
"""

import base64
import json
import sys
import time
from pathlib import Path

INTERVAL = 0.5
"""Seconds."""


def main() -> None:
    """Read until the end of the pod."""
    path = Path(sys.argv[1])
    while True:
        began = time.time()
        print(json.dumps({"at": began, "expires": _expiry(path)}), flush=True)
        time.sleep(max(0.0, began + INTERVAL - time.time()))


def _expiry(path: Path) -> int | None:
    """The claim `exp` (RFC 7519, section 4.1.4) in seconds since 1970; None where there is no token."""
    try:
        payload = path.read_text().split(".")[1]
        return int(json.loads(base64.urlsafe_b64decode(payload + "==="))["exp"])
    except (OSError, LookupError, ValueError):
        return None


if __name__ == "__main__":
    main()
