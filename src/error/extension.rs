//! Errors in the extensions that a peer names (RFC 6455 §9.1, RFC 7692 §5, §7.1).

use core::fmt;

use thiserror::Error;

use crate::excerpt::Excerpt;

/// The error of a malformed `Sec-WebSocket-Extensions` header, with the offset of the byte (RFC 6455 §9.1).
///
#[cfg_attr(feature = "alloc", doc = "```")]
#[cfg_attr(not(feature = "alloc"), doc = "```ignore")]
/// use wsproto::{ExtensionParams, ExtensionParseErrorKind};
///
/// let error = ExtensionParams::parse_list(b"a; b=, c").unwrap_err();
/// assert_eq!((error.kind(), error.offset()), (ExtensionParseErrorKind::MissingValue, 5));
/// assert_eq!(error.to_string(), "a value is missing at byte 5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("{kind} at byte {offset}")]
pub struct ExtensionParseError {
    kind: ExtensionParseErrorKind,
    offset: usize,
}

/// The kind of an [`ExtensionParseError`]: what is wrong at its byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ExtensionParseErrorKind {
    /// An element of the list does not begin with the extension's name, a token.
    #[error("an extension's name is missing")]
    MissingName,
    /// A semicolon is not followed by a parameter's name, a token.
    #[error("a parameter's name is missing")]
    MissingParamName,
    /// An equals sign is followed by neither a token nor a quoted string.
    #[error("a value is missing")]
    MissingValue,
    /// A name or a value is followed by a byte that is neither a comma nor a semicolon.
    #[error("neither a comma nor a semicolon is")]
    UnexpectedByte,
    /// A quoted string contains a byte that is not allowed in it.
    #[error("a quoted value has an invalid byte")]
    InvalidQuotedByte,
    /// A quoted string has no closing quotation mark.
    #[error("a quoted value does not end")]
    UnclosedQuote,
}

impl ExtensionParseError {
    pub(crate) const fn new(kind: ExtensionParseErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }
}

impl ExtensionParseError {
    /// What is wrong.
    pub const fn kind(&self) -> ExtensionParseErrorKind {
        self.kind
    }

    /// The offset of the wrong byte in the header's value; the length of the value if it ends too early.
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

/// The error of an extension that cannot be negotiated: which extension, which parameter and which rule.
///
/// Your own `Extension` returns it to refuse a server's response. The names are [excerpts](Excerpt).
///
/// ```
/// use wsproto::{NegotiationError, NegotiationErrorKind};
///
/// let error = NegotiationError::new(NegotiationErrorKind::UnknownParam, "x-checksum").with_param("crc");
/// assert_eq!(error.to_string(), "x-checksum: the parameter is unknown: crc");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub struct NegotiationError {
    kind: NegotiationErrorKind,
    extension: Excerpt,
    param: Option<Excerpt>,
}

/// The kind of a [`NegotiationError`]: the rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum NegotiationErrorKind {
    /// The server's response has an extension that the client did not offer (RFC 6455 §4.1).
    #[error("the extension was not offered")]
    NotOffered,
    /// The server's response has the extension twice (§9.1).
    #[error("the extension is repeated")]
    Repeated,
    /// The server's response has more than 64 extensions, which is our limit.
    #[error("there are too many extensions")]
    TooMany,
    /// The extension uses an RSV bit that another one uses already (RFC 7692 §6).
    #[error("an RSV bit is already in use")]
    RsvConflict,
    /// The extension does not accept the offer or the response, for another reason.
    #[error("the parameters are not acceptable")]
    Declined,
    /// The extension has no parameter of this name (§7.1).
    #[error("the parameter is unknown")]
    UnknownParam,
    /// The extension has the parameter twice (§7.1).
    #[error("the parameter is repeated")]
    RepeatedParam,
    /// The parameter needs a value and has none.
    #[error("the parameter has no value")]
    MissingValue,
    /// The parameter has a value but must not have one.
    #[error("the parameter takes no value")]
    UnexpectedValue,
    /// The value is malformed or out of range.
    #[error("the value is malformed or out of range")]
    InvalidValue,
    /// The value is greater than the offered value.
    #[error("the value is greater than offered")]
    ValueTooLarge,
    /// The server's response has a parameter that the offer does not allow (§7.1.2.2).
    #[error("the parameter was not offered")]
    ParamNotOffered,
    /// A parameter that the other side requires is missing (§7.1).
    #[error("the parameter is required and missing")]
    MissingParam,
}

impl NegotiationError {
    /// An error about the extension of this name.
    pub fn new(kind: NegotiationErrorKind, extension: &str) -> Self {
        Self { kind, extension: Excerpt::new(extension), param: None }
    }

    /// Names the parameter that the error is about.
    #[must_use]
    pub fn with_param(mut self, param: &str) -> Self {
        self.param = Some(Excerpt::new(param));
        self
    }

    /// The rule that is broken.
    pub const fn kind(&self) -> NegotiationErrorKind {
        self.kind
    }

    /// The extension's name.
    pub const fn extension(&self) -> &Excerpt {
        &self.extension
    }

    /// The parameter's name, if the error is about one.
    pub const fn param(&self) -> Option<&Excerpt> {
        self.param.as_ref()
    }
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.extension, self.kind)?;
        match &self.param {
            Some(param) => write!(f, ": {param}"),
            None => Ok(()),
        }
    }
}
