//! Following a chunked body as strictly as its head (EDGE-14).

/// The longest line that gives a chunk's size, or a trailer.
const LONGEST_LINE: usize = 256;

/// Where in a chunked body a byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the line with a chunk's size, after so many bytes.
    Size(usize),
    /// In the data of a chunk, before so many bytes.
    Data(u64),
    /// In the line end after the data, after so many bytes.
    End(usize),
    /// In the line of a trailer, after so many bytes.
    Trailer(usize),
}

/// A chunked body that is being read.
#[derive(Debug)]
pub(super) struct Chunks {
    place: Place,
    size: u64,
    in_extension: bool,
    before: u8,
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// All are the body's, and more of it is to come.
    On,
    /// So many are the body's last.
    Over(usize),
}

impl Chunks {
    /// A body whose first byte is the next.
    pub(super) const fn new() -> Self {
        Self { place: Place::Size(0), size: 0, in_extension: false, before: 0 }
    }

    /// Follows the next bytes; `None` where they are no chunked body.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Option<Followed> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|it| !it.is_empty()) {
            if let Place::Data(left) = self.place {
                let step = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                at += step;
                let left = left - step as u64;
                self.place = if left == 0 { Place::End(0) } else { Place::Data(left) };
                continue;
            }
            let byte = *rest.first()?;
            at += 1;
            if self.step(byte)? {
                return Some(Followed::Over(at));
            }
            self.before = byte;
        }
        Some(Followed::On)
    }

    /// Takes one byte of a line; true if it ends the body.
    fn step(&mut self, byte: u8) -> Option<bool> {
        if byte == b'\n' && self.before != b'\r' || self.before == b'\r' && byte != b'\n' {
            return None;
        }
        match self.place {
            Place::Size(seen) => match byte {
                b'\n' => {
                    if seen == 0 {
                        return None;
                    }
                    let last = self.size == 0;
                    self.place = if last { Place::Trailer(0) } else { Place::Data(self.size) };
                    (self.size, self.in_extension) = (0, false);
                }
                b'\r' => {}
                _ => {
                    self.in_extension |= byte == b';' && seen > 0;
                    if !self.in_extension {
                        let digit = char::from(byte).to_digit(16)?;
                        self.size = self.size.checked_mul(16)?.checked_add(digit.into())?;
                    }
                    self.place = Place::Size(longer(seen)?);
                }
            },
            Place::End(seen) => match (seen, byte) {
                (0, b'\r') => self.place = Place::End(1),
                (1, b'\n') => self.place = Place::Size(0),
                _ => return None,
            },
            Place::Trailer(seen) => match byte {
                b'\n' if seen == 0 => return Some(true),
                b'\n' => self.place = Place::Trailer(0),
                b'\r' => {}
                _ => self.place = Place::Trailer(longer(seen)?),
            },
            Place::Data(_) => return None,
        }
        Some(false)
    }
}

fn longer(seen: usize) -> Option<usize> {
    (seen < LONGEST_LINE).then_some(seen + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::one("5\r\nhello\r\n0\r\n\r\n")]
    #[case::hex("A\r\n0123456789\r\n00\r\n\r\n")]
    #[case::extension("1;a=b\r\nx\r\n0;c\r\n\r\n")]
    #[case::trailer("1\r\n\n\r\n0\r\nX: a\r\n\r\n")]
    fn a_plain_body_is_followed_to_its_end(#[case] body: &str) {
        let bytes = format!("{body}GET");
        assert_eq!(Chunks::new().follow(bytes.as_bytes()), Some(Followed::Over(body.len())));
        let mut slowly = Chunks::new();
        let (last, others) = body.as_bytes().split_last().expect("a body");
        for byte in others {
            assert_eq!(slowly.follow(&[*byte]), Some(Followed::On));
        }
        assert_eq!(slowly.follow(&[*last]), Some(Followed::Over(1)));
    }

    /// EDGE-14: a chunk whose end two readers may see in two places is no chunk.
    #[rstest]
    #[case::bare_line_feed("5\nhello\r\n0\r\n\r\n")]
    #[case::bare_line_feed_after("5\r\nhello\n0\r\n\r\n")]
    #[case::no_size("\r\nhello")]
    #[case::sign("+5\r\nhello\r\n")]
    #[case::prefix("0x5\r\nhello\r\n")]
    #[case::blank("5 \r\nhello\r\n")]
    #[case::only_an_extension(";a\r\n")]
    #[case::too_short("4\r\nhello\r\n")]
    #[case::too_large("10000000000000000\r\n")]
    #[case::bare_return_in_extension("5;a\rb\r\nhello")]
    #[case::endless_line(
        "5;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    )]
    fn a_doubtful_body_is_refused(#[case] body: &str) {
        assert_eq!(Chunks::new().follow(body.as_bytes()), None);
    }

    proptest! {
        /// EDGE-14: nothing breaks the reader, and it is the same byte by byte.
        #[test]
        fn a_split_changes_nothing(body in "([0-9a-fA-FxX;]{0,3}(\r\n|\n|\r)?[a-z]{0,5}){0,4}") {
            let whole = Chunks::new().follow(body.as_bytes());
            let mut slowly = Chunks::new();
            let mut last = Some(Followed::On);
            for (at, byte) in body.bytes().enumerate() {
                last = slowly.follow(&[byte]);
                match last {
                    Some(Followed::On) => {}
                    Some(Followed::Over(_)) => {
                        prop_assert_eq!(&whole, &Some(Followed::Over(at + 1)));
                        break;
                    }
                    None => break,
                }
            }
            prop_assert_eq!(whole.is_none(), last.is_none());
        }
    }
}
