//! The RFCs that the cases are from, and the headings of their sections.

/// The title of an RFC.
pub(crate) fn rfc_title(rfc: &str) -> &'static str {
    match rfc {
        "3986" => "Uniform Resource Identifier: Generic Syntax",
        "6455" => "The WebSocket Protocol",
        "7692" => "Compression Extensions for WebSocket",
        "8441" => "Bootstrapping WebSockets with HTTP/2",
        "9110" => "HTTP Semantics",
        "9112" => "HTTP/1.1",
        _ => "",
    }
}

/// The heading of a section that is named as in an identifier, such as `6455/5.2`; empty if it is not known.
pub(crate) fn heading(section: &str) -> &'static str {
    let found = HEADINGS.iter().find(|(name, _)| *name == section);
    found.map(|(_, heading)| *heading).unwrap_or_default()
}

/// A name by which sections sort as in the RFCs: those of WebSocket first, then those of HTTP, and 5.10 after 5.9.
pub(crate) fn order(section: &str) -> (u8, Vec<u32>, String) {
    let (rfc, number) = section.split_once('/').unwrap_or((section, ""));
    let place = match rfc {
        "6455" => 0,
        "7692" => 1,
        "8441" => 2,
        _ => 3,
    };
    let mut numbers = vec![rfc.parse().unwrap_or(0)];
    numbers.extend(number.split('.').map(|part| part.parse().unwrap_or(0)));
    (place, numbers, section.to_owned())
}

const HEADINGS: &[(&str, &str)] = &[
    ("3986/2", "Characters"),
    ("6455/1.3", "Opening Handshake"),
    ("6455/3", "WebSocket URIs"),
    ("6455/4.1", "Client Requirements"),
    ("6455/4.2.1", "Reading the Client's Opening Handshake"),
    ("6455/4.2.2", "Sending the Server's Opening Handshake"),
    ("6455/4.3", "Collected ABNF for New Header Fields Used in Handshake"),
    ("6455/4.4", "Supporting Multiple Versions of WebSocket Protocol"),
    ("6455/5.1", "Overview"),
    ("6455/5.2", "Base Framing Protocol"),
    ("6455/5.3", "Client-to-Server Masking"),
    ("6455/5.4", "Fragmentation"),
    ("6455/5.5", "Control Frames"),
    ("6455/5.5.1", "Close"),
    ("6455/5.5.2", "Ping"),
    ("6455/5.5.3", "Pong"),
    ("6455/5.6", "Data Frames"),
    ("6455/5.7", "Examples"),
    ("6455/5.8", "Extensibility"),
    ("6455/6.1", "Sending Data"),
    ("6455/6.2", "Receiving Data"),
    ("6455/7.1.1", "Close the WebSocket Connection"),
    ("6455/7.1.2", "Start the WebSocket Closing Handshake"),
    ("6455/7.1.3", "The WebSocket Closing Handshake is Started"),
    ("6455/7.1.4", "The WebSocket Connection is Closed"),
    ("6455/7.1.5", "The WebSocket Connection Close Code"),
    ("6455/7.1.6", "The WebSocket Connection Close Reason"),
    ("6455/7.1.7", "Fail the WebSocket Connection"),
    ("6455/7.4", "Status Codes"),
    ("6455/7.4.1", "Defined Status Codes"),
    ("6455/7.4.2", "Reserved Status Code Ranges"),
    ("6455/8.1", "Handling Errors in UTF-8-Encoded Data"),
    ("6455/9", "Extensions"),
    ("6455/9.1", "Negotiating Extensions"),
    ("6455/10.2", "Origin Considerations"),
    ("6455/10.4", "Implementation-Specific Limits"),
    ("6455/11.3", "Registration of New HTTP Header Fields"),
    ("6455/11.3.1", "Sec-WebSocket-Key"),
    ("6455/11.3.2", "Sec-WebSocket-Extensions"),
    ("6455/11.3.3", "Sec-WebSocket-Accept"),
    ("6455/11.3.4", "Sec-WebSocket-Protocol"),
    ("6455/11.3.5", "Sec-WebSocket-Version"),
    ("7692/5", "Extension Negotiation"),
    ("7692/6", "Framing"),
    ("7692/6.1", "Compression"),
    ("7692/6.2", "Decompression"),
    ("7692/7.1", "Method Parameters"),
    ("7692/7.1.1.1", "server_no_context_takeover"),
    ("7692/7.1.1.2", "client_no_context_takeover"),
    ("7692/7.1.2", "Limiting the LZ77 Sliding Window Size"),
    ("7692/7.1.2.1", "server_max_window_bits"),
    ("7692/7.1.2.2", "client_max_window_bits"),
    ("7692/7.2.1", "Compression"),
    ("7692/7.2.2", "Decompression"),
    ("7692/7.2.3.1", "A Message Compressed Using One Compressed DEFLATE Block"),
    ("7692/7.2.3.2", "Sharing LZ77 Sliding Window"),
    ("7692/7.2.3.3", "Using a DEFLATE Block with No Compression"),
    ("7692/7.2.3.4", "Using a DEFLATE Block with \"BFINAL\" Set to 1"),
    ("7692/7.2.3.5", "Two DEFLATE Blocks in One Message"),
    ("7692/7.2.3.6", "Generation of an Empty Fragment"),
    ("8441/3", "The SETTINGS_ENABLE_CONNECT_PROTOCOL SETTINGS Parameter"),
    ("8441/4", "The Extended CONNECT Method"),
    ("8441/5", "Using Extended CONNECT to Bootstrap the WebSocket Protocol"),
    ("9110/5.3", "Field Order"),
    ("9110/5.5", "Field Values"),
    ("9110/5.6.1", "Lists (#rule ABNF Extension)"),
    ("9110/8.6", "Content-Length"),
    ("9110/9.1", "Overview of Methods"),
    ("9110/9.3.1", "GET"),
    ("9110/15", "Status Codes"),
    ("9110/15.2", "Informational 1xx"),
    ("9112/2.2", "Message Parsing"),
    ("9112/2.3", "HTTP Version"),
    ("9112/3", "Request Line"),
    ("9112/3.2", "Request Target"),
    ("9112/3.2.2", "absolute-form"),
    ("9112/4", "Status Line"),
    ("9112/5", "Field Syntax"),
    ("9112/5.1", "Field Line Parsing"),
    ("9112/5.2", "Obsolete Line Folding"),
    ("9112/6.1", "Transfer-Encoding"),
    ("9112/6.2", "Content-Length"),
    ("9112/6.3", "Message Body Length"),
    ("9112/7.1", "Chunked Transfer Coding"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;

    #[test]
    fn every_section_of_the_suite_has_a_heading() {
        for case in corpus::built_in().unwrap() {
            let section = case.id.section();
            assert_ne!(heading(section), "", "{section}");
            assert_ne!(rfc_title(section.split('/').next().unwrap()), "", "{section}");
        }
        assert_eq!((heading("6455/99"), rfc_title("1")), ("", ""));
    }

    #[test]
    fn sections_sort_by_number() {
        let mut sections =
            ["9110/5.3", "7692/5", "6455/10.2", "6455/5.10", "6455/5.9", "6455/5.9.1", "3986/2"];
        sections.sort_by_key(|section| order(section));
        let sorted = ["6455/5.9", "6455/5.9.1", "6455/5.10", "6455/10.2", "7692/5", "3986/2", "9110/5.3"];
        assert_eq!(sections, sorted);
    }
}
