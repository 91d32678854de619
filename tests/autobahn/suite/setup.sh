#!/usr/bin/env bash
# Installs Autobahn|Testsuite for Python 3, from PyPI only. The first time takes half a minute.
#
#   setup.sh DIR      creates DIR/venv and DIR/suite
#   PYTHON            the interpreter to use (default python3)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
home=$(cd "$1" && pwd)
python=$home/venv/bin/python

made_from=$(cat "$here"/{setup.sh,requirements.txt,port.py,runtime.py} | sha256sum)
if [ "$(cat "$home/made-from" 2>/dev/null)" = "$made_from" ]; then
    exit
fi

pip() {
    "$python" -m pip --disable-pip-version-check --quiet "$@"
}

"${PYTHON:-python3}" -m venv --clear "$home/venv"
# The build tools come first. The list of packages is complete, so that every version is pinned.
pip install --no-deps setuptools==75.8.0 wheel==0.45.1
pip install --no-deps --no-build-isolation --requirement "$here/requirements.txt"
# This one is optional and saves time (masking, UTF-8 checks): some machines have no wheel of it.
pip install --no-deps wsaccel==0.6.7 || echo "setup.sh: without wsaccel the cases 9.* take longer" >&2
pip download --no-deps --no-build-isolation --no-binary autobahntestsuite --dest "$home" autobahntestsuite==25.10.1
"$python" "$here/port.py" "$home/autobahntestsuite-25.10.1.tar.gz" "$home/suite"

count=$("$python" -B "$here/wstest.py" list --suite "$home/suite" | wc -l)
echo "setup.sh: $count cases"
[ "$count" -eq 517 ]
echo "$made_from" >"$home/made-from"
