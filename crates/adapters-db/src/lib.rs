//! adapters-db.
