//! What one request makes the server ask of Redis and PostgreSQL, as both were seen to be asked:
//! the limit of a login is the same commands and statements, driven bare.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::http::Connection;
use crate::stage::Stage;

/// How long both servers are given to have said everything.
const QUIET: Duration = Duration::from_millis(400);
/// How a request is told from the work of the courier: it looks into the outbox by itself.
const COURIER: &str = "WITH due AS MATERIALIZED";

/// What one request asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recording {
    /// Commands to Redis, in their order, with their arguments.
    pub(crate) commands: Vec<Vec<Vec<u8>>>,
    /// Statements to PostgreSQL, in their order.
    pub(crate) statements: Vec<Statement>,
}

/// A statement and its parameters, as PostgreSQL writes them down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) text: String,
    pub(crate) parameters: Vec<Option<String>>,
}

/// Sends one request and gives what it asked. Nothing else may use the servers meanwhile.
pub(crate) async fn record(
    stage: &Stage,
    server: SocketAddr,
    request: &[u8],
    expects: u16,
) -> Result<Recording> {
    let log = |on| format!("ALTER SYSTEM SET log_statement = '{on}'");
    stage.sql.batch_execute(&log("all")).await?;
    stage.sql.batch_execute("SELECT pg_reload_conf()").await?;
    tokio::time::sleep(QUIET).await;
    let monitored = monitor(stage.redis.port())?;
    let path = stage.postgres.log_path();
    let before = fs::read_to_string(&path)?.len();

    let mut connection = Connection::open(server).await?;
    let answer = connection.ask(request).await?;
    if answer.status != expects {
        bail!("{} instead of {expects}: {:?}", answer.status, str::from_utf8(answer.body));
    }
    tokio::time::sleep(QUIET).await;

    let told = fs::read_to_string(&path)?.split_off(before);
    let lines = monitored.lock().unwrap_or_else(PoisonError::into_inner).clone();
    stage.sql.batch_execute(&log("none")).await?;
    stage.sql.batch_execute("SELECT pg_reload_conf()").await?;
    Ok(Recording {
        commands: lines.iter().filter_map(|it| command(it)).collect(),
        statements: statements(&told),
    })
}

/// The lines of Redis' MONITOR from now on, for as long as somebody holds them.
fn monitor(port: u16) -> Result<Arc<Mutex<Vec<String>>>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"MONITOR\r\n")?;
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let greeting = lines.next().context("Redis does not tell what it is asked")?;
    if greeting != "+OK" {
        bail!("MONITOR is answered {greeting}");
    }
    let held = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::downgrade(&held);
    std::thread::spawn(move || {
        for line in lines {
            let Some(kept) = kept.upgrade() else { return };
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
    Ok(held)
}

/// Reads a line of MONITOR; `None` for what a script did by itself.
fn command(line: &str) -> Option<Vec<Vec<u8>>> {
    let (head, arguments) = line.split_once(']')?;
    if head.ends_with(" lua") {
        return None;
    }
    let mut all = Vec::new();
    let mut bytes = arguments.bytes();
    while bytes.by_ref().find(|it| *it == b'"').is_some() {
        let mut argument = Vec::new();
        loop {
            match bytes.next()? {
                b'"' => break,
                b'\\' => argument.push(match bytes.next()? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 7,
                    b'b' => 8,
                    b'x' => {
                        let digits = [bytes.next()?, bytes.next()?];
                        u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
                    }
                    other => other,
                }),
                other => argument.push(other),
            }
        }
        all.push(argument);
    }
    (!all.is_empty()).then_some(all)
}

/// Reads the statements out of PostgreSQL's log, with the parameters in the line behind each.
fn statements(log: &str) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    let mut is_ours = false;
    for line in log.lines() {
        if let Some((_, behind)) = line.split_once("LOG:  execute ") {
            let text = behind.split_once(": ").map_or(behind, |(_, text)| text);
            is_ours = !text.contains(COURIER);
            if is_ours {
                found.push(Statement { text: text.to_owned(), parameters: Vec::new() });
            }
        } else if let Some((_, list)) = line.split_once("DETAIL:  parameters: ")
            && is_ours
            && let Some(last) = found.last_mut()
        {
            last.parameters = parameters(list);
        }
    }
    found
}

/// Reads `$1 = 'a', $2 = NULL`.
fn parameters(list: &str) -> Vec<Option<String>> {
    let mut all = Vec::new();
    let mut rest = list;
    while let Some((_, behind)) = rest.split_once(" = ") {
        let Some(quoted) = behind.strip_prefix('\'') else {
            all.push(None);
            rest = behind;
            continue;
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices().peekable();
        let mut end = quoted.len();
        while let Some((at, character)) = characters.next() {
            if character == '\'' && characters.next_if(|(_, it)| *it == '\'').is_none() {
                end = at + 1;
                break;
            }
            value.push(character);
        }
        all.push(Some(value));
        rest = quoted.get(end..).unwrap_or_default();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_tells_is_read_back() {
        let line = r#"1.5 [0 127.0.0.1:1] "GET" "a:\x00\"\\\n:b""#;
        assert_eq!(command(line).unwrap(), [b"GET".to_vec(), b"a:\0\"\\\n:b".to_vec()]);
        assert_eq!(command(r#"1.5 [0 lua] "GET" "a""#), None);
    }

    #[test]
    fn statements_are_read_with_their_parameters() {
        let log = "1 LOG:  execute s1: SELECT a FROM b WHERE c = $1 AND d = $2 AND e = $3\n\
                   1 DETAIL:  parameters: $1 = 'it''s', $2 = NULL, $3 = '\\x00ff'\n\
                   1 LOG:  execute s2: WITH due AS MATERIALIZED (SELECT)\n\
                   1 DETAIL:  parameters: $1 = '7'\n\
                   1 LOG:  statement: BEGIN\n";
        let read = statements(log);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].text, "SELECT a FROM b WHERE c = $1 AND d = $2 AND e = $3");
        assert_eq!(read[0].parameters, [Some("it's".to_owned()), None, Some("\\x00ff".to_owned())]);
    }
}
