#!/usr/bin/env python3
"""port.py SDIST DIR: unpacks the autobahntestsuite source distribution from PyPI, and writes the part of it
that runs the WebSocket cases to DIR, as Python 3.

Only rewriting rules are kept here, none of the suite's own code. Every rule that names a place must match, so
that another release of the suite fails loudly.
"""
import hashlib
import os
import re
import shutil
import sys
import tarfile

TRIED = "b083d6e15330fc16f3e5f0975cce2b15f21bfa0c6db09547316b1852c6dbd6df"  # 25.10.1
SIBLINGS = r"(case\d\w*|case|caseset|report|fuzzing|spectemplate|_version)"

# (pattern, replacement), for every file: the syntax and the builtins
COMMON = [
    (rf"^from {SIBLINGS} import", r"from .\1 import"),
    (rf"^import {SIBLINGS}$", r"from . import \1"),
    (r"^(\s*)print\s*$", r"\1print()"),
    (r"^(\s*)print (?=\S)(.*)$", r"\1print(\2)"),
    (r"([\w.\[\]]+)\.has_key\(([^()]*)\)", r"(\2 in \1)"),
    (r"\bxrange\(", "range("),
    (r"\bunichr\(", "chr("),
    (r"\(object, Case, \)", "(Case,)"),
    (r"replace\('\.', '\\\.'\)", r"replace('.', '\\\\.')"),
    (r"\bbinascii\.(b2a_hex|hexlify)\(", r"_py3.\1("),
    (r"\bpkg_resources\.resource_filename\(", "_py3.resource_filename("),
    (r", pkg_resources\b", ""),
]
# file -> list of (literal text, replacement), each of which must occur
PLACES = {
    "fuzzing.py": [
        ("from twisted.internet import reactor, ssl", "from twisted.internet import reactor\nssl = _py3.ssl"),
        ("class FuzzingProtocol:", "class FuzzingProtocol(_py3.Bridge):"),
        ("''.join(payload)", "_py3.join(payload)"),
        ("def asciiLogData(", "asciiLogData = _py3.ascii_log\ndef _asciiLogData("),
        ("def binLogData(", "binLogData = _py3.bin_log\ndef _binLogData("),
        (".encode('utf8')", ""),
        (')).encode("utf-8"))', ")))"),
        ("json.dumps(case, ", "json.dumps(_py3.text(case), "),
        ("report_filename), 'w')", "report_filename), 'w', encoding='latin-1', errors='xmlcharrefreplace')"),
    ],
    "caseset.py": [],
    "case/__init__.py": [("from .case9_9_1 import *\n", "")],
    "case/case.py": [("pickle.dumps(obj1) == pickle.dumps(obj2)", "obj1 == obj2")],
    "case/case10_1_1.py": [("len(self.payload) / self.p", "len(self.payload) // self.p")],
    "case/case12_x_x.py": [
        ("m.update(msg)", "m.update(_py3.b(msg))"),
        ("msg = msg.decode('utf-8')", "msg = _py3.b(msg).decode('utf-8')"),
    ],
    "case/case6_x_x.py": [("v.validate(vss[:i])", "v.validate(_py3.b(vss[:i]))")],
}
INIT = '''"""Autobahn|Testsuite, the WebSocket cases, rewritten for Python 3 by port.py."""
from ._version import __version__
version = __version__
'''


def rewrite(name, text):
    for pattern, new in COMMON:
        text = re.sub(pattern, new, text, flags=re.M)
    for old, new in PLACES.get(name, []):
        if old not in text:
            sys.exit(f"port.py: {name}: expected text is gone: {old!r}")
        text = text.replace(old, new)
    if "_py3." in text:
        package = ".." if name.startswith("case/") else "."
        # in front of the first statement
        at = re.search(r"^(?=[^#\s])", text, flags=re.M).start()
        text = text[:at] + f"from {package} import _py3\n" + text[at:]
    return text


def main(sdist, dest):
    with open(sdist, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    if digest != TRIED:
        sys.exit(f"port.py: {sdist}: not the release that the rules were tried on: {digest}")
    out = os.path.join(dest, "autobahntestsuite")
    shutil.rmtree(out, ignore_errors=True)
    done = 0
    with tarfile.open(sdist) as tar:
        for member in tar.getmembers():
            m = re.fullmatch(r"[^/]+/autobahntestsuite/(.+)", member.name)
            if not m or not member.isfile():
                continue
            name = m.group(1)
            wanted = name in ("fuzzing.py", "caseset.py", "report.py", "spectemplate.py", "_version.py") \
                or re.fullmatch(r"case/\w+\.py", name) and name != "case/case9_9_1.py"
            data = name.startswith(("testdata/", "web/fuzzingserver/"))
            if not (wanted or data):
                continue
            raw = tar.extractfile(member).read()
            path = os.path.join(out, *name.split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if wanted:
                # latin-1: an octet of a literal becomes one code point (see runtime.py)
                text = raw.decode("latin-1").replace("\r\n", "\n")
                if name == "report.py":  # only its style sheets are used, not its class
                    text = text[:text.index("REPORT_DIR_PERMISSIONS")].replace("import jinja2\n", "")
                text = rewrite(name, text)
                compile(text, name, "exec")
                raw = text.encode("utf-8")
            with open(path, "wb") as f:
                f.write(raw)
            done += 1
    if not done:
        sys.exit("port.py: nothing found in the archive")
    here = os.path.dirname(os.path.abspath(__file__))
    shutil.copy(os.path.join(here, "runtime.py"), os.path.join(out, "_py3.py"))
    with open(os.path.join(out, "__init__.py"), "w") as f:
        f.write(INIT)
    print(f"port.py: {done} files written")


if __name__ == "__main__":
    main(*sys.argv[1:])
