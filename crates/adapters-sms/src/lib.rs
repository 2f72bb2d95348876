//! adapters-sms.
