//! The servers start, hang, come back and leave nothing behind.

#![cfg(test)]

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use test_servers::{Postgres, Redis};

/// Long enough for an answer on a busy machine where one must come.
const LONG: Duration = Duration::from_secs(20);
/// How long we look at silence where none must come.
const SHORT: Duration = Duration::from_millis(300);

/// Sends something to a port and returns what comes back until `is_whole`.
fn ask(
    port: u16,
    patience: Duration,
    question: &[u8],
    is_whole: impl Fn(&[u8]) -> bool,
) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(question)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&answer) {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(answer)
}

fn redis(port: u16, patience: Duration, question: &str) -> io::Result<String> {
    let answer = ask(port, patience, question.as_bytes(), |it| it.ends_with(b"\r\n"))?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Logs in to a database; the server's last message is `Z` (ready) if there is one.
fn can_log_in(port: u16, patience: Duration, database: &str) -> io::Result<bool> {
    let mut parameters = 196_608_u32.to_be_bytes().to_vec();
    parameters.extend_from_slice(format!("user\0postgres\0database\0{database}\0\0").as_bytes());
    let length = u32::try_from(parameters.len() + 4).expect("a short message");
    let question = [length.to_be_bytes().to_vec(), parameters].concat();
    let answer = ask(port, patience, &question, |it| {
        // `Z`, its length 5, and `I` for idle; or a refusal, whose code we know.
        it.ends_with(b"Z\0\0\0\x05I") || it.windows(5).any(|code| code == b"3D000")
    })?;
    Ok(answer.ends_with(b"I"))
}

fn is_silence<T>(result: &io::Result<T>) -> bool {
    result
        .as_ref()
        .is_err_and(|it| matches!(it.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
}

#[test]
fn redis_hangs_runs_on_and_comes_back_on_its_port() {
    let mut server = Redis::start().expect("a server");
    let port = server.port();
    assert_eq!(server.url(), format!("redis://127.0.0.1:{port}"));
    assert_eq!(redis(port, LONG, "SET k 1\r\n").expect("an answer"), "+OK\r\n");

    server.freeze().expect("frozen");
    assert!(is_silence(&redis(port, SHORT, "PING\r\n")));
    server.thaw().expect("thawed");
    assert_eq!(redis(port, LONG, "PING\r\n").expect("an answer"), "+PONG\r\n");

    server.stop().expect("stopped");
    assert!(redis(port, LONG, "PING\r\n").is_err());
    assert!(server.freeze().is_err(), "there is nothing to freeze");
    server.restart().expect("started");
    assert_eq!(server.port(), port);
    assert_eq!(redis(port, LONG, "GET k\r\n").expect("an answer"), "$-1\r\n");

    let folder = server.log_path().parent().expect("a folder").to_path_buf();
    server.freeze().expect("frozen");
    drop(server);
    assert!(!folder.exists());
    assert!(redis(port, LONG, "PING\r\n").is_err());
}

#[test]
fn postgres_hangs_runs_on_and_keeps_its_port_and_data() {
    let mut server = Postgres::start_with(&["-c", "log_statement=all"]).expect("a server");
    let port = server.port();
    assert!(can_log_in(port, LONG, "postgres").expect("an answer"));
    assert!(!can_log_in(port, LONG, "kept").expect("an answer"));
    let url = server.create_database("kept").expect("a database");
    assert_eq!(url, format!("postgres://postgres@127.0.0.1:{port}/kept"));
    let log = std::fs::read_to_string(server.log_path()).expect("a log");
    assert!(log.contains("CREATE DATABASE kept"), "{log}");

    // A connection that is open already hangs as well: its process is frozen too.
    let mut open = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
    open.write_all(b"\0\0\0\x08\x04\xd2\x16\x2f").expect("a question about TLS");
    open.set_read_timeout(Some(LONG)).expect("a timeout");
    let mut answer = [0];
    open.read_exact(&mut answer).expect("an answer about TLS");
    open.set_read_timeout(Some(SHORT)).expect("a timeout");
    server.freeze().expect("frozen");
    open.write_all(b"\0\0\0\x08\x04\xd2\x16\x30").expect("a question about GSSAPI");
    assert!(is_silence(&open.read_exact(&mut answer)));
    assert!(is_silence(&can_log_in(port, SHORT, "postgres")));
    server.thaw().expect("thawed");
    open.set_read_timeout(Some(LONG)).expect("a timeout");
    open.read_exact(&mut answer).expect("the answer that was held back");
    drop(open);
    assert!(can_log_in(port, LONG, "postgres").expect("an answer"));

    server.stop().expect("stopped");
    assert!(can_log_in(port, LONG, "postgres").is_err());
    server.restart().expect("started");
    assert_eq!(server.port(), port);
    assert!(can_log_in(port, LONG, "kept").expect("an answer"));

    let folder = server.log_path().parent().expect("a folder").to_path_buf();
    server.freeze().expect("frozen");
    drop(server);
    assert!(!folder.exists());
    assert!(can_log_in(port, LONG, "postgres").is_err());
}

/// The test below starts this one in a process of its own and kills that.
#[test]
fn a_frozen_server_in_a_process_that_is_killed() {
    let Some(report) = report_path() else { return };
    let mut server = Postgres::start().expect("a server");
    server.freeze().expect("frozen");
    let folder = server.log_path().parent().expect("a folder").display().to_string();
    std::fs::write(&report, format!("{} {folder}.", server.port())).expect("a report");
    std::thread::sleep(LONG);
}

#[test]
fn a_server_ends_with_the_process_that_is_killed() {
    let report = std::env::temp_dir().join(format!("latchkey-report-{}", std::process::id()));
    let mut process = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_frozen_server_in_a_process_that_is_killed"])
        .env("TEST_SERVERS_REPORT", &report)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process");
    let mut said = String::new();
    until("the server to start", || {
        said = std::fs::read_to_string(&report).unwrap_or_default();
        said.ends_with('.')
    });
    process.kill().expect("killed");
    process.wait().expect("collected");
    std::fs::remove_file(&report).expect("removed");
    let (port, folder) = said.trim_end_matches('.').split_once(' ').expect("two words");
    let port: u16 = port.parse().expect("a port");
    until("the folder to go", || !Path::new(folder).exists());
    assert!(can_log_in(port, SHORT, "postgres").is_err());
}

#[expect(clippy::disallowed_methods, reason = "one test tells another, in a process of its own")]
fn report_path() -> Option<std::ffi::OsString> {
    std::env::var_os("TEST_SERVERS_REPORT")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < LONG, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
