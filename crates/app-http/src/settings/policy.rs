//! The settings of the rules, in the rules' own types.

use std::time::Duration;

use domain::cap::Cap;
use domain::credential::code::CodePolicy;
use domain::identifier::IdentifierKind;
use domain::lockout::LockoutPolicy;
use domain::password::PasswordPolicy;
use domain::phone::{PhonePolicy, Region};
use domain::policy::{GuessingPolicy, Policy, ResetCaps, Ways};
use domain::session::SessionPolicy;

use super::sections::Sections;
use super::{Profile, SettingsError, oauth};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Makes the rules' settings.
pub(super) fn policy(sections: &Sections, profile: Profile) -> Result<Policy, SettingsError> {
    let Sections { sessions, lockout, limits, password, policy, .. } = sections;
    let window = Duration::from_secs(lockout.window_secs);
    Ok(Policy {
        codes: codes(sections),
        sessions: SessionPolicy {
            idle: Duration::from_secs(sessions.idle_secs),
            absolute: (sessions.absolute_secs > 0)
                .then(|| Duration::from_secs(sessions.absolute_secs)),
            fresh: Duration::from_secs(sessions.fresh_secs),
        },
        lockout: LockoutPolicy {
            threshold: lockout.threshold,
            window,
            base: Duration::from_secs(lockout.base_secs),
            max: Duration::from_secs(lockout.max_secs),
        },
        passwords: PasswordPolicy {
            min_length: password.min_length,
            service_words: vec!["latchkey".to_owned()],
        },
        phones: PhonePolicy {
            default_region: region("policy.default_region", &policy.default_region)?,
            allowed_regions: policy
                .allowed_regions
                .iter()
                .map(|it| region("policy.allowed_regions", it))
                .collect::<Result<_, _>>()?,
        },
        guessing: GuessingPolicy {
            accounts: Cap::new(limits.ip_failing_accounts_hour, HOUR),
            failures: Cap::new(limits.ip_failures_window, window),
            everyone: Cap::new(limits.global_failures_window, window),
        },
        registrations: caps([(limits.ip_registrations_minute, MINUTE)]),
        provider_calls: caps([(limits.ip_provider_minute, MINUTE)]),
        carrier_calls: caps([(limits.ip_carrier_minute, MINUTE)]),
        // Who delivers, and which providers there are, is known once they are built.
        ways: Ways { usernames: policy.allow_username, ..Ways::OWN },
        require_phone: policy.require_phone,
        // A type that nobody can have has no second one.
        one_per_type: policy
            .one_per_type
            .iter()
            .filter_map(|it| IdentifierKind::parse(it))
            .collect(),
        dormant: (policy.dormant_days > 0).then(|| DAY * policy.dormant_days),
        delete_grace: DAY * policy.delete_grace_days,
        resets: ResetCaps {
            per_target: caps([(limits.reset_per_target_hour, HOUR)]),
            per_ip: caps([(limits.reset_per_ip_hour, HOUR)]),
        },
        tells_events: !sections.webhooks.url.is_empty(),
        oauth: oauth::provider(sections, profile)?,
    })
}

fn codes(Sections { codes, limits, .. }: &Sections) -> CodePolicy {
    let resend = Duration::from_secs(codes.resend_secs);
    CodePolicy {
        length: codes.length,
        ttl: Duration::from_secs(codes.ttl_secs),
        resend,
        max_tries: codes.max_tries,
        per_phone: caps([(1, resend), (codes.per_phone_hour, HOUR), (codes.per_phone_day, DAY)]),
        per_ip: caps([(codes.per_ip_hour, HOUR), (limits.ip_sends_day, DAY)]),
        per_block: caps([(limits.prefix_sends_hour, HOUR)]),
        per_country: caps([(limits.country_sends_hour.unwrap_or(0), HOUR)]),
        global: caps([(limits.global_sends_hour.unwrap_or(0), HOUR)]),
        wrong: caps([(limits.phone_wrong_hour, HOUR), (limits.phone_wrong_day, DAY)]),
    }
}

/// The caps that are not switched off by 0.
fn caps<const N: usize>(counts: [(u32, Duration); N]) -> Vec<Cap> {
    counts.into_iter().filter_map(|(count, window)| Cap::new(count, window)).collect()
}

fn region(key: &str, code: &str) -> Result<Region, SettingsError> {
    Region::parse(code)
        .ok_or_else(|| SettingsError::key(key, "holds codes of countries, as in `CN`"))
}
