//! Stand-ins of vendors that verify phone numbers.
