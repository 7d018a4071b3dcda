# SPDX-License-Identifier: Apache-2.0
"""All chapters, or those that are named, and how many of their rows passed."""
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
sys.path.insert(0, str(HERE))

import among  # noqa: E402,F401 (chapters register themselves)
import js_rows  # noqa: E402
import mixed  # noqa: E402,F401
import matrix  # noqa: E402,F401 (last, so that the table stands at the end)
from p2pos import Failed  # noqa: E402
from peer import missing  # noqa: E402
from rows import chapters, counts, row, skip  # noqa: E402


def main(wanted):
    unknown = set(wanted) - {f.__name__ for f in chapters}
    if unknown:
        print(f"no such chapter: {' '.join(sorted(unknown))}", file=sys.stderr)
        print(f"there are: {' '.join(f.__name__ for f in chapters)}", file=sys.stderr)
        return 64
    for f in chapters:
        if wanted and f.__name__ not in wanted:
            continue
        print(f"        {f.__name__.upper()}", flush=True)
        if f.__module__ == js_rows.__name__ and missing("js"):
            skip("js <-> p2posd", f"all rows of '{f.__name__}'", missing("js"))
            continue
        try:
            f()
        except Exception as e:  # the scene itself
            with row("-", f"the scene of '{f.__name__}'"):
                raise Failed(str(e)) from e
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    if counts["skipped"] and os.environ.get("CI"):
        print("interop: nothing may be skipped where CI is set: install what is missing", file=sys.stderr)
        return 1
    return 0 if counts["passed"] and not counts["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
