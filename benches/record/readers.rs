//! What a recorder is held against: how fast the same bytes can be read at all.

use crate::Failure;
use crate::source::wall;
use futures_util::{SinkExt, StreamExt};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

/// Reads bytes, and does nothing with them.
pub(crate) fn raw(url: &str) -> Result<(), Failure> {
    let (host, path) = url.trim_start_matches("ws://").split_once('/').ok_or("a URL has a path")?;
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )?;
    let mut buffer = vec![0; 128 * 1024];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Reads messages with tokio-tungstenite, and counts them. With a file: stamps each when it has it, and writes it as a
/// line of JSON, as one would who needs a recorder this afternoon.
pub(crate) fn messages(url: &str, out: Option<&str>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let host = url.trim_start_matches("ws://").split('/').next().ok_or("a URL has a host")?;
        let stream = tokio::net::TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await?;
        let mut out = match out {
            Some(path) => Some(BufWriter::new(File::create(path)?)),
            None => None,
        };
        let mut count = 0u64;
        while let Some(message) = socket.next().await {
            match message? {
                Message::Text(text) => {
                    count += 1;
                    if let Some(out) = &mut out {
                        writeln!(
                            out,
                            "{{\"ts\":{},\"text\":{}}}",
                            wall(),
                            serde_json::to_string(text.as_str())?
                        )?;
                    }
                }
                Message::Close(_) => break,
                _ => {}
            }
        }
        std::hint::black_box(count);
        Ok(())
    })
}

/// Reads many sessions at once with tokio-tungstenite, and does nothing with what comes.
pub(crate) fn crowd(url: &str, sessions: usize) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let host = url.trim_start_matches("ws://").split('/').next().ok_or("a URL has a host")?;
        // The default of 128 KB for each would be the largest part of what it costs.
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let mut readers = Vec::with_capacity(sessions);
        for _ in 0..sessions {
            let (url, host) = (url.to_owned(), host.to_owned());
            readers.push(tokio::spawn(async move {
                let why = |error: tungstenite::Error| error.to_string();
                let stream = tokio::net::TcpStream::connect(host).await.map_err(|error| error.to_string())?;
                stream.set_nodelay(true).map_err(|error| error.to_string())?;
                let (mut socket, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(config))
                    .await
                    .map_err(why)?;
                while let Some(message) = socket.next().await {
                    std::hint::black_box(message.map_err(why)?);
                }
                Ok::<(), String>(())
            }));
        }
        for reader in readers {
            reader.await??;
        }
        Ok(())
    })
}

/// Says one thing as soon as it can.
pub(crate) fn hello(url: &str) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let host = url.trim_start_matches("ws://").split('/').next().ok_or("a URL has a host")?;
        let stream = tokio::net::TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await?;
        socket.send(Message::Text("{\"type\":\"hello\"}".into())).await?;
        socket.close(None).await?;
        while let Some(Ok(_)) = socket.next().await {}
        Ok(())
    })
}
