//! Heads that the local user asks for: what must be refused, as it would break the message or the handshake.

use serde_json::Value;

use crate::fault::{Fault, Faults};
use crate::head::{is_token, trim};
use crate::sender::Refused;

/// A request that the user of a client asks for.
#[derive(Debug)]
pub(crate) struct UserRequest {
    pub(crate) host: String,
    pub(crate) resource: String,
    pub(crate) subprotocols: Vec<String>,
    /// More fields, whole lines.
    pub(crate) fields: String,
}

/// Checks what a client is asked to send.
pub(crate) fn request(asked: &Value, faults: Faults) -> Result<UserRequest, Refused> {
    let host = text(asked, "host")?;
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte));
    if host.is_empty() || !(is_host || faults.has(Fault::AllowsInjection)) {
        return Err(Refused);
    }
    let resource = text(asked, "resource")?;
    let is_visible = resource.bytes().all(|byte| byte.is_ascii_graphic());
    if !resource.starts_with('/')
        || !(is_visible || faults.has(Fault::AllowsInjection))
        || (resource.contains('#') && !faults.has(Fault::AllowsFragment))
    {
        return Err(Refused);
    }
    let list = asked.get("subprotocols").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut subprotocols: Vec<String> = Vec::new();
    for name in list {
        let name = name.as_str().ok_or(Refused)?;
        if !is_token(name) && !faults.has(Fault::AllowsMalformedSubprotocol) {
            return Err(Refused);
        }
        if subprotocols.iter().any(|earlier| earlier == name) && !faults.has(Fault::AllowsSubprotocolTwice) {
            return Err(Refused);
        }
        subprotocols.push(name.to_owned());
    }
    Ok(UserRequest { host, resource, subprotocols, fields: fields(asked, faults)? })
}

/// What the user of a server asks for.
#[derive(Debug)]
pub(crate) enum UserResponse {
    Accept {
        subprotocol: Option<String>,
        /// More fields, whole lines.
        fields: String,
    },
    /// A whole response.
    Refuse(String),
}

/// Checks what a server is asked to answer to a client that offered these subprotocols.
pub(crate) fn response(asked: &Value, offered: &[&str], faults: Faults) -> Result<UserResponse, Refused> {
    if let Some(reject) = asked.get("reject").filter(|reject| !reject.is_null()) {
        return refusal(reject, faults).map(UserResponse::Refuse);
    }
    let subprotocol = match asked.get("subprotocol").and_then(Value::as_str) {
        Some(name) if offered.contains(&name) || faults.has(Fault::AllowsUnofferedSubprotocol) => {
            Some(name.to_owned())
        }
        Some(_) => return Err(Refused),
        None => None,
    };
    Ok(UserResponse::Accept { subprotocol, fields: fields(asked, faults)? })
}

fn refusal(reject: &Value, faults: Faults) -> Result<String, Refused> {
    let status = reject.get("status").and_then(Value::as_u64).ok_or(Refused)?;
    // A final status, and none that says that the handshake has succeeded.
    if !(300..=599).contains(&status) && !faults.has(Fault::AllowsAnyStatus) {
        return Err(Refused);
    }
    let body = reject.get("body").and_then(Value::as_str).unwrap_or_default();
    let fields = fields(reject, faults)?;
    Ok(format!(
        "HTTP/1.1 {status} Refused\r\n{fields}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// The fields that the user adds: none that the endpoint writes itself, and none that ends its line early.
fn fields(asked: &Value, faults: Faults) -> Result<String, Refused> {
    let list = asked.get("headers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut fields = String::new();
    for field in list {
        let (name, value) = match field.as_array().map(Vec::as_slice) {
            Some([name, value]) => (name.as_str().ok_or(Refused)?, value.as_str().ok_or(Refused)?),
            _ => return Err(Refused),
        };
        let is_owned = OWNED.iter().any(|owned| owned.eq_ignore_ascii_case(name));
        let is_valid =
            is_token(name) && value == trim(value) && !value.contains(|char: char| char.is_control());
        if (is_owned && !faults.has(Fault::AllowsOwnedField))
            || !(is_valid || faults.has(Fault::AllowsInjection))
        {
            return Err(Refused);
        }
        fields.push_str(&format!("{name}: {value}\r\n"));
    }
    Ok(fields)
}

fn text(asked: &Value, name: &str) -> Result<String, Refused> {
    asked.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(Refused)
}

const OWNED: &[&str] = &[
    "Host",
    "Upgrade",
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
];
