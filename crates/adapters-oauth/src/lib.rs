//! Third-party identity providers, behind `ports::identity_provider::IdentityProvider`.
//!
//! No provider is built yet; the port is the room's place in the map.
