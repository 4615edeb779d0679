//! A recording file: plain, or compressed with zstd (RFC 8878) when it is finished.

use super::error::{StoreError, io_error};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The first bytes of a zstd frame, RFC 8878, 3.1.1.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// As `zstd` compresses by default.
const LEVEL: i32 = 3;
const BUFFER: usize = 1 << 16;

/// The lines of a recording, compressed or not. The first bytes of the file decide, not its name.
pub struct Lines(Inner);

enum Inner {
    Plain(BufReader<File>),
    Zstd(Box<Unpacked>),
}

/// What a compressed file unpacks to, up to a limit.
struct Unpacked {
    out: BufReader<zstd::Decoder<'static, BufReader<File>>>,
    /// So many bytes may still come.
    left: u64,
}

/// Repetitive recordings become a hundredth or less; files that are made to fill a memory become a ten-thousandth.
const MAX_RATIO: u64 = 1000;
/// Any file may unpack to this size, however small it is.
const SMALL: u64 = 64 << 20;

impl Unpacked {
    fn take(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count as u64);
    }

    fn within(&self) -> io::Result<()> {
        if self.left > 0 {
            return Ok(());
        }
        let what = "it unpacks to more than a thousand times its size: not a recording of goldwire";
        Err(io::Error::new(io::ErrorKind::InvalidData, what))
    }
}

impl Lines {
    /// Opens a file, compressed or not. Any other file is read unchanged.
    ///
    /// # Errors
    /// The error of the system.
    pub fn open(path: &Path) -> io::Result<Lines> {
        let meta = fs::metadata(path)?;
        // Opening a pipe without a writer blocks for ever. A pipe passed as a descriptor has a writer.
        let is_handed = path.starts_with("/dev") || path.starts_with("/proc");
        if !meta.is_file() && !meta.is_dir() && !is_handed {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a file but a pipe, a socket or a device",
            ));
        }
        let mut file = BufReader::with_capacity(BUFFER, File::open(path)?);
        if file.fill_buf()?.starts_with(&MAGIC) {
            let decoder = zstd::Decoder::with_buffer(file)?;
            let out = BufReader::with_capacity(BUFFER, decoder);
            let left = meta.len().saturating_mul(MAX_RATIO).max(SMALL);
            return Ok(Lines(Inner::Zstd(Box::new(Unpacked { out, left }))));
        }
        Ok(Lines(Inner::Plain(file)))
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            Inner::Plain(_) => "plain",
            Inner::Zstd(_) => "zstd",
        };
        f.debug_tuple("Lines").field(&name).finish()
    }
}

impl Read for Lines {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Plain(file) => file.read(out),
            Inner::Zstd(file) => {
                file.within()?;
                let count = file.out.read(out)?;
                file.take(count);
                Ok(count)
            }
        }
    }
}

impl BufRead for Lines {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match &mut self.0 {
            Inner::Plain(file) => file.fill_buf(),
            Inner::Zstd(file) => {
                file.within()?;
                file.out.fill_buf()
            }
        }
    }

    fn consume(&mut self, count: usize) {
        match &mut self.0 {
            Inner::Plain(file) => file.consume(count),
            Inner::Zstd(file) => {
                file.take(count);
                file.out.consume(count);
            }
        }
    }
}

/// All bytes of a file, decompressed.
///
/// # Errors
/// If it cannot be read.
pub fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Lines::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Compresses a finished recording: `x.jsonl` becomes `x.jsonl.zst`. At any moment at least one of them exists and is
/// complete.
///
/// # Errors
/// If the compressed file cannot be written. The recording is then unchanged.
pub fn compress(path: &Path) -> Result<PathBuf, StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let to = {
        let mut name = path.as_os_str().to_owned();
        name.push(".zst");
        PathBuf::from(name)
    };
    let mut from = File::open(path).map_err(io_error("read", path))?;
    let temporary = tempfile::NamedTempFile::new_in(folder).map_err(io_error("write in", folder))?;
    let mut write = || -> io::Result<()> {
        let mut encoder = zstd::Encoder::new(temporary.as_file(), LEVEL)?;
        encoder.include_checksum(true)?;
        io::copy(&mut from, &mut encoder)?;
        encoder.finish()?;
        temporary.as_file().set_permissions(from.metadata()?.permissions())?;
        temporary.as_file().sync_all()
    };
    write().map_err(io_error("compress", path))?;
    temporary.persist_noclobber(&to).map_err(|error| io_error("write", &to)(error.error))?;
    // The name must be on the disk before the other goes; a system that cannot say so keeps its own order.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    fs::remove_file(path).map_err(io_error("remove", path))?;
    Ok(to)
}

/// Whether a file's name is a recording's.
pub(super) fn is_recording(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.as_encoded_bytes();
        name.ends_with(b".jsonl") || name.ends_with(b".jsonl.zst")
    })
}

/// Whether it is the compressed twin of another one of them, sorted, as a crash while compressing leaves it.
pub(super) fn is_twin(path: &Path, sorted: &[PathBuf]) -> bool {
    path.extension().is_some_and(|ending| ending == "zst")
        && sorted.binary_search(&path.with_extension("")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{read_recording, recordings_in};
    use goldwire_core::transcript::ReadError;

    #[test]
    fn a_compressed_recording_reads_as_before_and_a_broken_one_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let source =
            fs::read_dir("../../recordings/agent-run").expect("ours").flatten().next().expect("one").path();
        let path = folder.path().join("one.jsonl");
        fs::copy(&source, &path).expect("a copy");
        let before = read_recording(&path).expect("it reads");
        let zst = compress(&path).expect("there is room");
        assert_eq!(recordings_in(folder.path()).expect("a folder"), std::slice::from_ref(&zst));
        assert_eq!(read_recording(&zst).expect("it reads"), before);
        assert_eq!(contents(&zst).expect("it reads"), fs::read(&source).expect("it reads"));

        // A crash between the two steps leaves both; they count once.
        fs::copy(&source, &path).expect("a copy");
        assert_eq!(recordings_in(folder.path()).expect("a folder"), std::slice::from_ref(&path));
        let error = compress(&path).expect_err("it is there already").to_string();
        assert!(error.contains("one.jsonl.zst") && path.exists(), "{error}");

        let bytes = fs::read(&zst).expect("it reads");
        fs::write(&zst, &bytes[..bytes.len() / 2]).expect("it can be written");
        let error = read_recording(&zst).expect_err("half of it is missing");
        assert!(matches!(error, StoreError::Recording { source: ReadError::Io { .. }, .. }), "{error}");
    }
}
