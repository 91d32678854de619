//! A client for Autobahn|Testsuite: echoes what each of its cases sends.
//!
//! ```sh
//! cargo run --release --example tokio_autobahn_client -- ws://127.0.0.1:9001 wsproto-tokio
//! ```
//!
//! `tests/autobahn/run --tokio` of the workspace starts it. It asks the suite's server how many cases there are, runs
//! one after the other, and then asks it to write its report.

use std::error::Error;
use std::process::ExitCode;

use wsproto_tokio::wsproto::{CloseCode, Limits, PermessageDeflate};
use wsproto_tokio::{Client, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, agent] = &arguments[..] else {
        eprintln!("usage: tokio_autobahn_client URL AGENT");
        return ExitCode::from(2);
    };
    match run(url, agent).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tokio_autobahn_client: {url}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(url: &str, agent: &str) -> Result<(), Box<dyn Error>> {
    // The longest messages of the suite have 16 MiB.
    let settings = Settings::default().with_limits(Limits::default().with_max_message_len(64 << 20));
    let client = Client::new().with_settings(settings).with_deflate(PermessageDeflate::new());
    for case in 1..=case_count(&client, url).await? {
        // The suite breaks rules on purpose: an error is what it expects. The other cases still run.
        if let Err(error) = echo(&client, &format!("{url}/runCase?case={case}&agent={agent}")).await {
            eprintln!("tokio_autobahn_client: case {case}: {error}");
        }
    }
    let mut ws = client.connect(&format!("{url}/updateReports?agent={agent}")).await?;
    while ws.recv().await?.is_some() {}
    Ok(())
}

/// Asks the suite how many cases there are.
async fn case_count(client: &Client, url: &str) -> Result<u32, Box<dyn Error>> {
    let mut ws = client.connect(&format!("{url}/getCaseCount")).await?;
    let message = ws.recv().await?.ok_or("the suite did not say how many cases there are")?;
    let count = message.as_text().ok_or("the number of cases is not text")?.parse()?;
    ws.close(CloseCode::NORMAL_CLOSURE, "").await?;
    Ok(count)
}

async fn echo(client: &Client, uri: &str) -> Result<(), Box<dyn Error>> {
    let mut ws = client.connect(uri).await?;
    while let Some(message) = ws.recv().await? {
        ws.send(message).await?;
    }
    Ok(())
}
