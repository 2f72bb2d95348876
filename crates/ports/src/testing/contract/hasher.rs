//! The promises of `hasher`.

use std::sync::Arc;

use domain::password::{Password, PasswordAttempt, PasswordHash, PasswordPolicy, Verdict};

use crate::hasher::Hasher;

/// More places than a hasher has.
const MANY: usize = 1_000;

fn password(text: &str) -> Password {
    let policy = PasswordPolicy { min_length: 8, service_words: Vec::new() };
    Password::parse(text, &policy, &[]).expect("a password")
}

fn attempt(text: &str) -> PasswordAttempt {
    PasswordAttempt::parse(text).expect("a text within the bounds")
}

/// A hash that was just made is by today's scheme: nothing is to be upgraded.
pub async fn a_password_is_right_for_its_hash(hasher: Arc<dyn Hasher>) {
    for text in
        ["correct horse battery", "  blanks stay  ", "密码就是一句很长的话", &"é".repeat(128)]
    {
        let stored = hasher.hash(&password(text)).await.expect("a hasher");
        let verdict = hasher.verify(&attempt(text), Some(stored)).await;
        assert_eq!(verdict, Ok(Verdict::Right { upgrade: None }), "{text}");
    }
}

/// PWD-01: nothing is trimmed, folded or cut off.
pub async fn any_other_text_is_wrong(hasher: Arc<dyn Hasher>) {
    let long = "x1".repeat(64);
    for (text, others) in [
        (
            "correct horse",
            vec!["correct horse ", "Correct horse", "correct hors", "correct\u{a0}horse", ""],
        ),
        (&long, vec![&long[..127], &long[..72], &long[1..]]),
    ] {
        let stored = hasher.hash(&password(text)).await.expect("a hasher");
        for other in others {
            let verdict = hasher.verify(&attempt(other), Some(stored.clone())).await;
            assert_eq!(verdict, Ok(Verdict::Wrong), "{other}");
        }
    }
}

/// PWD-02: composed and decomposed are one password.
pub async fn another_form_of_the_same_text_is_right(hasher: Arc<dyn Hasher>) {
    let stored = hasher.hash(&password("re\u{301}sume\u{301} of it")).await.expect("a hasher");
    for text in ["r\u{e9}sum\u{e9} of it", "re\u{301}sum\u{e9} of it"] {
        let verdict = hasher.verify(&attempt(text), Some(stored.clone())).await;
        assert_eq!(verdict, Ok(Verdict::Right { upgrade: None }));
    }
}

/// PWD-04: a salt of its own for every hash; a stored hash does not hold its password.
pub async fn no_two_hashes_of_a_password_are_equal(hasher: Arc<dyn Hasher>) {
    let secret = password("correct horse battery");
    let first = hasher.hash(&secret).await.expect("a hasher");
    let second = hasher.hash(&secret).await.expect("a hasher");
    assert_ne!(first.as_str(), second.as_str());
    assert!(!first.as_str().contains(secret.reveal()));
}

/// PWD-06, PWD-07: no password and one of an unknown scheme are wrong passwords, not failures.
pub async fn what_cannot_be_read_is_wrong(hasher: Arc<dyn Hasher>) {
    let good = hasher.hash(&password("correct horse battery")).await.expect("a hasher");
    let cut = good.as_str().chars().take(good.as_str().chars().count() / 2).collect::<String>();
    let unreadable =
        ["", "$", "correct horse battery", "plain$correct horse battery", "$6$salt$hash", &cut]
            .map(|it| Some(PasswordHash::new(it.to_owned())));
    for stored in unreadable.into_iter().chain([None]) {
        for text in ["correct horse battery", ""] {
            let verdict = hasher.verify(&attempt(text), stored.clone()).await;
            assert_eq!(
                verdict,
                Ok(Verdict::Wrong),
                "{:?}",
                stored.as_ref().map(PasswordHash::as_str)
            );
        }
    }
}

/// PWD-05: whoever has a place is served, however many are refused; a place that nobody uses any
/// more is there for others.
pub async fn a_place_is_good_for_one_password(hasher: Arc<dyn Hasher>) {
    let stored = hasher.hash(&password("correct horse battery")).await.expect("a hasher");
    let place = hasher.reserve().await.expect("a hasher");
    let mut others = Vec::new();
    while others.len() < MANY
        && let Ok(other) = hasher.reserve().await
    {
        others.push(other);
    }
    if others.len() < MANY {
        assert!(hasher.hash(&password("correct horse battery")).await.is_err(), "none is left");
    }
    let verdict = place.verify(&attempt("correct horse battery"), Some(stored)).await;
    assert_eq!(verdict, Verdict::Right { upgrade: None });
    drop(others);
    assert!(hasher.hash(&password("correct horse battery")).await.is_ok());
}

/// Makes every promise of the hasher a test, each on a hasher of its own.
#[macro_export]
macro_rules! hasher_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            hasher,
            $make,
            [
                a_password_is_right_for_its_hash,
                any_other_text_is_wrong,
                another_form_of_the_same_text_is_right,
                no_two_hashes_of_a_password_are_equal,
                what_cannot_be_read_is_wrong,
                a_place_is_good_for_one_password,
            ]
        );
    };
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::hasher::{HashError, HashPlace};
    use crate::testing::breaks;

    /// Stores the first 72 bytes as they are, and takes an unreadable hash for a right one.
    struct Plain;

    #[async_trait]
    impl Hasher for Plain {
        async fn reserve(&self) -> Result<Box<dyn HashPlace>, HashError> {
            Ok(Box::new(Self))
        }
    }

    #[async_trait]
    impl HashPlace for Plain {
        async fn hash(self: Box<Self>, password: &Password) -> PasswordHash {
            PasswordHash::new(password.reveal().chars().take(72).collect())
        }

        async fn verify(
            self: Box<Self>,
            attempt: &PasswordAttempt,
            stored: Option<PasswordHash>,
        ) -> Verdict {
            let tried: String = attempt.reveal().chars().take(72).collect();
            let right = stored.is_none_or(|it| it.as_str() == tried);
            if right { Verdict::Right { upgrade: None } } else { Verdict::Wrong }
        }
    }

    #[tokio::test]
    async fn a_hasher_of_plain_texts_breaks_the_promises() {
        let hasher = || Arc::new(Plain) as Arc<dyn Hasher>;
        assert!(breaks(any_other_text_is_wrong(hasher())).await);
        assert!(breaks(another_form_of_the_same_text_is_right(hasher())).await);
        assert!(breaks(no_two_hashes_of_a_password_are_equal(hasher())).await);
        assert!(breaks(what_cannot_be_read_is_wrong(hasher())).await);
    }
}
