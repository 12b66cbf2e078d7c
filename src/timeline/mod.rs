//! Applies rules to one key's history in event time.
