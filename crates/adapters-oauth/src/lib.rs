//! adapters-oauth.
