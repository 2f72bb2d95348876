//! All settings that rules depend on, parsed once at start.

use crate::Duration;
use crate::cap::Cap;
use crate::credential::code::CodePolicy;
use crate::identifier::IdentifierKind;
use crate::lockout::LockoutPolicy;
use crate::oauth::Provider;
use crate::password::PasswordPolicy;
use crate::phone::PhonePolicy;
use crate::provider::{ProviderKind, ProviderName};
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
    /// Guessing, from one address and in all.
    pub guessing: GuessingPolicy,
    /// Registrations by user name from one address.
    pub registrations: Vec<Cap>,
    /// Logins by third-party accounts from one address.
    pub provider_calls: Vec<Cap>,
    /// Logins through the carrier from one address.
    pub carrier_calls: Vec<Cap>,
    /// The ways in that the service offers.
    pub ways: Ways,
    /// Whether every user must have a phone.
    pub require_phone: bool,
    /// Types of identity of which a user has one at most.
    pub one_per_type: Vec<IdentifierKind>,
    /// How long an account is unused before its phone number alone opens it no more; `None` for
    /// never.
    pub dormant: Option<Duration>,
    /// How long a deleted account keeps its identifiers from others.
    pub delete_grace: Duration,
    /// Reset codes to one target, and from one address.
    pub resets: ResetCaps,
    /// Whether other systems are told of events.
    pub tells_events: bool,
    /// The programs that get their users from us.
    pub oauth: Provider,
}

/// The ways in that the service offers: an account is left with one of them at least.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ways {
    /// Whether somebody delivers text messages.
    pub sms: bool,
    /// Whether somebody delivers e-mail.
    pub email: bool,
    /// Whether user names exist.
    pub usernames: bool,
    /// The providers that are enabled.
    pub providers: Vec<EnabledProvider>,
}

impl Ways {
    /// Everything of our own, and no third party.
    pub const OWN: Self = Self { sms: true, email: true, usernames: true, providers: Vec::new() };
}

/// A third-party provider that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnabledProvider {
    /// Its name.
    pub name: ProviderName,
    /// Its kind.
    pub kind: ProviderKind,
    /// The namespaces of the names that it proves.
    pub namespaces: Vec<String>,
}

/// Caps on asking for reset codes (RST-01).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResetCaps {
    /// To one phone or mailbox.
    pub per_target: Vec<Cap>,
    /// From one address.
    pub per_ip: Vec<Cap>,
}

/// How long a device that logged in to an account is known to it (LOCK-04).
pub const DEVICE_IS_KNOWN_FOR: Duration = Duration::from_hours(30 * 24);

/// Caps on wrong passwords from one address and from all together (LOCK-06); `None` where switched
/// off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessingPolicy {
    /// Distinct accounts that were tried and failed.
    pub accounts: Option<Cap>,
    /// Failures in all.
    pub failures: Option<Cap>,
    /// Failures of all addresses together: beyond it only known devices may guess.
    pub everyone: Option<Cap>,
}
