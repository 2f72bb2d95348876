//! All settings that rules depend on, parsed once at start.

use crate::cap::Cap;
use crate::credential::code::CodePolicy;
use crate::lockout::LockoutPolicy;
use crate::password::PasswordPolicy;
use crate::phone::PhonePolicy;
use crate::session::SessionPolicy;

/// The rules' settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Codes and the caps on sending and trying them.
    pub codes: CodePolicy,
    /// Sessions.
    pub sessions: SessionPolicy,
    /// Waits after wrong passwords.
    pub lockout: LockoutPolicy,
    /// What a password must be.
    pub passwords: PasswordPolicy,
    /// Which phone numbers are accepted.
    pub phones: PhonePolicy,
    /// Guessing from one address.
    pub guessing: GuessingPolicy,
    /// Registrations by user name from one address.
    pub registrations: Vec<Cap>,
    /// Whether user names exist.
    pub allow_username: bool,
    /// Whether every user must have a phone.
    pub require_phone: bool,
}

/// Caps on wrong passwords from one address (LOCK-06); `None` where switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessingPolicy {
    /// Distinct accounts that were tried and failed.
    pub accounts: Option<Cap>,
    /// Failures in all.
    pub failures: Option<Cap>,
}
