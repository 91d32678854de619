//! Responses to requests that are not for a WebSocket.

/// Returns the HTTP response to the request whose request line is in `head`.
pub(crate) fn response(head: &[u8]) -> Vec<u8> {
    let line = head.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();

    let (status, fields, body) = match (path, method) {
        (b"/" | b"/index.html", b"GET" | b"HEAD") => {
            ("200 OK", "Content-Type: text/html; charset=utf-8", PAGE)
        }
        (b"/" | b"/index.html", _) => (
            "405 Method Not Allowed",
            "Allow: GET, HEAD\r\nContent-Type: text/plain",
            "The page can only be read, with GET or HEAD.\n",
        ),
        _ => ("404 Not Found", "Content-Type: text/plain", "There is only a page at /.\n"),
    };
    let len = body.len();
    // A response to HEAD is the head of the one to GET (RFC 9110 §9.3.2).
    let body = if method == b"HEAD" { "" } else { body };
    format!("HTTP/1.1 {status}\r\n{fields}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}")
        .into_bytes()
}

const PAGE: &str = include_str!("page.html");
