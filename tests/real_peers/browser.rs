//! A browser user: Chromium loads the page of `echo_server`, types messages and clicks buttons.

use crate::clients::echo_server;
use crate::program::{Ending, Program};
use crate::tools::{chromium, node};

#[test]
fn chromium_chats_with_echo_server_on_its_page() {
    let Some(mut browser) = node("playwright-core", "chromium.cjs") else { return };
    let Some(chromium) = chromium() else { return };
    let (server, addr) = echo_server();
    let browser = Program::start(browser.arg(chromium).arg(format!("http://{addr}/")));
    for line in SEEN.replace("ADDR", &addr).split_inclusive('\n') {
        assert_eq!(browser.line(), line);
    }
    assert_eq!(server.kill(), Ending { code: None, stdout: String::new(), stderr: String::new() });
    let seen = SEEN_WITHOUT_SERVER.to_owned();
    assert_eq!(browser.finish(), Ending { code: Some(0), stdout: seen, stderr: String::new() });
}

/// What the user sees: a wrong address, the page, three messages, many more, the Close button, and the page reloaded.
const SEEN: &str = "\
404: There is only a page at /.

wsproto echo: open, ws://ADDR/
buttons: Send, Close
sent: hello
received: hello
sent: Grüße, 世界! 👩‍🚀
received: Grüße, 世界! 👩‍🚀
sent: <b>not bold</b>
received: <b>not bold</b>
messages: 50, of which 0 do not fit into their box
wsproto echo: closed, 1000
buttons: none
note: Closed with code 1000: bye. Reload to start again.
wsproto echo: open, ws://ADDR/
";

/// The page after the server has ended.
const SEEN_WITHOUT_SERVER: &str = "\
wsproto echo: closed, 1006
buttons: none
note: Closed with code 1006, not cleanly. Reload to start again.
";
