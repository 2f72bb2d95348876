//! adapters-redis.
