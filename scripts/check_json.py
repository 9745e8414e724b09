#!/usr/bin/env python3
"""Checks what every command prints with --json, and every JSON file it writes, against the published schemas.

Usage: check_json.py BINARY. Needs the jsonschema package (`make deps`).
"""

import json
import pathlib
import sys

import jsonschema
from commands import ROOT, read_commands, run_all

SCHEMAS = ROOT / "Documentation" / "schemas"


def refuse_constant(name):
    raise ValueError(f"{name} is no JSON number")


def refuse_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"duplicate key among {keys}")
    return dict(pairs)


def strictly_parsed(data):
    return json.loads(
        data.decode("utf-8"), parse_constant=refuse_constant, object_pairs_hook=refuse_duplicates
    )


def validators():
    result = {}
    for path in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        name = schema["properties"]["schema"]["const"]
        assert path.name == name.replace("/", ".") + ".json", f"{path.name} describes {name}"
        result[name] = jsonschema.Draft202012Validator(schema)
    return result


def faults(what, data, known):
    try:
        document = strictly_parsed(data)
    except ValueError as error:
        return [f"{what}: not JSON: {error}"]
    name = document.get("schema") if isinstance(document, dict) else None
    if name not in known:
        return [f"{what}: no published schema for {name!r}"]
    seen.add(name)
    return [
        f"{what}: {error.json_path}: {error.message[:300]}"
        for error in known[name].iter_errors(document)
    ]


known = validators()
seen = set()
problems = []
results, files = run_all(pathlib.Path(sys.argv[1]).resolve(), read_commands())
for command, code, output, errors in results:
    if code != 0:
        problems.append(f"{command}: exit {code}: {errors.decode(errors='replace').strip()}")
    else:
        problems += faults(command, output, known)
for name, data in files.items():
    if name.endswith(".json") and not name.startswith("trace"):
        problems += faults(name, data, known)
    elif name.startswith("trace"):
        events = strictly_parsed(data)["traceEvents"]
        problems += [] if events else [f"{name}: an empty trace"]
problems += [f"no command prints {name}" for name in sorted(set(known) - seen)]
for problem in problems:
    print(problem, file=sys.stderr)
print(f"check_json: {len(results)} commands, {len(seen)} schemas, {len(problems)} problems")
sys.exit(1 if problems else 0)
