#!/usr/bin/env python3
"""Lists the public API, one item on each line, from rustdoc's JSON and the source that it points to.

Usage: api/listing.py FILE.json; `api/check` runs it.
"""

import json
import re
import sys

docs = json.load(open(sys.argv[1]))
index = docs["index"]
lines = set()


def signature(item):
    """The item's source up to its body, on one line."""
    span = item["span"]
    (first, start), (last, end) = span["begin"], span["end"]
    source = open(span["filename"], encoding="utf-8").read().split("\n")[first - 1 : last]
    # Columns count characters from 1; the end is inclusive.
    source[-1] = source[-1][:end]
    source[0] = source[0][start - 1 :]
    text = re.sub(r"\s+", " ", " ".join(re.sub(r"\s*//.*|^\s*#\[.*\]$", "", line) for line in source)).strip()
    if item["inner"].keys() & {"function", "impl", "trait"}:
        text = text.split(" {")[0]
    elif "struct" in item["inner"] or "enum" in item["inner"]:
        text = re.split(r" \{|;|\(", text)[0]
    # The same line for every way of formatting the item.
    return text.rstrip(";,").replace("( ", "(").replace(", )", ")")


def walk(item_id, path, shown=False, block=""):
    item = index.get(str(item_id))
    if item is None or not (shown or item["visibility"] == "public"):
        return
    inner = item["inner"]
    kind = next(iter(inner))
    body = inner[kind]
    if kind == "use":
        walk(body["id"], path, shown=True)
        return
    if kind == "module":
        for child in body["items"]:
            walk(child, path if item_id == docs["root"] else f"{path}::{item['name']}")
        return
    name = f"{path}::{item['name']}"
    exhaustive = " (non-exhaustive)" if any("non_exhaustive" in str(a) for a in item["attrs"]) else ""
    must_use = " (must use)" if any("must_use" in str(a) for a in item["attrs"]) else ""
    lines.add(f"{name}: {signature(item)}{block}{exhaustive}{must_use}")
    if kind == "struct" and isinstance(body["kind"], dict) and "plain" in body["kind"]:
        for field in body["kind"]["plain"]["fields"]:
            walk(field, name)
    for child in body.get("variants", []) + body.get("items", []) if isinstance(body, dict) else []:
        walk(child, name, shown=True)
    for impl_id in body.get("impls", []) if isinstance(body, dict) else []:
        impl = index.get(str(impl_id))
        if impl is None:
            continue
        detail = impl["inner"]["impl"]
        if detail["trait"] is None:
            # The bounds of a generic type's methods are those of their block.
            block = f" in {signature(impl)}" if detail["generics"]["params"] else ""
            for child in detail["items"]:
                walk(child, name, block=block)
        elif (
            not detail["is_synthetic"]
            and detail["blanket_impl"] is None
            and detail["trait"]["path"] != "StructuralPartialEq"
        ):
            derived = any("automatically_derived" in str(a) for a in impl["attrs"])
            what = f"derive {detail['trait']['path']}" if derived or impl["span"] is None else signature(impl)
            lines.add(f"{name}: {what}")


walk(docs["root"], docs["index"][str(docs["root"])]["name"])
print("\n".join(sorted(lines)))
