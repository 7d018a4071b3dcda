# SPDX-License-Identifier: Apache-2.0
"""OpenMetrics 1.0 text, read as strictly as promtool does it: types, names, labels, order, the end."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\n]|\\\\["\\\\n])*"'
SAMPLE = re.compile(rf"^({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9.eE+-]+|NaN|[+-]Inf)$")
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
UNITS = ("_seconds", "_bytes")


def faults(text):
    """What is wrong with it, one sentence each."""
    bad, families, kind, name, seen = [], {}, None, None, set()
    lines = text.split("\n")
    if lines[-2:] != ["# EOF", ""]:
        bad.append("does not end with # EOF and a newline")
    for line in lines[:-2]:
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ", 3)
            if name in families:
                bad.append(f"{name} begins twice")
            families[name] = kind
            if kind not in SUFFIXES:
                bad.append(f"{name}: no type {kind}")
            if kind == "counter" and name.endswith("_total"):
                bad.append(f"{name}: the family of a counter has no _total")
        elif line.startswith("# HELP "):
            if not line.startswith(f"# HELP {name} ") or not line[len(f"# HELP {name} "):]:
                bad.append(f"help without a text or before its type: {line}")
        elif m := SAMPLE.match(line):
            if name is None or m[1] not in [name + s for s in SUFFIXES.get(kind, ())]:
                bad.append(f"{m[1]} stands outside of its family {name}")
            if (m[1], m[2]) in seen:
                bad.append(f"twice: {line}")
            seen.add((m[1], m[2]))
            if kind == "counter" and float(m[3]) < 0:
                bad.append(f"a counter below zero: {line}")
            if kind == "histogram" and m[1].endswith("_bucket") and 'le="' not in (m[2] or ""):
                bad.append(f"a bucket without le: {line}")
        else:
            bad.append(f"neither sample nor comment: {line!r}")
    return bad
