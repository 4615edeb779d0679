//! Bytes as text: offset, hexadecimal digits and characters.

use std::fmt::Write as _;

/// The number of bytes per line.
const WIDTH: usize = 16;

/// The first `most` bytes, sixteen per line: offset, hexadecimal digits, printable ASCII; and the number of further
/// bytes.
///
/// ```text
/// 00000000  10 11 00 04 4d 51 54 54  04 c2 00 0a 00 01 61 00  |....MQTT......a.|
/// ```
pub fn hex_view(bytes: &[u8], most: usize) -> Vec<String> {
    let shown = &bytes[..bytes.len().min(most)];
    let mut lines: Vec<String> =
        shown.chunks(WIDTH).enumerate().map(|(row, chunk)| line(row * WIDTH, chunk)).collect();
    if shown.len() < bytes.len() {
        lines.push(format!("… and {}", crate::words::plural(bytes.len() - shown.len(), "more byte")));
    }
    lines
}

fn line(offset: usize, chunk: &[u8]) -> String {
    let mut digits = String::new();
    for (place, byte) in chunk.iter().enumerate() {
        let gap = if place == WIDTH / 2 { " " } else { "" };
        // Writing into a String cannot fail.
        let _ = write!(digits, "{gap}{byte:02x} ");
    }
    let visible = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
    let text: String = chunk.iter().map(visible).collect();
    format!("{offset:08x}  {digits:<49} |{text}|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_by_sixteen_and_the_rest_is_counted() {
        let bytes: Vec<u8> = b"\x10\x11\0\x04MQTT\x04\xc2\0\x0a\0\x01a".iter().copied().chain(0..9).collect();
        let expected = [
            "00000000  10 11 00 04 4d 51 54 54  04 c2 00 0a 00 01 61 00  |....MQTT......a.|",
            "00000010  01 02                                             |..|",
            "… and 6 more bytes",
        ];
        assert_eq!(hex_view(&bytes, 18), expected);
        assert_eq!(hex_view(&[], 18), Vec::<String>::new());
    }
}
