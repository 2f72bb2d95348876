//! What callers of every kind see of a server that was away: REL-04.

use std::sync::mpsc;
use std::thread;

use adapters_redis::{Redis, RedisSessionCopies, RedisSettings};
use domain::secret::TokenHash;
use ports::error::StoreError;
use ports::session_copies::SessionCopies as _;
use test_servers::Redis as Server;
use tokio::runtime::Runtime;

/// Two workers, each with a socket of its own, and those who share sockets. Fewer than it takes to
/// leave a server alone.
struct Callers {
    redis: Redis,
    workers: [Worker; 2],
    main: Runtime,
}

/// A thread whose runtime has that one thread: what it is told to do there, and what comes of it.
struct Worker {
    asks: mpsc::Sender<Redis>,
    answers: mpsc::Receiver<Result<(), StoreError>>,
}

impl Worker {
    fn start() -> Self {
        let (asks, asked) = mpsc::channel::<Redis>();
        let (told, answers) = mpsc::channel();
        thread::spawn(move || {
            let runtime = crate::runtimes::single_threaded();
            for redis in asked {
                told.send(runtime.block_on(redis.ping())).unwrap();
            }
        });
        Self { asks, answers }
    }

    fn ask(&self, redis: &Redis) -> Result<(), StoreError> {
        self.asks.send(redis.clone()).unwrap();
        self.answers.recv().unwrap()
    }
}

impl Callers {
    fn of(url: &str) -> Self {
        let main = crate::runtimes::main();
        let settings = RedisSettings::new(url.into());
        let redis = Redis::connect(&settings, main.handle().clone()).unwrap();
        Self { redis, workers: [Worker::start(), Worker::start()], main }
    }

    /// Each asks once, one after the other; those who share have two sockets and ask twice.
    fn ask(&self) -> Vec<Result<(), StoreError>> {
        let workers = self.workers.iter().map(|it| it.ask(&self.redis));
        let shared = [1, 2].map(|_| self.main.block_on(self.redis.ping()));
        workers.chain(shared).collect()
    }

    fn all_are_answered(&self) {
        for (caller, answer) in self.ask().into_iter().enumerate() {
            answer.unwrap_or_else(|error| panic!("{caller}: {error:?}"));
        }
    }
}

/// Nobody could be reached.
fn is_told(answer: &Result<(), StoreError>) {
    assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
}

/// Nobody is told afterwards that a connection could not be made before.
#[test]
fn a_server_that_is_back_answers_everybody_at_once() {
    let mut server = Server::start().unwrap();
    let callers = Callers::of(&server.url());
    callers.all_are_answered();
    server.stop().unwrap();
    callers.ask().iter().for_each(is_told);
    server.restart().unwrap();
    callers.all_are_answered();
}

/// Where a server went away and came back while nobody asked, one caller at most meets it.
#[test]
fn a_restart_between_calls_is_met_once() {
    let mut server = Server::start().unwrap();
    let callers = Callers::of(&server.url());
    callers.all_are_answered();
    server.restart().unwrap();
    let met = callers.ask().into_iter().filter_map(Result::err).count();
    assert!(met <= 1, "{met} were told");
    callers.all_are_answered();
}

/// A password that a server did not have when it was first asked.
#[test]
fn a_password_that_comes_later_is_taken() {
    let server = Server::start().unwrap();
    let url = server.url().replacen("://", "://:hush@", 1);
    let callers = Callers::of(&url);
    callers.ask().iter().for_each(is_told);
    Operator::of(&server).set("requirepass", "hush");
    callers.all_are_answered();
}

/// Who finds the house full takes nobody's place from them.
#[test]
fn a_full_house_ends_nobody() {
    let server = Server::start().unwrap();
    let callers = Callers::of(&server.url());
    callers.all_are_answered();
    let mut operator = Operator::of(&server);
    let within = operator.clients();
    operator.set("maxclients", &within.len().to_string());
    let late = Worker::start();
    is_told(&late.ask(&callers.redis));
    callers.all_are_answered();
    assert_eq!(operator.clients(), within);
    operator.set("maxclients", "100");
    late.ask(&callers.redis).unwrap();
}

/// A server without room is one that cannot serve, also where several commands were sent at once.
#[test]
fn a_server_without_room_is_told() {
    let server = Server::start().unwrap();
    let callers = Callers::of(&server.url());
    callers.all_are_answered();
    let mut operator = Operator::of(&server);
    let within = operator.clients();
    operator.set("maxmemory", "1");
    let copies = RedisSessionCopies::new(callers.redis.clone());
    let tokens = [1, 2].map(|it| TokenHash::new([it; 32]));
    is_told(&callers.main.block_on(copies.forget(&tokens)));
    callers.all_are_answered();
    assert_eq!(operator.clients(), within);
}

/// Who looks after the server, by a connection of their own.
struct Operator(redis::Connection);

impl Operator {
    fn of(server: &Server) -> Self {
        Self(redis::Client::open(server.url()).unwrap().get_connection().unwrap())
    }

    fn set(&mut self, key: &str, value: &str) {
        redis::cmd("CONFIG").arg("SET").arg(key).arg(value).exec(&mut self.0).unwrap();
    }

    /// The numbers of all connections.
    fn clients(&mut self) -> Vec<String> {
        let list: String = redis::cmd("CLIENT").arg("LIST").query(&mut self.0).unwrap();
        list.lines().filter_map(|it| it.split(' ').next()).map(str::to_owned).collect()
    }
}
