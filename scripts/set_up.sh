#!/bin/sh
# Finds a Python that is new enough and hands over to set_up.py.
here=$(dirname "$0")
for python in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
    [ -n "$python" ] || continue
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" "$here/set_up.py" "$@"
    fi
done
echo "Footnote needs Python 3.11 or newer. On Debian and Ubuntu: apt-get install python3 python3-venv" >&2
echo "If it is installed under another name: make PYTHON=/path/to/python …" >&2
exit 1
