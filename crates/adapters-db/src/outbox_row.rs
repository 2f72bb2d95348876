//! Rows of the outbox, and what they become in the domain.

use diesel::pg::Pg;
use diesel::prelude::{Insertable, Queryable, Selectable};
use diesel::sqlite::Sqlite;
use domain::id::{EventId, IdentityId, UserId};
use domain::identifier::IdentifierKind;
use domain::message::Notice;
use domain::outbox::{Address, Event, News, Outgoing};
use domain::secret::Sealed;
use domain::session::Method;

use crate::error::{Failure, corrupt};
use crate::schema::outbox;
use crate::types::{IdValue, MomentValue};

const WEBHOOK: &str = "webhook";
const NOTICE: &str = "notice";

/// An entry, without what becomes of it.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = outbox, check_for_backend(Pg, Sqlite))]
pub(crate) struct OutboxRow {
    pub(crate) id: IdValue,
    pub(crate) user_id: IdValue,
    pub(crate) destination: String,
    pub(crate) what: String,
    pub(crate) identity_id: Option<IdValue>,
    pub(crate) kind: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) other_user_id: Option<IdValue>,
    pub(crate) address: Option<Vec<u8>>,
    pub(crate) at: MomentValue,
    pub(crate) due_at: MomentValue,
}

impl OutboxRow {
    pub(crate) fn of(entry: &Outgoing) -> Self {
        let mut row = Self {
            id: IdValue(*entry.id.as_uuid()),
            user_id: IdValue(*entry.user_id.as_uuid()),
            destination: WEBHOOK.to_owned(),
            what: String::new(),
            identity_id: None,
            kind: None,
            method: None,
            other_user_id: None,
            address: None,
            at: MomentValue(entry.at),
            due_at: MomentValue(entry.at),
        };
        match &entry.news {
            News::Event(event) => {
                event.as_str().clone_into(&mut row.what);
                match event {
                    Event::Registered { kind } => row.kind = Some(kind.as_str().to_owned()),
                    Event::LoggedIn { method } => row.method = Some(method.as_str().to_owned()),
                    Event::Linked { identity_id, kind } | Event::Unlinked { identity_id, kind } => {
                        row.identity_id = Some(IdValue(*identity_id.as_uuid()));
                        row.kind = Some(kind.as_str().to_owned());
                    }
                    Event::Merged { absorbed } => {
                        row.other_user_id = Some(IdValue(*absorbed.as_uuid()));
                    }
                    Event::Updated | Event::PasswordChanged | Event::Deleted | Event::Locked => {}
                }
            }
            News::Notice { notice, to } => {
                NOTICE.clone_into(&mut row.destination);
                notice.as_str().clone_into(&mut row.what);
                if let Some(Address { identity_id, kind, display }) = to {
                    row.identity_id = Some(IdValue(*identity_id.as_uuid()));
                    row.kind = Some(kind.as_str().to_owned());
                    row.address = Some(display.as_bytes().to_vec());
                }
            }
        }
        row
    }

    pub(crate) fn outgoing(self) -> Result<Outgoing, Failure> {
        let news = if self.destination == NOTICE {
            let notice = Notice::parse(&self.what).ok_or_else(|| corrupt("outbox.what"))?;
            let to = match self.address.clone() {
                Some(display) => Some(Address {
                    identity_id: self.identity_id()?,
                    kind: self.kind()?,
                    display: Sealed::new(display),
                }),
                None => None,
            };
            News::Notice { notice, to }
        } else {
            News::Event(self.event()?)
        };
        Ok(Outgoing {
            id: EventId::from_uuid(self.id.0),
            user_id: UserId::from_uuid(self.user_id.0),
            at: self.at.0,
            news,
        })
    }

    fn event(&self) -> Result<Event, Failure> {
        Ok(match self.what.as_str() {
            "user.registered" => Event::Registered { kind: self.kind()? },
            "user.logged_in" => Event::LoggedIn {
                method: self
                    .method
                    .as_deref()
                    .and_then(Method::parse)
                    .ok_or_else(|| corrupt("outbox.method"))?,
            },
            "user.updated" => Event::Updated,
            "identity.linked" => {
                Event::Linked { identity_id: self.identity_id()?, kind: self.kind()? }
            }
            "identity.unlinked" => {
                Event::Unlinked { identity_id: self.identity_id()?, kind: self.kind()? }
            }
            "user.merged" => Event::Merged {
                absorbed: self
                    .other_user_id
                    .map(|it| UserId::from_uuid(it.0))
                    .ok_or_else(|| corrupt("outbox.other_user_id"))?,
            },
            "password.changed" => Event::PasswordChanged,
            "user.deleted" => Event::Deleted,
            "user.locked" => Event::Locked,
            _ => return Err(corrupt("outbox.what")),
        })
    }

    fn identity_id(&self) -> Result<IdentityId, Failure> {
        let id = self.identity_id.ok_or_else(|| corrupt("outbox.identity_id"))?;
        Ok(IdentityId::from_uuid(id.0))
    }

    fn kind(&self) -> Result<IdentifierKind, Failure> {
        let kind = self.kind.as_deref().and_then(IdentifierKind::parse);
        kind.ok_or_else(|| corrupt("outbox.kind"))
    }
}
