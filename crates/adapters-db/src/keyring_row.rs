//! The keyring as the database stores it.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use domain::keyring::Entry;
use domain::secret::{MasterId, Sealed};

use crate::error::{Failure, corrupt};
use crate::schema::keyring;
use crate::types::MomentValue;

/// The root secret under one master secret.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = keyring, check_for_backend(Pg, Sqlite))]
pub(crate) struct EntryRow {
    number: i32,
    master: Vec<u8>,
    wrapped: Option<Vec<u8>>,
    added_at: MomentValue,
}

impl EntryRow {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self {
            number: entry.number,
            master: entry.master.as_bytes().to_vec(),
            wrapped: entry.wrapped.as_ref().map(|it| it.as_bytes().to_vec()),
            added_at: MomentValue(entry.added_at),
        }
    }

    pub(crate) fn entry(self) -> Result<Entry, Failure> {
        Ok(Entry {
            number: self.number,
            master: MasterId::new(
                self.master.as_slice().try_into().map_err(|_| corrupt("keyring.master"))?,
            ),
            wrapped: self.wrapped.map(Sealed::new),
            added_at: self.added_at.0,
        })
    }
}
