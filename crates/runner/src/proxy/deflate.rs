//! permessage-deflate (RFC 7692) for a reader: the negotiation, and decompression.

use flate2::{Decompress, FlushDecompress, Status};

/// The one extension that is relayed.
pub(super) const NAME: &str = "permessage-deflate";
/// RFC 7692, 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message."
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The step by which the output grows.
const STEP: usize = 16 * 1024;

/// The negotiated parameters. Window sizes are not needed: 32 KiB can read all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreed {
    /// Each message of the client is compressed separately.
    pub(super) client_starts_anew: bool,
    /// Each message of the server is.
    pub(super) server_starts_anew: bool,
}

/// The parameters in a `Sec-WebSocket-Extensions` response; none for an empty one.
///
/// # Errors
/// The name of an extension that is not known here.
pub(super) fn agreed<'a>(answers: impl Iterator<Item = &'a str>) -> Result<Option<Agreed>, String> {
    let mut agreed = None;
    for extension in answers.flat_map(|line| line.split(',')).map(str::trim).filter(|text| !text.is_empty()) {
        let mut parts = extension.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        if !name.eq_ignore_ascii_case(NAME) {
            return Err(name.to_owned());
        }
        let parameters: Vec<&str> = parts.collect();
        let has = |name: &str| parameters.iter().any(|own| own.eq_ignore_ascii_case(name));
        agreed = Some(Agreed {
            client_starts_anew: has("client_no_context_takeover"),
            server_starts_anew: has("server_no_context_takeover"),
        });
    }
    Ok(agreed)
}

/// The reason why a compressed message cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InflateError {
    /// It is not DEFLATE data.
    Broken(String),
    /// It says more bytes than are taken.
    TooLong,
}

/// One direction's messages, in their order: each may refer back to those before it.
#[derive(Debug)]
pub(super) struct Inflate {
    starts_anew: bool,
    /// Made for the first compressed message; it holds a window of 32 KiB.
    stream: Option<Box<Decompress>>,
}

impl Inflate {
    pub(super) fn new(starts_anew: bool) -> Inflate {
        Inflate { starts_anew, stream: None }
    }

    /// Decompresses a message, at most `max` bytes.
    ///
    /// # Errors
    /// If it cannot be read; the following messages cannot be read then.
    pub(super) fn message(&mut self, mut data: Vec<u8>, max: usize) -> Result<Vec<u8>, InflateError> {
        let stream = self.stream.get_or_insert_with(|| Box::new(Decompress::new(false)));
        if self.starts_anew {
            stream.reset(false);
        }
        data.extend_from_slice(&TAIL);
        let mut rest = &data[..];
        let mut out = Vec::with_capacity(data.len().saturating_mul(4).min(max.saturating_add(1)));
        loop {
            if out.len() == out.capacity() {
                out.reserve(STEP);
            }
            let (read, written) = (stream.total_in(), stream.total_out());
            let status = stream
                .decompress_vec(rest, &mut out, FlushDecompress::Sync)
                .map_err(|error| InflateError::Broken(error.to_string()))?;
            let consumed = usize::try_from(stream.total_in() - read).unwrap_or(rest.len());
            let is_idle = consumed == 0 && stream.total_out() == written;
            rest = &rest[consumed..];
            if out.len() > max {
                return Err(InflateError::TooLong);
            }
            match status {
                // RFC 7692, 7.2.3.4: a block may be the last one of its stream; another stream may follow it.
                Status::StreamEnd if rest.is_empty() || rest == TAIL => {
                    stream.reset(false);
                    return Ok(out);
                }
                Status::StreamEnd => stream.reset(false),
                Status::Ok | Status::BufError => {
                    if rest.is_empty() && out.len() < out.capacity() {
                        return Ok(out);
                    }
                    if is_idle && out.len() < out.capacity() {
                        return Err(InflateError::Broken("it ends in the middle".to_owned()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    /// Compresses as a peer does, without the tail.
    fn deflate(stream: &mut Compress, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 1024);
        stream.compress_vec(text, &mut out, FlushCompress::Sync).expect("it compresses");
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
        out
    }

    #[test]
    fn messages_refer_back_to_those_before_them() {
        let mut peer = Compress::new(Compression::default(), false);
        let mut reader = Inflate::new(false);
        let long: Vec<u8> = (0..200_000_u32).flat_map(|n| (n % 7919).to_le_bytes()).collect();
        let texts: [&[u8]; 5] = [b"the same words", b"the same words", b"", &long, b"the same words"];
        let sent: Vec<Vec<u8>> = texts.iter().map(|text| deflate(&mut peer, text)).collect();
        assert!(sent[1].len() < sent[0].len(), "the second one refers to the first");
        for (text, data) in texts.iter().zip(sent) {
            assert_eq!(reader.message(data, 1 << 20).expect("it reads"), *text);
        }
    }

    #[test]
    fn messages_that_start_anew_do_not() {
        let mut reader = Inflate::new(true);
        for text in [&b"one"[..], b"two", b"one"] {
            let data = deflate(&mut Compress::new(Compression::default(), false), text);
            assert_eq!(reader.message(data, 100), Ok(text.to_vec()));
        }
    }

    #[test]
    fn a_final_block_ends_a_message() {
        // RFC 7692, 7.2.3.4: "Hello" with the BFINAL bit set, then one zero octet.
        let data = vec![0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let mut reader = Inflate::new(false);
        assert_eq!(reader.message(data.clone(), 100), Ok(b"Hello".to_vec()));
        assert_eq!(reader.message(data, 100), Ok(b"Hello".to_vec()));
    }

    #[test]
    fn a_small_message_cannot_say_a_gigabyte_and_nonsense_says_nothing() {
        let bomb = deflate(&mut Compress::new(Compression::best(), false), &vec![0; 4 << 20]);
        assert!(bomb.len() < 20_000);
        assert_eq!(Inflate::new(false).message(bomb, 1 << 20), Err(InflateError::TooLong));
        let nonsense = Inflate::new(false).message(vec![0xff; 40], 1 << 20);
        assert!(matches!(nonsense, Err(InflateError::Broken(_))), "{nonsense:?}");
    }

    #[test]
    fn what_was_agreed_is_read_from_every_line() {
        let read = |lines: &[&str]| agreed(lines.iter().copied());
        assert_eq!(read(&[]), Ok(None));
        let plain = Agreed { client_starts_anew: false, server_starts_anew: false };
        assert_eq!(read(&["permessage-deflate; server_max_window_bits=10"]), Ok(Some(plain)));
        let anew = Agreed { server_starts_anew: true, ..plain };
        assert_eq!(read(&["", "Permessage-Deflate;server_no_context_takeover"]), Ok(Some(anew)));
        assert_eq!(read(&["permessage-deflate, x-other; a=1"]), Err("x-other".to_owned()));
    }
}
