//! Server-Sent Events (WHATWG HTML, "Server-sent events"): bytes in pieces of any size to the data of each event.

/// The most bytes an unfinished event may have. The API's are a few hundred.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// What has come and is not yet a whole event.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    data: String,
    has_data: bool,
    after_carriage_return: bool,
}

/// An event that is too long or no UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl Parser {
    /// The data of each event that ends in these bytes. Names and ids are passed over: the API repeats the name in the
    /// data.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, Unreadable> {
        let mut events = Vec::new();
        for &byte in bytes {
            // A line ends with CR, LF or both together.
            let second_half = byte == b'\n' && std::mem::take(&mut self.after_carriage_return);
            if byte == b'\r' || byte == b'\n' {
                self.after_carriage_return = byte == b'\r';
                if !second_half {
                    events.extend(self.end_line()?);
                }
                continue;
            }
            self.after_carriage_return = false;
            if self.line.len() + self.data.len() >= MAX_EVENT_BYTES {
                return Err(Unreadable);
            }
            self.line.push(byte);
        }
        Ok(events)
    }

    /// A blank line ends an event; `data` lines of one event are joined.
    fn end_line(&mut self) -> Result<Option<String>, Unreadable> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let whole = std::mem::take(&mut self.has_data).then(|| std::mem::take(&mut self.data));
            return Ok(whole);
        }
        let Some(value) = line.strip_prefix(b"data:".as_slice()) else { return Ok(None) };
        let value = value.strip_prefix(b" ".as_slice()).unwrap_or(value);
        let value = std::str::from_utf8(value).map_err(|_| Unreadable)?;
        if std::mem::replace(&mut self.has_data, true) {
            self.data.push('\n');
        }
        self.data.push_str(value);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<String> {
        Parser::default().push(text.as_bytes()).unwrap()
    }

    #[test]
    fn data_lines_make_events_and_the_rest_is_passed_over() {
        assert_eq!(
            read("event: a\ndata: one\n\n: comment\nid: 7\n\ndata:two\ndata:  three\n\n"),
            ["one", "two\n three"]
        );
        assert_eq!(read("data: a\r\n\r\ndata: b\r\rdata: c\n\n"), ["a", "b", "c"]);
        assert_eq!(read("data: unfinished\n"), Vec::<String>::new());
        assert_eq!(read("data:\n\n"), [""]);
    }

    #[test]
    fn an_event_without_end_is_refused_and_so_is_no_utf8() {
        assert_eq!(Parser::default().push(&vec![b'x'; MAX_EVENT_BYTES + 1]), Err(Unreadable));
        let many = "data: xxxxxxxx\n".repeat(MAX_EVENT_BYTES / 8 + 1);
        assert_eq!(Parser::default().push(many.as_bytes()), Err(Unreadable));
        assert_eq!(Parser::default().push(b"data: \xff\n\n"), Err(Unreadable));
    }

    proptest! {
        /// However the network cuts the bytes, the events are the same.
        #[test]
        fn pieces_make_no_difference(
            texts in prop::collection::vec("[^\r\n]{0,20}", 0..6),
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            cuts in prop::collection::vec(0usize..200, 0..12),
        ) {
            let whole: String = texts.iter().map(|text| format!("event: x{end}data: {text}{end}{end}")).collect();
            let bytes = whole.as_bytes();
            let mut places: Vec<_> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for pair in places.windows(2) {
                events.extend(parser.push(&bytes[pair[0]..pair[1]]).unwrap());
            }
            prop_assert_eq!(events, texts);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Parser::default().push(&bytes);
        }
    }
}
