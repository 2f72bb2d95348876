//! adapters-memory.
