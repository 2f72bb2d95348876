//! Where traces go: a collector that speaks OTLP, or nobody.

use super::{Profile, SettingsError, is_private_link, sections};

/// Where traces go.
#[derive(Debug)]
pub(crate) struct Telemetry {
    /// The collector's address.
    pub(crate) endpoint: String,
    /// What the service is called there.
    pub(crate) service_name: String,
    /// The share of traces that are recorded, between 0 and 1.
    pub(crate) sample_ratio: f64,
}

/// Reads the section; without an address nothing is traced.
pub(super) fn telemetry(
    section: &sections::Telemetry,
    profile: Profile,
) -> Result<Option<Telemetry>, SettingsError> {
    let sections::Telemetry { otlp_endpoint: endpoint, service_name, sample_ratio } = section;
    if !(0.0..=1.0).contains(sample_ratio) {
        let problem = "must be a number between 0 and 1";
        return Err(SettingsError::key("telemetry.sample_ratio", problem));
    }
    if service_name.is_empty() {
        return Err(SettingsError::key("telemetry.service_name", "must not be empty"));
    }
    if endpoint.is_empty() {
        return Ok(None);
    }
    let key = "telemetry.otlp_endpoint";
    if !(endpoint.starts_with("http://") || endpoint.starts_with("https://")) {
        return Err(SettingsError::key(key, "must begin with http:// or https://"));
    }
    if endpoint.contains(['?', '#', '@']) {
        return Err(SettingsError::key(key, "must have no user, query or fragment"));
    }
    if profile == Profile::Production && !is_private_link(endpoint) {
        let problem = "must begin with https:// in production, but for an address of this machine";
        return Err(SettingsError::key(key, problem));
    }
    Ok(Some(Telemetry {
        endpoint: endpoint.clone(),
        service_name: service_name.clone(),
        sample_ratio: *sample_ratio,
    }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(endpoint: &str, sample_ratio: f64) -> Result<bool, String> {
        let otlp_endpoint = endpoint.to_owned();
        let section = sections::Telemetry { otlp_endpoint, sample_ratio, ..Default::default() };
        let read = telemetry(&section, Profile::Production);
        read.map(|it| it.is_some()).map_err(|it| it.to_string())
    }

    /// CFG-02, CFG-03: nothing goes to another machine in clear, and a mistake is named.
    #[rstest]
    #[case::nowhere("", 1.0, Ok(false))]
    #[case::here("http://127.0.0.1:4318", 0.1, Ok(true))]
    #[case::encrypted("https://otlp.example.com/otlp", 0.0, Ok(true))]
    #[case::in_clear("http://otlp.example.com", 1.0, Err("telemetry.otlp_endpoint"))]
    #[case::disguise("http://localhost.example.com", 1.0, Err("telemetry.otlp_endpoint"))]
    #[case::user("https://user:secret@otlp.example.com", 1.0, Err("telemetry.otlp_endpoint"))]
    #[case::no_scheme("127.0.0.1:4318", 1.0, Err("telemetry.otlp_endpoint"))]
    #[case::too_much("", 1.5, Err("telemetry.sample_ratio"))]
    #[case::none("", f64::NAN, Err("telemetry.sample_ratio"))]
    fn what_cannot_be_is_named(
        #[case] endpoint: &str,
        #[case] ratio: f64,
        #[case] expected: Result<bool, &str>,
    ) {
        match (read(endpoint, ratio), expected) {
            (Err(said), Err(key)) => {
                assert!(said.contains(&format!("setting `{key}`")), "{said}");
                assert!(!said.contains("secret"), "{said}");
            }
            (read, expected) => assert_eq!(read, expected.map_err(str::to_owned)),
        }
    }
}
