//! The caller's own login history.

use domain::event::Login;
use domain::id::EventId;
use ports::Ports;

use crate::authenticate::Caller;
use crate::error::Error;

/// One page of the history, newest first.
#[derive(Debug)]
pub struct Page {
    /// The logins.
    pub logins: Vec<Login>,
    /// The last of them, where there are more: the next page begins behind it.
    pub next: Option<EventId>,
}

/// Gives a page of at most `limit` logins, those behind `after` where it is given.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn list_logins(
    ports: &Ports,
    caller: &Caller,
    after: Option<EventId>,
    limit: u32,
) -> Result<Page, Error> {
    let user_id = caller.signed_in.user.id;
    // One more than asked for tells whether there is a next page.
    let mut logins = ports.accounts.logins(user_id, after, limit.saturating_add(1)).await?;
    let is_more = logins.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if is_more {
        logins.pop();
    }
    let next = logins.last().filter(|_| is_more).map(|it| it.id);
    Ok(Page { logins, next })
}
