"""`python fuzz/campaign.py NAME [libFuzzer's options]`: fuzz what `fuzz_NAME.py` tries, from the corpus of that name.

Coverage is that of our own code. A finding is written to the working directory, and the run ends with it.
"""

import sys
import warnings
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

HERE = Path(__file__).parent
OPTIONS = ("-timeout=30", "-max_len=8192", "-rss_limit_mb=2048")
"""Seconds and MiB that make a finding, and bytes that every case fits into."""


def main(name: str, *options: str) -> None:
    """Fuzz until an option ends it, or try a file again. The corpus stays as it is: what is learned goes with the run."""
    warnings.simplefilter("ignore")  # the library tells of old formats, once for each input
    with atheris.instrument_imports(include=["tokensync"]):
        target = import_module(f"fuzz_{name}")
    with TemporaryDirectory() as learned:
        corpora = [] if any(Path(option).is_file() for option in options) else [learned, str(HERE / "corpus" / name)]
        atheris.Setup([sys.argv[0], *corpora, *OPTIONS, *options], target.try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
