//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A conformance suite for WebSocket implementations (RFC 6455, RFC 7692).
///
/// A case is named by RFC, section, name and the role of the endpoint under test, such as
/// 6455/5.2/reserved-opcode-0x3/server.
///
/// The exit status is 0 if everything is as expected, 1 if a case failed that was not expected to (or passed that was
/// expected to fail), and 2 if nothing could be run: wrong arguments, no implementation, no case selected.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tests a server that echoes each message.
    Server {
        /// The URI of the server: ws://HOST:PORT/PATH.
        uri: String,
        /// Speak HTTP/2 in clear text, and open each WebSocket in a stream (RFC 8441).
        #[arg(long)]
        h2: bool,
        #[command(flatten)]
        run: Run,
    },
    /// Tests a client that echoes each message, and that asks for the cases as it would ask Autobahn|Testsuite.
    Client {
        /// Listen here; port 0 lets the system choose.
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9001")]
        addr: String,
        /// Ask the cases of the opening handshake too. Some drivers end when a handshake fails.
        #[arg(long)]
        handshakes: bool,
        #[command(flatten)]
        run: Run,
        /// A client to start, with its arguments, after --; {url} in an argument is replaced by ws://HOST:PORT.
        #[arg(last = true)]
        program: Vec<String>,
    },
    /// Tests a core without sockets, by a runner that reads cases from its standard input.
    Pipe {
        #[command(flatten)]
        run: Run,
        /// The runner and its arguments, after --.
        #[arg(last = true, required = true)]
        program: Vec<String>,
    },
    /// Tests a library by a shim: a small program around it, which connects to the suite and reports what it sees.
    Shim {
        #[command(flatten)]
        run: Run,
        /// The shim and its arguments, after --.
        #[arg(last = true, required = true)]
        program: Vec<String>,
    },
    /// Compares implementations by the reports that --json wrote: the cases where they disagree.
    Grid(Grid),
    /// Changes cases at random, and finds where a core without sockets, or a server, differs from a reference.
    Fuzz(Fuzz),
    /// Lists the cases.
    List {
        #[command(flatten)]
        select: Select,
        /// Prints each case as a line of JSON, as it is in the corpus.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Grid {
    /// The reports, one for each implementation.
    #[arg(value_name = "REPORT", required = true, num_args = 2..)]
    pub(crate) reports: Vec<PathBuf>,
    /// Only the cases whose identifier matches, such as '6455/5.2/*'; may be repeated.
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<globset::Glob>,
    /// Also the cases that all pass, but with different outcomes that the RFCs allow.
    #[arg(long)]
    pub(crate) allowed: bool,
    /// Writes the table as one HTML page too.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    #[command(flatten)]
    pub(crate) select: Select,
    /// The runner that is taken as right, with its arguments between spaces, such as 'examples/conformance -'.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) reference: String,
    /// The same number makes the same cases.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Ends after this many changed cases.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) mutants: u64,
    /// Ends after this many seconds, if that is earlier, when the cases that are being asked are done.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) time: Option<u64>,
    /// Writes the findings to this directory, as cases for --cases.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) save: Option<PathBuf>,
    /// After how many seconds a runner or a server that does not answer is hung.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// Tests an echo server in place of a runner: only the frames of cases are changed.
    #[arg(long, value_name = "URI")]
    pub(crate) server: Option<String>,
    /// Speak HTTP/2 with the server, and open each WebSocket in a stream (RFC 8441).
    #[arg(long, requires = "server")]
    pub(crate) h2: bool,
    /// The runner under test and its arguments, after --.
    #[arg(last = true, required_unless_present = "server", conflicts_with = "server")]
    pub(crate) program: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Select {
    /// Only the cases whose identifier matches, such as '6455/5.2/*'; may be repeated.
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<globset::Glob>,
    /// The cases of all files *.jsonl in this directory, in place of those of the suite.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) cases: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) select: Select,
    /// How many connections, or shims, are used side by side [default: 32 connections, 8 shims].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// The name of the implementation, for reports.
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<String>,
    /// Writes each outcome as a line of JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes one HTML page with every case, its bytes, its rule, and what came.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Writes the outcomes as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// The expectations for this implementation: cases that are disabled, and cases that fail.
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
    /// Writes the failures of this run to the file of --expect.
    #[arg(long, requires = "expect")]
    pub(crate) update: bool,
    /// Writes the bytes of each failed case to files in this directory, which the example `dump` of wsproto reads.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) save: Option<PathBuf>,
    /// After how many seconds an implementation that does not answer is hung.
    #[arg(long, value_name = "SECONDS", default_value_t = Self::DEFAULT_TIMEOUT, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
}

impl Run {
    pub(crate) const DEFAULT_TIMEOUT: u64 = 10;
}
