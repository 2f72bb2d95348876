//! One client of a storm: it speaks to the site and keeps count of what it is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use test_vendors::Chance;
use test_vendors::oauth::Desk;
use tests::reqwest::Method;
use tests::serde_json::{Value, json};
use tests::{Answer, Client};

use crate::ledger::{Means, PASSWORD, Person};
use crate::site::Site;
use crate::tally::Tally;
use crate::vendors;

/// How soon a client comes again that was told to, or found nobody.
const AGAIN: Duration = Duration::from_millis(100);

/// A client with the people who use it. People are no other client's.
pub(crate) struct Actor {
    pub(crate) site: Arc<Site>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) chance: Chance,
    pub(crate) people: Vec<Person>,
    pub(crate) desk: Desk,
    number: u64,
    made: u64,
    /// The node that answered last.
    at: Option<Client>,
}

/// What became of a request, as far as its sender knows.
pub(crate) enum Reply {
    /// It was done, and said to be.
    Done(Answer),
    /// It was refused, and nothing was done.
    Refused(Answer),
    /// It may have been done or not: no answer, or one that does not say.
    Open,
    /// Nobody was there to send it to.
    Unsent,
}

/// What is sent.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) bearer: Option<&'a str>,
    pub(crate) body: Option<&'a Value>,
}

impl<'a> Call<'a> {
    /// A POST of JSON.
    pub(crate) fn post(path: &'a str, body: &'a Value) -> Self {
        Self { method: Method::POST, path, bearer: None, body: Some(body) }
    }

    /// A request without a body.
    pub(crate) fn bare(method: Method, path: &'a str) -> Self {
        Self { method, path, bearer: None, body: None }
    }

    /// By the holder of a session.
    pub(crate) fn by(self, token: &'a str) -> Self {
        Self { bearer: Some(token), ..self }
    }
}

impl Actor {
    /// The client of a number.
    pub(crate) fn new(number: u64, site: &Arc<Site>, tally: &Arc<Tally>, desk: &Desk) -> Self {
        Self {
            site: Arc::clone(site),
            tally: Arc::clone(tally),
            chance: Chance::of(number),
            people: Vec::new(),
            desk: desk.clone(),
            number,
            made: 0,
            at: None,
        }
    }

    /// The same client with another count.
    pub(crate) fn counting(self, tally: &Arc<Tally>) -> Self {
        Self { tally: Arc::clone(tally), ..self }
    }

    /// Sends a request to some node that is there.
    pub(crate) async fn call(&mut self, call: Call<'_>) -> Reply {
        let first = self.chance.below(1_000);
        for client in self.site.order(first) {
            let reply = self.call_at(&client, &call).await;
            if !matches!(reply, Reply::Unsent) {
                self.at = Some(client);
                return reply;
            }
        }
        tokio::time::sleep(AGAIN).await;
        Reply::Unsent
    }

    /// Sends a request to one node.
    pub(crate) async fn call_at(&self, client: &Client, call: &Call<'_>) -> Reply {
        let client = call.bearer.map_or_else(|| client.clone(), |it| client.bearing(it));
        let mut request = client.request(call.method.clone(), call.path);
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let begun = Instant::now();
        let answer = match client.send(request).await {
            Ok(answer) => answer,
            // Nothing was sent: a balancer asks the next node.
            Err(error) if error.is_connect() => return Reply::Unsent,
            Err(_) => {
                self.tally.unanswered(begun.elapsed());
                return Reply::Open;
            }
        };
        self.tally.answered(&answer);
        match answer.status {
            200..400 => Reply::Done(answer),
            // The handler's time is over, and what it had begun may go on.
            408 => Reply::Open,
            400..500 => Reply::Refused(answer),
            _ => {
                tokio::time::sleep(AGAIN).await;
                Reply::Open
            }
        }
    }

    /// Something to prove oneself with that nobody had before.
    pub(crate) fn new_means(&mut self) -> Means {
        self.made += 1;
        // Each client has a hundred thousand numbers of its own.
        let unique = self.number * 100_000 + self.made;
        match self.chance.below(10) {
            0..5 => Means::Code(format!("{}", 13_000_000_000 + unique)),
            5..8 => Means::Code(format!("p{unique}@example.com")),
            8 => Means::Name(format!("name{unique}")),
            _ => Means::Provider(1_000 + unique),
        }
    }

    /// A proof for a verb: a code that is asked for and read, a password, a provider's code.
    pub(crate) async fn prove(&mut self, means: &Means, purpose: &str) -> Option<Value> {
        let target = match means {
            Means::Code(target) => target,
            Means::Name(name) => {
                return Some(json!({"type": "password", "identifier": name, "password": PASSWORD}));
            }
            Means::Provider(number) => return Some(vendors::credential(&self.desk, *number)),
        };
        let channel = if target.contains('@') { "email" } else { "sms" };
        let body = json!({"channel": channel, "target": target, "purpose": purpose});
        let Reply::Done(asked) = self.call(Call::post("/v1/challenges", &body)).await else {
            return None;
        };
        let node = self.at.clone()?;
        let kept = node.get(&format!("/dev/messages?to={target}")).await.ok()?;
        let challenge = asked.str("/challenge_id");
        let messages = kept.body.pointer("/messages").and_then(Value::as_array)?;
        let message =
            messages.iter().find(|it| it.get("challenge_id").is_some_and(|it| it == challenge))?;
        let code = message.get("code")?.as_str()?;
        Some(json!({"type": "code", "challenge_id": challenge, "code": code}))
    }
}
