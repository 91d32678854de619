//! The faults: each is one wrong decision, and has one name.

/// Who can have a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Server,
    Client,
    Both,
    /// A server over HTTP/2.
    H2,
    /// Both; only a shim shows it, as an echo has no user who asks for anything.
    User,
}

/// What is known of a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) fault: Fault,
    camel_case: &'static str,
    pub(crate) who: Who,
    /// RFC and section of the rule that it breaks.
    pub(crate) rule: &'static str,
    /// The row of the rule in the ledger of requirements.
    pub(crate) requirement: &'static str,
    /// What it does wrong.
    pub(crate) text: &'static str,
}

impl Row {
    /// The name on the command line: `accepts-unmasked`.
    pub(crate) fn name(&self) -> String {
        let mut name = String::new();
        for char in self.camel_case.chars() {
            if char.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(char.to_ascii_lowercase());
        }
        name
    }
}

/// At most one fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults(Option<Fault>);

impl Faults {
    pub(crate) const NONE: Self = Self(None);

    /// The fault with a name of the command line.
    pub(crate) fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name() == name).map(|row| Self(Some(row.fault)))
    }

    /// Whether a decision is made wrong.
    pub(crate) fn has(self, fault: Fault) -> bool {
        self.0 == Some(fault)
    }
}

macro_rules! faults {
    ($($name:ident, $who:ident, $rule:literal, $requirement:literal, $text:literal;)*) => {
        /// A wrong decision.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault { $($name),* }

        /// All faults, by rule.
        pub(crate) const TABLE: &[Row] = &[$(Row {
            fault: Fault::$name,
            camel_case: stringify!($name),
            who: Who::$who,
            rule: $rule,
            requirement: $requirement,
            text: $text,
        }),*];
    };
}

faults! {
    // The request, as a server reads it.
    AcceptsAnyMethod, Server, "6455 4.2.1", "6455-043", "accepts POST and every other method";
    AcceptsHttp10, Server, "6455 4.2.1", "6455-043", "accepts HTTP/1.0";
    AcceptsAnyTarget, Server, "6455 4.2.1", "6455-044", "accepts every request target, a fragment too";
    RefusesAbsoluteTarget, Server, "9112 3.2.2", "9112-006", "refuses an absolute target";
    IgnoresHost, Server, "9112 3.2", "9112-005", "accepts a request without Host, or with an invalid one";
    AcceptsTwoHosts, Server, "9112 3.2", "9112-005", "accepts two Host fields";
    ServerIgnoresUpgrade, Server, "6455 4.2.1", "6455-046", "does not look at Upgrade";
    ComparesUpgradeWithCase, Server, "6455 4.2.1", "6455-046", "refuses `Upgrade: WebSocket`";
    ServerIgnoresConnection, Server, "6455 4.2.1", "6455-047", "does not look at Connection";
    ReadsConnectionAsOneValue, Server, "6455 4.2.1", "6455-047", "refuses `Connection: keep-alive, Upgrade`";
    AcceptsMissingKey, Server, "6455 4.2.1", "6455-048", "accepts a request without Sec-WebSocket-Key";
    AcceptsKeyOfAnyLength, Server, "6455 4.2.1", "6455-048", "accepts a key of 15 or 17 bytes";
    AcceptsAnyKey, Server, "6455 4.2.1", "6455-048", "accepts a key that is not base64";
    AcceptsTwoKeys, Server, "6455 11.3.1", "6455-194", "accepts two Sec-WebSocket-Key fields, and uses the first";
    AcceptsAnyVersion, Server, "6455 4.2.2", "6455-056", "accepts every Sec-WebSocket-Version";
    AcceptsMissingVersion, Server, "6455 4.2.1", "6455-049", "accepts a request without Sec-WebSocket-Version";
    OmitsVersionList, Server, "6455 4.4", "6455-074", "refuses a version without naming its own";
    MergesOrigins, Server, "6455 10.2", "6455-055", "accepts two Origin fields, and checks the first";
    IgnoresOrigin, Server, "6455 10.2", "6455-184", "accepts an origin that is not allowed";
    AcceptsMalformedSubprotocol, Server, "6455 4.3", "6455-042", "accepts subprotocols that are not tokens";
    ReadsFirstSubprotocolField, Server, "6455 11.3.4", "6455-197", "reads only the first Sec-WebSocket-Protocol";
    AcceptsBody, Server, "9112 6.3", "9112-009", "accepts a request with a body";
    RefusesWithStatus200, Server, "6455 4.2.2", "6455-193", "refuses a request with status 200";
    DropsRefusedRequest, Server, "6455 4.2.1", "6455-042", "ends the connection in place of an error status";
    // The response, as a server writes it.
    AnswersStatus200, Server, "6455 4.2.2", "6455-063", "accepts with status 200";
    OmitsUpgrade, Server, "6455 4.2.2", "6455-064", "accepts without Upgrade";
    OmitsConnection, Server, "6455 4.2.2", "6455-065", "accepts without Connection";
    OmitsAccept, Server, "6455 4.2.2", "6455-066", "accepts without Sec-WebSocket-Accept";
    RepeatsAccept, Server, "6455 11.3", "6455-196", "sends Sec-WebSocket-Accept twice";
    HashesDecodedKey, Server, "6455 4.2.2", "6455-066", "computes the accept value of the decoded key";
    HashesKeyWithoutGuid, Server, "6455 4.2.2", "6455-066", "computes the accept value without the GUID";
    AnswersUnofferedSubprotocol, Server, "6455 4.2.2", "6455-058", "answers a subprotocol that was not offered";
    AnswersEmptySubprotocol, Server, "6455 4.2.2", "6455-059", "answers an empty Sec-WebSocket-Protocol";
    // Heads, in both roles.
    ReadsEndlessHead, Both, "6455 10.4", "6455-187", "reads a head without a limit";
    LosesBytesAfterHead, Both, "6455 5.4", "6455-108", "loses what comes in one read with the head";
    ReadsFoldAsField, Both, "9112 5.2", "9112-008", "reads a folded line as a field";
    EndsLineAtBareCr, Both, "9112 2.2", "9112-002", "ends a line at a bare CR";
    AcceptsControlBytes, Both, "9110 5.5", "9110-001", "accepts NUL and other control bytes in a head";
    AcceptsSpaceBeforeColon, Both, "9112 5.1", "9112-007", "accepts whitespace ahead of the colon of a field";
    // The request and the response of a client.
    SendsPost, Client, "6455 4.1", "6455-014", "sends POST";
    SendsHttp10, Client, "6455 4.1", "6455-015", "sends HTTP/1.0";
    OmitsHost, Client, "6455 4.1", "6455-017", "sends no Host";
    AsksForAnotherUpgrade, Client, "6455 4.1", "6455-018", "asks for an upgrade to h2c";
    AsksToKeepAlive, Client, "6455 4.1", "6455-019", "sends `Connection: keep-alive`";
    SendsShortKey, Client, "6455 4.1", "6455-020", "sends a key of 15 bytes";
    RepeatsKey, Client, "6455 4.1", "6455-021", "sends the same key in each request";
    SendsOldVersion, Client, "6455 4.1", "6455-024", "sends `Sec-WebSocket-Version: 8`";
    SendsBeforeResponse, Client, "6455 4.1", "6455-029", "sends a frame ahead of the response";
    AcceptsAnyStatus, Client, "6455 4.1", "6455-031", "accepts status 200, and every other";
    AcceptsHttp10Response, Client, "6455 4.1", "6455-038", "accepts a response of HTTP/1.0";
    RefusesInterimResponse, Client, "9110 15.2", "9110-003", "refuses status 100 ahead of the final response";
    ClientIgnoresUpgrade, Client, "6455 4.1", "6455-032", "does not look at Upgrade";
    ClientIgnoresConnection, Client, "6455 4.1", "6455-033", "does not look at Connection";
    IgnoresAccept, Client, "6455 4.1", "6455-034", "accepts every Sec-WebSocket-Accept";
    AcceptsMissingAccept, Client, "6455 4.1", "6455-034", "accepts a response without Sec-WebSocket-Accept";
    ComparesAcceptWithoutCase, Client, "6455 4.1", "6455-034", "compares the accept value without regard to case";
    AcceptsAnyOfTwoAccepts, Client, "6455 11.3.3", "6455-196", "accepts two accept values, of which one is right";
    AcceptsUnofferedSubprotocol, Client, "6455 4.1", "6455-037", "accepts a subprotocol that was not offered";
    AcceptsTwoSubprotocols, Client, "6455 11.3.4", "6455-197", "accepts two Sec-WebSocket-Protocol fields";
    AcceptsUnofferedExtension, Client, "6455 4.1", "6455-036", "accepts an extension that was not offered";
    // Extensions.
    ReadsFirstExtensionField, Both, "6455 9.1", "6455-177", "reads only the first Sec-WebSocket-Extensions";
    SkipsMalformedExtension, Both, "6455 9.1", "6455-176", "ignores an extension that breaks the grammar";
    AnswersUnofferedExtension, Server, "6455 9", "6455-174", "answers permessage-deflate that was not offered";
    AnswersEveryOffer, Server, "7692 5", "7692-007", "accepts each of two offers";
    AnswersLargerServerWindow, Server, "7692 7.1.2.1", "7692-040", "answers a server window larger than asked";
    IgnoresServerWindow, Server, "7692 7.1.2.1", "7692-040", "does not answer server_max_window_bits";
    IgnoresServerNoContextTakeover, Server, "7692 7.1.1.1", "7692-030", "does not answer server_no_context_takeover";
    AnswersUnofferedClientWindow, Server, "7692 7.1.2.2", "7692-045", "answers client_max_window_bits unasked";
    AcceptsUnknownParameter, Both, "7692 7.1", "7692-021", "accepts an unknown parameter";
    AcceptsDuplicateParameter, Both, "7692 7.1", "7692-023", "accepts a parameter twice";
    AcceptsValueOfFlag, Both, "7692 7.1", "7692-029", "accepts server_no_context_takeover=1";
    AcceptsWindowWithoutValue, Both, "7692 7.1", "7692-039", "accepts server_max_window_bits without a value";
    AcceptsWindowOutOfRange, Both, "7692 7.1", "7692-039", "accepts windows of 7 and of 16 bits";
    AcceptsLeadingZero, Both, "7692 7.1", "7692-039", "accepts a window of 010 bits";
    AcceptsExtensionTwice, Client, "7692 5", "7692-007", "accepts permessage-deflate twice in an answer";
    AcceptsUnofferedClientWindow, Client, "7692 7.1.2.2", "7692-046", "accepts client_max_window_bits unasked";
    AcceptsLargerServerWindow, Client, "7692 7.1.2.1", "7692-042", "accepts a server window larger than asked";
    // Streams of HTTP/2.
    OmitsConnectSetting, H2, "8441 3", "8441-001", "does not send SETTINGS_ENABLE_CONNECT_PROTOCOL";
    AcceptsPlainConnect, H2, "8441 4", "8441-004", "accepts CONNECT without :protocol";
    AcceptsAnyProtocol, H2, "8441 5", "8441-005", "accepts every :protocol";
    RequiresKeyInStream, H2, "8441 5", "8441-008", "refuses a stream without Sec-WebSocket-Key";
    AnswersKeyInStream, H2, "8441 5", "8441-008", "sends Sec-WebSocket-Accept in a stream";
    AcceptsAnyVersionInStream, H2, "8441 5", "8441-009", "does not look at Sec-WebSocket-Version in a stream";
    NeverGivesBackWindow, H2, "8441 5", "8441-011", "reads without giving back the window";
    ReadsOneFrameOfData, H2, "8441 5", "8441-011", "reads only the first frame in each DATA frame";
    AnswersInFirstStream, H2, "8441 5", "8441-011", "sends in the first stream what is for another";
    ResetsAfterClose, H2, "8441 5", "8441-012", "resets a stream in place of ending it";
    EndsConnectionWithStream, H2, "8441 5", "8441-012", "ends the connection with the first stream that ends";
    IgnoresEndOfStream, H2, "8441 5", "8441-012", "does not see that the client has ended a stream";
    // Frames.
    AcceptsUnmasked, Server, "6455 5.1", "6455-077", "accepts frames without a mask";
    AcceptsMasked, Client, "6455 5.1", "6455-080", "accepts frames with a mask";
    ServerMasks, Server, "6455 5.1", "6455-079", "masks its frames";
    ClientDoesNotMask, Client, "6455 5.1", "6455-076", "does not mask its frames";
    MasksWithZero, Client, "6455 5.3", "6455-093", "masks each frame with the key 0";
    RepeatsMaskingKey, Client, "6455 5.3", "6455-092", "masks all frames with one key";
    ForgetsMaskOffset, Server, "6455 5.3", "6455-095", "starts the key anew after a cut in the payload";
    ContinuesMaskOverFrames, Server, "6455 5.3", "6455-095", "continues the key from frame to frame";
    ReversesMaskingKey, Server, "6455 5.3", "6455-095", "reads the key in reverse order";
    IgnoresReservedBits, Both, "6455 5.2", "6455-083", "ignores all reserved bits";
    IgnoresReservedBitsOfControl, Both, "6455 5.2", "6455-083", "ignores the reserved bits of control frames";
    IgnoresReservedBitsOfContinuation, Both, "6455 5.2", "6455-083", "ignores the reserved bits of continuations";
    SendsReservedBit, Both, "6455 5.2", "6455-082", "sets RSV2 in data frames";
    IgnoresReservedDataOpcodes, Both, "6455 5.2", "6455-084", "ignores frames with the opcodes 3 to 7";
    IgnoresReservedControlOpcodes, Both, "6455 5.2", "6455-084", "ignores frames with the opcodes 11 to 15";
    ReadsLittleEndian, Both, "6455 5.2", "6455-085", "reads a 16-bit length in little endian";
    ReadsLengthAs32Bits, Both, "6455 5.2", "6455-085", "reads only the lower half of a 64-bit length";
    ClearsHighestLengthBit, Both, "6455 5.2", "6455-086", "ignores the highest bit of a length";
    AcceptsLongerForm16, Both, "6455 5.2", "6455-088", "accepts a length of up to 125 in a longer form";
    AcceptsLongerForm64, Both, "6455 5.2", "6455-088", "accepts a length of up to 65535 in 64 bits";
    SendsLongerLengthForm, Both, "6455 5.2", "6455-087", "sends each short length in 16 bits";
    // Messages and fragments.
    AcceptsLoneContinuation, Both, "6455 5.4", "6455-106", "accepts a continuation without a message";
    AcceptsMessageWithinMessage, Both, "6455 5.4", "6455-102", "accepts a text or binary frame within a message";
    RefusesControlWithinMessage, Both, "6455 5.4", "6455-103", "refuses a ping between fragments";
    RefusesEmptyFragment, Both, "6455 5.4", "6455-104", "refuses an empty fragment";
    KeepsTypeOfFirstMessage, Both, "6455 5.4", "6455-107", "takes each message for the type of the first";
    SendsTextAsBinary, Both, "6455 5.6", "6455-135", "sends text as binary";
    OmitsFin, Both, "6455 5.4", "6455-136", "does not end its messages";
    RepeatsOpcodeInFragments, Both, "6455 5.4", "6455-098", "sends fragments that all have the message's opcode";
    // Control frames.
    AcceptsFragmentedControl, Both, "6455 5.5", "6455-100", "accepts control frames without FIN";
    AcceptsLongControl, Both, "6455 5.5", "6455-109", "accepts control frames of more than 125 bytes";
    FragmentsPong, Both, "6455 5.5", "6455-100", "sends a pong in two fragments";
    NeverAnswersPing, Both, "6455 5.5.2", "6455-125", "does not answer pings";
    AnswersPingAfterMessage, Both, "6455 5.5.2", "6455-126", "answers a ping only after the message in progress";
    IgnoresEmptyPing, Both, "6455 5.5.2", "6455-125", "does not answer an empty ping";
    AnswersPingWithoutPayload, Both, "6455 5.5.3", "6455-128", "answers with an empty pong";
    TruncatesPong, Both, "6455 5.5.3", "6455-128", "answers with at most 64 bytes of the ping";
    AnswersPong, Both, "6455 5.5.3", "6455-130", "answers a pong";
    // UTF-8.
    AcceptsAnyText, Both, "6455 8.1", "6455-131", "does not check text";
    AcceptsSurrogates, Both, "6455 8.1", "6455-131", "accepts the surrogates U+D800 to U+DFFF";
    AcceptsOverlong, Both, "6455 8.1", "6455-131", "accepts characters in more bytes than needed";
    AcceptsAboveMaximum, Both, "6455 8.1", "6455-131", "accepts characters above U+10FFFF";
    AcceptsTruncatedText, Both, "6455 8.1", "6455-131", "accepts a text that ends within a character";
    RefusesNoncharacters, Both, "6455 8.1", "6455-131", "refuses U+FFFF";
    ChecksEachFrameAlone, Both, "6455 5.6", "6455-131", "refuses a character that is cut by fragments";
    ChecksEachReadAlone, Both, "6455 5.6", "6455-108", "refuses a character that is cut by reads";
    RestartsCheckAtFrame, Both, "6455 8.1", "6455-131", "forgets a character that is cut by fragments";
    RemovesByteOrderMark, Both, "6455 5.6", "6455-131", "removes U+FEFF from the start of a text";
    ChecksBinaryAsText, Both, "6455 5.6", "6455-132", "refuses binary messages that are not UTF-8";
    // Closing.
    AcceptsOneByteClose, Both, "6455 5.5.1", "6455-111", "accepts a close frame with one byte";
    SkipsCheckOfReason, Both, "6455 5.5.1", "6455-113", "accepts a reason that is not UTF-8";
    AcceptsTruncatedReason, Both, "6455 5.5.1", "6455-113", "accepts a reason that ends within a character";
    AcceptsLowCloseCodes, Both, "6455 7.4.2", "6455-170", "accepts the close codes 0 to 999";
    AcceptsReservedCloseCodes, Both, "6455 7.4.1", "6455-164", "accepts the close codes 1005, 1006 and 1015";
    AcceptsUnassignedCloseCodes, Both, "6455 7.4.2", "6455-171", "accepts the close codes 1016 to 2999";
    AcceptsHighCloseCodes, Both, "6455 7.4.2", "6455-170", "accepts the close codes from 5000";
    RefusesPrivateCloseCodes, Both, "6455 7.4.2", "6455-172", "refuses the close codes 3000 to 4999";
    AnswersNormalToBadCode, Both, "6455 7.4.1", "6455-164", "answers a bad close code with 1000";
    NeverAnswersClose, Both, "6455 5.5.1", "6455-117", "does not answer a close frame";
    DropsTransportAtClose, Both, "6455 5.5.1", "6455-117", "ends the transport in place of an answer";
    SendsCloseTwice, Both, "6455 5.5.1", "6455-123", "answers a close frame twice";
    SendsDataAfterClose, Both, "6455 5.5.1", "6455-116", "sends a message after its close frame";
    ReadsAfterClose, Both, "6455 5.5.1", "6455-125", "echoes and answers after the peer's close frame";
    SendsReservedCode, Both, "6455 7.4", "6455-163", "answers an empty close frame with 1005";
    SendsCodeInLittleEndian, Both, "6455 5.5.1", "6455-111", "sends close codes in little endian";
    WaitsAfterClose, Server, "6455 7.1.1", "6455-144", "waits for the client to end the transport";
    FailsWithNormalCode, Both, "6455 7.1.7", "6455-155", "fails with 1000";
    FailsWithReservedCode, Both, "6455 7.4.1", "6455-163", "fails with 1006 on the wire";
    FailsWithWrongProtocolCode, Both, "6455 7.4.1", "6455-165", "fails with 1011 after a protocol error";
    FailsWithWrongTextCode, Both, "6455 7.4.1", "6455-166", "fails with 1002 after invalid text";
    FailsWithWrongSizeCode, Both, "6455 7.4.1", "6455-167", "fails with 1002 after a message too long";
    ReadsAfterFailure, Both, "6455 7.1.7", "6455-157", "echoes and answers after a failure";
    NeverStopsReading, Both, "6455 7.1.7", "6455-153", "reads for ever after a failure";
    // Limits and memory.
    HasNoLimit, Both, "6455 10.4", "6455-187", "has no limit of messages";
    LimitsFramesOnly, Both, "6455 10.4", "6455-188", "limits frames, and not messages";
    AcceptsOneByteTooMany, Both, "6455 10.4", "6455-187", "accepts a message of one byte more than the limit";
    RefusesMessageAtLimit, Both, "6455 10.4", "6455-187", "refuses a message of exactly the limit";
    AllocatesDeclaredLength, Both, "6455 10.4", "6455-187", "allocates the length that a header announces";
    KeepsEveryFragment, Both, "6455 10.4", "6455-187", "keeps 16 KiB of memory for each fragment";
    KeepsEveryPing, Both, "6455 10.4", "6455-187", "keeps 128 KiB of memory for each control frame";
    // permessage-deflate.
    AcceptsCompressedBitWithoutAgreement, Both, "6455 5.2", "6455-083", "accepts RSV1 without an agreement";
    AcceptsCompressedBitOnContinuation, Both, "7692 6.1", "7692-015", "accepts RSV1 on a continuation";
    AcceptsCompressedControl, Both, "7692 6.1", "7692-015", "accepts RSV1 on a control frame";
    SetsCompressedBitOnEveryFragment, Both, "7692 6.1", "7692-014", "sets RSV1 on each fragment";
    OmitsCompressedBit, Both, "7692 6.1", "7692-012", "sends compressed messages without RSV1";
    RefusesUncompressedMessage, Both, "7692 6", "7692-011", "refuses a message that is not compressed";
    ForgetsCompressionAtContinuation, Both, "7692 6.1", "7692-017", "takes continuations for not compressed";
    EndsCompressionAtEachFrame, Both, "7692 6.1", "7692-017", "ends the compressed data with each fragment";
    ChecksTextBeforeDecompression, Both, "7692 6.1", "7692-016", "checks the compressed bytes for UTF-8";
    SkipsCheckOfCompressedText, Both, "7692 6.2", "7692-019", "does not check compressed text";
    AppendsNoTrailer, Both, "7692 7.2.2", "7692-056", "does not append 00 00 ff ff to a message";
    ForgetsContext, Both, "7692 7.2.2", "7692-058", "forgets the window after each message";
    StopsAtFinalBlock, Both, "7692 7.2.1", "7692-049", "reads nothing after a block with BFINAL";
    SendsTrailer, Both, "7692 7.2.1", "7692-048", "leaves 00 00 ff ff at the end of a message";
    SendsEmptyMessageWithoutBlock, Both, "7692 7.2.3.6", "7692-061", "compresses an empty message to no bytes";
    KeepsContextAgainstAgreement, Both, "7692 7.2.1", "7692-052", "compresses with a window it agreed to forget";
    CompressesWithLargestWindow, Both, "7692 7.2.1", "7692-054", "compresses with 15 bits, whatever was agreed";
    LimitsBeforeDecompression, Both, "6455 10.4", "6455-187", "limits the compressed length only";
    // What the local user may ask for, and what is reported.
    AllowsInjection, User, "9110 5.5", "9110-001", "lets the user put a line end into a field";
    AllowsOwnedField, User, "6455 11.3", "6455-028", "lets the user add fields that the handshake owns";
    AllowsFragment, User, "6455 3", "6455-001", "lets the user ask for a target with a fragment";
    AllowsMalformedSubprotocol, User, "6455 4.1", "6455-025", "lets the user offer a subprotocol that is not a token";
    AllowsSubprotocolTwice, User, "6455 4.1", "6455-026", "lets the user offer a subprotocol twice";
    AllowsUnofferedSubprotocol, User, "6455 4.2.2", "6455-058", "lets the user answer a subprotocol of nobody";
    AllowsAnyStatus, User, "9110 15", "6455-054", "lets the user refuse with status 101, 100 or 1000";
    AllowsSendAfterClose, User, "6455 5.5.1", "6455-116", "lets the user send after a close frame";
    AllowsSecondClose, User, "6455 5.5.1", "6455-116", "lets the user send a second close frame";
    AllowsAnyCloseCode, User, "6455 7.4.1", "6455-163", "lets the user send every close code";
    AllowsLongReason, User, "6455 5.5", "6455-109", "lets the user send a reason of more than 123 bytes";
    AllowsLongControl, User, "6455 5.5", "6455-109", "lets the user send a ping of more than 125 bytes";
    AllowsInvalidText, User, "6455 5.6", "6455-131", "lets the user send text that is not UTF-8";
    AllowsMessageWithinMessage, User, "6455 5.4", "6455-102", "lets the user begin a message within another";
    AllowsLoneContinuation, User, "6455 5.4", "6455-106", "lets the user send a continuation without a message";
    ReportsOwnCloseCode, User, "6455 7.1.5", "6455-150", "reports 1000, whatever the peer's close frame says";
    ReportsNoReason, User, "6455 7.1.6", "6455-151", "does not report the reason of a close frame";
    ReportsMissingCodeAsNormal, User, "6455 7.1.5", "6455-150", "reports 1000 for a close frame without a code";
    ReportsLossAsClose, User, "6455 7.1.5", "6455-150", "reports 1000 if the transport is lost";
}
