//! adapters-crypto.
