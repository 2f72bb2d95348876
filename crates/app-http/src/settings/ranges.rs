//! What is acceptable where: the ranges of `SECURITY-REQUIREMENTS` in production, anything
//! above 0 in development.

use secrecy::ExposeSecret as _;

use super::sections::{Sections, Server};
use super::{Profile, SettingsError, is_local};

/// The fewest and the most of a number, and whether 0 switches it off.
struct Range {
    key: &'static str,
    value: u64,
    least: u64,
    most: u64,
    zero: bool,
}

const fn range(key: &'static str, value: u64, least: u64, most: u64) -> Range {
    Range { key, value, least, most, zero: false }
}

/// A limit: any number, and 0 only in development, where it switches the limit off.
fn limit(key: &'static str, value: u32) -> Range {
    Range { key, value: value.into(), least: 1, most: u64::MAX, zero: true }
}

/// Refuses what cannot be, and in production what should not.
pub(super) fn check(sections: &Sections, profile: Profile) -> Result<(), SettingsError> {
    for it in numbers(sections).into_iter().chain(limits(sections)) {
        let fits = match profile {
            Profile::Production => (it.least..=it.most).contains(&it.value),
            Profile::Development => it.value > 0 || it.zero || it.least == 0,
        };
        if !fits {
            return Err(refusal(&it, profile));
        }
    }
    // What no profile can do: the code's type has room for so many digits only.
    if !(1..=18).contains(&sections.codes.length) {
        return Err(SettingsError::key("codes.length", "must be between 1 and 18"));
    }
    one_per_type(&sections.policy.one_per_type)?;
    nodes(sections)?;
    if profile == Profile::Production {
        proxies(&sections.server)?;
    }
    addresses(sections, profile)
}

fn refusal(it: &Range, profile: Profile) -> SettingsError {
    let problem = match (profile, it.most) {
        (Profile::Development, _) => "must be above 0".to_owned(),
        (Profile::Production, u64::MAX) => format!("must be at least {} in production", it.least),
        (Profile::Production, most) => {
            format!("must be between {} and {most} in production", it.least)
        }
    };
    SettingsError::key(it.key, problem)
}

fn numbers(sections: &Sections) -> Vec<Range> {
    let Sections { server, store, codes, sessions, lockout, password, policy, .. } = sections;
    vec![
        range("server.drain_secs", server.drain_secs, 0, 600),
        range("store.nodes", store.nodes.into(), 1, 1_000),
        range("codes.length", codes.length.into(), 6, 8),
        range("codes.ttl_secs", codes.ttl_secs, 60, 600),
        range("codes.resend_secs", codes.resend_secs, 1, 3_600),
        range("codes.max_tries", codes.max_tries.into(), 3, 5),
        range("sessions.idle_secs", sessions.idle_secs, 300, 2_592_000),
        range("sessions.absolute_secs", sessions.absolute_secs, 0, u64::MAX),
        range("sessions.fresh_secs", sessions.fresh_secs, 60, 3_600),
        range("lockout.threshold", lockout.threshold.into(), 1, 100),
        range("lockout.window_secs", lockout.window_secs, 1, 86_400),
        range("lockout.base_secs", lockout.base_secs, 1, 86_400),
        range("lockout.max_secs", lockout.max_secs, lockout.base_secs, 86_400),
        range("password.memory_kib", password.memory_kib.into(), 19_456, 262_144),
        range("password.iterations", password.iterations.into(), 2, 10),
        range("password.parallelism", password.parallelism.into(), 1, 1),
        range("password.min_length", password.min_length as u64, 8, 64),
        range("policy.dormant_days", policy.dormant_days.into(), 0, u64::MAX),
        range("policy.delete_grace_days", policy.delete_grace_days.into(), 0, 30),
    ]
}

fn limits(sections: &Sections) -> Vec<Range> {
    let Sections { codes, limits, .. } = sections;
    let mut all = vec![
        limit("codes.per_phone_hour", codes.per_phone_hour),
        limit("codes.per_phone_day", codes.per_phone_day),
        limit("codes.per_ip_hour", codes.per_ip_hour),
        limit("limits.ip_sends_day", limits.ip_sends_day),
        limit("limits.prefix_sends_hour", limits.prefix_sends_hour),
        limit("limits.phone_wrong_hour", limits.phone_wrong_hour),
        limit("limits.phone_wrong_day", limits.phone_wrong_day),
        limit("limits.ip_failing_accounts_hour", limits.ip_failing_accounts_hour),
        limit("limits.ip_failures_window", limits.ip_failures_window),
        limit("limits.global_failures_window", limits.global_failures_window),
        limit("limits.ip_registrations_minute", limits.ip_registrations_minute),
        limit("limits.ip_provider_minute", limits.ip_provider_minute),
        limit("limits.ip_carrier_minute", limits.ip_carrier_minute),
        limit("limits.reset_per_target_hour", limits.reset_per_target_hour),
        limit("limits.reset_per_ip_hour", limits.reset_per_ip_hour),
    ];
    // The two budgets have no default: only the operator knows what may be spent.
    all.extend(limits.country_sends_hour.map(|it| limit("limits.country_sends_hour", it)));
    all.extend(limits.global_sends_hour.map(|it| limit("limits.global_sends_hour", it)));
    all
}

fn one_per_type(types: &[String]) -> Result<(), SettingsError> {
    let named = |it: &String| {
        !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
    };
    if types.iter().all(named) {
        return Ok(());
    }
    Err(SettingsError::key("policy.one_per_type", "holds names of identity types"))
}

/// Several nodes share what one alone may keep to itself, in whatever profile.
fn nodes(sections: &Sections) -> Result<(), SettingsError> {
    let store = &sections.store;
    if store.nodes <= 1 {
        return Ok(());
    }
    let needed = |key, what| {
        let problem = format!("must name a {what} server where `store.nodes` is above 1");
        Err(SettingsError::key(key, problem))
    };
    if store.redis_url.expose_secret().is_empty() {
        return needed("store.redis_url", "Redis");
    }
    if store.database_url.expose_secret().starts_with("sqlite:") {
        return needed("store.database_url", "PostgreSQL");
    }
    Ok(())
}

/// A header that is named is that of a proxy, which has an address; and not every address is one.
fn proxies(server: &Server) -> Result<(), SettingsError> {
    let key = "server.trusted_proxies";
    if server.forwarded_header.is_some() && server.trusted_proxies.is_empty() {
        let problem = "must name the proxies whose `server.forwarded_header` is believed";
        return Err(SettingsError::key(key, problem));
    }
    let is_everybody =
        |it: &String| it.rsplit_once('/').is_some_and(|(_, bits)| bits.parse() == Ok(0_u32));
    if server.trusted_proxies.iter().any(is_everybody) {
        return Err(SettingsError::key(key, "must not hold all addresses in production"));
    }
    Ok(())
}

fn addresses(sections: &Sections, profile: Profile) -> Result<(), SettingsError> {
    let server = &sections.server;
    let key = "server.public_url";
    let url = server.public_url.as_str();
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        None if url.is_empty() => Ok(()),
        None => Err(SettingsError::key(key, "must begin with https://")),
        Some("") => Err(SettingsError::key(key, "names no host")),
        Some(rest) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            if !authority.bytes().all(|it| it.is_ascii_alphanumeric() || b"-.:[]".contains(&it)) {
                return Err(SettingsError::key(key, "must name one host, and no user"));
            }
            let host = match authority.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
                _ => authority,
            };
            let secure = url.starts_with("https://") || is_local(host);
            if profile == Profile::Production && !secure {
                return Err(SettingsError::key(key, "must begin with https:// in production"));
            }
            Ok(())
        }
    }
}
