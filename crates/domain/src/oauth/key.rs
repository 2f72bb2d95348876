//! Keys that sign: when one takes over from another, and how long it is told (OP-09).

use std::fmt;

use crate::secret::Sealed;
use crate::{Duration, Timestamp, later};

/// How long a key signs.
const SIGNS_FOR: Duration = Duration::from_hours(90 * 24);
/// How long a key is told before it signs, so that whoever keeps a copy of the keys has it.
pub const TOLD_BEFORE: Duration = Duration::from_hours(24);
/// How long a key is told after it signed; far longer than the longest token that it signed lives.
const TOLD_AFTER: Duration = Duration::from_hours(24);

/// The name of a key: the thumbprint of its public half (RFC 7638).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Takes a name that was computed or stored.
    #[must_use]
    pub const fn new(name: String) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The public half of an RSA key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The modulus, big-endian, without leading zeros.
    pub n: Vec<u8>,
    /// The exponent, likewise.
    pub e: Vec<u8>,
}

/// The private half of a key, as text.
#[derive(Clone)]
pub struct PrivateKey(zeroize::Zeroizing<String>);

impl PrivateKey {
    /// Takes one that was made or opened.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(zeroize::Zeroizing::new(text))
    }

    /// The text, for sealing and for signing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

crate::secret::masked_debug!(PrivateKey);

/// A key that signs, did, or will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its name.
    pub id: KeyId,
    /// Its place among the keys, from 1: no two have the same, which decides between nodes.
    pub number: i32,
    /// What everybody may know.
    pub public: PublicKey,
    /// What nobody else may: sealed for its name.
    pub private: Sealed,
    /// First moment at which it signs.
    pub signs_from: Timestamp,
}

/// The keys at one moment.
#[derive(Debug, PartialEq, Eq)]
pub struct Ring<'a> {
    /// The one that signs; `None` if there is none yet.
    pub signing: Option<&'a SigningKey>,
    /// Those that everybody is told: the one that signs, the next one, and former ones.
    pub told: Vec<&'a SigningKey>,
    /// Those that are told no more, and can go.
    pub over: Vec<&'a SigningKey>,
    /// The number and first moment of a key that is to be made; `None` if none is.
    pub wanted: Option<(i32, Timestamp)>,
}

impl<'a> Ring<'a> {
    /// Sorts keys by what they are at a moment. `keys` are in the order of their numbers.
    #[must_use]
    pub fn at(keys: &'a [SigningKey], now: Timestamp) -> Self {
        // The first one signs from the beginning, whatever the clock of its maker said.
        let signing = keys.iter().rfind(|it| it.signs_from <= now).or(keys.first());
        let successor = |key: &SigningKey| keys.iter().find(|it| it.number > key.number);
        let is_over = |key: &&SigningKey| {
            successor(key).is_some_and(|next| later(next.signs_from, TOLD_AFTER) <= now)
        };
        let (over, told) = keys.iter().partition(is_over);
        let wanted = match keys.last() {
            None => Some((1, now)),
            Some(last) => {
                let due = later(last.signs_from, SIGNS_FOR);
                let is_time = later(now, TOLD_BEFORE) >= due;
                is_time.then(|| (last.number + 1, due.max(later(now, TOLD_BEFORE))))
            }
        };
        Self { signing, told, over, wanted }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(day: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_secs(86_400 * day))
    }

    fn key(number: i32, day: u64) -> SigningKey {
        SigningKey {
            id: KeyId::new(number.to_string()),
            number,
            public: PublicKey { n: vec![1], e: vec![3] },
            private: Sealed::new(Vec::new()),
            signs_from: at(day),
        }
    }

    /// OP-09: told a day before it signs, and a day after; the next one is made in time.
    #[rstest]
    #[case::none(&[], 5, None, &[], Some((1, 5)))]
    #[case::one(&[0], 88, Some(1), &[1], None)]
    #[case::a_day_before(&[0], 89, Some(1), &[1], Some((2, 90)))]
    #[case::late(&[0], 400, Some(1), &[1], Some((2, 401)))]
    #[case::next_is_told(&[0, 90], 89, Some(1), &[1, 2], None)]
    #[case::next_signs(&[0, 90], 90, Some(2), &[1, 2], None)]
    #[case::former_is_over(&[0, 90], 91, Some(2), &[2], None)]
    #[case::rotated_by_hand(&[0, 10], 9, Some(1), &[1, 2], None)]
    #[case::made_by_a_clock_that_is_ahead(&[6], 5, Some(1), &[1], None)]
    #[case::at_once(&[0, 10, 10], 10, Some(3), &[1, 2, 3], None)]
    fn keys_take_turns(
        #[case] days: &[u64],
        #[case] now: u64,
        #[case] signing: Option<i32>,
        #[case] told: &[i32],
        #[case] wanted: Option<(i32, u64)>,
    ) {
        let keys: Vec<_> = (1..).zip(days).map(|(number, day)| key(number, *day)).collect();
        let ring = Ring::at(&keys, at(now));
        assert_eq!(ring.signing.map(|it| it.number), signing);
        assert_eq!(ring.told.iter().map(|it| it.number).collect::<Vec<_>>(), told);
        assert_eq!(ring.wanted, wanted.map(|(number, day)| (number, at(day))));
        assert_eq!(ring.told.len() + ring.over.len(), keys.len());
    }

    /// OP-09: whatever was signed can be checked until its end.
    #[test]
    fn a_key_outlives_what_it_signed() {
        assert!(TOLD_AFTER > crate::oauth::id_token::ID_TOKEN_LIFE);
    }
}
