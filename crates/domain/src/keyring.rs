//! Which master secrets open a store.
//!
//! All keys are derived from the store's root secret, which is made once and never changes. The
//! store keeps it wrapped, once for each master secret that opens it; so a master secret can be
//! followed by another one while nodes run.

use thiserror::Error;

use crate::Timestamp;
use crate::secret::{MasterId, Sealed};

/// The number of the first entry.
pub const FIRST: i32 = 1;

/// The root secret under one master secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// [`FIRST`] for the first, then on without a gap.
    pub number: i32,
    /// Which master secret.
    pub master: MasterId,
    /// The root secret; `None` once that master secret is retired.
    pub wrapped: Option<Sealed>,
    /// When it was added.
    pub added_at: Timestamp,
}

/// Why a store does not open by a master secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Closed {
    /// It is opened by other ones.
    #[error("the database belongs to another master secret")]
    Another,
    /// This one did open it, and is retired.
    #[error("the master secret is retired")]
    Retired,
    /// What is kept under this one was changed.
    #[error("the root secret in the database was changed")]
    Garbled,
}

/// The number of the last entry of a master secret, and what it holds.
pub fn held<'a>(entries: &'a [Entry], master: &MasterId) -> Result<(i32, &'a Sealed), Closed> {
    let own = entries.iter().rfind(|it| it.master == *master).ok_or(Closed::Another)?;
    let wrapped = own.wrapped.as_ref().ok_or(Closed::Retired)?;
    // Of a store from before roots were wrapped the first one is empty, and no other.
    if wrapped.as_bytes().is_empty() && own.number != FIRST {
        return Err(Closed::Garbled);
    }
    Ok((own.number, wrapped))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const fn id(of: u8) -> MasterId {
        MasterId::new([of; 32])
    }

    /// Numbered entries: of which master secret, and what they hold.
    fn entries<const N: usize>(held: [(u8, Option<&str>); N]) -> Vec<Entry> {
        let numbered = (FIRST..).zip(held);
        let entry = |(number, (master, wrapped)): (i32, (u8, Option<&str>))| Entry {
            number,
            master: id(master),
            wrapped: wrapped.map(|it| Sealed::new(it.into())),
            added_at: Timestamp::UNIX_EPOCH,
        };
        numbered.map(entry).collect()
    }

    #[rstest]
    #[case::none(entries([]), Err(Closed::Another))]
    #[case::of_others(entries([(2, Some("two"))]), Err(Closed::Another))]
    #[case::own(entries([(2, Some("two")), (1, Some("one"))]), Ok((2, "one")))]
    #[case::retired(entries([(1, None), (2, Some("two"))]), Err(Closed::Retired))]
    #[case::added_again(entries([(1, None), (1, Some("one"))]), Ok((2, "one")))]
    #[case::retired_again(entries([(1, Some("one")), (1, None)]), Err(Closed::Retired))]
    #[case::from_before(entries([(1, Some(""))]), Ok((1, "")))]
    #[case::emptied(entries([(2, Some("two")), (1, Some(""))]), Err(Closed::Garbled))]
    fn a_store_opens_by_the_last_entry_of_a_master_secret(
        #[case] entries: Vec<Entry>,
        #[case] told: Result<(i32, &str), Closed>,
    ) {
        let told = told.map(|(number, it)| (number, Sealed::new(it.into())));
        assert_eq!(held(&entries, &id(1)).map(|(number, it)| (number, it.clone())), told);
    }
}
