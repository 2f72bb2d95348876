//! Stand-ins of vendors that deliver text messages.
