//! Text from a peer, made safe for a terminal, for HTML, for XML, and for JSON within HTML.

/// The text for element content or a quoted attribute of HTML or XML. Control characters, which XML has no way to say,
/// become their pictures (U+2400 to U+2421).
pub(crate) fn markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(visible(other)),
        }
    }
    escaped
}

/// The text for a terminal: a control character cannot move the cursor.
pub(crate) fn terminal(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// JSON for a `<script>` element: no `<` can end it.
pub(crate) fn script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

fn visible(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        '\0'..='\x1f' => char::from_u32(u32::from(character) | 0x2400).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '\u{2421}',
        // C1 controls, the marks that reorder text, and what XML does not allow.
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
            char::REPLACEMENT_CHARACTER
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_has_no_tags_quotes_or_control_characters() {
        let text = markup("<script>alert(\"1\")</script> & 'x'\0\x1b[2J\x7f\u{9b}\u{202e}\u{ffff}\n");
        assert_eq!(
            text,
            "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;\u{2400}\u{241b}[2J\u{2421}\
             \u{fffd}\u{fffd}\u{fffd}\n"
        );
        assert_eq!(terminal("\x1b[2J<b>"), "\u{241b}[2J<b>");
    }

    #[test]
    fn json_cannot_end_the_script_that_it_is_in() {
        let json = serde_json::to_string("</script><!--").unwrap();
        let escaped = script(&json);
        assert!(!escaped.contains('<'), "{escaped}");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), "</script><!--");
    }
}
