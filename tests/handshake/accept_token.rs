//! The answer to a key (RFC 6455 §1.3, §4.2.2), against another SHA-1 and another base64.

use wsproto::{SecWebSocketKey, generate_accept_token};

use crate::support::{Head, KEY, TOKEN, acceptable};

/// Sixteen bytes, their key, and its token, by Python's `hashlib` and `base64`.
const VECTORS: [(&[u8; 16], &str, &str); 12] = [
    (b"the sample nonce", KEY, TOKEN),
    (b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "AAAAAAAAAAAAAAAAAAAAAA==", "ICX+Yqv66kxgM0FcWaLWlFLwTAI="),
    (&[0xff; 16], "/////////////////////w==", "XXpj4jYzLM2yUE0C7TIgMwTQh2g="),
    (
        b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
        "AQIDBAUGBwgJCgsMDQ4PEA==",
        "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=",
    ),
    (
        b"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff",
        "8PHy8/T19vf4+fr7/P3+/w==",
        "o1HBjBrgy9KLkiDEDur3dyqqLEs=",
    ),
    (
        b"\x11\x87\x08\xad\xbb\x13\xd0\xe5\xd5\x4f\x8a\x66\x60\xb1\x2e\x56",
        "EYcIrbsT0OXVT4pmYLEuVg==",
        "forMTAC35RHENgd7vVOZ1SiZtAg=",
    ),
    (
        b"\xe6\xc3\x37\x8a\x09\x17\x42\x8f\x18\xd3\x4f\x72\xd8\x5c\xc8\xe3",
        "5sM3igkXQo8Y009y2FzI4w==",
        "d1AeqNA0RDGVM/99kdtsnMFdD98=",
    ),
    (
        b"\x20\xbb\x57\xb5\xa2\x9c\xca\x2e\x1b\x16\x9d\xc9\x6a\x92\x35\xd8",
        "ILtXtaKcyi4bFp3JapI12A==",
        "3BsIcoSnl10E4FX+sqTUA4n9SEM=",
    ),
    (
        b"\xcd\xae\x0c\xa9\x4b\xb1\x75\xa4\xd0\x3a\xed\x24\x2b\x7c\xa2\xc2",
        "za4MqUuxdaTQOu0kK3yiwg==",
        "ddJ7db7MuJggQDGeBZayu/C8gOE=",
    ),
    (
        b"\x96\x49\xa9\x3d\x66\x7b\x57\x26\xab\xed\x1d\x80\x0a\x02\x55\x20",
        "lkmpPWZ7Vyar7R2ACgJVIA==",
        "bqaK4yyR7rJ065qI/4Nb/plcPmc=",
    ),
    (
        b"\xb6\x1c\x5a\x22\x8d\x83\x64\x8a\xb3\x87\xfd\x3e\xc1\x4a\x00\xe7",
        "thxaIo2DZIqzh/0+wUoA5w==",
        "LpKLwaeCohsBRPGwl5OcQPLj80A=",
    ),
    (
        b"\xf4\xfb\xbf\x26\xdd\xd5\xe7\x37\xb6\x82\xee\x93\x01\x74\xb8\x8a",
        "9Pu/Jt3V5ze2gu6TAXS4ig==",
        "udym18rUMqcUKmAMCRysrILH/cg=",
    ),
];

#[test]
fn the_key_of_section_1_3_has_the_token_of_section_1_3() {
    assert_eq!(generate_accept_token(b"dGhlIHNhbXBsZSBub25jZQ==").as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn tokens_are_those_of_another_implementation() {
    for (_, key, token) in VECTORS {
        assert_eq!(generate_accept_token(key.as_bytes()).as_str(), token, "{key}");
    }
}

#[test]
fn the_key_is_hashed_as_a_string_and_not_decoded() {
    // A server answers "the value as present in the header field"; nobody decodes it (§4.2.2, §4.1).
    for (key, token) in [
        (String::new(), "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w="),
        ("x".into(), "JVxkmtKFjDcI/Pm/AGPEKSN6wT8="),
        ("not a key at all".into(), "rsBfO7VYJe5gzK4ZnaEqwcz3eM0="),
        ("dGhlIHNhbXBsZSBub25jZQ== ".into(), "xytUlkF2rVz2XzwONMCug9nn1qA="),
        ("AQIDBAUGBwgJCgsMDQ4PEH==".into(), "5KR1nHqQHR3SYnOt909KjhDX2JI="),
        ("A".repeat(64), "CNVCgqrOv9cq/hZteEmJXitx+cU="),
        // Around where SHA-1 fills a block.
        ("k".repeat(19), "tWclcP21hrR+xgjYVswtQRW71GQ="),
        ("k".repeat(20), "tSsjsIAvEVIQ+IC5K8+T/OkG8nU="),
        ("k".repeat(28), "x9bmfLYIxLMaaT5h0sFuRlAhhb8="),
        ("k".repeat(1000), "D5UkHUEpPcw/Kmar+sMcS126/cM="),
    ] {
        assert_eq!(generate_accept_token(key.as_bytes()).as_str(), token, "{key}");
    }
}

#[test]
fn a_key_is_its_bytes_in_base64() {
    for (bytes, key, _) in VECTORS {
        assert_eq!(SecWebSocketKey::new(*bytes).as_str(), key);
    }
}

#[test]
fn a_server_answers_each_key() {
    for (_, key, token) in VECTORS {
        let line = format!("Sec-WebSocket-Key: {key}");
        assert_eq!(acceptable(Head::request().set("Sec-WebSocket-Key", line)).token, token);
    }
    // The bits that the last character has to spare belong to the string.
    let line = "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEH==";
    let token = acceptable(Head::request().set("Sec-WebSocket-Key", line)).token;
    assert_eq!(token, "5KR1nHqQHR3SYnOt909KjhDX2JI=");
}

#[test]
fn keys_and_tokens_show_themselves() {
    assert_eq!(
        format!("{:?}", SecWebSocketKey::new(*b"the sample nonce")),
        format!("SecWebSocketKey({KEY:?})")
    );
    assert_eq!(format!("{:?}", generate_accept_token(KEY.as_bytes())), format!("AcceptToken({TOKEN:?})"));
    assert_eq!(SecWebSocketKey::new(*b"the sample nonce").to_string(), KEY);
    let token = generate_accept_token(KEY.as_bytes());
    assert_eq!(token.to_string(), TOKEN);
    assert_eq!((token.as_str(), token.as_bytes()), (token.as_ref(), token.as_ref()));
    assert_eq!(generate_accept_token(KEY.as_bytes()), generate_accept_token(KEY.as_bytes()));
    assert_ne!(generate_accept_token(b"a"), generate_accept_token(b"b"));
}

#[test]
fn a_key_is_taken_as_text_and_as_bytes() {
    let key = SecWebSocketKey::new(*b"the sample nonce");
    let (text, bytes): (&str, &[u8]) = (key.as_ref(), key.as_ref());
    assert_eq!((text, bytes), (KEY, KEY.as_bytes()));
}
