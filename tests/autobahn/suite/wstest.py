#!/usr/bin/env python3
"""Runs the ported Autobahn|Testsuite (see setup.sh) over plain loopback sockets.

  wstest.py client --suite DIR --url ws://127.0.0.1:9002   test a server that echoes
  wstest.py server --suite DIR                             be the server for a client under test
  wstest.py list   --suite DIR                             print the ids of the chosen cases

A server prints its address in its first line of output, and ends when the client asks for its report. The verdicts
are written to index.json, and what happened in each case to a separate file; verdicts.py checks them.
"""
import argparse
import sys


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["client", "server", "list"])
    parser.add_argument("--suite", required=True, help="where port.py has put the suite")
    parser.add_argument("--url", default="ws://127.0.0.1:0", help="the server to test, or the address to listen on; port 0 is any port")
    parser.add_argument("--agent", default="server", help="the name of a server under test")
    parser.add_argument("--cases", default="*", help="ids or patterns, separated by commas")
    parser.add_argument("--messages", type=int, help="messages in each 12.* and 13.* case (default 1000)")
    parser.add_argument("--out", default="reports", help="the directory for the reports")
    parser.add_argument("--html", action="store_true", help="write the suite's HTML reports too")
    return parser.parse_args()


def main():
    args = arguments()
    sys.path.insert(0, args.suite)
    import txaio
    txaio.use_twisted()
    from twisted.internet import reactor
    from autobahn.twisted.websocket import listenWS
    from autobahntestsuite import fuzzing

    spec = {"url": args.url, "outdir": args.out, "servers": [{"url": args.url, "agent": args.agent}],
            "cases": args.cases.split(","), "exclude-cases": [], "exclude-agent-cases": {}}
    if args.mode == "list":
        case_set = fuzzing.CaseSet(fuzzing.CaseSetname, fuzzing.CaseBasename, fuzzing.Cases,
                                   fuzzing.CaseCategories, fuzzing.CaseSubCategories)
        print("\n".join(case_set.parseSpecCases(spec)))
        return
    if args.messages:
        for case in fuzzing.Cases:
            if case.__name__.startswith(("Case12_", "Case13_")):
                case.COUNT = args.messages

    # The suite prints each step.
    fuzzing.print = lambda *words: None
    create_reports = fuzzing.FuzzingFactory.createReports

    def create_reports_and_stop(self, **_):
        create_reports(self, produceHtml=args.html)
        if args.mode == "server":
            # Wait for the closing handshake of the connection that asked for the report.
            reactor.callLater(0.3, reactor.stop)

    fuzzing.FuzzingFactory.createReports = create_reports_and_stop
    if args.mode == "client":
        fuzzing.FuzzingClientFactory(spec)
    else:
        port = listenWS(fuzzing.FuzzingServerFactory(spec), interface="127.0.0.1").getHost().port
        print(f"listening on ws://127.0.0.1:{port}", flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
