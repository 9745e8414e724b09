#!/usr/bin/env python3
"""Checks what every command prints with --json, and every JSON file it writes, against the published schemas.

Whole documents that stand in ```json blocks below Documentation are checked, too, and each line of ```jsonl blocks.
Usage: check_json.py BINARY. Needs the jsonschema package (`make deps`).
"""

import decimal
import json
import pathlib
import re
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


def trace_faults(what, data):
    """Checks a trace: tracks and events have names, and the events of one track do not overlap."""
    events = json.loads(data.decode("utf-8"), parse_float=decimal.Decimal)["traceEvents"]
    tracks, spans = {}, {}
    for event in events:
        if event["ph"] == "M" and event["name"] == "thread_name":
            tracks[event["tid"]] = event["args"]["name"]
        elif event["ph"] == "X":
            spans.setdefault(event["tid"], []).append(event)
        elif event["ph"] != "M":
            yield f"{what}: an event of the unknown kind {event['ph']!r}"
    if not spans:
        yield f"{what}: an empty trace"
    if len(set(tracks.values())) < len(tracks) or not all(tracks.values()):
        yield f"{what}: tracks without a name of their own: {sorted(tracks.values())}"
    for track, own in spans.items():
        if track not in tracks:
            yield f"{what}: track {track} has no name"
        # Of two that begin together the longer one comes first: it may hold the other.
        own.sort(key=lambda event: (event["ts"], -event["dur"]))
        open_ends = []
        for event in own:
            start, end = decimal.Decimal(event["ts"]), decimal.Decimal(event["ts"]) + event["dur"]
            if not event["name"] or not event["cat"] or event["dur"] < 0 or start < 0:
                yield f"{what}: {tracks.get(track)}: an event without a name or with a negative time: {event}"
            while open_ends and open_ends[-1] <= start:
                open_ends.pop()
            if open_ends and end > open_ends[-1]:
                yield f"{what}: {tracks.get(track)}: {event['name']} at {start} overlaps what runs until {open_ends[-1]}"
            open_ends.append(end)


known = validators()
seen = set()
traces = 0
problems = []
results, files = run_all(pathlib.Path(sys.argv[1]).resolve(), read_commands())
for command, code, output, errors in results:
    if code != 0:
        problems.append(f"{command}: exit {code}: {errors.decode(errors='replace').strip()}")
    elif command.startswith("partita train"):
        # One document a line.
        for number, line in enumerate(output.splitlines(), 1):
            problems += faults(f"{command}: line {number}", line, known)
    else:
        problems += faults(command, output, known)
for name, data in files.items():
    if name.endswith(".json") and not name.startswith("trace"):
        problems += faults(name, data, known)
    elif name.startswith("trace"):
        traces += 1
        strictly_parsed(data)
        problems += list(trace_faults(name, data))[:10]
shown = 0
for page in sorted((ROOT / "Documentation").rglob("*.md")):
    text = page.read_text(encoding="utf-8")
    for kind, block in re.findall(r"^```(json|jsonl)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for document in [block] if kind == "json" else block.splitlines():
            shown += 1
            problems += faults(str(page.relative_to(ROOT)), document.encode(), known)
problems += [f"no command prints {name}" for name in sorted(set(known) - seen)]
for problem in problems:
    print(problem, file=sys.stderr)
print(f"check_json: {len(results)} commands, {len(seen)} schemas, {traces} traces, {shown} shown documents, {len(problems)} problems")
sys.exit(1 if problems else 0)
