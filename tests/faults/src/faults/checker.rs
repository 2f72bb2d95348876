//! The check itself: after a storm without a fault, what was acknowledged is taken away behind the
//! service's back, one thing at a time, and the check has to see each.

use tests::{Topology, World};

use super::ALONE;
use crate::actor::Actor;
use crate::ledger::{Means, Person, Session, Standing};
use crate::report::Report;
use crate::stage::{Stage, WHILE};
use crate::{check, rows};

/// Takes something away, and says what the check is to say then.
struct Theft {
    what: &'static str,
    /// Whose account it is.
    fits: fn(&Person) -> bool,
    /// The statements, on the user's id as SQLite writes it.
    statements: fn(&str) -> String,
    is_told_as: &'static str,
}

const THEFTS: [Theft; 5] = [
    Theft {
        what: "a way in",
        fits: |it| it.ways.iter().any(|it| matches!(it.means, Means::Code(_))),
        statements: |user| {
            format!(
                "DELETE FROM identifiers WHERE user_id = {user}; \
                 DELETE FROM identities WHERE user_id = {user};"
            )
        },
        is_told_as: "an acknowledged way in is lost",
    },
    Theft {
        what: "a session",
        fits: |it| !it.sessions_that_are(Standing::Sure).is_empty(),
        statements: |user| format!("UPDATE sessions SET ended_at = 1 WHERE user_id = {user};"),
        is_told_as: "is lost",
    },
    Theft {
        what: "the end of a session",
        fits: |it| {
            let left = |it: &Session| it.story.last().is_some_and(|(by, _)| *by == "logout");
            !it.has_absorbed
                && it.sessions.iter().any(|it| it.standing == Standing::Over && left(it))
        },
        statements: |user| format!("UPDATE sessions SET ended_at = NULL WHERE user_id = {user};"),
        is_told_as: "an ended session is alive",
    },
    Theft {
        what: "a password",
        fits: |it| it.ways.iter().any(|it| matches!(it.means, Means::Name(_))),
        statements: |user| format!("DELETE FROM passwords WHERE user_id = {user};"),
        is_told_as: "a way in opens nothing",
    },
    Theft {
        what: "the owner of a way in",
        fits: |it| it.ways_that_are(Standing::Sure).len() > 1,
        statements: |user| {
            format!(
                "UPDATE identifiers SET user_id = (SELECT id FROM users WHERE id <> {user} \
                 AND state = 'active' LIMIT 1) WHERE value = (SELECT value FROM identifiers \
                 WHERE user_id = {user} LIMIT 1);"
            )
        },
        is_told_as: "of another user than it",
    },
];

/// On SQLite.
pub(crate) async fn bring() -> Vec<Report> {
    let mut stage = Stage::on(World::new(Topology::Sqlite).await, 1, &[]).await;
    stage.storm();
    tokio::time::sleep(WHILE * 2).await;
    let (actors, broken) = stage.settle().await;
    let people: Vec<_> = actors.into_iter().flat_map(|it| it.people).collect();
    for it in broken.into_iter().chain(seen(&stage, people.clone()).await) {
        stage.tally.broke(it);
    }
    let (mut found, mut victims) = (0, Vec::new());
    for theft in &THEFTS {
        // Each from somebody else, so that one theft does not hide another.
        let fits = |it: &&Person| {
            it.user.is_some() && !victims.contains(&it.user) && it.is_free() && (theft.fits)(it)
        };
        let Some(victim) = people.iter().find(fits) else {
            stage.tally.broke(format!("nobody has {} to be taken", theft.what));
            continue;
        };
        victims.push(victim.user.clone());
        let user = victim.user.clone().unwrap_or_default().replace('-', "");
        // The node is stopped meanwhile: it keeps copies of sessions in itself.
        stage.kill(0);
        stage.world.sqlite(&(theft.statements)(&format!("X'{user}'")));
        stage.start(0).await;
        let seen = seen(&stage, vec![victim.clone()]).await;
        if seen.iter().any(|it| it.contains(theft.is_told_as)) {
            found += 1;
        } else {
            stage.tally.broke(format!("{} was taken, and the check says {seen:?}", theft.what));
        }
    }
    let note = format!("the check sees {found} of {} thefts", THEFTS.len());
    let report = Report::of("none: the check itself", ALONE).note(note);
    // The rows are as the thefts left them, so they are not asked again.
    let (kinds, counts) = (["401 code_invalid"], stage.tally.counts());
    let told = counts.refused_but(&kinds).into_iter().map(|it| format!("told {it}")).collect();
    vec![report.with(counts, None, told)]
}

/// What the check says of some people and of the rows.
async fn seen(stage: &Stage, people: Vec<Person>) -> Vec<String> {
    let mut actor = Actor::new(0, &stage.site, &stage.tally, &stage.vendors.desk);
    actor.people = people;
    [check::check(vec![actor]).await, rows::check(&stage.world).await].concat()
}
