//! Somebody on the way who changes what goes by.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Passes requests on to an address, with the first `from` in each replaced by `to`, of the same
/// length; both empty to pass all as it is. Lives as long as the process; gives its own address.
pub(crate) fn relay(target: &str, from: &'static str, to: &'static str) -> String {
    assert_eq!(from.len(), to.len());
    let target = target.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let target = target.clone();
            std::thread::spawn(move || pass(client, &target, from, to));
        }
    });
    format!("http://{address}")
}

fn pass(mut client: TcpStream, target: &str, from: &str, to: &str) {
    while let Some(request) = message(&mut client) {
        let mut server = TcpStream::connect(target).unwrap();
        server.write_all(&replaced(request, from.as_bytes(), to.as_bytes())).unwrap();
        let answer = message(&mut server).expect("an answer");
        client.write_all(&answer).unwrap();
    }
}

/// Reads a head and the body that it announces; `None` where there is no more.
fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        read.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&read).to_lowercase();
    let length = head.lines().find_map(|it| it.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(0, |it| it.trim().parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    read.extend(body);
    Some(read)
}

fn replaced(mut text: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    if !from.is_empty() {
        let at = text.windows(from.len()).position(|it| it == from).expect("what is to be changed");
        text[at..at + to.len()].copy_from_slice(to);
    }
    text
}
