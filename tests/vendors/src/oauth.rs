//! Stand-ins of third-party identity providers.
