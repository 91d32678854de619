//! A case as a line for a shim, or why this shim cannot be asked.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use serde_json::{Map, Value, json};

use crate::case::{Ask, Case, Role};
use crate::flood;
use crate::frame;
use crate::h2_case::NEEDS_H2;
use crate::layout::Layout;
use crate::shim::Hello;
use crate::value::Hex;

/// The line for a shim, without the port.
pub(crate) fn question(case: &Case, hello: &Hello) -> Result<Map<String, Value>, String> {
    if !hello.roles.contains(&case.role) {
        return Err("the shim does not have this role".to_owned());
    }
    let mut config = Map::new();
    let mut actions = Vec::new();
    match &case.ask {
        Ask::Receive(receive) => {
            config.insert("deflate".to_owned(), receive.deflate.is_some().into());
            if let Some(limits) = receive.limits {
                config.insert("max_message".to_owned(), limits.max_message.into());
            }
            actions = expanded(&receive.prelude)?;
        }
        Ask::Flood(flood) => {
            if let Some(why) = flood::cannot_ask(flood, false) {
                return Err(why.to_owned());
            }
        }
        Ask::H2(_) => return Err(NEEDS_H2.to_owned()),
        Ask::Local(local) => {
            if local.deflate.is_some() {
                return Err("this door does not ask it".to_owned());
            }
            actions = expanded(&local.actions)?;
        }
        Ask::Request(request) => {
            let config_of = &request.config;
            if config_of.limits.is_some() {
                return Err("the limits of a head are not set by a shim".to_owned());
            }
            config.insert("deflate".to_owned(), config_of.deflate.into());
            config.insert("subprotocols".to_owned(), json!(config_of.subprotocols));
            if let Some(origins) = &config_of.origins {
                config.insert("origins".to_owned(), json!(origins));
            }
        }
        Ask::Response(response) => {
            config.insert("deflate".to_owned(), response.config.offer.is_some().into());
            config.insert("subprotocols".to_owned(), json!(response.config.subprotocols));
        }
        Ask::Build(members) => {
            if !hello.build {
                return Err("the shim builds no heads".to_owned());
            }
            let head = if case.role == Role::Client { "request" } else { "response" };
            config.insert(head.to_owned(), members["input"].clone());
            config.insert("deflate".to_owned(), (members["config"]["deflate"] == true).into());
        }
    }
    can(&config, &actions, hello)?;
    let mut question = Map::new();
    question.insert("case".to_owned(), case.id.0.clone().into());
    question.insert("role".to_owned(), json!(case.role));
    question.insert("config".to_owned(), config.into());
    question.insert("actions".to_owned(), actions.into());
    Ok(question)
}

/// Whether the shim can pass on these settings and make these calls.
fn can(config: &Map<String, Value>, actions: &[Value], hello: &Hello) -> Result<(), String> {
    let empty = |name: &str| match config.get(name) {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    for (name, can) in [("deflate", hello.deflate), ("subprotocols", hello.subprotocols)] {
        if !can && !empty(name) {
            return Err(format!("the shim cannot set {name}"));
        }
    }
    for (name, can) in [("max_message", hello.max_message), ("origins", hello.origins)] {
        if !can && config.contains_key(name) {
            return Err(format!("the shim cannot set {name}"));
        }
    }
    for action in actions {
        let name = action["do"].as_str().unwrap_or_default();
        if name != "receive" && !hello.actions.iter().any(|can| can == name) {
            return Err(format!("the shim cannot {}", name.replace('_', " ")));
        }
        if action["fin"] == false && !hello.fragments {
            return Err("the shim cannot send fragments".to_owned());
        }
    }
    Ok(())
}

/// The actions as a shim gets them: short forms are written out, and `receive` actions in a row are one.
fn expanded(actions: &[Value]) -> Result<Vec<Value>, String> {
    let mut expanded = Vec::new();
    let mut input = Vec::new();
    for (index, action) in actions.iter().enumerate() {
        if action["do"] == "receive" {
            input.extend(received(action)?);
            let next = actions.get(index.saturating_add(1));
            if next.is_none_or(|next| next["do"] != "receive") {
                let until = if has_close(&input) { "close" } else { "error" };
                expanded.push(json!({ "do": "receive", "until": until }));
            }
            continue;
        }
        let mut action = action.clone();
        let Some(members) = action.as_object_mut() else { continue };
        let times = members.remove("times").and_then(|times| times.as_u64());
        let times = times.map_or(1, |times| usize::try_from(times).unwrap_or(0));
        match members.get("hex").and_then(Value::as_str).map(|hex| hex.repeat(times)) {
            Some(hex) => {
                members.insert("hex".to_owned(), hex.into());
                expanded.push(action);
            }
            None => expanded.extend(std::iter::repeat_n(action, times)),
        }
    }
    Ok(expanded)
}

/// The bytes that the suite sends for the `receive` actions of a case.
pub(crate) fn to_send(actions: &[Value]) -> Result<Vec<u8>, String> {
    let receives = actions.iter().filter(|action| action["do"] == "receive");
    Ok(receives.map(received).collect::<Result<Vec<_>, _>>()?.concat())
}

fn received(action: &Value) -> Result<Vec<u8>, String> {
    let times = action["times"].as_u64().map_or(1, |times| usize::try_from(times).unwrap_or(0));
    let parts = match (&action["hex"], &action["parts"], &action["chunks"]) {
        (hex @ Value::String(_), ..) => json!({ "parts": [hex] }),
        (_, parts @ Value::Array(_), _) => json!({ "parts": parts }),
        (.., chunks) => json!({ "parts": chunks }),
    };
    let Hex(bytes) = serde_json::from_value(parts).map_err(|error| error.to_string())?;
    Ok(bytes.repeat(times))
}

fn has_close(bytes: &[u8]) -> bool {
    let starts = Layout::of(bytes).frames.into_iter().filter_map(|[start, ..]| bytes.get(start).copied());
    starts.into_iter().any(|first| first & 0xf == frame::CLOSE)
}
