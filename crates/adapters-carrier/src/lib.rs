//! adapters-carrier.
