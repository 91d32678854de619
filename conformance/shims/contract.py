"""The contract (`SHIM.md`) in Python, for a shim of any library: copy this file, and call `run`."""

import json
import socket
import sys


def run(shim, **hello):
    """Runs cases until the end of the input.

    `shim(connection, role, host, config)` makes the library ready on a socket. Its method `events()` reads, answers and
    yields what the library reports, each as a line of the contract, to the end of the connection; and its method
    `act(do, data, fin, code, reason)` makes one call of the local user.
    """
    say(shim=1, **hello)
    for case in map(json.loads, sys.stdin):
        with socket.create_connection(("127.0.0.1", case["port"])) as connection:
            try:
                run_case(shim(connection, case["role"], f"127.0.0.1:{case['port']}", case["config"]), case["actions"])
            except Exception as error:
                say(event="error", name=repr(error))
        say(event="end")


def run_case(shim, actions):
    events = shim.events()
    if report(events, "open") == "open":
        refused = next((index for index, action in enumerate(actions) if is_refused(shim, events, **action)), None)
        say(event="acted") if refused is None else say(event="refused", action=refused)
    report(events)


def is_refused(shim, events, do, text=None, hex="", fin=True, code=None, reason="", until=None):
    if do == "receive":
        report(events, "close")
        return False
    try:
        shim.act(do, bytes.fromhex(hex) if text is None else text.encode(), fin, code, reason)
    except Exception:
        return True
    return False


def report(events, until=None):
    """Prints events, up to one of this kind or an error. Returns its kind; None at the end of the connection."""
    for event in events:
        say(**event)
        if event["event"] in (until, "error"):
            return event["event"]
    return None


def say(**line):
    print(json.dumps(line), flush=True)
