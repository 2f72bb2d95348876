//! Whether everything that was acknowledged holds: every person comes again by every way in, and
//! shows every session at every node.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tests::Answer;
use tests::reqwest::Method;

use crate::actor::{Actor, Call, Reply};
use crate::ledger::{Means, Person, Standing};
use crate::tally::Tally;

/// How often a request is sent that is told to come again.
const TRIES: usize = 20;
/// The pause before the next one: beyond the time after which a number may be asked again.
const PAUSE: Duration = Duration::from_millis(300);

/// Who has which user: no two people have the same one.
#[derive(Clone, Default)]
struct Owners(Arc<Mutex<BTreeMap<String, String>>>);

impl Owners {
    /// Somebody has a user; gives whoever else has it.
    fn claim(&self, user: &str, who: &str) -> Option<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = all.entry(user.to_owned()).or_insert_with(|| who.to_owned());
        (owner != who).then(|| owner.clone())
    }
}

/// Checks what all clients of a storm know, and gives what does not hold.
pub(crate) async fn check(actors: Vec<Actor>) -> Vec<String> {
    let (tally, owners) = (Arc::new(Tally::default()), Owners::default());
    let checks: Vec<_> = actors
        .into_iter()
        .map(|it| tokio::spawn(one_client(it.counting(&tally), owners.clone())))
        .collect();
    for it in checks {
        if let Err(ended) = it.await {
            tally.broke(format!("the check itself failed: {ended}"));
        }
    }
    tally.counts().broken
}

async fn one_client(mut actor: Actor, owners: Owners) {
    for person in std::mem::take(&mut actor.people) {
        sessions(&mut actor, &person).await;
        if !person.is_absorbed {
            ways_in(&mut actor, &person, &owners).await;
        }
    }
}

/// What was given opens what it opened, and what was over is over at every node.
async fn sessions(actor: &mut Actor, person: &Person) {
    for place in person.sessions_that_are(Standing::Over) {
        if let Some(it) = person.sessions.get(place) {
            actor.is_over_everywhere(it).await;
        }
    }
    for place in person.sessions_that_are(Standing::Sure) {
        let Some(it) = person.sessions.get(place) else { continue };
        let (tally, user) = (Arc::clone(&actor.tally), person.user.clone().unwrap_or_default());
        match me(actor, &it.token).await {
            Some(answer) if answer.status == 200 && answer.str("/user/id") == user => {}
            Some(answer) => {
                tally.broke(format!("a session of user {user} is lost: {}", answer.text));
            }
            None => tally.broke("a session could not be checked at all"),
        }
    }
}

async fn me(actor: &mut Actor, token: &str) -> Option<Answer> {
    for _ in 0..TRIES {
        match actor.call(Call::bare(Method::GET, "/v1/me").by(token)).await {
            Reply::Done(answer) | Reply::Refused(answer) => return Some(answer),
            Reply::Open | Reply::Unsent => tokio::time::sleep(PAUSE).await,
        }
    }
    None
}

/// Every acknowledged way in opens the one user it was acknowledged for.
async fn ways_in(actor: &mut Actor, person: &Person, owners: &Owners) {
    let tally = Arc::clone(&actor.tally);
    let mut opened: Option<String> = None;
    for way in &person.ways {
        let means = &way.means;
        let Some(answer) = come_in(actor, means, person.user.is_some()).await else {
            tally.broke(format!("{means:?} could not be tried at all"));
            continue;
        };
        let is_lost = || format!("{means:?} of {:?}: {}", person.user, answer.text);
        if answer.status >= 400 {
            // A name that was over opens nothing, and everything else begins anew.
            tally.broke(format!("a way in opens nothing: {}", is_lost()));
            continue;
        }
        let user = answer.str("/user/id").to_owned();
        let is_theirs = person.user.is_none() || person.may_be(&user);
        let is_new = answer.body.get("is_new_user").is_some_and(|it| it == true);
        match way.standing {
            Standing::Sure if is_new || !is_theirs => {
                tally.broke(format!("an acknowledged way in is lost: {}", is_lost()));
            }
            Standing::Open if !is_new && !is_theirs => {
                tally.broke(format!("a way in opens somebody else: {}", is_lost()));
            }
            Standing::Over if person.may_be(&user) => {
                tally.broke(format!("an unlinked way in is alive: {}", is_lost()));
            }
            Standing::Sure => {
                if opened.get_or_insert_with(|| user.clone()) != &user {
                    tally.broke(format!("half of a merge was done: {}", is_lost()));
                }
            }
            Standing::Open | Standing::Over => {}
        }
        // Two who may have become one are one, or two.
        if person.perhaps.is_none() && !person.is_waited_for && is_theirs {
            let first = format!("{:?}", person.ways.first().map(|it| &it.means));
            if let Some(other) = owners.claim(&user, &first) {
                tally.broke(format!("{first} and {other} are one user: {user}"));
            }
        }
    }
    if person.user.is_some() && opened.is_none() {
        tally.broke(format!("user {:?} has no way in", person.user));
    }
}

/// Comes in by a way, and comes again as long as it is told to.
async fn come_in(actor: &mut Actor, means: &Means, is_known: bool) -> Option<Answer> {
    for _ in 0..TRIES {
        match actor.log_in_by(means, is_known).await {
            Reply::Done(answer) => return Some(answer),
            Reply::Refused(answer) if answer.status != 429 => return Some(answer),
            Reply::Refused(_) | Reply::Open | Reply::Unsent => tokio::time::sleep(PAUSE).await,
        }
    }
    None
}
